"""A sweep whose workers are killed in mid-run and whose scheduler is restarted: each run there once, none changed.

    python -m benchmarks.attack.sweeps --seeds 20 --steps 1500      # 80 runs on the ring, twice: attacked, and in turn

Needs Dask, and POSIX. The scheduler and its workers are processes of their own; a worker that is gone is replaced.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from numgan.app.claim import OWNER
from numgan.app.trial import RESULT

GRID = ("--data", "ring", "--batch", "32", "--loss", "minimax,hinge", "--penalty", "none,r1")


class Cluster:
    """A scheduler and workers, each a process."""

    def __init__(self, workers: int) -> None:
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = self._scheduler()
        self.workers = [self._worker() for _ in range(workers)]

    def _scheduler(self) -> subprocess.Popen:
        return started("dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")

    def _worker(self) -> subprocess.Popen:
        return started("dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard")

    def replace_the_dead(self) -> None:
        self.workers = [worker if worker.poll() is None else self._worker() for worker in self.workers]

    def kill_worker_of(self, run: Path) -> int:
        """Kills the worker that is at this run, if it is there; says how many were killed."""
        at_it = [worker for worker in self.workers if worker.pid == owner(run)]
        for worker in at_it:
            kill(worker)
        return len(at_it)

    def restart_scheduler(self) -> None:
        kill(self.scheduler)
        self.scheduler = self._scheduler()

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            kill(process)


def free_port() -> int:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def started(program: str, *arguments: str) -> subprocess.Popen:
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-m", f"distributed.cli.{program}", *arguments]
    return subprocess.Popen(command, stdout=quiet, stderr=quiet)


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def sweep(out: Path, seeds: int, steps: int, *more: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "numgan", "sweep", *GRID, "--seeds", str(seeds), "--steps", str(steps)]
    said = subprocess.PIPE
    return subprocess.Popen([*command, "--out", str(out), *more], stdout=said, stderr=said, text=True)


def owner(run: Path) -> int | None:
    """The process that trains this run."""
    said = (run / OWNER).read_text() if (run / OWNER).exists() else ""
    return int(said.split()[1]) if said else None


def results(out: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in sorted(out.glob(f"*/{RESULT}"))}


def in_mid_run(out: Path) -> set[str]:
    """The runs of which there is a checkpoint, and no result."""
    return {path.parent.name for path in out.glob("*/checkpoint.npz") if not (path.parent / RESULT).exists()}


def attack(out: Path, seeds: int, steps: int, workers: int = 2, every: float = 0.5, seed: int = 0) -> str:
    """Runs the sweep; kills the worker of every other run, or of the first, in mid-run; the scheduler once, half-way.

    Returns what was done, in words.
    """
    rng, kills, restarted, cluster = random.Random(seed), 0, False, Cluster(workers)
    met: set[str] = set()
    job = sweep(out, seeds, steps, "--scheduler", cluster.address)
    try:
        while job.poll() is None:
            time.sleep(every)
            for name in in_mid_run(out) - met:
                met.add(name)
                kills += cluster.kill_worker_of(out / name) if not kills or rng.random() < 0.5 else 0
            if not restarted and len(results(out)) >= 2 * seeds:
                cluster.restart_scheduler()
                restarted = True
            cluster.replace_the_dead()
    finally:
        cluster.end()
        job.kill()
    errors = job.communicate()[1]
    if job.returncode != 0:
        raise AssertionError(f"status {job.returncode}: {errors}")
    return f"{kills} workers killed, the scheduler {'restarted' if restarted else 'left alone'}"


def compare(out: Path, alone: Path, seeds: int) -> str:
    """AssertionError unless both hold every run once, with the same bytes, and the same table."""
    ours, theirs = results(out), results(alone)
    folders = [path for path in out.iterdir() if path.is_dir()]
    assert len(ours) == len(folders) == 4 * seeds, f"{len(ours)} results in {len(folders)} folders"
    assert ours == theirs, [name for name in ours if ours[name] != theirs.get(name)]
    assert (out / "table.md").read_bytes() == (alone / "table.md").read_bytes()
    return f"{len(ours)} runs, each once; results and table are those of the sweep without Dask, bit for bit"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack.sweeps", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two looks")
    options = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory(prefix="numgan-attack-") as where:
        out, alone = Path(where, "attacked"), Path(where, "alone")
        print(attack(out, options.seeds, options.steps, every=options.every), flush=True)
        said, errors = sweep(alone, options.seeds, options.steps, "--workers", "0").communicate()
        print(said or errors, end="")
        print(compare(out, alone, options.seeds))


if __name__ == "__main__":
    main()
