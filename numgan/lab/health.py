"""What a run is doing, in a word, from a few cheap signals. Thresholds: fixed on seeds 0 to 7 of the gallery."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from numgan import metrics
from numgan.backend import array_module, asnumpy, random_generator
from numgan.gan import seen
from numgan.lab.pull import pull
from numgan.layers.base import rows_of
from numgan.run.streams import OBSERVATION
from numgan.training import Training

ROWS = 512  # of data and of samples
MOST_ROWS = 10_000  # to be near to, in the memorisation test

WILD = 200.0  # of pull
FAINT = 0.005  # of pull
FAR = 1.0  # of fit
SURE, BLIND = 0.9, 0.05  # of accuracy
COPIED = 0.5  # of copies
UNLIKELY = 0.01  # of p_copied
UNEVEN = 0.3  # of reverse_kl
MISSED = 0.25  # of fit, and of gap beyond fit
_SEVERAL = "let D see several rows at once (Pack, MinibatchStd)"


class Signals(NamedTuple):
    """Distances are on a scale where 0 is as near as data rows lie to each other, and 1 is the mean distance of two.

    d(a, b) is the mean distance of rows of a to the nearest of b, other than itself; distances are shown as
    (d − d(x, x)) / (mean ‖x − x'‖ − d(x, x)).
    """

    fit: float  # nearness of samples to data: large where samples look like nothing in the data
    gap: float  # nearness of data to samples: large where parts of the data are missed
    copies: float  # d(samples, data) / d(data, data): far below 1 where samples repeat rows of the data
    accuracy: float  # how often D's logit of a data row is above that of a sample
    pull: float  # mean ‖∂L_G/∂x_g‖ of a sample, times the standard deviation of the data: what reaches G
    reverse_kl: float | None = None  # over the modes, where those are known
    p_copied: float = 1.0  # of `metrics.memorisation`: small where samples copy; 1 where no rows were held out


class Health(NamedTuple):
    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}" if self.why else self.name


def health(run: Training) -> Health:
    """What the run is doing now, in a word and a reason. Leaves it as it was."""
    if len(run.data) < 2:
        return Health("too few rows", "with one row of data there is no distance between rows to judge by")
    return diagnose(observe(run))


def observe(run: Training, seed: int = 0) -> Signals:
    """The signals of a run on two rows of data or more. Leaves it as it was."""
    xp, batches = array_module(run.G.theta), max(min(ROWS, len(run.data)) // run.batch, 1)
    x, z = run.fixed_batch(batches * run.batch, seed)
    rng_g, rng_x, rng_xg = (random_generator(xp, seed, OBSERVATION, i) for i in range(3))
    x_g = run.G.forward(z, train=True, rng=rng_g)[0]
    a_x = run.D.forward(x, train=True, rng=rng_x)[0]
    a_g, wanted = pull(run.D, seen(run.D, x_g, z), run.loss, rng_xg)
    x, x_g, a_x, a_g, wanted = (asnumpy(rows_of(a)).astype(float) for a in (x, x_g, a_x, a_g, wanted))
    if not np.isfinite(x_g).all():
        return Signals(*[math.nan] * 5)
    among, apart = _nearest(x, x, 1), _mean_distance(x)
    near, far = _nearest(x_g, x, 0), _nearest(x, x_g, 0)
    centres, std = run.data.centres, run.data.std
    kl = None if centres is None or std is None else metrics.mode_coverage(x_g, centres, std).reverse_kl
    unit = (apart - among) or 1.0  # 0 where all rows of the data are the same
    return Signals(
        (near - among) / unit,
        (far - among) / unit,
        near / among if among else 1.0,
        float((a_x > a_g.T).mean()),
        float(np.linalg.norm(wanted, axis=1).mean() * x.std(axis=0).mean()),
        kl,
        _copied(run, x_g),
    )


def _copied(run: Training, x_g: np.ndarray) -> float:
    """p of the memorisation test, on MOST_ROWS of the training rows at most."""
    if run.data.held_out is None:
        return 1.0
    x = run.data.x
    if len(x) > MOST_ROWS:
        x = x[np.random.default_rng(0).permutation(len(x))[:MOST_ROWS]]
    return metrics.memorisation(x, run.data.held_out, x_g, run.data.image_shape).p_value


def _nearest(a: np.ndarray, b: np.ndarray, skip: int) -> float:
    """The mean distance of rows of a to the nearest of b, after `skip` of them."""
    d2 = np.concatenate(list(metrics.distance_blocks(a, b)))
    return float(np.sqrt(np.partition(d2, skip, axis=1)[:, skip]).mean())


def _mean_distance(x: np.ndarray) -> float:
    return float(np.sqrt(np.concatenate(list(metrics.distance_blocks(x, x)))).mean())


def diagnose(s: Signals) -> Health:
    """The name of what these signals show, the gravest first."""
    if not all(math.isfinite(v) for v in s if v is not None) or s.pull > WILD:
        return Health("diverging", f"a pull of {s.pull:.2g} on each sample: bound the slope of D, or lower both rates")
    if (s.fit > FAR and s.pull < FAINT) or (s.fit > MISSED and s.accuracy < BLIND):
        return _stuck(s)
    if s.copies < COPIED:
        return Health("memorising", f"samples lie {s.copies:.2f} times as far from data rows as these from each other")
    if s.p_copied < UNLIKELY:
        return Health("memorising", f"samples lie nearer to rows it was trained on than to others (p {s.p_copied:.3f})")
    if s.reverse_kl is not None and s.reverse_kl > UNEVEN:
        return Health("mode collapse", f"reverse KL over the modes {s.reverse_kl:.2f}: {_SEVERAL}")
    if s.reverse_kl is None and s.gap - max(s.fit, 0) > MISSED:
        return Health("mode collapse", f"parts of the data have no samples near ({s.gap:.2f}): {_SEVERAL}")
    return Health("healthy", "samples are on their way" if s.fit > MISSED else "")


def _stuck(s: Signals) -> Health:
    """Samples are far off, and nothing pulls them home: D is sure, or D is blind."""
    if s.accuracy > SURE:
        return Health("vanishing gradient", "D wins, and is too sure to teach G: try the non-saturating loss")
    return Health("D learns nothing", f"it puts data above samples {s.accuracy:.0%} of the time: raise its rate")
