"""Measures of samples x_g against data x, or against modes that are known. Arrays (n, d) on the host; higher is
better for coverage, precision, recall and density, 0 is best for divergences.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from numgan.backend import host_numbers
from numgan.errors import InputError, check_number, check_whole

ROWS = 1024  # of a block of distances, so that 10,000 × 10,000 need not stand in memory


class ModeCoverage(NamedTuple):
    """How samples are spread over known modes."""

    modes: int  # with at least one sample of high quality
    quality: float  # the fraction of samples of high quality
    reverse_kl: float  # KL(q ‖ uniform), q the fractions of all samples by nearest mode; log(modes) if all at one


def mode_coverage(x_g: np.ndarray, centres: np.ndarray, std: float) -> ModeCoverage:
    """x_g against N(centres[c], std² I) with equal weights.

    A sample is of high quality within 3 std of the nearest centre. Srivastava et al. 2017 (VEEGAN), §5; the divergence
    over modes: Lin et al. 2018 (PacGAN), §4.
    """
    x_g, centres = _pair(x_g, centres)
    std = check_number("std, the width that the modes share,", std, "(0, inf)")
    d2 = _squared_distances(x_g, centres)
    nearest = d2.argmin(axis=1)
    good = d2.min(axis=1) < (3 * std) ** 2
    q = np.bincount(nearest, minlength=len(centres)) / len(x_g)
    return ModeCoverage(len(np.unique(nearest[good])), float(good.mean()), _kl(q, np.full(len(q), 1 / len(q))))


class PrecisionRecall(NamedTuple):
    precision: float  # the fraction of samples inside the data's balls
    recall: float  # the fraction of data inside the samples' balls


def precision_recall(x: np.ndarray, x_g: np.ndarray, k: int = 3) -> PrecisionRecall:
    """Each set is taken for the union of balls around its points that reach to their k-th neighbours.

    Kynkäänniemi et al. 2019, eqs. 1-2. Comparable only at equal numbers of rows.
    """
    x, x_g = _pair(x, x_g)
    return PrecisionRecall(*(float((_balls(a, b, k) > 0).mean()) for a, b in ((x, x_g), (x_g, x))))


class DensityCoverage(NamedTuple):
    density: float  # in how many of the data's balls a sample lies, over k; can exceed 1
    coverage: float  # the fraction of data whose ball holds a sample


def density_coverage(x: np.ndarray, x_g: np.ndarray, k: int = 5) -> DensityCoverage:
    """Naeem et al. 2020, eqs. 3-4. Two samples of one distribution give 1 and 1 − 2⁻ᵏ in expectation."""
    x, x_g = _pair(x, x_g)
    inside = _balls(x, x_g, k)
    reached = np.concatenate([d2.min(axis=1) for d2 in distance_blocks(x, x_g)])
    return DensityCoverage(float(inside.mean() / k), float((reached <= _radii2(x, k)).mean()))


class Divergences(NamedTuple):
    kl: float  # KL(data ‖ samples), in nats
    js: float  # 0 … log 2


def grid_divergences(x: np.ndarray, x_g: np.ndarray, bins: int = 30) -> Divergences:
    """KL and JS of histograms over one grid of bins^d cells around the data, for d ≤ 2; a set against itself gives 0.

    What falls outside counts in the outermost cells. In KL, each set gets one more row spread over all cells, or a
    single cell without samples would make it infinite. Both depend on bins and on the numbers of rows.
    """
    x, x_g = _pair(x, x_g)
    check_whole("bins", bins, 1)
    if x.shape[1] > 2:
        raise InputError(f"a grid serves in 1 or 2 dimensions, these rows have {x.shape[1]}")
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.1 * (high - low) + 1e-9
    edges = [np.linspace(*span, bins + 1) for span in zip(low - margin, high + margin, strict=True)]
    p, q = (np.histogramdd(rows.clip(low - margin, high + margin), edges)[0].ravel() for rows in (x, x_g))
    smooth_p, smooth_q = ((count + 1 / len(count)) / (count.sum() + 1) for count in (p, q))
    p, q = p / p.sum(), q / q.sum()
    return Divergences(_kl(smooth_p, smooth_q), (_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2)) / 2)


def _kl(p: np.ndarray, q: np.ndarray) -> float:
    """Σ p log(p/q); cells where p is 0 add nothing."""
    held = p > 0
    return float((p[held] * np.log(p[held] / q[held])).sum())


def _balls(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """For each row of y, in how many of the balls of x it lies. (len(y),)"""
    radii2 = _radii2(x, k)
    return np.concatenate([(d2 <= radii2).sum(axis=1) for d2 in distance_blocks(y, x)])


def _radii2(x: np.ndarray, k: int) -> np.ndarray:
    """The squared distance of each row of x to its k-th nearest other row."""
    check_whole("k", k, 1)
    if len(x) <= k:
        raise InputError(f"k is {k}, but there are only {len(x)} rows: use more rows, or a smaller k")
    # The nearest of all, number 0, is the row itself.
    return np.concatenate([np.partition(d2, k, axis=1)[:, k] for d2 in distance_blocks(x, x)])


def distance_blocks(a: np.ndarray, b: np.ndarray) -> Iterator[np.ndarray]:
    """The squared distances of a's rows, ROWS at a time, to all of b's: (ROWS, len(b))."""
    a, b = _pair(a, b)
    for i in range(0, len(a), ROWS):
        yield _squared_distances(a[i : i + ROWS], b)


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """‖aᵢ − bⱼ‖² (len(a), len(b)): by differences in few dimensions, where it is exact, else by one product."""
    if a.shape[1] <= 3:
        return ((a[:, None, :] - b) ** 2).sum(axis=2)
    d2 = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    return np.maximum(d2, 0)


def _pair(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of rows of one width, in float64."""
    x, y = host_numbers("a set of rows", x), host_numbers("a set of rows", y)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or not x.size or not y.size:
        raise InputError(f"expected two sets of rows of one width, got {x.shape} and {y.shape}")
    return x, y
