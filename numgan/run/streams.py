"""Minibatches and noise as functions of a position, so that a run resumes exactly from a step count alone.

A stream keeps no generator whose state would have to be saved (CuPy's cannot be): block i is drawn by a fresh
generator seeded with (seed, purpose, i). What a stream holds is a cache of the last block it drew.

Everything is drawn where it is used, so on a device no noise and no index crosses the bus. The numbers of a seed differ
between backends, though not between models of GPU: a run repeats on the backend it began on, and goes on with other
noise on another.

Where several processes share a run (see `ranks`), each stream draws for whole batches and hands out the rows `share`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from numgan.backend import Array, RandomGenerator, array_module, random_generator
from numgan.errors import InputError, lookup

BLOCK = 16  # batches of noise per block
LONG = 4_194_304  # numbers that a block of what layers draw on a device may hold, unless one draw is longer

# The purpose of a stream is part of its key, so that each draws numbers of its own (on a device, up to a rare chance:
# see `random_generator`). New ones go to the end: the order fixes what a seed draws.
EPOCH, NOISE, LAYERS, SAMPLE, CALIBRATION, OBSERVATION, LABELS = range(7)

ALL = slice(None)  # rows


class Minibatches:
    """Batch i of rows of x (n, …), without replacement within an epoch; the n mod batch rows left over wait for the
    next one."""

    def __init__(self, x: Array, batch: int, seed: int, share: slice = ALL, purpose: int = EPOCH) -> None:
        self.x, self.batch, self.seed, self.purpose, self.share = x, batch, seed, purpose, share
        self.per_epoch = len(x) // batch
        self._epoch, self._order = -1, x[:0]

    def __call__(self, i: int) -> Array:
        return self.x.take(self.places(i), axis=0)

    def places(self, i: int) -> Array:
        """(m,) the numbers of the rows of batch i, or of our share of them."""
        epoch, j = divmod(i, self.per_epoch)
        if epoch != self._epoch:
            # Sorting random keys gives a permutation on every backend; CuPy's generators have none of their own.
            # The keys are float64 whatever the run is in: of float32 there are so few that rows would tie.
            xp = array_module(self.x)
            keys = random_generator(xp, self.seed, self.purpose, epoch).random(len(self.x), dtype=np.float64)
            self._epoch, self._order = epoch, xp.argsort(keys)
        return self._order[j * self.batch : (j + 1) * self.batch][self.share]


class Labels:
    """Lays labels (n,) beside the batches of a conditional run; where they are None, batches stay as they are.

    D's updates take the labels of their minibatch, for its rows and for the noise alike; G's take those of rows drawn
    in another order. So both meet each label as often as it is in the data.
    """

    def __init__(self, labels: Array | None, minibatches: Minibatches, k: int) -> None:
        self.labels = None if labels is None else array_module(minibatches.x).asarray(labels)
        self.k, self._of_data = k, minibatches
        how = minibatches.batch, minibatches.seed, minibatches.share, LABELS
        self._of_g = None if labels is None else Minibatches(self.labels, *how)

    def __call__(self, rows: Array, step: int, j: int) -> Any:
        """(rows, c) for update j of an iteration: D's are 0 … k − 1, G's is k."""
        if self.labels is None or self._of_g is None:
            return rows
        of_d = j < self.k
        return rows, self.labels.take(self._of_data.places(step * self.k + j)) if of_d else self._of_g(step)

    def first(self, rows: Array) -> Any:
        """(rows, c) with the labels of as many rows from the beginning of the data, and from there again."""
        return self._at(rows, lambda i, n: i % n)

    def spread(self, rows: Array) -> Any:
        """(rows, c) with labels from all over the data, which may lie in the order of its classes."""
        return self._at(rows, lambda i, n: i * n // len(rows))

    def _at(self, rows: Array, place: Callable[[Array, int], Array]) -> Any:
        if self.labels is None:
            return rows
        i = array_module(rows).arange(len(rows))
        return rows, self.labels.take(place(i, len(self.labels)))


class Noise:
    """Batch i of noise, (batch, n_z) or our share of its rows, each drawn once in a run; and fixed noise, the same
    whenever it is asked for."""

    def __init__(
        self, kind: str, batch: int, n_z: int, dtype: DTypeLike, seed: int, xp: ModuleType, share: slice = ALL
    ) -> None:
        self._draw, self.batch, self.n_z, self.dtype, self.seed = draw(kind), batch, n_z, dtype, seed
        self.share = share
        self._index, self._block = -1, xp.empty(0, dtype=dtype)

    def __call__(self, i: int) -> Array:
        index, j = divmod(i, BLOCK)
        if index != self._index:
            rng = random_generator(array_module(self._block), self.seed, NOISE, index)
            self._index, self._block = index, self._draw(rng, (BLOCK, self.batch, self.n_z), self.dtype)
        return self._block[j, self.share]

    def fixed(self, n: int, seed: int = 0, purpose: int = SAMPLE) -> Array:
        """(n, n_z): what samples of a seed, or statistics for evaluation, are made from. Advances nothing."""
        rng = random_generator(array_module(self._block), self.seed, purpose, seed)
        return self._draw(rng, (n, self.n_z), self.dtype)


class LayerNumbers:
    """What the layers of both networks draw from in training: a generator for update j of an iteration.

    On the host that is a new one for each update. On a device, to make one takes longer than to draw from it: there,
    each draw of an iteration (such as the mask of D's last Dropout in G's update) is a stream of its own, of which
    BLOCK iterations are drawn at once, or fewer where they are long.
    """

    def __init__(self, xp: ModuleType, seed: int, k: int, batch: int = 0, share: slice = ALL) -> None:
        self.seed, self.k, self.in_blocks, self._on = seed, k, xp is not np, xp.empty(0, dtype=np.int8)
        self.batch, self.share = batch, share
        self.blocks: dict[tuple[int, int], tuple[Any, Array]] = {}  # of draw n of update j: what it holds, its numbers

    def __call__(self, step: int, j: int) -> RandomGenerator:
        rng = _FromBlocks(self, step, j) if self.in_blocks else self.generator(step * (self.k + 1) + j)
        return rng if self.share in (ALL, slice(0, self.batch)) else _OfShare(rng, self.batch, self.share)

    def generator(self, *place: int) -> RandomGenerator:
        return random_generator(array_module(self._on), self.seed, LAYERS, *place)


class _FromBlocks:
    """A generator for one update, which takes what is drawn, in the order in which it is drawn, from blocks."""

    def __init__(self, numbers: LayerNumbers, step: int, j: int) -> None:
        self._of, self._step, self._j, self._n = numbers, step, j, 0

    def standard_normal(self, size: Any = None, dtype: Any = None) -> Array:
        return self._next("standard_normal", size, dtype=dtype)

    def random(self, size: Any = None, dtype: Any = None) -> Array:
        return self._next("random", size, dtype=dtype)

    def integers(self, low: int, high: int | None = None, size: Any = None) -> Array:
        return self._next("integers", size, low=low, high=high)

    def _next(self, name: str, size: Any, **how: Any) -> Array:
        shape = tuple(np.atleast_1d(() if size is None else size).tolist())
        how = {key: value for key, value in how.items() if value is not None}
        place = self._j, self._n
        self._n += 1
        together = max(1, min(BLOCK, LONG // max(1, math.prod(shape))))
        index, i = divmod(self._step, together)
        holds = index, name, shape, str(how)
        if place not in self._of.blocks or self._of.blocks[place][0] != holds:
            drawn = getattr(self._of.generator(*place, index), name)(size=(together, *shape), **how)
            self._of.blocks[place] = holds, drawn
        return self._of.blocks[place][1][i]


class _OfShare:
    """A generator that draws for the rows of a whole batch, and hands out those of a share.

    The rows of what is drawn lie along its last axis for integers (Shift), else along its first. They may be those of
    several batches, one after another (data and samples), or packs of k rows. A draw without axes is not shared out.
    """

    def __init__(self, rng: RandomGenerator, batch: int, share: slice) -> None:
        self._rng, self._batch, self._share = rng, batch, share

    def standard_normal(self, size: Any = None, dtype: Any = None) -> Array:
        return self._own(lambda size: self._rng.standard_normal(size=size, dtype=dtype), size)

    def random(self, size: Any = None, dtype: Any = None) -> Array:
        return self._own(lambda size: self._rng.random(size=size, dtype=dtype), size)

    def integers(self, low: int, high: int, size: Any = None) -> Array:
        return self._own(lambda size: self._rng.integers(low, high, size=size), size, axis=-1)

    def _own(self, draw: Callable[[Any], Array], size: Any, axis: int = 0) -> Array:
        shape = np.atleast_1d(() if size is None else size).tolist()
        if not shape:
            return draw(size)
        places, whole = self._places(shape[axis])
        shape[axis] = whole
        drawn = draw(tuple(shape))
        return drawn.take(array_module(drawn).asarray(places), axis=axis)

    def _places(self, n: int) -> tuple[list[int], int]:
        """Which rows of the whole draw are the n of this share, and how many rows the whole draw has."""
        a, b, m = self._share.start, self._share.stop, self._batch
        own = b - a
        if n % own == 0:
            return [i * m + row for i in range(n // own) for row in range(a, b)], n // own * m
        k = own // n
        if own % n or m % k or a % k:
            raise InputError(f"a layer drew numbers for {n} rows, of a share of {own}: draw as many for each row")
        return [*range(a // k, b // k)], m // k


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
