"""What is no model but has a score: rows to measure beside samples, so that a score can be judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from numgan.backend import host_array, host_numbers
from numgan.errors import InputError, check_whole
from numgan.metrics.rows import LARGEST, covariance_root, squared_distances

NEAREST = 5  # rows that a local average is of, the row itself among them


def calibration(
    x: np.ndarray, labels: np.ndarray | None = None, seed: int = 0
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, rows) of sets made from training rows x (n, d), one at a time.

    In this order: the rows themselves; each averaged with its 4 nearest neighbours; n draws from a Gaussian with their
    mean and covariance, clipped to their range; with labels (n,), the mean of each class; the mean of all. Under
    `parzen`, the second beats the first: that measure rewards blur.
    """
    x = host_numbers("x", x)
    if x.ndim != 2 or len(x) < NEAREST or not x.size or np.abs(x).max() > LARGEST:
        raise InputError(f"calibration needs {NEAREST} rows or more (n, d), of float32 numbers, got {x.shape}")
    if labels is not None and host_array("labels", labels).shape != x.shape[:1]:
        raise InputError(f"labels must be one for each of {len(x)} rows, got {np.shape(labels)}")
    return _sets(x, labels, check_whole("seed", seed, 0))


def _sets(x: np.ndarray, labels: np.ndarray | None, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    yield "real training rows", x
    yield "local averages", _local_averages(x)
    yield "Gaussian fit, clipped", _gaussian(x, seed)
    if labels is not None:
        yield "class means", np.stack([x[np.asarray(labels) == label].mean(axis=0) for label in np.unique(labels)])
    yield "the mean image", x.mean(axis=0, keepdims=True)


def _local_averages(x: np.ndarray) -> np.ndarray:
    nearest = (np.argpartition(d2, NEAREST - 1, axis=1)[:, :NEAREST] for d2 in squared_distances(x, x))
    return np.concatenate([x[rows].mean(axis=1) for rows in nearest])


def _gaussian(x: np.ndarray, seed: int) -> np.ndarray:
    R = covariance_root(x)
    z = np.random.default_rng(seed).standard_normal((len(x), len(R)))
    return (x.mean(axis=0) + z @ R).clip(x.min(), x.max())
