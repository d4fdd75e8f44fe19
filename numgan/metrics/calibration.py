"""What is no model but has a score: rows to measure beside samples, so that a score can be judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from numgan.backend import host_array, host_numbers
from numgan.errors import InputError, check_whole
from numgan.metrics.rows import LARGEST, covariance_root, squared_distances

NEAREST = 5  # rows that a local average is of, the row itself among them


def calibration(
    x: np.ndarray, labels: np.ndarray | None = None, n: int = 10_000, seed: int = 0
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, rows) of sets made from training rows x, one at a time.

    In this order: n of the rows, drawn at random, or all if there are fewer; each of these averaged with its 4 nearest
    neighbours among all; as many draws from a Gaussian with the mean and covariance of all, clipped to their range;
    with labels (len(x),), the mean of each class; the mean of all. On digits, `parzen` scores the second above the
    first, the more so the more rows x has.
    """
    x = host_numbers("x", x)
    if x.ndim != 2 or len(x) < NEAREST or not x.size or np.abs(x).max() > LARGEST:
        raise InputError(f"calibration needs {NEAREST} rows or more, of float32 numbers, got {x.shape}")
    if labels is not None and host_array("labels", labels).shape != x.shape[:1]:
        raise InputError(f"labels must be one for each of {len(x)} rows, got {np.shape(labels)}")
    check_whole("n", n, 1)
    return _sets(x, labels, n, np.random.default_rng(check_whole("seed", seed, 0)))


def _sets(
    x: np.ndarray, labels: np.ndarray | None, n: int, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    rows = x[rng.permutation(len(x))[:n]]
    yield "real training rows", rows
    yield "local averages", _local_averages(rows, x)
    yield "Gaussian fit, clipped", _gaussian(x, len(rows), rng)
    if labels is not None:
        yield "class means", np.stack([x[np.asarray(labels) == label].mean(axis=0) for label in np.unique(labels)])
    yield "the mean image", x.mean(axis=0, keepdims=True)


def _local_averages(rows: np.ndarray, x: np.ndarray) -> np.ndarray:
    nearest = (np.argpartition(d2, NEAREST - 1, axis=1)[:, :NEAREST] for d2 in squared_distances(rows, x))
    return np.concatenate([x[places].mean(axis=1) for places in nearest])


def _gaussian(x: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    R = covariance_root(x)
    return (x.mean(axis=0) + rng.standard_normal((n, len(R))) @ R).clip(x.min(), x.max())
