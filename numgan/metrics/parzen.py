"""The log-likelihood of held-out rows under windows around the samples, the measure of the 2014 paper's Table 1.

Breuleux, Bengio, Vincent 2011; Goodfellow et al. 2014, §5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numgan.backend import host_numbers
from numgan.errors import InputError, check_number
from numgan.metrics.rows import LARGEST, pair, squared_distances

SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())  # those of the paper's code, for pixels in [0, 1]


class Parzen(NamedTuple):
    mean: float  # log-likelihood of a test row, in nats
    se: float  # std/√n over the n test rows: the standard error for these samples, not for another run
    sigma: float  # the width that the validation rows chose


def parzen(x_g: np.ndarray, x_valid: np.ndarray, x_test: np.ndarray, sigmas: Sequence[float] = SIGMAS) -> Parzen:
    """`log_likelihoods` of x_test, with that σ of `sigmas` under which those of x_valid have the highest mean.

    The paper takes 10,000 samples and pixels in [0, 1]; scores compare only at equal numbers of samples. A score above
    that of as many real training rows is no sign of a better model, since blur is rewarded: the mean of a few similar
    images is mostly nearer to a test image than each of them is.
    """
    sigma = _widths(sigmas)[int(_by_width(x_g, x_valid, sigmas).mean(axis=1).argmax())]
    scores = log_likelihoods(x_g, x_test, sigma)
    return Parzen(float(scores.mean()), float(scores.std() / math.sqrt(len(scores))), sigma)


def log_likelihoods(x_g: np.ndarray, x: np.ndarray, sigma: float) -> np.ndarray:
    """log 1/n Σⱼ N(x; x_gⱼ, σ² I) for each row of x (m, d), in nats: (m,). The samples x_g are (n, d)."""
    return _by_width(x_g, x, [sigma])[0]


def _by_width(x_g: np.ndarray, x: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """(len(sigmas), len(x)): the distances, which are most of the work, do not depend on σ."""
    x_g, x = pair(x_g, x, largest=LARGEST)
    widths = _widths(sigmas)
    x -= (centre := x_g.mean(axis=0))  # far from 0, the distances would lose digits
    x_g -= centre
    found = [[_log_mean(d2, sigma) for sigma in widths] for d2 in squared_distances(x, x_g)]
    normaliser = x.shape[1] * np.log(np.sqrt(2 * np.pi) * np.array(widths))
    return np.concatenate(found, axis=1) - normaliser[:, None]


def _log_mean(d2: np.ndarray, sigma: float) -> np.ndarray:
    """log of the mean over j of exp(−d²ᵢⱼ/2σ²): (len(d2),). The largest term is taken out, or all could be 0."""
    nearest = d2.min(axis=1)
    a = d2 - nearest[:, None]
    a *= -0.5 / sigma**2
    return np.log(np.exp(a, out=a).mean(axis=1)) - nearest / (2 * sigma**2)


def _widths(sigmas: Sequence[float]) -> list[float]:
    widths = host_numbers("sigmas", sigmas)
    if widths.ndim != 1 or not widths.size:
        raise InputError(f"sigmas must be a list of widths, got {sigmas!r}: for one width, [0.2]")
    return [check_number("sigma, the width of the windows,", sigma, "[1e-100, 1e100]") for sigma in sigmas]
