"""Kills and rivals: what a run's folder holds when its process dies at any moment, or when two want it at once.

    python -m benchmarks.attack.processes --kills 300 --pairs 60 --seed 0

Each trial is a small run of the command line in a child process, on POSIX, where children can be forked. Afterwards the
run is finished, by --resume or afresh, and must equal an undisturbed one bit for bit: vectors, records and frames.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np

from benchmarks.attack import within
from numgan.app import cli, folder
from numgan.run import archive

TRAIN = ("train", "--data", "ring", "--steps", "60", "--batch", "16", "--threads", "1", "--seed", "3")
WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}


def begin(where: Path) -> list[str]:
    return [*TRAIN, "--out", str(where)]


def go_on(where: Path) -> list[str]:
    return ["train", "--resume", str(where), "--threads", "1"]


class Child:
    """The command line in a forked process, with short periods so that a small run saves often."""

    def __init__(self, arguments: list[str], log: Path, die_at: int = 0, cwd: Path | None = None) -> None:
        self.log = log
        self.pid = os.fork()
        if not self.pid:
            os._exit(_work(arguments, log, die_at, cwd))

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def status(self) -> int:
        """The exit status; −9 where it was killed. An exception that came out counts as 70."""
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if self.log.exists() and "Traceback" in self.log.read_text():
            return 70
        return code


def _work(arguments: list[str], log: Path, die_at: int, cwd: Path | None) -> int:
    folder.EVERY, folder.SAVE_EVERY = 5, 20
    folder.Run.draw = draw_little
    if cwd:
        os.chdir(cwd)
    with log.open("w") as file, redirect_stdout(file), redirect_stderr(file):
        try:
            if die_at:
                sys.addaudithook(_die(die_at))
            return cli.main(arguments)
        except BaseException:
            import traceback

            traceback.print_exc()
            return 70


def draw_little(run: folder.Run) -> None:
    """Three files in place of three pictures, which would be most of the time of a trial."""
    for name in ("samples", "progress", "history"):
        run._picture(name, _Blank())


class _Blank:
    def savefig(self, file: io.BytesIO, **_: object) -> None:
        file.write(b"a picture")


def _die(at: int) -> Callable[[str, tuple], None]:
    """Kills this process at the `at`-th time that it opens, renames, removes or makes something in a run's folder."""
    seen = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        if event in WATCHED and "attacked" in str(arguments[0]):
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def contents(where: Path) -> dict[str, np.ndarray]:
    """All that a finished run leaves that must not differ."""
    vectors, about = archive.read(where / "checkpoint.npz")
    frames, frame_steps = folder.read_frames(where, int(about["step"]), (folder.FRAME_ROWS[False], 2))
    return vectors | {"step": np.array(about["step"]), "frames": np.stack(frames), "frame_steps": np.array(frame_steps)}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


class Arena:
    """A temporary folder with an undisturbed run to compare with."""

    def __init__(self, where: Path) -> None:
        self.where, self._n = where, 0
        target = self.place()
        began = time.monotonic()
        assert Child(begin(target), self.log(target)).status() == 0
        self.seconds = time.monotonic() - began
        self.reference = contents(target)

    def place(self) -> Path:
        self._n += 1
        return self.where / f"attacked-{self._n}"

    def log(self, target: Path) -> Path:
        self._n += 1
        return self.where / f"log-{self._n}-{target.name.removeprefix('attacked-')}"

    def finished(self, target: Path) -> str:
        """Finishes the run in `target` as a person would, and says how that went."""
        how = go_on(target) if (target / "checkpoint.npz").exists() else begin(target)
        status = Child(how, self.log(target)).status()
        if status:
            return f"wedged ({status})"
        if any(path.name.endswith(".part") for path in target.iterdir()):
            return "litter left"
        return "ok" if same(contents(target), self.reference) else "differs"


def injected(arena: Arena) -> Iterator[str]:
    """A kill at every point where a run touches its folder."""
    at = 0
    while True:
        at += 1
        target = arena.place()
        status = Child(begin(target), arena.log(target), die_at=at).status()
        if status == 0:
            return  # it ended before it was touched so often
        yield arena.finished(target) if status == -9 else f"status {status}"


def killed_at_random(arena: Arena, rng: random.Random) -> str:
    """One, two or three kills at random moments, in the run and in what takes it up again."""
    target = arena.place()
    for _ in range(rng.choice((1, 1, 2, 3))):
        how = go_on(target) if (target / "checkpoint.npz").exists() else begin(target)
        child = Child(how, arena.log(target))
        time.sleep(rng.uniform(0, 1.1 * arena.seconds))
        child.kill()
        if child.status() == 70:
            return "traceback"
    return arena.finished(target)


def pair(arena: Arena, rng: random.Random) -> str:
    """Two processes at once: on one new folder, on one run to go on with, or each on the next free name."""
    kind = rng.choice(("one new folder", "one run", "next free name"))
    target = arena.place()
    pause = rng.uniform(0, 0.3) * arena.seconds
    if kind == "next free name":
        target.mkdir()
        statuses = _both(arena, list(TRAIN), target, pause, cwd=target)
        made = list((target / "runs").iterdir())
        return _verdict(kind, arena, statuses, [[0, 0]], made if len(made) == 2 else [])
    if kind == "one run":
        Child(begin(target), arena.log(target), die_at=30).status()
    how = go_on(target) if (target / "checkpoint.npz").exists() else begin(target)
    allowed = [[0, 2], [0, 0]] if how[1] == "--resume" else [[0, 2]]  # a finished run may be drawn once more
    return _verdict(kind, arena, _both(arena, how, target, pause), allowed, [target])


def _both(arena: Arena, how: list[str], target: Path, pause: float, cwd: Path | None = None) -> list[int]:
    first = Child(how, arena.log(target), cwd=cwd)
    time.sleep(pause)
    second = Child(how, arena.log(target), cwd=cwd)
    return sorted(child.status() for child in (first, second))


def _verdict(kind: str, arena: Arena, statuses: list[int], allowed: list[list[int]], runs: list[Path]) -> str:
    whole = bool(runs) and all(same(contents(run), arena.reference) for run in runs)
    return "ok" if statuses in allowed and whole else f"{kind}: {statuses}, {'whole' if whole else 'lost'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=60.0, help="of each of the three, at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, faults = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as name:
        arena = Arena(Path(name))
        parts = {
            "kills at every touch of the folder": injected(arena),
            "kills at random moments": (killed_at_random(arena, rng) for _ in range(options.kills)),
            "pairs": (pair(arena, rng) for _ in range(options.pairs)),
        }
        for part, outcomes in parts.items():
            counts = Counter(within(options.minutes, outcomes))
            faults += counts.total() - counts["ok"]
            print(f"{part}: {dict(counts)}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
