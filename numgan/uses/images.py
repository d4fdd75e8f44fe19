"""What uses on digits measure, and how they show it."""

from __future__ import annotations

from functools import cache

import numpy as np

from numgan import classifier
from numgan.data import Data, load

SIDE = 28


@cache
def digits() -> Data:
    """The 5,000 to train on, in [−1, 1]."""
    return load("digits")


@cache
def unseen() -> Data:
    """The 2,000 to test on."""
    return load("digits", split="test")


def grey(x: np.ndarray) -> np.ndarray:
    """From [−1, 1] to [0, 1]."""
    return (x.clip(-1, 1) + 1) / 2


def read_right(x: np.ndarray, labels: np.ndarray) -> float:
    """The share of images (n, 784) in [0, 1] that the package's classifier reads as their labels."""
    return float((classifier.load().classify(x) == labels).mean())


def sharpness(x: np.ndarray, shape: tuple[int, int] = (SIDE, SIDE)) -> float:
    """How steep the outlines in images (n, h · w) are: Σ ‖∇x‖² / Σ ‖∇x‖, with ∇x the steps to the next row and column.

    That is the mean of ‖∇x‖, each pixel with ‖∇x‖ as its weight, so that even areas do not count, however large. A
    level or upright edge between 0 and 1 that is spread evenly over k pixels has 1/k. 0 where no image has an edge.
    """
    x = x.reshape(-1, *shape)
    across, down = np.diff(x, axis=2)[:, :-1], np.diff(x, axis=1)[:, :, :-1]
    steps = np.hypot(across, down)
    total = float(steps.sum())
    return float((steps**2).sum()) / total if total else 0.0
