"""The stand-in, put to the proof: each bug that people make on their first GPU is caught, and clean code is not."""

import contextlib

import numpy as np
import pytest
import standin
from standin.bugs import BUGS, sow

import numgan as ng
from numgan.backend import asnumpy

RING = ng.data.ring(n=600)
LOSSES = [ng.losses.nonsaturating, ng.losses.least_squares, ng.losses.wasserstein, ng.losses.hinge]


def pairs(xp):
    """A pair whose D looks at the whole batch, one whose D looks at rows, one of images, one with labels; between them
    every layer."""
    how = {"dtype": "float32", "xp": xp}
    G = ng.Network([ng.Linear(2, 6), ng.BatchNorm(6), ng.ReLU(), ng.Linear(6, 4), ng.Tanh(), ng.Linear(4, 2)], **how)
    D = ng.Network([ng.Dropout(0.2), ng.Maxout(2, 6, 3), ng.BatchNorm(6), ng.LeakyReLU(), ng.Linear(6, 1)], 1, **how)
    rows = ng.Network([ng.Linear(2, 6), ng.Sigmoid(), ng.Linear(6, 1)], 1, **how)
    up = [ng.Linear(2, 8), ng.Reshape((2, 2, 2)), ng.BatchNorm(2), ng.ReLU(), ng.ConvTranspose2d(2, 2), ng.Upsample()]
    draws = ng.Network([*up, ng.AvgPool2d(4), ng.Reshape((8,)), ng.Linear(8, 2)], **how)
    down = [
        ng.Linear(2, 16),
        ng.Reshape((4, 4, 1)),
        ng.Conv2d(1, 3),
        ng.LeakyReLU(),
        ng.Upsample(),
        ng.Conv2d(3, 2, 3, 1),
    ]
    sees = ng.Network([*down, ng.AvgPool2d(), ng.Reshape((8,)), ng.Linear(8, 1)], 1, **how)
    told_g = ng.Conditional([ng.Label(2, 8), ng.Linear(10, 4), ng.Tanh(), ng.Linear(4, 2)], **how)
    told_d = ng.Conditional([ng.Label(2, 8), ng.Linear(10, 4), ng.Tanh(), ng.Linear(4, 1)], 1, **how)
    return (G, D), (G.copy(), rows), (draws, sees), (told_g, told_d)


def figures(xp):
    """Everything that short runs with every loss and optimiser come to, and how often a step moved data or waited."""
    found = []
    for i, loss in enumerate([*LOSSES, ng.losses.nonsaturating, ng.losses.nonsaturating]):
        optimizers = (ng.Adam(), ng.SGD(0.01, 0.5)) if i % 2 else (ng.SGD(0.01, 0.5), ng.Adam())
        run = ng.Training(
            *pairs(xp)[i % 2 if i < len(LOSSES) else i - 2],
            RING,
            loss=loss,
            batch=16,
            optimizers=optimizers,
            ema=0.9,
            threads=1,
            conditional=i == len(LOSSES) + 1,
        )
        run._layers.in_blocks = True  # on NumPy too: the stand-in draws its numbers
        list(run.steps(2, every=2))
        with standin.device.counted() as moved:
            list(run.steps(2, every=2))
        vectors = [asnumpy(vector) for vector in run.state.vectors.values()]
        found.append((np.concatenate(vectors), run.history, (moved.h2d, moved.d2h, moved.syncs)))
    return found


REFUSALS = {"TypeError", "ValueError", "AttributeError", "NotImplementedError", "InputError"}


def caught(clean):
    """What the stand-in says of the code as it is now: an error, traffic in a step, or other figures than NumPy's."""
    try:
        with standin.device.only("float32"):
            found = figures(standin.cupy)
    except (TypeError, ValueError, AttributeError, NotImplementedError, ng.DivergedError, ng.InputError) as error:
        return type(error).__name__
    if any(moved != (0, 1, 1) for *_, moved in found):  # the record, once
        return "traffic in a step"
    if any((a != b).any() for (a, *_), (b, *_) in zip(found, clean, strict=True)):
        return "other figures"
    return ""


@pytest.fixture(scope="module")
def clean():
    return figures(np)


def test_clean_code_is_not_caught(clean, device):
    assert caught(clean) == ""


def test_there_are_enough_of_them():
    assert len({name for name, *_ in BUGS}) == len(BUGS) >= 30


@pytest.mark.parametrize(("name", "place", "old", "new"), BUGS, ids=[bug[0] for bug in BUGS])
def test_a_bug_runs_on_numpy_and_is_caught(name, place, old, new, clean, device, monkeypatch):
    sow(place, old, new, monkeypatch)
    unset = "empty" in new  # what such memory holds is luck on NumPy, and NaN on the stand-in
    with contextlib.suppress(*[ng.DivergedError] if unset else []):
        figures(np)
    silent = unset or name in {"as many states as fit the GPU", "a number that changes, compiled in"}
    assert caught(clean) in ({"other figures", "DivergedError"} if silent else {"traffic in a step", *REFUSALS})
