"""What are GANs for? Every use of `numgan uses`, over 3 seeds, in one table: its measures beside its baselines'.

    python -m benchmarks.uses --runs DIR train                  # all uses, 3 seeds, on one core
    python -m benchmarks.uses --runs DIR train halves --seeds 0 # a part of it
    python -m benchmarks.uses --runs DIR pictures               # seed 0's, as `numgan uses` draws them
    python -m benchmarks.uses                                   # the page, from what was kept

A run that has ended is not repeated: its weights lie in DIR, its figures in results/uses.jsonl. Steps and settings are
those of `numgan uses NAME`. Nothing that a measure looks at was seen in training.
"""

import argparse
import textwrap
import time
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import RESULTS
from benchmarks.store import Store, add_engines, engines
from numgan.errors import lookup
from numgan.run.output import atomic
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
    with atomic(place(runs, name, kind, seed)) as file:
        np.savez(file, **game.weights())
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


WORDS = {
    "edges": (
        "Read right: by the package's classifier, as the digit that it is. Sharpness: an outline from black to white "
        "within one pixel has 1, spread evenly over k pixels 1/k. Edges leave little open: L1 alone is sharp, too."
    ),
    "halves": (
        "Sharpness and L1 are of the right half alone. L1 alone is nearest and less sharp than digits; the game "
        "alone is farthest off, and its sharpness differs from seed to seed; both together are as sharp as digits, "
        "and nearly as near as L1."
    ),
    "clouds": (
        "Home: the share of points that come back to the mode that they left. Narrowest: the least width of a mode "
        "that was sent, over what it should be. As B was made: the share that go where B's modes were made from "
        "theirs; the loss does not ask for that, and seeds differ."
    ),
    "negatives": (
        "Read: as its digit. Agreement: of G(a) with the true outlines, and by chance, with another digit's. Without "
        "the cycle both maps are nearly as right, but undo each other less well."
    ),
    "captions": (
        "Class: the share that is read as the digit that was said. Width, slant: the correlation of the word's rank "
        "with what is measured. Spread: how far pixels lie from their mean in images of one caption. With wrong "
        "captions in D's step, G follows the words more closely and draws each in fewer ways."
    ),
    "strips": (
        "Rises: the share of steps along a strip that rise in what the words are about. Class: read as the digit "
        "that stays. Ends: first and last images of strips from a digit to the next. Change: how far neighbours are "
        "apart, over how far images of the same caption and other noise are."
    ),
    "frames": (
        "In flight the next frame is certain, at a wall there are two. L1 is that to the nearest frame that may "
        "come. Least squares blurs; the game's frames are sharper and nearer, but at a wall they show pieces of "
        "both."
    ),
    "sound": (
        "Frequencies off: the total variation distance of the histograms of the loudest frequency. On a note: the "
        "share of sounds whose loudest frequency is one of the five. Notes: how many of the five have more than 5 % "
        "of the sounds. Purity: the share of power near the loudest frequency. Neither is enough alone: without the "
        "penalty nearly all tones are of one note, or, with seed 2, most are of none, and the normal distribution "
        "has all notes, all at once."
    ),
}


def report(kept):
    return PAGE.format(tables="\n".join(line for name in BY_NAME for line in section(name, kept)))


def section(name, kept):
    """A use's heading, its table and the name of its picture."""
    use = BY_NAME[name]
    rows = {kind: [kept[key] for seed in SEEDS if (key := f"{name}/{kind}/{seed}") in kept] for kind in use.games}
    rows |= {kind: [kept[f"{name}/{kind}"]] for kind in use.references if f"{name}/{kind}" in kept}
    columns = list(dict.fromkeys(key for found in rows.values() for one in found for key in one))
    about = f"{use.about[0].upper()}{use.about[1:]}. {use.steps:,} steps."
    yield from (f"## {name}", "", about, "", *textwrap.wrap(WORDS.get(name, ""), 118), "")
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
    for name in names:
        lookup("use", name, BY_NAME)
    options.runs.mkdir(parents=True, exist_ok=True)
    if options.what == "train":
        each = [(name, kind, seed) for name in names for seed in options.seeds for kind in BY_NAME[name].games]
        runs = options.runs.absolute()
        store.all({"/".join(map(str, one)): partial(train, *one, runs) for one in each}, **engines(options))
    elif options.what == "pictures":
        folder = options.out.with_suffix("")
        folder.mkdir(exist_ok=True)
        for name in names:
            path = folder / f"{name}.png"
            picture(name, options.runs).savefig(path, dpi=64)
            Image.open(path).convert("RGB").quantize(64).save(path, optimize=True)  # a third of the bytes
    else:
        for name, use in BY_NAME.items():
            for kind, measure in use.references.items():
                store.once(f"{name}/{kind}", measure)
        print(report(store.read()))


if __name__ == "__main__":
    main()
