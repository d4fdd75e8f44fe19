"""Quality and spread of samples by nearest neighbours: each set is taken for the union of balls around its rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from numgan.backend import host_array
from numgan.errors import InputError, check_whole
from numgan.metrics.rows import blocks, nearest_places, pair, squared_distances

PIECE = 4096  # rows to be near to, at a time


class PrecisionRecall(NamedTuple):
    precision: float  # the fraction of samples inside the data's balls
    recall: float  # the fraction of data inside the samples' balls


def precision_recall(x: np.ndarray, x_g: np.ndarray, k: int = 3) -> PrecisionRecall:
    """Each set is taken for the union of balls around its points that reach to their k-th neighbours.

    Kynkäänniemi et al. 2019, eqs. 1-2. Comparable only at equal numbers of rows.
    """
    x, x_g = pair(x, x_g)
    radii2, radii2_g = _radii2(x, k), _radii2(x_g, k)
    precise, recalled = [], np.zeros(len(x), dtype=bool)
    for d2, of_block in zip(squared_distances(x_g, x), blocks(radii2_g, len(x)), strict=True):
        precise.append((d2 <= radii2).any(axis=1))
        recalled |= (d2 <= of_block[:, None]).any(axis=0)
    return PrecisionRecall(float(np.concatenate(precise).mean()), float(recalled.mean()))


class DensityCoverage(NamedTuple):
    density: float  # in how many of the data's balls a sample lies, over k; can exceed 1
    coverage: float  # the fraction of data whose ball holds a sample


def density_coverage(x: np.ndarray, x_g: np.ndarray, k: int = 5) -> DensityCoverage:
    """Naeem et al. 2020. Two samples of one distribution, equally many rows each, give 1 and, where these are many,
    1 − 2⁻ᵏ in expectation.
    """
    x, x_g = pair(x, x_g)
    radii2 = _radii2(x, k)
    inside, reached = 0, np.full(len(x), np.inf)
    for d2 in squared_distances(x_g, x):
        inside += int((d2 <= radii2).sum())
        np.minimum(reached, d2.min(axis=0), out=reached)
    return DensityCoverage(inside / len(x_g) / k, float((reached <= radii2).mean()))


def nearest(x_g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """To each row of x_g (n, d), the nearest row of x (m, d): (n, d). x is looked at in pieces, however long it is."""
    x_g, x = host_array("x_g", x_g), host_array("x", x)
    if x_g.ndim != 2 or x.ndim != 2 or not x.size:
        raise InputError(f"expected two sets of rows of one width, got {x_g.shape} and {x.shape}")
    _, places = nearest_places(x_g, (x[i : i + PIECE] for i in range(0, len(x), PIECE)))
    return x[places[:, 0]]


def _radii2(x: np.ndarray, k: int) -> np.ndarray:
    """The squared distance of each row of x to its k-th nearest other row."""
    check_whole("k", k, 1)
    if len(x) <= k:
        raise InputError(f"k is {k}, but there are only {len(x)} rows: use more rows, or a smaller k")
    radii2 = []
    for d2 in squared_distances(x, x):
        d2.partition(k, axis=1)
        radii2.append(d2[:, k].copy())  # the nearest of all, number 0, is the row itself; a view would keep the block
    return np.concatenate(radii2)
