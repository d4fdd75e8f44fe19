"""Minibatches and noise as functions of a position, so that a run resumes exactly from a step count alone.

A stream keeps no generator whose state would have to be saved (CuPy's cannot be): block i is drawn by a fresh
generator seeded with (seed, purpose, i). What a stream holds is a cache of the last block it drew.

Everything is drawn where it is used, so on a device no noise and no index crosses the bus. The numbers of a seed differ
between backends: a run repeats bit for bit on the backend it began on, and goes on with other noise on another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import numpy as np
from numpy.typing import DTypeLike

from numgan.backend import Array, RandomGenerator, array_module, random_generator
from numgan.errors import lookup

BLOCK = 16  # batches of noise per block

# The purpose of a stream is part of its key, so that no two draw the same numbers. New ones go to the end: the order
# fixes what a seed draws.
EPOCH, NOISE, LAYERS, SAMPLE, CALIBRATION, OBSERVATION = range(6)


class Minibatches:
    """Batch i of rows of x (n, …), without replacement within an epoch; the n mod batch rows left over wait for the
    next one."""

    def __init__(self, x: Array, batch: int, seed: int) -> None:
        self.x, self.batch, self.seed = x, batch, seed
        self.per_epoch = len(x) // batch
        self._epoch, self._order = -1, x[:0]

    def __call__(self, i: int) -> Array:
        epoch, j = divmod(i, self.per_epoch)
        if epoch != self._epoch:
            # Sorting random keys gives a permutation on every backend; CuPy's generators have none of their own.
            # The keys are float64 whatever the run is in: of float32 there are so few that rows would tie.
            xp = array_module(self.x)
            keys = random_generator(xp, self.seed, EPOCH, epoch).random(len(self.x), dtype=np.float64)
            self._epoch, self._order = epoch, xp.argsort(keys)
        return self.x.take(self._order[j * self.batch : (j + 1) * self.batch], axis=0)


class Noise:
    """Batch i of noise, (batch, n_z), each drawn once in a run; and fixed noise, the same whenever it is asked for."""

    def __init__(self, kind: str, batch: int, n_z: int, dtype: DTypeLike, seed: int, xp: ModuleType) -> None:
        self._draw, self.batch, self.n_z, self.dtype, self.seed = draw(kind), batch, n_z, dtype, seed
        self._index, self._block = -1, xp.empty(0, dtype=dtype)

    def __call__(self, i: int) -> Array:
        index, j = divmod(i, BLOCK)
        if index != self._index:
            rng = random_generator(array_module(self._block), self.seed, NOISE, index)
            self._index, self._block = index, self._draw(rng, (BLOCK, self.batch, self.n_z), self.dtype)
        return self._block[j]

    def fixed(self, n: int, seed: int = 0, purpose: int = SAMPLE) -> Array:
        """(n, n_z): what samples of a seed, or statistics for evaluation, are made from. Advances nothing."""
        rng = random_generator(array_module(self._block), self.seed, purpose, seed)
        return self._draw(rng, (n, self.n_z), self.dtype)


Draw = Callable[[RandomGenerator, tuple[int, ...], DTypeLike], Array]


def draw(kind: str) -> Draw:
    """Noise of mean 0 and variance 1: "normal", or "uniform" on (−√3, √3) as in the 2014 paper's code."""
    return lookup("noise", kind, KINDS)


def _normal(rng: RandomGenerator, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    return rng.standard_normal(shape, dtype=dtype)


def _uniform(rng: RandomGenerator, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    z = rng.random(shape, dtype=dtype)
    z -= 0.5
    z *= 2 * math.sqrt(3)
    return z


KINDS: dict[str, Draw] = {"normal": _normal, "uniform": _uniform}
