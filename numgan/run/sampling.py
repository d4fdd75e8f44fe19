"""Samples of a generator, the same for a run that stands in memory and for its checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from numgan.backend import array_module, asnumpy, host_array
from numgan.data import restore
from numgan.data.base import Range
from numgan.errors import DivergedError, InputError, check_whole
from numgan.layers.base import Player, rows_of
from numgan.run.streams import Noise

Label = int | Sequence[int] | np.ndarray | None

MOST = 10**9  # rows, more than a memory holds


def sample(
    G: Player, noise: Noise, n: int, seed: int, range: Range | None, label: Label = None, classes: int | None = None
) -> np.ndarray:
    """n samples (n, n_x) on the host in evaluation mode, from the fixed noise of a seed: images in [0, 1].

    classes: of a conditional run, whose labels are `labels_for(label, n, classes)`. DivergedError where a sample is not
    finite.
    """
    if check_whole("n", n, 1) > MOST:
        raise InputError(f"n is {n}, expected {MOST} or fewer: ask for fewer at a time")
    check_whole("seed", seed, 0)
    c = labels_for(label, n, classes)
    try:
        with np.errstate(all="ignore"):  # a value that is not finite is named below
            z = noise.fixed(n, seed)
            x_g = asnumpy(rows_of(G(z if c is None else (z, array_module(z).asarray(c)))))
    except MemoryError as error:
        raise InputError(f"{n} samples do not fit into memory: ask for fewer at a time") from error
    if not np.isfinite(x_g).all():
        raise DivergedError("G's samples hold values that are not finite; try a lower learning rate, or another loss")
    return restore(x_g, range)


def labels_for(label: Label, n: int, classes: int | None) -> np.ndarray | None:
    """The labels (n,) of n samples: one for all, one for each, or, of None, 0 … classes − 1 in turn.

    None where classes is None: that run knows no labels, and it is an InputError to name one.
    """
    if classes is None:
        if label is not None:
            raise InputError(f"label is {label!r}, but this run was trained without labels: leave it out")
        return None
    if label is None:
        return np.arange(n) % classes
    wanted = f"one whole number from 0 to {classes - 1}, or {n} of them, one for each sample"
    c = host_array("label", label)
    if c.dtype.kind not in "iu" or c.shape not in ((), (n,)):
        raise InputError(f"label must be {wanted}, got {_shown(label, c)}")
    if not 0 <= c.min() <= c.max() < classes:
        raise InputError(f"label {c.max() if c.max() >= classes else c.min()} is none of this run's: give {wanted}")
    return np.full(n, c, dtype=np.int64) if c.ndim == 0 else c.astype(np.int64)


def _shown(label: Any, c: np.ndarray) -> str:
    return f"{c.dtype}{c.shape}" if c.ndim else repr(label)
