"""Samples of a generator, the same for a run that stands in memory and for its checkpoint."""

from __future__ import annotations

import numpy as np

from numgan.backend import asnumpy
from numgan.data import restore
from numgan.data.base import Range
from numgan.errors import DivergedError, InputError, check_whole
from numgan.layers.base import Player
from numgan.run.streams import Noise

MOST = 10**9  # rows, more than a memory holds


def sample(G: Player, noise: Noise, n: int, seed: int, range: Range | None) -> np.ndarray:
    """n samples (n, n_x) on the host in evaluation mode, from the fixed noise of a seed: images in [0, 1].

    DivergedError where one is not finite.
    """
    if check_whole("n", n, 1) > MOST:
        raise InputError(f"n is {n}, expected {MOST} or fewer: ask for fewer at a time")
    check_whole("seed", seed, 0)
    try:
        with np.errstate(all="ignore"):  # a value that is not finite is named below
            x_g = asnumpy(G(noise.fixed(n, seed)))
    except MemoryError as error:
        raise InputError(f"{n} samples do not fit into memory: ask for fewer at a time") from error
    if not np.isfinite(x_g).all():
        raise DivergedError("G's samples hold values that are not finite; try a lower learning rate, or another loss")
    return restore(x_g, range)
