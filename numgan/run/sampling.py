"""Samples of a generator, the same for a run that stands in memory and for its checkpoint."""

from __future__ import annotations

import numpy as np

from numgan.backend import asnumpy
from numgan.data import restore
from numgan.data.base import Range
from numgan.errors import DivergedError, check_whole
from numgan.layers.base import Player
from numgan.run.streams import Noise


def sample(G: Player, noise: Noise, n: int, seed: int, range: Range | None) -> np.ndarray:
    """n samples (n, n_x) on the host in evaluation mode, from the fixed noise of a seed: images in [0, 1].

    DivergedError where one is not finite.
    """
    check_whole("n", n, 1)
    check_whole("seed", seed, 0)
    with np.errstate(all="ignore"):  # what overflows is not finite, and named below
        x = asnumpy(G(noise.fixed(n, seed)))
    if not np.isfinite(x).all():
        raise DivergedError("G makes samples that are not finite; go on from an earlier checkpoint")
    return restore(x, range)
