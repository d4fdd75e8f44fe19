"""A small convolutional classifier of digits, trained on MNIST with the layers of this package.

Its last hidden layer sees a digit as 64 numbers, its features. Distances between sets of images are measured there,
as those of photographs are with the features of an Inception network; but with others, so no figure of ours is an FID.
It was trained on all 60,000 training images of MNIST: the digits of a run are among them, and those held out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from numgan.backend import host_array
from numgan.errors import InputError
from numgan.layers import Conv2d, Dropout, LeakyReLU, Linear, Reshape, Shift
from numgan.models.dcgan import dense, he
from numgan.network import Network

WEIGHTS = Path(__file__).with_name("digits_classifier.npz")  # CLASSIFIER.md says how they were made
PIXELS, MAPS, FEATURES, CLASSES = 784, 16, 64, 10
ROWS = 500  # images that go through the network at a time


def network(seed: int = 0, dtype: DTypeLike = "float32") -> Network:
    """Images (m, 784) in [0, 1] → logits (m, 10), in two parts: the layers up to the features, and the last Linear.

    In training, images are moved by up to 2 pixels and a quarter of what the dense layer sees is dropped.
    """
    n = 7 * 7 * 2 * MAPS  # two strides of 2 make 7 × 7 pixels of 28 × 28
    body = [
        *(Reshape((28, 28, 1)), Shift(2)),
        *(Conv2d(1, MAPS, std=he(4 * 4)), LeakyReLU(0.2)),
        *(Conv2d(MAPS, 2 * MAPS, std=he(4 * 4 * MAPS)), LeakyReLU(0.2)),
        *(Reshape((n,)), Dropout(0.25), dense(n, FEATURES), LeakyReLU(0.2)),
    ]
    return Network([Network(body, seed, dtype), Linear(FEATURES, CLASSES)], seed + 1, dtype)


class Classifier:
    """What a trained `network` says of images x (n, 784) in [0, 1], NumPy arrays; n ≥ 1. It looks at each row alone.

    Raises InputError for rows that are no such images.
    """

    def __init__(self, net: Network) -> None:
        self.network = net
        self._body, self._head = net.layers

    def features(self, x: np.ndarray) -> np.ndarray:
        """(n, 64), what the last layer sees."""
        return np.concatenate([self._body(some) for some in _blocks(_images(x))])

    def logits(self, x: np.ndarray) -> np.ndarray:
        """(n, 10), a number for each digit; their softmax is the probability that the classifier gives it."""
        return self._head(self.features(x))

    def classify(self, x: np.ndarray) -> np.ndarray:
        """(n,) the most probable digit."""
        return self.logits(x).argmax(axis=1)


def load() -> Classifier:
    """The classifier that comes with the package."""
    net = network()
    with np.load(WEIGHTS) as file:
        net.theta[...] = file["theta"]
    return Classifier(net)


def _blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    for i in range(0, len(x), ROWS):
        yield x[i : i + ROWS].astype(np.float32)


def _images(x: np.ndarray) -> np.ndarray:
    x = host_array("x", x)
    if x.ndim != 2 or x.shape[1] != PIXELS or not len(x):
        hint = "use x.reshape(len(x), -1)" if x.size and x.size % PIXELS == 0 else "other images have no such features"
        raise InputError(f"x has shape {x.shape}, expected (n, {PIXELS}), digits of 28 × 28 pixels: {hint}")
    if x.dtype.kind not in "fiu" or not (x.min() >= 0 and x.max() <= 1):
        found = f"{x.min()} … {x.max()}" if x.dtype.kind in "fiu" else x.dtype
        raise InputError(f"x holds {found}, expected pixels in [0, 1]: use data.restore(data.x), or x.clip(0, 1)")
    return x
