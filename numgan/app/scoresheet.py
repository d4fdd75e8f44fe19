"""What `numgan evaluate` prints of its measures, and what its picture shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from numgan import plots
from numgan.metrics import nearest
from numgan.metrics.memorisation import ALLOWED

if TYPE_CHECKING:
    from numgan.app.scores import Sets
    from numgan.plots import Figure

WIDTH = 46  # of the column of names
SHOWN_IMAGES, SHOWN_POINTS = 40, 2000
ROWS = (  # of the table: a key of evaluation.json, what it is called, how it is printed, and how many times as large
    ("parzen", "Parzen log-likelihood, nats", "{:.1f}", 1),
    ("precision", "precision: share of samples near real rows", "{:.3f}", 1),
    ("recall", "recall: share of real rows near samples", "{:.3f}", 1),
    ("density", "density", "{:.3f}", 1),
    ("coverage", "coverage", "{:.3f}", 1),
    ("kid", "kernel distance (KID, of our features) × 1000", "{:.2f}", 1000),
    ("frechet", "Fréchet distance (of our features)", "{:.3f}", 1),
    ("modes", "modes found", "{:.0f}", 1),
    ("quality", "share of samples of high quality", "{:.3f}", 1),
    ("agreement", "pixel agreement of pairs, grey", "{:.3f}", 1),
    ("agreement_binary", "pixel agreement of pairs, black or white", "{:.3f}", 1),
    ("reverse_kl", "reverse KL over the modes", "{:.3f}", 1),
)


def lines(found: dict[str, Any], sets: Sets) -> list[str]:
    """The table, and what is to be said of it. found: the values of evaluation.json."""
    of = f"step {found['step']}: {found['samples']} samples, seed {found['seed']}"
    beside = f"{of}, compared with {found['compared_with']} ({found['rows_of_each_set']} rows of each)"
    notes = (*_parzen(found), *_memorisation(found, sets), *_classes(found), *_features(found), *_left_out(found, sets))
    return [beside, "", *_table(found, beside_training=sets.unseen is not None), "", *notes]


def _table(found: dict[str, Any], beside_training: bool) -> Iterator[str]:
    """Each measure of the samples, and of training rows in their place, which are real: not where they are also what
    the samples are compared with, since a set is perfect beside itself."""
    real = dict(found["training_rows"])
    if "calibration" in found:
        real["parzen"] = found["calibration"]["real training rows"]["mean"]
    yield f"{'':{WIDTH}}{'samples':>10}" + f"{'training rows':>16}" * beside_training
    for key, name, how, times in ROWS:
        if found.get(key) is not None:
            of_training = f"{how.format(times * real[key]):>16}" if beside_training else ""
            yield f"{name:<{WIDTH}}{how.format(times * found[key]):>10}{of_training}"


def _parzen(found: dict[str, Any]) -> Iterator[str]:
    if found["parzen"] is not None:
        rows = found["calibration"]["real training rows"]["rows"]
        others = ", ".join(f"{name} {score['mean']:.1f}" for name, score in [*found["calibration"].items()][1:])
        yield f"Parzen: ± {found['parzen_se']:.1f} over the test rows, windows of σ {found['parzen_sigma']:.3f}"
        yield f"  it can be fooled; of the same {rows} training rows: {others}"
        if rows < found["samples"]:
            yield f"  more windows score higher: {found['samples']} samples stand beside {rows} training rows"


def _memorisation(found: dict[str, Any], sets: Sets) -> Iterator[str]:
    if found["memorisation_p"] is not None and sets.unseen is not None:
        p, excess = found["memorisation_p"], found["memorisation_excess"]
        rows = min(len(sets.unseen.like_training), len(sets.data))  # of which the test takes no more
        copied = "it repeats training rows, unless the others are of another source"
        yield f"memorisation: p = {p:.3f}: " + (copied if p <= 0.05 else "no sign of it")
        yield f"  excess {excess:.2f} beside {rows} rows not trained on; up to {ALLOWED} is allowed"


def _classes(found: dict[str, Any]) -> Iterator[str]:
    """The share of each digit among samples, as the classifier reads them, and among real rows."""
    if found["class_histogram"] is not None:
        yield ""
        yield f"{'digit':<{WIDTH}}" + "".join(f"{digit:>6}" for digit in range(10))
        for name, of in (("samples, %", found), ("test rows, %", found["test_rows"])):
            yield f"{name:<{WIDTH}}" + "".join(f"{100 * share:6.1f}" for share in of["class_histogram"])


def _features(found: dict[str, Any]) -> Iterator[str]:
    """In which space it was measured what is near."""
    if found["frechet"] is not None:
        yield "precision to Fréchet distance: by features of a classifier that learned MNIST's training images;"
        yield "  Parzen and memorisation: by pixels"
    else:
        yield "all distances: between the rows as they are"


def _left_out(found: dict[str, Any], sets: Sets) -> Iterator[str]:
    """What was not measured, and why."""
    if found["frechet"] is None:
        yield "left out: KID, Fréchet distance, classes (their classifier knows the digits of MNIST alone)"
    if sets.unseen is None:
        yield "left out: Parzen, memorisation (they need rows that the run never saw; all else is beside training rows)"
        yield "  for them, begin a run with --hold-out N, or name other rows of the same source with --against"
    elif found["parzen"] is None:
        yield "left out: Parzen (its windows are for images)"


def picture(found: dict[str, Any], sets: Sets) -> Figure:
    keys = ("precision", "recall", "coverage")
    real = found["training_rows"] if sets.unseen is not None else dict.fromkeys(keys, np.nan)  # no bar beside itself
    shares = {key: (found[key], real[key]) for key in keys}
    calibration = found.get("calibration", {})
    scores = {"samples": found["parzen"]} | {name: score["mean"] for name, score in calibration.items()}
    classes = found["class_histogram"] and (found["class_histogram"], found["test_rows"]["class_histogram"])
    shape = sets.data.image_shape
    x_g = sets.x_g[: SHOWN_IMAGES if shape else SHOWN_POINTS]
    x = nearest(x_g, sets.data.restore(sets.data.x)) if shape else sets.test[:SHOWN_POINTS]
    return plots.evaluation(x_g, x, shape, shares, scores if calibration else {}, classes)
