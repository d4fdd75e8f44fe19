"""The kernel distance of two sets of features: an estimate that is right in expectation at any number of rows."""

from __future__ import annotations

import numpy as np

from numgan.metrics.rows import LARGEST, blocks, pair


def kid(f: np.ndarray, f_g: np.ndarray) -> float:
    """MMD² of two sets of rows under the kernel k(a, b) = (aᵀb/d + 1)³, unbiased: mean k(f, f′) + mean k(f_g, f_g′) − 2
    mean k(f, f_g), where no row meets itself. 0 in expectation for one distribution, and so at times below 0.

    Bińkowski et al. 2018 (the kernel inception distance, there on Inception's features); the estimate: Gretton et
    al. 2012, eq. 3.
    """
    f, f_g = pair(f, f_g, least=2, largest=LARGEST)
    return _mean_of_others(f) + _mean_of_others(f_g) - 2 * _sum(f, f_g) / (len(f) * len(f_g))


def _mean_of_others(f: np.ndarray) -> float:
    """The mean of k over all pairs of two different rows."""
    n, d = f.shape
    with_itself = _kernel((f * f).sum(axis=1), d).sum()
    return float((_sum(f, f) - with_itself) / (n * (n - 1)))


def _sum(a: np.ndarray, b: np.ndarray) -> float:
    return float(sum(_kernel(rows @ b.T, b.shape[1]).sum() for rows in blocks(a, len(b))))


def _kernel(products: np.ndarray, d: int) -> np.ndarray:
    k = products / d + 1
    return k * k * k  # a power of 3 would take ten times as long
