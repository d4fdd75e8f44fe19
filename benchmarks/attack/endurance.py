"""Long runs of small pairs: no value that is not finite goes unnamed, and memory stays flat.

    python -m benchmarks.attack.endurance --steps 200000 --seed 0
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np

import numgan as ng
from benchmarks.attack import within

EVERY = 100  # steps between records
PENALTIES = {"none": {}, "r1": {"penalty": ng.R1(1.0)}, "wgan_gp": {"penalty": ng.WGANGP()}, "clip": {"clip": 0.05}}
GROWTH = 1_000_000  # bytes that a long run may take beside its history
RATES = (1e-3, 1e5)  # usual, and absurd


def training(loss: str, penalty: str, lr: float, seed: int) -> ng.Training:
    G = ng.Network([ng.Linear(2, 16), ng.LeakyReLU(), ng.Linear(16, 2)], seed=2 * seed)
    D = ng.Network([ng.Linear(2, 16), ng.LeakyReLU(), ng.Linear(16, 1)], seed=2 * seed + 1)
    optimizers = (ng.Adam(lr), ng.Adam(lr))
    settings = {"batch": 32, "seed": seed, "ema": 0.99, "threads": 1, "optimizers": optimizers} | PENALTIES[penalty]
    return ng.Training(G, D, ng.data.ring(n=2000), ng.losses.BY_NAME[loss], **settings)


def outcome(run: ng.Training, steps: int) -> str:
    """Whether a run ends well, or says why it does not."""
    try:
        for _ in run.steps(steps, every=EVERY):
            pass
        x_g = run.sample(100)
        with tempfile.TemporaryDirectory() as folder:
            run.save(Path(folder) / "checkpoint.npz")
    except ng.DivergedError:
        return "diverged, and said so"
    arrays = [*run.state.vectors.values(), np.array(run.history), x_g]
    return "finite" if all(np.isfinite(a).all() for a in arrays) else "not finite, unnamed"


def outcomes(steps: int, seed: int, minutes: float = 60.0) -> Counter[str]:
    """So many steps in all, over losses, penalties, rates and seeds."""
    cases = list(itertools.product(ng.losses.BY_NAME, PENALTIES, RATES, (seed, seed + 1)))
    return Counter(within(minutes, (outcome(training(*case), steps // len(cases)) for case in cases)))


def growth(steps: int, seed: int) -> int:
    """Bytes by which a run grows over so many steps once it has found its form, less its history."""
    run = training("nonsaturating", "r1", 1e-3, seed)
    list(run.steps(2000, every=EVERY))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in run.steps(steps, every=EVERY):
        pass
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown - 400 * (steps // EVERY)  # a record: a tuple of eight numbers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, default=60.0, help="of the runs, at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ends = outcomes(options.steps, options.seed, options.minutes)
    print(f"runs, {options.steps} steps in all: {dict(ends)}", flush=True)
    steps = min(options.steps // 2, int(20_000 * options.minutes))
    grown = growth(steps, options.seed)
    print(f"memory over {steps} steps: {grown:+} bytes beside the history")
    return 1 if ends["not finite, unnamed"] or grown > GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
