"""Rows that a run never saw, with which its samples can be compared."""

from __future__ import annotations

import contextlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from numgan.data import NAMES, Data, load
from numgan.data.catalogue import COUPLED
from numgan.errors import InputError
from numgan.metrics.memorisation import check_unseen

VALIDATION = 1000  # rows that choose the width of Parzen's windows
FRESH = 10_000  # rows of toy data


@dataclass(frozen=True)
class Unseen:
    """Images in [0, 1], else rows in units of their own."""

    where: str  # they are from
    test: np.ndarray  # (n, n_x)
    held_out: np.ndarray | None = None  # (k, n_x) others, set aside from the training rows; None: there are no others

    @property
    def to_choose_and_to_score(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows that choose Parzen's σ, and the others, of which the score is the mean."""
        if self.held_out is not None:
            return self.held_out[:VALIDATION], self.test
        k = min(VALIDATION, len(self.test) // 2)
        return self.test[:k], self.test[k:]

    @property
    def like_training(self) -> np.ndarray:
        """Those that were drawn as the training rows were, as far as there are such."""
        return self.test if self.held_out is None else self.held_out


def unseen(source: str, data: Data, against: str | None = None) -> Unseen | None:
    """For a run on `data`, the name or path of which is `source`; None where there are no such rows.

    Samples are compared with the data that are named by `against` (their test rows, where they have such), else with
    the test rows of the run's own data, else with toy data drawn anew, else with the rows that were held out.
    """
    if against is not None:
        where, test = _named(against, data)
        check_unseen(f"rows of --against {against}", data.x, test.x)
    elif _splits(source):
        where, test = f"{source}, test split", load(source, data.range or (0, 1), "test")
    elif callable(draw := NAMES.get(source)):
        where, test = f"{source}, drawn anew", draw(n=FRESH, seed=1)
    elif data.held_out is not None:
        return Unseen(f"{source}, the last {len(data.held_out)} rows", data.restore(data.held_out))
    else:
        return None
    if data.held_out is None or np.array_equal(data.held_out, test.x):
        return Unseen(where, test.restore(test.x))
    return Unseen(where, test.restore(test.x), data.restore(data.held_out))


def _named(against: str, data: Data) -> tuple[str, Data]:
    split = "test" if _splits(against) else "train"
    size = data.image_shape[0] if data.image_shape and Path(against).is_dir() and against not in NAMES else None
    test = load(against, data.range or (0, 1), split, size)
    if test.image_shape != data.image_shape or test.x.shape[1] != data.x.shape[1]:
        found, wanted = (d.image_shape or d.x.shape[1:] for d in (test, data))
        raise InputError(f"--against {against}: its rows are {found}, the run's {wanted}: name data of the same kind")
    return f"{against}, {split} split" if split == "test" else against, test


def _splits(source: str) -> bool:
    """Whether this is data with test rows of its own."""
    if source in NAMES:
        return source in ("digits", "mnist", *COUPLED)
    with contextlib.suppress(OSError, zipfile.BadZipFile):  # what cannot be read, loading refuses in words
        return zipfile.is_zipfile(source) and "x_test.npy" in zipfile.ZipFile(source).namelist()
    return False
