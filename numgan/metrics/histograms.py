"""Divergences of two sets of rows that are counted into one grid of cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from numgan.errors import InputError, check_whole
from numgan.metrics.rows import pair


class Divergences(NamedTuple):
    kl: float  # KL(data ‖ samples), in nats
    js: float  # 0 … log 2


def grid_divergences(x: np.ndarray, x_g: np.ndarray, bins: int = 30) -> Divergences:
    """KL and JS of histograms over one grid of bins^d cells around the data, for d ≤ 2; a set against itself gives 0.

    What falls outside counts in the outermost cells. In KL, each set gets one more row spread over all cells, or a
    single cell without samples would make it infinite. Both depend on bins and on the numbers of rows.
    """
    x, x_g = pair(x, x_g)
    check_whole("bins", bins, 1)
    if x.shape[1] > 2:
        raise InputError(f"a grid serves in 1 or 2 dimensions, these rows have {x.shape[1]}")
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.1 * (high - low) + 1e-9
    edges = [np.linspace(*span, bins + 1) for span in zip(low - margin, high + margin, strict=True)]
    p, q = (np.histogramdd(rows.clip(low - margin, high + margin), edges)[0].ravel() for rows in (x, x_g))
    smooth_p, smooth_q = ((count + 1 / len(count)) / (count.sum() + 1) for count in (p, q))
    p, q = p / p.sum(), q / q.sum()
    return Divergences(kl(smooth_p, smooth_q), (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2)


def kl(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p ‖ q) = Σ p log(p/q) in nats; cells where p is 0 add nothing."""
    held = p > 0
    return float((p[held] * np.log(p[held] / q[held])).sum())
