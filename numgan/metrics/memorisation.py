"""Has a generator learned its training rows by heart? A permutation test against rows that it never saw."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from itertools import chain
from numbers import Integral
from typing import NamedTuple

import numpy as np

from numgan.backend import host_array, host_numbers
from numgan.errors import InputError, check_number
from numgan.metrics.rows import LARGEST, nearest_places

ALLOWED = 0.25  # of excess: honest runs on the embedded digits have 0.13 to 0.20 in 10,000 samples, as images
NEIGHBOURS = 3
CLOSE = 0.5  # of the distance to the third row: a sample nearer than that to a training row counts as a copy
DRAWS = 999  # of labels, so that p is 0.001 or more
COMMON = 0.01  # of the held-out rows: so many may equal training rows by chance, as rounded numbers do
BLUR = 1.5  # pixels, the standard deviation: what moves by one pixel stays near its source
PIECE = 2048  # rows of data at a time


class Memorisation(NamedTuple):
    """What samples give away of the rows that their generator was trained on."""

    p_value: float  # of an excess of `allowed` or less; small where samples lie nearer to training rows
    excess: float  # 0: a held-out row gets as many votes as a training row; 1: held-out rows get none
    error: float  # the standard deviation of excess where labels are drawn at random
    nearest: float  # the fraction of samples whose nearest row was trained on
    expected: float  # what chance gives for it: the fraction of training rows among all
    copies: float  # the fraction of samples less than half as far from a training row as from the third nearest row


def memorisation(
    x_train: np.ndarray,
    x_held_out: np.ndarray,
    x_g: np.ndarray,
    image_shape: tuple[int, ...] | None = None,
    allowed: float = ALLOWED,
) -> Memorisation:
    """Do samples x_g (n, d) lie nearer to x_train (n_t, d) than to x_held_out (n_h, d), other rows of the same source?

    Training and held-out rows are put into one pool. Each sample votes for its two nearest rows there, with weight
    1 − d/d₃, where d₃ is the distance to the third: 1 for a copy, 0 where another row is as near. If the rows to hold
    out were chosen at random, and samples do not depend on which were chosen, then the labels "trained on" and "held
    out" could as well be drawn anew: p is the fraction of such draws that leave the held-out rows as few votes (a
    permutation test, Fisher 1935). That holds for any generator: a blurred one, or one that puts all samples in one
    place.

    Every model that fits a finite set of rows depends on them a little. So held-out rows may get fewer votes than by
    chance, by the fraction `allowed`: p is the fraction of draws whose excess reaches that of the samples minus
    `allowed`. With allowed=0 the test is exact; otherwise it takes the scatter of the draws for that of the samples.
    A small p has two possible reasons: copies, or held-out rows that are of another source than the training rows.

    No more held-out rows are taken than there are training rows: among many others, copies of a few would not show.

    image_shape   (h, w) or (h, w, c): rows are images, compared after a blur, which forgives a shift of one pixel

    Raises InputError for what are no rows of one width, and where more than 1 % of the held-out rows are training rows.
    """
    allowed = check_number("allowed", allowed, "[0, 1)")
    x_train, x_held_out, x_g = _sets(x_train, x_held_out, x_g)
    shape = _image_shape(image_shape, x_g.shape[1])
    trained, held_out = _distinct(x_train, x_held_out)
    held_out = np.random.default_rng(0).permutation(held_out)[: len(trained)]
    n_t, n_h = len(trained), len(held_out)
    pool = (_blurred(rows, shape) for rows in chain(_pieces(x_train, trained), _pieces(x_held_out, held_out)))
    d2, j = nearest_places(_blurred(x_g.astype(float), shape), pool, NEIGHBOURS)
    d = np.sqrt(np.maximum(d2, np.finfo(float).tiny))
    votes = np.bincount(j[:, :-1].ravel(), weights=(1 - d[:, :-1] / d[:, -1:]).ravel(), minlength=n_t + n_h)
    excess, drawn = _excess(votes, n_h)
    return Memorisation(
        p_value=float((1 + np.count_nonzero(drawn >= excess - allowed - 1e-9)) / (1 + DRAWS)),
        excess=excess,
        error=float(drawn.std()),
        nearest=float((j[:, 0] < n_t).mean()),
        expected=n_t / (n_t + n_h),
        copies=float(((j[:, 0] < n_t) & (d[:, 0] < CLOSE * d[:, -1])).mean()),
    )


def _excess(votes: np.ndarray, n_h: int) -> tuple[float, np.ndarray]:
    """1 − (votes per held-out row) / (votes per row), the last n_h rows being held out; and the same with the label
    "held out" given to n_h rows at random (DRAWS,)."""
    rng, mean = np.random.default_rng(0), votes.mean()
    drawn = [rng.choice(votes, n_h, replace=False, shuffle=False).sum() for _ in range(DRAWS)]
    excess = 1 - np.array([votes[-n_h:].sum(), *drawn]) / (n_h * mean) if mean else np.zeros(1 + DRAWS)
    return float(excess[0]), excess[1:]


def check_unseen(what: str, x_train: np.ndarray, x: np.ndarray) -> None:
    """InputError where more rows of x, which are called `what`, are rows of x_train than chance explains."""
    _check_leaked(what, _keys(x_train), _keys(x))


def _check_leaked(what: str, keys_t: np.ndarray, keys: np.ndarray) -> None:
    leaked = np.count_nonzero(np.isin(keys, keys_t))
    if leaked > COMMON * len(keys):
        told = f"{leaked} of the {len(keys)} {what} are training rows"
        raise InputError(f"{told}: expected rows that no run was trained on; hold others out, or drop these")


def _distinct(x_train: np.ndarray, x_held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the rows to pool: each row once, and none that is in both sets, which has no label of its own."""
    keys_t, keys_h = _keys(x_train), _keys(x_held_out)
    common = np.intersect1d(keys_t, keys_h)
    _check_leaked("held-out rows", keys_t, keys_h)
    kept_t, kept_h = (_first(keys, common) for keys in (keys_t, keys_h))
    n_t, n_h = len(kept_t), len(kept_h)
    if not n_t or n_t + n_h < NEIGHBOURS:
        raise InputError(f"{n_t} different training rows and {n_h} held-out rows are too few: use more")
    return kept_t, kept_h


def _first(keys: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Where each key stands first, without those in common. In rising order."""
    first = np.sort(np.unique(keys, return_index=True)[1])
    return first[~np.isin(keys[first], common)]


def _keys(x: np.ndarray) -> np.ndarray:
    """A number of 64 bits for each row, equal for rows that are equal in float32. (n,)"""
    rows = (row for piece in _pieces(x, np.arange(len(x))) for row in piece.astype(np.float32) + np.float32(0))  # no −0
    return np.frombuffer(b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in rows), np.uint64)


def _pieces(x: np.ndarray, kept: np.ndarray) -> Iterator[np.ndarray]:
    """The rows that are kept, PIECE at a time, in float64."""
    for i in range(0, len(kept), PIECE):
        yield x[kept[i : i + PIECE]].astype(float)


def _blurred(x: np.ndarray, shape: tuple[int, int, int] | None) -> np.ndarray:
    """Rows (n, h·w·c) that are images, blurred, every second pixel both ways; other rows as they are."""
    if shape is None:
        return x
    h, w, c = shape
    x = _gaussian(h) @ x.reshape(len(x), h, w * c)
    x = _gaussian(w) @ x.reshape(len(x), -1, w, c)
    return x.reshape(len(x), -1)


def _gaussian(n: int) -> np.ndarray:
    """Means over n pixels, weighted by a normal density around every second one. (n/2, n)"""
    centres = np.arange(0.5, n, 2)[:, None]
    weights = np.exp(-0.5 * ((np.arange(n) - centres) / BLUR) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _image_shape(shape: tuple[int, ...] | None, n_x: int) -> tuple[int, int, int] | None:
    if shape is None:
        return None
    sides = isinstance(shape, tuple | list) and len(shape) in (2, 3) and all(isinstance(n, Integral) for n in shape)
    if not sides or min(shape) < 1 or math.prod(shape) != n_x:
        raise InputError(f"image_shape is {shape}, expected (h, w) or (h, w, c) with product {n_x}; correct it")
    h, w, c = (*map(int, shape), 1)[:3]
    return h, w, c


def _sets(*sets: np.ndarray) -> list[np.ndarray]:
    """Sets of rows of one width, finite numbers all."""
    arrays = [host_array(name, x) for name, x in zip(("x_train", "x_held_out", "x_g"), sets, strict=True)]
    if any(x.ndim != 2 or not x.size for x in arrays) or len({x.shape[1] for x in arrays}) > 1:
        raise InputError(f"expected three sets of rows of one width, got {', '.join(str(x.shape) for x in arrays)}")
    for name, x in zip(("x_train", "x_held_out", "x_g"), arrays, strict=True):
        for i in range(0, len(x), PIECE):
            if (found := np.abs(host_numbers(name, x[i : i + PIECE])).max()) > LARGEST:
                raise InputError(f"{name} holds {found:.1e}, expected numbers up to {LARGEST:.1e}: scale the rows")
    return arrays
