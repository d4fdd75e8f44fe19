"""How often is the health line right? Every recipe of the gallery and every cure, over seeds; resumable.

    python -m benchmarks.health 0 10        # seeds 0 … 9, of which 0 … 7 fixed the thresholds
    python -m benchmarks.health 100 110     # seeds 100 … 109, by which they are judged

Signals are kept in results/health.json, so that a change of the thresholds costs no new runs.
"""

import json
import sys
from pathlib import Path

from numgan import DivergedError
from numgan.lab.gallery import GALLERY
from numgan.lab.health import Signals, diagnose, observe

KEPT = Path(__file__).parent / "results" / "health.json"
LOOKS = 5  # at even steps; the last is at the end


def runs():
    """(recipe, cure or "") and the setup of each."""
    for name, recipe in GALLERY.items():
        yield name, "", recipe.setup
        for cure, setup in recipe.cures.items():
            yield name, cure, setup


def watch(setup, seed):
    """The signals at each look; a run that ends in numbers that are not finite ends early."""
    run, looks = setup.training(seed), []
    try:
        for _ in run.steps(setup.steps, every=setup.steps // LOOKS):
            looks.append(observe(run))
    except DivergedError:
        looks.append(None)
    return looks


def collect(seeds):
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for seed in seeds:
        for name, cure, setup in runs():
            key = f"{name}/{cure}/{seed}"
            if key not in kept:
                kept[key] = watch(setup, seed)
                KEPT.write_text(json.dumps(kept, indent=0))
                print(key, kept[key][-1], flush=True)
    return kept


def named(look):
    return "diverging" if look is None else diagnose(Signals(*look)).name


def report(kept, seeds):
    """Right: the recipe's own name at the last look. A false alarm: a cured run that is not "healthy" there."""
    rows, totals = [], {True: [0, 0], False: [0, 0]}
    for name, cure, _ in runs():
        looks = [kept[f"{name}/{cure}/{seed}"] for seed in seeds]
        expect = "healthy" if cure else GALLERY[name].expect
        right = sum(named(run[-1]) == expect for run in looks)
        others = sorted({named(run[-1]) for run in looks} - {expect})
        totals[bool(cure)][0] += right
        totals[bool(cure)][1] += len(looks)
        rows.append(f"| {name} | {cure or '–'} | {expect} | {right}/{len(looks)} | {', '.join(others)} |")
    print("| recipe | cure | expected | right | otherwise |\n|---|---|---|---:|---|", *rows, sep="\n")
    (right, failing), (fine, cured) = totals[False], totals[True]
    print(f"\nfailing runs named rightly: {right}/{failing}; cured runs called healthy: {fine}/{cured}")


if __name__ == "__main__":
    first, stop = map(int, sys.argv[1:3])
    report(collect(range(first, stop)), range(first, stop))
