"""Whether the random numbers that a device draws are what a run takes them for. No other backend has the same ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import ModuleType

import numpy as np

from numgan.backend import Array, asnumpy, random_generator
from numgan.run.streams import KINDS, Minibatches, Noise

ROWS, BATCH, N_Z = 5000, 64, 32
FAR = 5.0  # standard errors: of right numbers, one figure in 1.7 million is so far off


def drawn(xp: ModuleType) -> Iterator[tuple[str, bool]]:
    """What was looked at, with its figures, and whether it is as it should be."""
    yield "an epoch's order is a permutation of the rows", is_permutation(epoch(xp, 0))
    yield "another epoch has another order", not np.array_equal(epoch(xp, 0), epoch(xp, 1))
    for kind in KINDS:
        z, again, other = (asnumpy(Noise(kind, BATCH, N_Z, "float32", seed, xp)(7)) for seed in (0, 0, 1))
        yield f"{kind} noise of a seed is the same again", np.array_equal(z, again)
        yield f"{kind} noise of another seed is other noise", not np.array_equal(z, other)
        yield moments(f"{kind} noise", noise(xp, kind), 0, 1, 3.0 if kind == "normal" else 1.8)
    rng = random_generator(xp, 3)
    yield moments("numbers for masks", rng.random(100_000, dtype=np.float32), 1 / 2, 1 / 12, 1.8)
    whole = asnumpy(rng.integers(-2, 3, size=10_000))
    yield "whole numbers from -2 to 2 are these five", set(whole.tolist()) == {-2, -1, 0, 1, 2}


def epoch(xp: ModuleType, i: int) -> np.ndarray:
    """The order of all rows in epoch i."""
    minibatches = Minibatches(xp.arange(ROWS), ROWS, seed=0)
    return asnumpy(minibatches.places(i))


def is_permutation(order: np.ndarray) -> bool:
    return np.array_equal(np.sort(order), np.arange(ROWS))


def noise(xp: ModuleType, kind: str) -> Array:
    stream = Noise(kind, BATCH, N_Z, "float32", 0, xp)
    return xp.stack([stream(i) for i in range(50)])


def moments(name: str, a: Array, mean: float, var: float, kurtosis: float) -> tuple[str, bool]:
    """Mean and variance, within FAR standard errors; that of the variance follows from E (a − mean)⁴ / var²."""
    numbers = asnumpy(a).astype(float)
    found, spread = numbers.mean(), numbers.var()
    near = abs(found - mean) < FAR * math.sqrt(var / numbers.size)
    like = abs(spread - var) < FAR * var * math.sqrt((kurtosis - 1) / numbers.size)
    return f"{name}: mean {found:.4f} of {mean:.4f}, variance {spread:.4f} of {var:.4f}", bool(near and like)
