"""The paper's Table 1 on MNIST: Parzen log-likelihoods of its own recipe, with one setting changed, and of today's.

    numgan data mnist                                         # first: all of MNIST
    python -m benchmarks.table1 --runs DIR faithful           # 100 epochs of 500 updates, some 20 s each on one core
    python -m benchmarks.table1 --runs DIR alternating --epochs 20      # and the other names in VARIANTS
    python -m benchmarks.table1 --runs DIR tuned              # 5 seeds, each by two commands that anybody can type
    python -m benchmarks.table1 --runs DIR plain              # the same of plain numgan train, on 5,000 digits
    python -m benchmarks.table1 --runs DIR calibration        # what is no model, but has a score
    python -m benchmarks.table1 --runs DIR measured           # the other measures, of the faithful run
    python -m benchmarks.table1 --runs DIR picture
    python -m benchmarks.table1                               # the page, from what was kept

Every run is resumable: its checkpoint lies in DIR, its figures in results/table1.jsonl. Protocol: Goodfellow et al.
2014, §5, and the code published with it: trained on the first 50,000 images; 10,000 samples; σ of 10 widths by the
first 1,000 of the other 10,000; the mean over the 10,000 test images, ± its standard error.
"""

import argparse
import json
import subprocess
import sys
import time
from functools import cache, partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import numgan as ng
from benchmarks import RESULTS
from benchmarks.store import Store
from numgan import metrics, models, plots
from numgan.app.scores import Sets, measures
from numgan.app.unseen import unseen
from numgan.schedules import Decay

EPOCH, SAMPLES, VALIDATION, HELD_OUT = 500, 10_000, 1000, 10_000
SEEDS = range(5)
COMMANDS = {  # what follows numgan train, and numgan evaluate RUN
    "tuned": (["--data", "mnist", "--hold-out", str(HELD_OUT), "--model", "images", "--steps", "15000"], []),
    "plain": ([], ["--against", "mnist"]),
}

PAPER = [("DBN", "138 ± 2"), ("Stacked CAE", "121 ± 1.6"), ("Deep GSN", "214 ± 1.1"), ("adversarial nets", "225 ± 2")]


def rates(factor, decay=1.000004):
    """The rates of the published recipe, for G and for D, times a factor."""
    return tuple({"lr": Decay(factor * lr, decay, factor * lr * 1e-5)} for lr in (0.1, 0.05))


# name: (what is changed, settings of the optimisers for G and for D, settings of Training)
VARIANTS = {
    "faithful": ("nothing", ({}, {}), {}),
    "alternating": ("D first, then G on fresh noise and masks: Algorithm 1", ({}, {}), {"together": False}),
    "sum": ("D descends the sum of both cross-entropies, not their mean", ({}, rates(2)[1]), {}),
    "fast": ("both rates three times as high", rates(3), {}),
    "slow": ("both rates a fifth", rates(1 / 5), {}),
    "decay": ("both rates fall ten times as fast", rates(1, 1.00004), {}),
}


@cache
def mnist():
    """50,000 images to train on, with 10,000 held out; and those to test on."""
    train = ng.data.load("mnist", range=(0, 1), hold_out=HELD_OUT)
    return train, ng.data.load("mnist", range=(0, 1), split="test")


def score(x_g):
    train, test = mnist()
    return metrics.parzen(x_g, train.held_out[:VALIDATION], test.x)._asdict()


def training(variant, seed=0):
    """A new run: the model that the package calls goodfellow2014, with what the variant changes."""
    data, model = mnist()[0], models.BY_NAME["goodfellow2014"].for_rows(len(mnist()[0]))
    _, for_players, settings = VARIANTS[variant]
    how = {"batch": model.batch, "noise": model.noise, "together": True, "ema": 0.999, "threads": 1} | settings
    optimizers = model.optimizers(*for_players)
    return ng.Training(*model.networks(data, seed), data, optimizers=optimizers, seed=seed, **how)


def train(variant, epochs, store, runs, seed=0):
    """Trains a variant, with a score of its own weights and of their average at each mark."""
    name = f"{variant}, seed {seed}" if seed else variant
    path = runs / f"{name}.npz"
    run = ng.Training.load(path, mnist()[0], threads=1) if path.exists() else training(variant, seed)
    for epoch in marks(run.step // EPOCH, epochs):
        began = time.perf_counter()
        try:
            records = list(run.steps(epoch * EPOCH - run.step, every=EPOCH))
        except ng.DivergedError:
            store.add(f"diverged/{name}", {"epoch": epoch})
            return
        seconds = (time.perf_counter() - began) / max(len(records), 1)
        run.save(path)
        store.once(f"{name}/{epoch}", partial(looked_at, run, records[-1], seconds))


def marks(done, epochs):
    """The epochs at which a run is looked at: 1, 2, and every fifth."""
    return [epoch for epoch in range(done + 1, epochs + 1) if epoch in (1, 2) or epoch % 5 == 0]


def looked_at(run, record, seconds):
    own = run.data.restore(run.G(run.fixed_batch(SAMPLES)[1]))
    figures = {"own": score(own), "average": score(run.sample(SAMPLES))}
    return figures | {"D_x": record.D_x, "D_Gz": record.D_Gz, "seconds": seconds}


def by_commands(name, seed, folder):
    """numgan train and numgan evaluate, as a person would type them. A run that is there is not trained again."""
    numgan, (to_train, to_evaluate) = [sys.executable, "-m", "numgan"], COMMANDS[name]
    if not (folder / "checkpoint.npz").exists():
        subprocess.run([*numgan, "train", *to_train, "--seed", str(seed), "--out", folder], check=True)
    subprocess.run([*numgan, "evaluate", folder, *to_evaluate], check=True)
    found = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    return {key: value for key, value in found.items() if key != "calibration"}


def measured(runs):
    """What numgan evaluate would say of the faithful run, but for Parzen and memorisation."""
    run = ng.Training.load(runs / "faithful.npz", mnist()[0], threads=1)
    sets, found = Sets(run.data, run.sample(SAMPLES), unseen("mnist", run.data)), {}
    for name, measure in measures(sets):
        if name in ("precision and recall", "Fréchet distance"):
            scores = measure()
            found |= scores | {"training_rows": found.get("training_rows", {}) | scores["training_rows"]}
    return found | {"rows_of_each_set": sets.rows}


def calibration(store):
    data = mnist()[0]
    for name, rows in metrics.calibration(data.x, data.labels):
        store.once(f"calibration/{name}", partial(score, rows))


PAGE = """# The paper's Table 1

Goodfellow et al. 2014 measure their generator of digits by a Parzen window log-likelihood: a Gaussian window of width
σ around each of 10,000 samples, and the mean log-likelihood of MNIST's 10,000 test images, in nats. σ is the best of
10 widths on 1,000 other images. All rows below are of this protocol. ± is the standard error over test images; in
bold rows, over seeds.

{table}

![Samples of both recipes, five in a line; at its right end, the training image nearest to the last](table1.png)

*Samples in the layout of the paper's Figure 2: at the right end of a line, the training image nearest to the sample
on its left.*

**What took a GPU in 2014 takes a laptop minutes.** Adam with β₁ = .5, rates that ramp down, LeakyReLU, no dropout,
and the average of G's weights. One of the five runs, three minutes on one core:

```sh
numgan data mnist
numgan train --data mnist --hold-out 10000 --model images --steps 15000
numgan evaluate runs/mnist-1
```

For the plain run on 5,000 digits, σ is chosen on 1,000 of the 2,000 digits that are held out of it.

**Above real images, a score rewards blur.** 10,000 training images get {real} (another draw of 10,000: between 238
and 244). The mean of each with its four nearest neighbours gets {blurred}. A window of that width around a sharp
image reaches few test images, and a mean of similar images lies nearer to all of them. So a score near {real} says
nothing about how sharp samples are, and one above it would be no better model.

**Other measures order them otherwise.** By Parzen, the averaged recipe of 2014 is {behind:.0f} nats behind the first
row. By the Fréchet distance its samples are as near to MNIST's test images, and by precision and recall nearly as good
and as varied. All three are of samples against MNIST's test images, means over seeds, and of training images in the
place of samples, as `numgan evaluate` gives them ([lesson 15](../../notebooks/15_what_measures_measure.ipynb)
explains them):

{measures}

**The recipe of 2014, as it was.** The model `goodfellow2014` follows the published configuration: layers of 1200
ReLU, of 240 maxout units with 5 pieces, dropout in D, SGD with a momentum that rises from .5 to .7 over 250 epochs,
rates of .1 that fall by 1/1.000004 in each update. D's objective there is the *mean* of its two cross-entropies, and
both players are updated at once, from the same samples and masks (`together=True`): in Algorithm 1 they take turns.
An epoch is 500 updates, {seconds} s on one core. Own weights, and their exponential moving average (decay .999),
which the paper did not take:

{curve}

At the end it still rises, and is below the paper's 225. How many epochs the paper's run had is not published.

From epoch 10 on, the average of G's weights gets {least:.0f} to {most:.0f} nats more than its own.

**One setting changed at a time**, one run of each, seed 0. Small changes decide here: in three of these six runs D wins
early, and G learns nothing more; one diverges.

{changes}

Other seeds of the recipe, and of the same in turns (Algorithm 1):

{others}
"""


def report(kept):
    """The page."""
    late = [kept[f"faithful/{epoch}"] for epoch in names_in(kept, "faithful") if int(epoch) >= 10]
    gains = [found["average"]["mean"] - found["own"]["mean"] for found in late]
    rows = [f"| *{name}, 2014* | {value} | as published |" for name, value in PAPER]
    rows += [*of_commands(kept), *faithful_rows(kept)]
    rows += [f"| {name} | {shown(kept[f'calibration/{name}'])} | no model |" for name in names_in(kept, "calibration")]
    head = ["| 10,000 samples of | Parzen log-likelihood | |", "|---|---:|---|"]
    return PAGE.format(
        table="\n".join([*head, *rows]),
        real=f"{kept['calibration/real training rows']['mean']:.1f}",
        blurred=f"{kept['calibration/local averages']['mean']:.1f}",
        behind=np.mean([kept[f"tuned/{seed}"]["parzen"] for seed in SEEDS])
        - kept[f"faithful/{names_in(kept, 'faithful')[-1]}"]["average"]["mean"],
        measures="\n".join(other_measures(kept)),
        seconds=f"{np.median([kept[f'faithful/{name}']['seconds'] for name in names_in(kept, 'faithful')]):.0f}",
        curve="\n".join(curve(kept)),
        least=min(gains),
        most=max(gains),
        changes="\n".join(changes(kept)),
        others="\n".join(other_seeds(kept)),
    )


def names_in(kept, group):
    """What follows the group in keys such as faithful/20, numbers in rising order."""
    names = [key.partition("/")[2] for key in kept if key.partition("/")[0] == group]
    return sorted(names, key=int) if all(name.isdigit() for name in names) else names[::-1]  # read last first


def shown(found):
    return f"{found['mean']:.1f} ± {found['se']:.1f}"


def mean_and_error(values, digits=1):
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.{digits}f} ± {error:.{digits}f}"


def of_commands(kept):
    for name, (to_train, _) in COMMANDS.items():
        scores = [kept[f"{name}/{seed}"]["parzen"] for seed in names_in(kept, name)]
        command, each = " ".join(["numgan train", *to_train]), ", ".join(f"{score:.1f}" for score in scores)
        yield f"| **`{command}`** | **{mean_and_error(scores)}** | {len(scores)} seeds: {each} |"


def faithful_rows(kept):
    last = names_in(kept, "faithful")[-1]
    found = kept[f"faithful/{last}"]
    for which, name in (("own", f"the recipe of 2014, {last} epochs"), ("average", "the same, its weights averaged")):
        yield f"| {name} | {shown(found[which])} | σ {found[which]['sigma']:.3f} |"


def other_measures(kept):
    """What numgan evaluate says of both, and of training rows in their place."""
    keys = ("precision", "recall", "density", "coverage", "kid", "frechet")
    yield f"| | rows of each set | {' | '.join(keys)} |"
    yield f"|---|---:{'|---:' * len(keys)}|"
    groups = {"on 50,000 images": "tuned", "the recipe of 2014, averaged": "measured", "on 5,000 digits": "plain"}
    for title, group in groups.items():
        found = [kept[f"{group}/{name}"] for name in names_in(kept, group)]
        yield row(title, found, found[0]["rows_of_each_set"], keys)
    for title, group in (("50,000 training images", "tuned"), ("5,000 training digits", "plain")):
        first = kept[f"{group}/0"]
        yield row(f"*{title}*", [first["training_rows"]], first["rows_of_each_set"], keys)


def row(title, found, rows, keys):
    cells = [f"{np.mean([one[key] for one in found]):.3f}" for key in keys]
    return f"| {title} | {rows} | {' | '.join(cells)} |"


def curve(kept):
    yield "| epoch | own weights | averaged | D(x) | D(G(z)) |"
    yield "|---:|---:|---:|---:|---:|"
    for epoch in names_in(kept, "faithful"):
        found = kept[f"faithful/{epoch}"]
        both = f"{found['own']['mean']:.1f} | {found['average']['mean']:.1f}"
        yield f"| {epoch} | {both} | {found['D_x']:.2f} | {found['D_Gz']:.2f} |"


def changes(kept):
    """Each variant at the last epoch that all have reached, and at its own last."""
    begun, lost = [name for name in VARIANTS if names_in(kept, name)], names_in(kept, "diverged")
    last = min(int(names_in(kept, name)[-1]) for name in begun)
    yield f"| changed, after {last} epochs | own weights | averaged | D(x) | D(G(z)) |"
    yield "|---|---:|---:|---:|---:|"
    for name in begun:
        found = kept[f"{name}/{last}"]
        both = f"{found['own']['mean']:.1f} | {found['average']['mean']:.1f}"
        yield f"| {VARIANTS[name][0]} | {both} | {found['D_x']:.2f} | {found['D_Gz']:.2f} |"
    for name in [name for name in lost if name in VARIANTS]:
        yield f"| {VARIANTS[name][0]} | diverged in epoch {kept[f'diverged/{name}']['epoch']} | | | |"


def other_seeds(kept):
    """The recipe and Algorithm 1 with other first values, noise and masks."""
    yield "| | epoch | own weights | averaged | D(x) | D(G(z)) |"
    yield "|---|---:|---:|---:|---:|---:|"
    for name in sorted({key.partition("/")[0] for key in kept if ", seed " in key}, reverse=True):
        epoch = names_in(kept, name)[-1]
        found = kept[f"{name}/{epoch}"]
        both = f"{found['own']['mean']:.1f} | {found['average']['mean']:.1f}"
        yield f"| {name} | {epoch} | {both} | {found['D_x']:.2f} | {found['D_Gz']:.2f} |"


def picture(runs):
    """Samples in the layout of the paper's Figure 2, of today's recipe and of 2014's: at the right end of a line, the
    training image nearest to the sample on its left."""
    today = ng.run.state.Checkpoint(runs / "tuned-0" / "checkpoint.npz")
    paper = ng.Training.load(runs / "faithful.npz", mnist()[0], threads=1)
    figure = Figure(figsize=(9, 4.9), layout="constrained")
    titles = ("numgan train --data mnist --model images", f"the recipe of 2014, {paper.step // EPOCH} epochs")
    for ax, x_g, title in zip(figure.subplots(1, 2), (today.sample(30), paper.sample(30)), titles, strict=True):
        plots.beside_nearest(ax, x_g, metrics.nearest(x_g, mnist()[0].x), (28, 28))
        ax.set_title(title, fontsize=10)
    return figure


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table1", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=[*VARIANTS, *COMMANDS, "calibration", "measured", "picture"])
    parser.add_argument("--epochs", type=int, default=100, help="of 500 updates (100)")
    parser.add_argument("--seed", type=int, default=0, help="of a recipe of 2014 (0)")
    parser.add_argument("--runs", type=Path, default=Path("runs/table1"), help="where checkpoints lie")
    parser.add_argument("--out", type=Path, default=RESULTS / "table1.jsonl", help="results; the page lies beside it")
    options = parser.parse_args()
    store = Store(options.out)
    options.runs.mkdir(parents=True, exist_ok=True)
    if options.what in VARIANTS:
        train(options.what, options.epochs, store, options.runs, options.seed)
    elif options.what in COMMANDS:
        for seed in SEEDS:
            folder = options.runs / f"{options.what}-{seed}"
            store.once(f"{options.what}/{seed}", partial(by_commands, options.what, seed, folder))
    elif options.what == "calibration":
        calibration(store)
    elif options.what == "measured":
        store.once("measured/faithful", partial(measured, options.runs))
    elif options.what == "picture":
        picture(options.runs).savefig(options.out.with_suffix(".png"), dpi=100)
    else:
        text = report(store.read())
        options.out.with_suffix(".md").write_text(text, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main()
