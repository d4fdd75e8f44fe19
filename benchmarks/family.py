"""The family portrait: six models on the same 5,000 digits, measured alike, with what each adds to the one before it.

    python -m benchmarks.family --runs DIR train                  # all models, 2 seeds: 80 minutes of one core
    python -m benchmarks.family --runs DIR train progan --seeds 0 # a part of it
    python -m benchmarks.family --runs DIR picture                # samples of each, side by side
    python -m benchmarks.family                                   # the page, from what was kept

Every run is resumable: its checkpoint lies in DIR, its figures in results/family.jsonl. The measures are those of
`numgan evaluate`: 2,000 samples against the 2,000 digits that come with the package to test on. Of a CoGAN's pairs,
the digit counts. The steps and settings are those of `numgan train --model`.
"""

import argparse
import time
from functools import cache, partial
from itertools import pairwise, product
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import numgan as ng
from benchmarks import RESULTS
from benchmarks.store import Store, add_engines, engines
from benchmarks.work import operations
from numgan import models, plots
from numgan.app.scores import Sets, measures
from numgan.app.unseen import unseen
from numgan.models.lineage import LINE, changes
from numgan.run.evaluation import set_step

NAMES = ("goodfellow2014", "images", "dcgan", "cogan", "progan", "stylegan")
YEARS = dict(zip(LINE, (2014, 2015, 2016, 2017, 2018), strict=True))
SEEDS, PARTS, SAMPLES, SIDE = (0, 1), 8, 2000, 28
MEASURED = ("precision and recall", "Fréchet distance", "classes")


@cache
def data_of(name):
    return ng.data.load("digits-edges" if name == "cogan" else "digits", range=models.BY_NAME[name].range)


def training(name, seed, threads=1):
    data = data_of(name)
    model = models.BY_NAME[name].for_rows(len(data))
    told = {key: getattr(model, key) for key in ("loss", "batch", "ema", "noise", "together", "penalty")}
    told |= {"optimizers": model.optimizers({}, {}), "view": model.view and model.view(data, np)}
    return ng.Training(*model.networks(data, seed), data, seed=seed, threads=threads, **told)


def train(name, seed, out, runs, threads):
    """Trains a run to its end in a few parts, of which it keeps the times, and measures it there."""
    store, path = Store(out), runs / f"{name}-{seed}.npz"
    run = ng.Training.load(path, data_of(name), threads=threads) if path.exists() else training(name, seed, threads)
    steps = models.BY_NAME[name].for_rows(len(data_of(name))).steps
    for part in range(1, PARTS + 1):
        if run.step < (goal := steps * part // PARTS):
            began, cpu = time.perf_counter(), time.process_time()
            list(run.steps(goal - run.step, every=goal))
            took = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu, "threads": threads}
            run.save(path)
            store.once(f"time/{name}/{seed}/{part}", lambda took=took: took)
    return measured(run)


def measured(run):
    """What `numgan evaluate` says of the digits in its samples."""
    digits = ng.data.load("digits")
    sets, found = Sets(digits, digits_of(run.sample(SAMPLES)), unseen("digits", digits)), {}
    for name, measure in measures(sets):
        if name in MEASURED:
            found |= {key: value for key, value in measure().items() if key not in ("training_rows", "test_rows")}
    return found | {"least_class": min(found.pop("class_histogram"))}


def digits_of(rows):
    """The first 28 × 28 pixels of each row: all of it, but for pairs."""
    return rows[:, : SIDE**2]


def about(name):
    """Numbers of a model that no run is needed for; where it grows, at its full size."""
    run = training(name, 0)
    run.step = models.BY_NAME[name].steps
    set_step((run.G, run.D, run.view), run.step)
    return {"parameters": [run.G.size, run.D.size], "operations": operations(run)}


PAGE = """# The family

From the GAN of 2014 to StyleGAN, each in a file of at most 200 lines, on the 5,000 digits that come with the package.

{table}

The Fréchet distance is in the features of the package's classifier, of 2,000 samples against 2,000 digits that were
held out; training digits in their place get {floor:.1f}. Least class: the share of the rarest digit, as the classifier
reads the samples; it would be some 9 % in data. Operations are those of all matrix products in one update of both
players, forward and backward, penalties with them; of `progan` at its full size, where it is for the last fifth of its
steps. Processor: seconds of one core for the whole run. `cogan` sees half of the digits, and the edges of the others.

![Samples of each](family.png)

## What changed

Kinds of layers and settings that differ from those of the line before, read off the models by
`numgan.models.lineage.changes`.

{changed}
"""


def report(kept):
    floor = next(found["frechet_floor"] for key, found in kept.items() if key.startswith("measured/"))
    return PAGE.format(table="\n".join(table(kept)), floor=floor, changed="\n".join(changed()))


def table(kept):
    keys = ("frechet", "precision", "recall", "coverage")
    yield f"| model | parameters of G, of D | operations of a step | processor | {' | '.join(keys)} | least class |"
    yield f"|---|---:|---:|---:|{'---:|' * len(keys)}---:|"
    for name in NAMES:
        found = [kept[f"measured/{name}/{seed}"] for seed in SEEDS if f"measured/{name}/{seed}" in kept]
        if found:
            size, cells = kept[f"about/{name}"], [", ".join(f"{one[key]:.3g}" for one in found) for key in keys]
            cpu = np.mean([took for seed in SEEDS if (took := seconds(kept, name, seed))])
            own = f"{size['parameters'][0]:,}, {size['parameters'][1]:,} | {size['operations'] / 1e9:.2g} · 10⁹"
            least = ", ".join(f"{100 * one['least_class']:.1f} %" for one in found)
            yield f"| `{name}` | {own} | {cpu:.0f} s | {' | '.join(cells)} | {least} |"


def seconds(kept, name, seed):
    return sum(found["cpu"] for key, found in kept.items() if key.startswith(f"time/{name}/{seed}/"))


def changed(settings=None):
    """A table: of each model of the line, what it has that the one before has not. settings: which; None is all."""
    yield "| | year | G | D | settings |"
    yield "|---|---|---|---|---|"
    for old, new in pairwise(LINE):
        found = changes(*((models.BY_NAME[name], data_of(name)) for name in (old, new)))
        told = [f"{key} {after}" for key, (_, after) in found.settings.items() if settings is None or key in settings]
        yield f"| `{new}` | {YEARS[new]} | {came_and_went(found.G)} | {came_and_went(found.D)} | {'; '.join(told)} |"


def came_and_went(kinds):
    """+ the kinds of layers that came, − those that went."""
    return " ".join(f"{sign} {', '.join(names)}" for sign, names in zip("+−", kinds, strict=True) if names)


def picture(runs, seed=0, columns=6):
    figure = Figure(figsize=(12, 2.25), layout="constrained")
    for ax, name in zip(figure.subplots(1, len(NAMES)), NAMES, strict=True):
        ax.axis("off")
        path = runs / f"{name}-{seed}.npz"
        if path.exists():
            x = digits_of(ng.run.state.Checkpoint(path).sample(columns**2))
            plots._show(ax, plots._mosaic(x, (SIDE, SIDE), columns))
            ax.set_title(f"{name}, {YEARS.get(name, 'today')}", fontsize=10)
    return figure


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.family", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["train", "picture"])
    parser.add_argument("models", nargs="*", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[*SEEDS])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs/family"), help="where checkpoints lie")
    parser.add_argument("--out", type=Path, default=RESULTS / "family.jsonl", help="figures; the picture lies beside")
    add_engines(parser)
    options = parser.parse_args()
    store = Store(options.out)
    options.runs.mkdir(parents=True, exist_ok=True)
    if options.what == "train":
        runs = product(options.models or NAMES, options.seeds)
        how = options.out.absolute(), options.runs.absolute(), options.threads
        jobs = {f"measured/{name}/{seed}": partial(train, name, seed, *how) for name, seed in runs}
        store.all(jobs, **engines(options))
    elif options.what == "picture":
        picture(options.runs).savefig(options.out.with_suffix(".png"), dpi=80)
    else:
        for name in NAMES:
            store.once(f"about/{name}", partial(about, name))
        print(report(store.read()))


if __name__ == "__main__":
    main()
