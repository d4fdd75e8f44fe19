"""Do CoGAN's pairs agree? Pixel agreement on digits with edges and with negatives, beside two GANs that share nothing.

    python -m benchmarks.cogan --runs DIR cogan           # 3 seeds of each kind of data, on one core
    python -m benchmarks.cogan --runs DIR separate        # the same layers, none of them shared
    python -m benchmarks.cogan --runs DIR picture         # both images of the first noise
    python -m benchmarks.cogan                            # the page, from what was kept

Every run is resumable: its checkpoint lies in DIR, its figures in results/cogan.jsonl. A pair is the two images of one
z. The first is transformed into the second domain and compared with the second, pixel by pixel: 10,000 pairs, as in
Liu & Tuzel 2016, section 4. Beside it stand pairs that do not belong together: the same images, shuffled.
"""

import argparse
import time
from functools import cache, partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import numgan as ng
from benchmarks import RESULTS
from benchmarks.store import Store
from numgan import classifier, metrics, models, plots
from numgan.data.catalogue import COUPLED
from numgan.data.coupled import expected_and_found
from numgan.models.cogan import first, from_maps, image_shape, last, to_maps

MODEL = models.BY_NAME["cogan"]
PAIRS, EVERY, SEEDS = 10_000, 2000, range(3)
PAPER = {"digits-edges": (0.952, 0.909), "digits-negatives": (0.967, 0.778)}  # CoGAN, a conditional GAN


@cache
def data_of(name):
    return ng.data.load(name)


def separate(data, seed):
    """CoGAN's layers, of which none is shared: two GANs, each with layers and first values of its own, fed one z."""
    h, w, c = image_shape(data)
    G = [ng.Network([*to_maps(h, w), last(c)], seed=1000 + 4 * seed + i) for i in range(2)]
    D = [ng.Network([first(c, 2 * seed + i), *from_maps(h, w)], seed=1000 + 4 * seed + 2 + i) for i in range(2)]
    return (
        ng.Network([ng.Concat(G), ng.Tanh(), ng.Reshape((2 * h * w * c,))]),
        ng.Network([ng.Reshape((2 * h, w, c)), ng.Split(D)]),
    )


KINDS = {"cogan": MODEL.networks, "separate": separate}


def training(kind, name, seed):
    data = data_of(name)
    how = {"batch": MODEL.batch, "ema": MODEL.ema, "seed": seed, "threads": 1}
    return ng.Training(*KINDS[kind](data, seed), data, optimizers=MODEL.optimizers({}, {}), **how)


def train(kind, name, seed, store, runs):
    """Trains a run to its end, and looks at it every so many steps."""
    path = runs / f"{kind}-{name}-{seed}.npz"
    run = ng.Training.load(path, data_of(name), threads=1) if path.exists() else training(kind, name, seed)
    while run.step < MODEL.steps:
        began = time.process_time()
        (record,) = run.steps(EVERY, every=EVERY)
        seconds = time.process_time() - began
        run.save(path)
        store.once(f"{kind}/{name}/{seed}/{run.step}", partial(looked_at, run, name, record, seconds))


def looked_at(run, name, record, seconds):
    found = scores(run.sample(PAIRS), name)
    return found | {"D_x": record.D_x, "D_Gz": record.D_Gz, "seconds": seconds}


def scores(x, name):
    """Of rows [x_A, x_B] in [0, 1]: their agreement, that of shuffled pairs, the Fréchet distance of x_A to digits."""
    expected, b = expected_and_found(x, data_of(name).image_shape, COUPLED[name])
    return {
        "pairs": metrics.agreement(expected, b)._asdict(),
        "shuffled": metrics.agreement(expected, np.roll(b, 1, axis=0))._asdict(),
        "frechet": metrics.frechet(digits(), features(np.split(x, 2, axis=1)[0])),
    }


def features(a):
    return classifier.load().features(a[:2000])


@cache
def digits():
    test = ng.data.load("digits", split="test")
    return features(test.restore(test.x))


def of_data(name):
    """The same of the data, whose rows are not paired."""
    data = data_of(name)
    return scores(data.restore(data.x), name)


PAGE = """# Do CoGAN's pairs agree?

A pair is the two images of one z. The first is transformed into the second domain and compared with the second, pixel
by pixel, in 10,000 pairs: 1 less the mean difference of their grey values, and the share of pixels on the same side of
½. Shuffled: the same images, paired otherwise; where most pixels are black, most agree by chance. The Fréchet distance
is that of x_A to digits that were held out, in the features of the package's classifier. Nobody tells the networks
which images belong together: the two domains are made of different halves of the digits.

{tables}
![Both images of the same z](cogan.png)

{course}
"""


def report(kept):
    """The page."""
    return PAGE.format(tables="\n".join(tables(kept)), course="\n".join(course(kept)))


def tables(kept):
    for name, (paper, conditional) in PAPER.items():
        yield from (f"**{name}**", "", HEAD, "|---|---:|---:|---:|---:|")
        yield f"| *the paper: CoGAN, a conditional GAN told the domain* | {paper}, {conditional} | | | |"
        for kind, words in (("cogan", "CoGAN"), ("separate", "the same layers, none shared")):
            for seed in SEEDS:
                if reached := [step for step in marks() if f"{kind}/{name}/{seed}/{step}" in kept]:
                    after = "" if reached[-1] == MODEL.steps else f", after {reached[-1]:,} steps"
                    yield row(f"{words}, seed {seed}{after}", kept[f"{kind}/{name}/{seed}/{reached[-1]}"])
        yield from (row("rows of the data, unpaired", kept[f"data/{name}"]), "")


HEAD = "| | agreement, grey | agreement, binary | shuffled: grey, binary | Fréchet distance of x_A |"


def marks():
    """The steps at which a run is looked at."""
    return range(EVERY, MODEL.steps + 1, EVERY)


def row(words, found):
    pairs, shuffled = found["pairs"], found["shuffled"]
    by_chance = f"{shuffled['grey']:.3f}, {shuffled['binary']:.3f}"
    return f"| {words} | {pairs['grey']:.3f} | {pairs['binary']:.3f} | {by_chance} | {found['frechet']:.1f} |"


def course(kept):
    """Agreement in the course of training, and what it costs."""
    yield f"| agreement, grey, after | {' | '.join(f'{step:,}' for step in marks())} steps | processor |"
    yield "|---|" + "---:|" * (len(marks()) + 1)
    for kind in KINDS:
        for name in PAPER:
            for seed in SEEDS:
                found = [kept.get(f"{kind}/{name}/{seed}/{step}") for step in marks()]
                if any(found):
                    grey = " | ".join(f"{each['pairs']['grey']:.3f}" if each else "" for each in found)
                    seconds = sum(each["seconds"] for each in found if each)
                    yield f"| {kind}, {name}, seed {seed} | {grey} | {seconds:.0f} s |"


def picture(runs, columns=12):
    """Both images of the same z: of CoGANs on the left, of separate GANs on the right."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    for ax, kind, name in zip(figure.subplots(2, 2).T.ravel(), np.repeat([*KINDS], 2), [*PAPER] * 2, strict=True):
        paths = [path for seed in SEEDS if (path := runs / f"{kind}-{name}-{seed}.npz").exists()]
        rows = [ng.run.state.Checkpoint(path).sample(columns) for path in paths[:2]]
        plots._show(ax, plots._mosaic(np.concatenate(rows), (56, 28), columns))
        seeds = "seed 0" if len(rows) == 1 else f"seeds 0 to {len(rows) - 1}"
        ax.set_title(f"{kind}, {name}, {seeds}", fontsize=10)
    return figure


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cogan", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=[*KINDS, "picture"])
    parser.add_argument("--runs", type=Path, default=Path("runs/cogan"), help="where checkpoints lie")
    parser.add_argument("--data", nargs="+", default=[*PAPER], choices=[*PAPER])
    parser.add_argument("--seeds", type=int, nargs="+", default=[*SEEDS])
    parser.add_argument("--out", type=Path, default=RESULTS / "cogan.jsonl", help="results; the picture lies beside it")
    options = parser.parse_args()
    store = Store(options.out)
    options.runs.mkdir(parents=True, exist_ok=True)
    if options.what in KINDS:
        for seed in options.seeds:
            for name in options.data:
                train(options.what, name, seed, store, options.runs)
    elif options.what == "picture":
        picture(options.runs).savefig(options.out.with_suffix(".png"), dpi=100)
    else:
        for name in PAPER:
            store.once(f"data/{name}", partial(of_data, name))
        print(report(store.read()))


if __name__ == "__main__":
    main()
