"""Do the images of a pair agree? For generators of two domains, one of which is a function of the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from numgan.metrics.rows import pair


class Agreement(NamedTuple):
    grey: float  # 1 − mean |expected − found|
    binary: float  # the fraction of pixels on the same side of ½


def agreement(expected: np.ndarray, found: np.ndarray) -> Agreement:
    """The pixel agreement of images (m, n) in [0, 1], row with row: 1 where they are the same, 0 where inverted.

    expected: the first image of each pair, transformed into the second domain. Liu & Tuzel 2016 (CoGAN), section 4,
    count the pixels that have the same value, in the mean over 10,000 pairs. What counts as the same among grey values,
    they do not say: here are two answers. Score pairs that do not belong together too, such as shuffled ones: where
    most pixels are black in every image, most agree by chance.
    """
    expected, found = pair(expected, found)
    return Agreement(
        float(1 - np.abs(expected - found).mean()),
        float(((expected > 0.5) == (found > 0.5)).mean()),
    )
