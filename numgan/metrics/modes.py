"""Samples against the modes of a mixture that is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from numgan.errors import check_number
from numgan.metrics.histograms import kl
from numgan.metrics.rows import pair, squared_distances


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
    x_g, centres = pair(x_g, centres)
    std = check_number("std, the width that the modes share,", std, "(0, inf)")
    d2 = np.concatenate(list(squared_distances(x_g, centres)))
    nearest = d2.argmin(axis=1)
    good = d2.min(axis=1) < (3 * std) ** 2
    q = np.bincount(nearest, minlength=len(centres)) / len(x_g)
    return ModeCoverage(len(np.unique(nearest[good])), float(good.mean()), kl(q, np.full(len(q), 1 / len(q))))
