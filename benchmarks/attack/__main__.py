"""All attacks in turn, each for its share of the time; each prints its counts. Status 1 if one of them found a fault.

    python -m benchmarks.attack --minutes 10 --seed 0
"""

from __future__ import annotations

import argparse
import subprocess
import sys

PARTS = ("processes", "interrupts", "files", "options", "endurance")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="in all (10)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    share = ["--minutes", str(options.minutes / len(PARTS)), "--seed", str(options.seed)]
    failed = []
    for part in PARTS:
        print(f"\n{part}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.attack.{part}", *share]).returncode:
            failed.append(part)
    print(f"\nfaults in: {', '.join(failed)}" if failed else "\nno faults")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
