"""The same training step in numgan and its peers, interleaved in one run, each peer in a process of its own.

python -m benchmarks.speed [--workloads toy wide] [--peers numgan jax_jit] [--rounds 15] [--check] [--busy] ...
"""

import argparse
import json
from pathlib import Path

from benchmarks import RESULTS
from benchmarks.speed import equality, machine, report
from benchmarks.speed.contest import contest
from benchmarks.speed.peers import BACKENDS, NAMES
from benchmarks.speed.workloads import WORKLOADS
from benchmarks.store import rounded

KEPT = RESULTS / "speed.json"
DIGITS = 6  # timings have no more


def run(options):
    asked = {name: getattr(options, name) for name in ("rounds", "threads", "busy")}
    results = {"machine": machine.describe(), "options": asked, "workloads": {}}
    for name in options.workloads:
        results["workloads"][name] = contest(WORKLOADS[name], options)
        print(report.table(name, results["workloads"][name]), flush=True)
    return results


def save(results, path):
    results = rounded(results, DIGITS)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(report.markdown(results), encoding="utf-8")
    print(f"kept in {path} and {path.with_suffix('.md')}")


def arguments():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--peers", nargs="+", choices=NAMES, help="default: all of the backend's")
    parser.add_argument("--backend", choices=BACKENDS, default="numpy", help="cupy: numgan on a GPU beside numgan here")
    parser.add_argument("--rounds", type=int, default=15, help="turns per peer and workload")
    parser.add_argument("--threads", type=int, help="for every peer (default: as many as each chooses)")
    parser.add_argument("--json", type=Path, default=KEPT, metavar="OUT", help="results; a .md goes beside it")
    parser.add_argument("--check", action="store_true", help="time nothing: does every peer make numgan's step?")
    parser.add_argument("--busy", action="store_true", help="time each turn again with another process on one core")
    options = parser.parse_args()
    options.peers = options.peers or BACKENDS[options.backend]
    return options


def main():
    options = arguments()
    if options.check:
        return 0 if equality.all_equal(options.workloads, options.peers) else 1
    save(run(options), options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
