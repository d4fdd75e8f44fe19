"""Samples made worse, a little at a time: the measure that should see it goes down, step by step.

The samples are embedded digits that the data has not. Pixels serve the Parzen windows; elsewhere the features are a
fixed random projection and a ReLU, in the place of a classifier's: they keep distances, and know nothing of digits.
"""

from itertools import pairwise

import numpy as np
import pytest

import numgan as ng
from numgan.metrics import density_coverage, frechet, kid, log_likelihoods, precision_recall

DATA = ng.data.load("digits", range=(0, 1))
X, VALID, FRESH, LABELS = DATA.x[:600], DATA.x[600:900], DATA.x[900:1500], DATA.labels[900:1500]
WEIGHTS = np.random.default_rng(0).standard_normal((784, 64)) / 28
REAL = np.maximum((X - 0.2) @ WEIGHTS, 0)


def features(x):
    return np.maximum((x - 0.2) @ WEIGHTS, 0)


def noisy(std):
    return FRESH + std * np.random.default_rng(1).standard_normal(FRESH.shape)


def blurred(radius):
    """The mean over a square of 2 radius + 1 pixels a side, black outside of the image."""
    width = 2 * radius + 1
    images = np.pad(FRESH.reshape(-1, 28, 28), ((0, 0), (radius, radius), (radius, radius)))
    windows = np.lib.stride_tricks.sliding_window_view(images, (width, width), axis=(1, 2))
    return windows.mean(axis=(3, 4)).reshape(-1, 784)


def occluded(side):
    """A black square in the middle."""
    images, low = FRESH.reshape(-1, 28, 28).copy(), 14 - side // 2
    images[:, low : low + side, low : low + side] = 0
    return images.reshape(-1, 784)


def of_classes(count):
    """As many samples, all of the first classes."""
    kept = FRESH[count > LABELS]
    return kept[np.arange(len(FRESH)) % len(kept)]


def distinct(count):
    """As many samples, of which so many differ: each is repeated."""
    return FRESH[np.arange(len(FRESH)) % count]


def precision(x):
    return precision_recall(REAL, features(x)).precision


def recall(x):
    return precision_recall(REAL, features(x)).recall


def density(x):
    return density_coverage(REAL, features(x)).density


def coverage(x):
    return density_coverage(REAL, features(x)).coverage


def near(x):
    """Minus the Fréchet distance."""
    return -frechet(REAL, features(x))


def near_by_kernel(x):
    return -kid(REAL, features(x))


def likelihood(x):
    """Of other real digits under windows on the samples, at one width."""
    return log_likelihoods(x, VALID, 0.2).mean()


NOISE, BLUR, SQUARE = (noisy, (0, 0.1, 0.2, 0.4)), (blurred, (0, 1, 2, 3)), (occluded, (0, 6, 10, 14))
CLASSES, FEW = (of_classes, (10, 7, 4, 1)), (distinct, (600, 400, 250, 150))


@pytest.mark.parametrize(
    ("ladder", "measures"),
    [
        (NOISE, (likelihood, near, near_by_kernel, precision, density)),
        (BLUR, (near, near_by_kernel, recall)),
        (SQUARE, (likelihood, near, near_by_kernel, coverage)),
        (CLASSES, (likelihood, near, near_by_kernel, recall, coverage)),
        (FEW, (likelihood, recall, coverage)),
    ],
    ids=lambda case: getattr(case[0], "__name__", ""),
)
def test_each_step_down_is_seen(ladder, measures):
    change, steps = ladder
    for measure in measures:
        found = [measure(change(step)) for step in steps]
        assert found[0] > found[1], (measure.__name__, found)
        assert all(a > b or a == b == 0 for a, b in pairwise(found)), (measure.__name__, found)


def test_parzen_windows_take_a_light_blur_for_better():
    """The mean over 3×3 pixels scores above the real digits that it is made from; only a strong one scores below."""
    sharp, light, strong = (likelihood(blurred(radius)) for radius in (0, 1, 3))
    assert light > sharp + 5 > strong + 20


def test_precision_does_not_see_what_is_missing():
    """One class of ten, and precision stays: recall must be read beside it."""
    assert precision(of_classes(1)) > precision(of_classes(10)) - 0.05
    assert recall(of_classes(1)) < recall(of_classes(10)) - 0.5
