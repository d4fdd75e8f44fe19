"""What are GANs for? Every use of `numgan uses`, over 3 seeds, in one table: its measures beside its baselines'.

    python -m benchmarks.uses --runs DIR train                  # all uses, 3 seeds, on one core
    python -m benchmarks.uses --runs DIR train halves --seeds 0 # a part of it
    python -m benchmarks.uses --runs DIR pictures               # seed 0's, as `numgan uses` draws them
    python -m benchmarks.uses                                   # the page, from what was kept

A run that has ended is not repeated: its weights lie in DIR, its figures in results/uses.jsonl. Steps and settings are
those of `numgan uses NAME`. Nothing that a measure looks at was seen in training.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import RESULTS
from benchmarks.store import Store, add_engines, engines
from numgan.uses import BY_NAME

SEEDS = range(3)


def train(name, kind, seed, runs):
    """Trains a game to its end and keeps its weights; its measures, and what it cost. Uses that share their games, such
    as captions and strips, train them once."""
    use = BY_NAME[name]
    if place(runs, name, kind, seed).exists():
        return use.measure(trained(name, kind, seed, runs))
    game, began = use.games[kind](seed, 1), time.process_time()
    for _ in game.steps(use.steps):
        pass
    seconds = time.process_time() - began
    np.savez(place(runs, name, kind, seed), **game.weights())
    return {**use.measure(game), "seconds": seconds}


def place(runs, name, kind, seed):
    """Where the weights of a game lie: under the name of the first use that has it."""
    first = next(other for other, use in BY_NAME.items() if use.games is BY_NAME[name].games)
    return runs / f"{first}-{kind.replace(' ', '_')}-{seed}.npz"


def trained(name, kind, seed, runs):
    """A game with the weights that were kept."""
    game = BY_NAME[name].games[kind](seed, 1)
    with np.load(place(runs, name, kind, seed)) as weights:
        game.put(weights)
    return game


def picture(name, runs, seed=0):
    return BY_NAME[name].picture({kind: trained(name, kind, seed, runs) for kind in BY_NAME[name].games})


PAGE = """# What GANs are for

Every use of `numgan uses NAME`: its measures for the seeds 0, 1 and 2, one after another, beside its baselines, which
are trained alike but for one thing, and beside what is not trained at all. Seconds are those of one core, for each
training; `strips` has the games of `captions`.

{tables}"""


def report(kept):
    return PAGE.format(tables="\n".join(line for name in BY_NAME for line in section(name, kept)))


def section(name, kept):
    """A use's heading, its table and the name of its picture."""
    use = BY_NAME[name]
    rows = {kind: [kept[key] for seed in SEEDS if (key := f"{name}/{kind}/{seed}") in kept] for kind in use.games}
    rows |= {kind: [kept[f"{name}/{kind}"]] for kind in use.references if f"{name}/{kind}" in kept}
    columns = list(dict.fromkeys(key for found in rows.values() for one in found for key in one))
    yield from (f"## {name}", "", f"{use.about[0].upper()}{use.about[1:]}. {use.steps:,} steps.", "")
    yield f"| | {' | '.join(columns)} |"
    yield "|---|" + "---:|" * len(columns)
    for kind, found in rows.items():
        cells = (", ".join(f"{one[key]:.3g}" for one in found if key in one) for key in columns)
        yield f"| {kind} | {' | '.join(cells)} |"
    yield from ("", f"![{name}](uses/{name}.png)", "")


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.uses", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["train", "pictures"])
    parser.add_argument("uses", nargs="*", help=f"of {', '.join(BY_NAME)} (all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[*SEEDS])
    parser.add_argument("--runs", type=Path, default=Path("runs/uses"), help="where weights lie")
    parser.add_argument("--out", type=Path, default=RESULTS / "uses.jsonl", help="figures; pictures lie beside")
    add_engines(parser)
    options = parser.parse_args()
    store, names = Store(options.out), options.uses or [*BY_NAME]
    options.runs.mkdir(parents=True, exist_ok=True)
    if options.what == "train":
        each = [(name, kind, seed) for name in names for seed in options.seeds for kind in BY_NAME[name].games]
        runs = options.runs.absolute()
        store.all({"/".join(map(str, one)): partial(train, *one, runs) for one in each}, **engines(options))
    elif options.what == "pictures":
        folder = options.out.with_suffix("")
        folder.mkdir(exist_ok=True)
        for name in names:
            picture(name, options.runs).savefig(folder / f"{name}.png", dpi=80)
    else:
        for name, use in BY_NAME.items():
            for kind, measure in use.references.items():
                store.once(f"{name}/{kind}", measure)
        print(report(store.read()))


if __name__ == "__main__":
    main()
