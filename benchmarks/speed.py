"""The same training step in numgan and its peers, interleaved in one run, each peer in a process of its own.

python -m benchmarks.speed [--workloads toy wide] [--peers numgan jax_jit] [--rounds 15] [--check] [--busy] ...
"""

import argparse
import json
import random
from pathlib import Path

from benchmarks import check, machine, report
from benchmarks.peers import BACKENDS, NAMES
from benchmarks.process import PeerError, Worker, busy_core
from benchmarks.workloads import WORKLOADS

RESULTS = Path(__file__).parent / "results" / "speed.json"


class Contest:
    """The peers on one workload. Each lives in its own process, and sleeps while another has its turn."""

    def __init__(self, workload, names, threads=None):
        self.workload, self.workers, self.peers = workload, {}, {}
        for name in (*names, "gemm"):
            self.enter(name, threads)

    def enter(self, name, threads):
        worker = Worker(name, self.workload.name, threads)
        try:
            self.peers[name] = {"startup": worker.ask("start"), "idle": []}
            self.workers[name] = worker
            self.turn(name)  # warm-up
            self.peers[name]["idle"].clear()
        except PeerError as reason:
            self.drop(name, worker, reason)

    def drop(self, name, worker, reason):
        worker.close()
        self.workers.pop(name, None)
        self.peers[name] = {"skipped": str(reason)}

    def turn(self, name):
        """ms per pair of updates (or per product of matrices)."""
        n = 4 if name == "gemm" else self.workload.turn
        reply = self.workers[name].ask("turn", n=n)
        self.peers[name]["idle"].append(reply["idle"])
        return reply["seconds"] / n * 1e3

    def round(self, r, busy):
        """One turn for everyone, in an order of this round's own; with `busy` a second one beside a busy process."""
        for name in random.Random(r).sample(list(self.workers), len(self.workers)):
            try:
                self.turns(name, busy)
            except PeerError as reason:
                self.drop(name, self.workers[name], reason)

    def turns(self, name, busy):
        self.peers[name].setdefault("ms", []).append(self.turn(name))
        if busy:
            with busy_core():
                self.peers[name].setdefault("busy_ms", []).append(self.turn(name))

    def result(self):
        for name, worker in self.workers.items():
            self.peers[name] |= worker.ask("about")
        gemm = self.peers.pop("gemm")
        gemm["gflops"] = [gemm["about"]["flops"] / ms / 1e6 for ms in gemm["ms"]]
        return {"flops": self.workload.flops, "peers": self.peers, "gemm": gemm}

    def close(self):
        for worker in self.workers.values():
            worker.close()


def contest(workload, options):
    players = Contest(workload, options.peers, options.threads)
    try:
        for r in range(options.rounds):
            players.round(r, options.busy)
        return players.result()
    finally:
        players.close()


def run(options):
    asked = {name: getattr(options, name) for name in ("rounds", "threads", "busy")}
    results = {"machine": machine.describe(), "options": asked, "workloads": {}}
    for name in options.workloads:
        results["workloads"][name] = contest(WORKLOADS[name], options)
        print(report.table(name, results["workloads"][name]), flush=True)
    return results


def save(results, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rounded(results), indent=1) + "\n")
    path.with_suffix(".md").write_text(report.markdown(results))
    print(f"kept in {path} and {path.with_suffix('.md')}")


def rounded(value):
    """Six significant digits: timings have no more."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def arguments():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--peers", nargs="+", choices=NAMES, help="default: all of the backend's")
    parser.add_argument("--backend", choices=BACKENDS, default="numpy", help="cupy: numgan on a GPU beside numgan here")
    parser.add_argument("--rounds", type=int, default=15, help="turns per peer and workload")
    parser.add_argument("--threads", type=int, help="for every peer (default: as many as each chooses)")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="OUT", help="results; a .md goes beside it")
    parser.add_argument("--check", action="store_true", help="only check that every peer's step is numgan's")
    parser.add_argument("--busy", action="store_true", help="time each turn again with another process on one core")
    options = parser.parse_args()
    options.peers = options.peers or BACKENDS[options.backend]
    return options


def main():
    options = arguments()
    if options.check:
        return 0 if check.check(options.workloads, options.peers) else 1
    save(run(options), options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
