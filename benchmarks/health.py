"""How often is the health line right? Every recipe of the gallery and every cure, over seeds; resumable.

    python -m benchmarks.health             # seeds 100 … 109, by which the health line is judged; writes health.md
    python -m benchmarks.health 0 10        # seeds 0 … 9, of which 0 … 7 fixed its thresholds

Several processes may share the work: `--workers 8`, with Dask. The signals are kept in results/health.jsonl, so that a
change of the thresholds costs no new runs. To repeat the runs of a recipe that has changed, delete their lines.
"""

import argparse
import math
from functools import partial
from itertools import product

from benchmarks import RESULTS
from benchmarks.store import Store, add_engines, engines
from numgan import DivergedError
from numgan.lab.gallery import GALLERY
from numgan.lab.health import Signals, diagnose, observe

STORE, TABLE = Store(RESULTS / "health.jsonl"), RESULTS / "health.md"
JUDGED = range(100, 110)
OBSERVATIONS = 5  # at even steps; the last is at the end
NOT_FINITE = Signals(*[math.nan] * len(Signals._fields))

HEAD = """# How often the health line is right, on seeds {0.start} to {1}

`python -m benchmarks.health {0.start} {0.stop}`, judged at the end of each run; thresholds were fixed on seeds 0 to 7 \
(the vanishing recipe changed a little after that).

| recipe | cure | expected | right | otherwise |
|---|---|---|---:|---|
"""


def runs():
    """(recipe, cure or "") and the setup of each."""
    for name, recipe in GALLERY.items():
        yield name, "", recipe.setup
        for cure, setup in recipe.cures.items():
            yield name, cure, setup


def signals(setup, seed):
    """{signal: [its value at each observation]}; a run that diverges ends early, and its last values are NaN."""
    run, observed = setup.training(seed), []
    try:
        for _ in run.steps(setup.steps, every=setup.steps // OBSERVATIONS):
            observed.append(observe(run))
    except DivergedError:
        observed.append(NOT_FINITE)
    return {name: list(values) for name, values in zip(Signals._fields, zip(*observed, strict=True), strict=True)}


def collect(seeds, **engine):
    each = product(seeds, runs())
    STORE.all({f"{name}/{cure}/{seed}": partial(signals, setup, seed) for seed, (name, cure, setup) in each}, **engine)


def diagnosis(kept):
    """What the health line says at the end of a run with these signals, in a word."""
    return diagnose(Signals(**{name: values[-1] for name, values in kept.items()})).name


def judged(kept, seeds):
    """Of each recipe and cure: its names, what the health line should say, and what it says on each seed."""
    for name, cure, _ in runs():
        expected = "healthy" if cure else GALLERY[name].expect
        yield name, cure, expected, [diagnosis(kept[f"{name}/{cure}/{seed}"]) for seed in seeds]


def report(kept, seeds):
    """Markdown. A failing run should be called by its recipe's own name, a cured run "healthy"."""
    rows = list(judged(kept, seeds))
    failing, cured = (right(row for row in rows if bool(row[1]) is cure) for cure in (False, True))
    total = f"failing runs named rightly: {failing}; cured runs called healthy: {cured}\n"
    return HEAD.format(seeds, seeds[-1]) + "".join(map(line, rows)) + "\n" + total


def line(row):
    name, cure, expected, said = row
    others = ", ".join(sorted({*said} - {expected}))
    return f"| {name} | {cure or '–'} | {expected} | {right([row])} | {others} |\n"


def right(rows):
    """So many of so many, as text."""
    hits = [word == expected for _, _, expected, said in rows for word in said]
    return f"{sum(hits)}/{len(hits)}"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.health", description=__doc__.splitlines()[0])
    parser.add_argument("first", type=int, nargs="?", default=JUDGED.start, help="seed (default: %(default)s)")
    parser.add_argument("stop", type=int, nargs="?", default=JUDGED.stop, help="the seed after the last one")
    add_engines(parser)
    options = parser.parse_args()
    seeds = range(options.first, options.stop)
    collect(seeds, **engines(options))
    text = report(STORE.read(), seeds)
    print(text)
    if seeds == JUDGED:
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
