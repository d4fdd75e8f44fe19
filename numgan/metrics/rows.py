"""Two sets of rows: their check, the squared distances between them in blocks, a root of a covariance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from numgan.backend import host_numbers
from numgan.errors import InputError

ROWS = 1024  # of a block of distances, at most, so that 10,000 × 10,000 need not stand in memory
ENTRIES = 2**21  # of a block, at most: 16 MB, and memory that is used again from block to block
LARGEST = float(np.finfo(np.float32).max)  # numbers whose sixth powers can be summed in float64
SQUARED = 1e150  # numbers whose squares can


def pair(x: np.ndarray, y: np.ndarray, least: int = 1, largest: float = SQUARED) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of rows of one width, copied to float64; of `least` rows or more, and of numbers up to `largest`."""
    x, y = host_numbers("a set of rows", x), host_numbers("a set of rows", y)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or not x.size or not y.size:
        raise InputError(f"expected two sets of rows of one width, got {x.shape} and {y.shape}")
    for rows in (x, y):
        if len(rows) < least:
            raise InputError(f"a set of rows needs {least} rows or more, got {len(rows)}: use more rows")
        if (found := np.abs(rows).max()) > largest:
            raise InputError(f"a set of rows holds {found:.1e}, expected numbers up to {largest:.1e}: scale the rows")
    return x, y


def blocks(x: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """x, ROWS at a time, or fewer if that many rows of `width` numbers are too much."""
    size = min(ROWS, max(ENTRIES // width, 1))
    for i in range(0, len(x), size):
        yield x[i : i + size]


def distance_blocks(a: np.ndarray, b: np.ndarray) -> Iterator[np.ndarray]:
    """The squared distances of a's rows, up to ROWS at a time, to all of b's: (rows, len(b))."""
    yield from squared_distances(*pair(a, b))


def squared_distances(a: np.ndarray, b: np.ndarray) -> Iterator[np.ndarray]:
    """`distance_blocks` of a `pair`: by differences in few dimensions, where it is exact, else by one product."""
    if a.shape[1] <= 3:
        yield from (((rows[:, None, :] - b) ** 2).sum(axis=2) for rows in blocks(a, len(b)))
        return
    b2 = _squares(b)
    for rows in blocks(a, len(b)):
        products = rows @ b.T
        products *= 2
        d2 = _squares(rows)[:, None] + b2
        d2 -= products  # ‖a‖² + ‖b‖² − 2 aᵀb, which rounding may take below 0
        yield np.maximum(d2, 0, out=d2)


def nearest_places(x: np.ndarray, pieces: Iterable[np.ndarray], k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Of each row of x, the squared distances to its k nearest rows, in rising order, and their numbers: (n, k) each.

    The rows to be near to come in pieces, so that not all need stand in memory in float64.
    """
    d2, j, first = np.full((len(x), 0), np.inf), np.zeros((len(x), 0), int), 0
    for rows in pieces:
        found = [_smallest(block, k) for block in distance_blocks(x, rows)]
        d2 = np.hstack([d2, np.concatenate([values for values, _ in found])])
        j = np.hstack([j, first + np.concatenate([numbers for _, numbers in found])])
        best = np.argsort(d2, axis=1, kind="stable")[:, :k]
        d2, j, first = np.take_along_axis(d2, best, 1), np.take_along_axis(j, best, 1), first + len(rows)
    return d2, j


def _smallest(d2: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k smallest of each line of d2, which it spoils, and their columns. Faster than np.argpartition."""
    lines, values, columns = np.arange(len(d2)), [], []
    for _ in range(min(k, d2.shape[1])):
        columns.append(d2.argmin(axis=1))
        values.append(d2[lines, columns[-1]])
        d2[lines, columns[-1]] = np.inf
    return np.stack(values, axis=1), np.stack(columns, axis=1)


def _squares(x: np.ndarray) -> np.ndarray:
    """‖xᵢ‖² (len(x),)."""
    return np.concatenate([(rows * rows).sum(axis=1) for rows in blocks(x, x.shape[1])])


def covariance_root(x: np.ndarray) -> np.ndarray:
    """R (up to d, d) with RᵀR = the covariance of x (n, d), n − 1 below: z R has it, if z has the covariance I."""
    # By QR of the centred rows: a covariance has squares in it, and its small eigenvalues half of the digits.
    centre, R = x.mean(axis=0), x[:0]
    for rows in blocks(x, x.shape[1]):
        R = np.asarray(np.linalg.qr(np.concatenate([R, rows - centre]), mode="r"))
    return R / math.sqrt(len(x) - 1)
