"""Two paired translations: from a digit's edges to the digit, and from its left half to the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from numgan import plots
from numgan.data import Data, edges
from numgan.uses.images import SIDE, digits, grey, read_right, sharpness, unseen
from numgan.uses.paired import Paired
from numgan.uses.use import Measures, Use

PAIR = (SIDE, SIDE, 2)
Given = Callable[[np.ndarray], np.ndarray]  # from images (n, 28, 28) in [0, 1] to what G is given of them


def left_half(x: np.ndarray) -> np.ndarray:
    """The image, black from the middle on."""
    return np.where(np.arange(SIDE) < SIDE // 2, x, 0)


def pairs(data: Data, given: Given) -> np.ndarray:
    """[a, b] with b the images, in [−1, 1], channels side by side."""
    a = given(grey(data.x).reshape(-1, SIDE, SIDE)).reshape(len(data), -1)
    return np.stack([2 * a - 1, data.x], axis=-1).reshape(len(data), -1)


def game(given: Given, adversarial: bool, weight: float, seed: int, threads: int | None = None) -> Paired:
    how = {"adversarial": adversarial, "weight": weight}
    return Paired(pairs(digits(), given), PAIR, seed, threads=threads, **how)


def measure(given: Given, of: Paired) -> Measures:
    rows = pairs(unseen(), given)
    return scores(grey(of.translate(of.given(rows))))


def scores(x: np.ndarray) -> Measures:
    """Of translations x (2000, 784) in [0, 1]: read as the digit they are of, sharp, near to it."""
    return {
        "read right": read_right(x, unseen().labels),
        "sharpness": sharpness(x),
        "L1": float(np.abs(x - grey(unseen().x)).mean()),
    }


def picture(given: Given, of: Mapping[str, Paired], columns: int = 12) -> Figure:
    """Rows of images: what is given, the translations, the answer."""
    rows = pairs(unseen(), given)[:columns]
    one = next(iter(of.values()))
    lines = [one.given(rows), *(each.translate(one.given(rows)) for each in of.values()), one.answers(rows)]
    return plots._lines([grey(line) for line in lines], ["given", *of, "answer"], (SIDE, SIDE))


def use(about: str, given: Given) -> Use[Paired]:
    kinds = {"adversarial + L1": (True, 10.0), "L1 alone": (False, 10.0), "adversarial alone": (True, 0.0)}
    return Use(
        about=about,
        games={name: partial(game, given, *how) for name, how in kinds.items()},
        steps=1500,
        measure=partial(measure, given),
        picture=partial(picture, given),
        references={"the digits": lambda: scores(grey(unseen().x))},
    )


EDGES = use("from the edges of a digit to the digit (pix2pix)", lambda x: edges(x))
HALVES = use("from the left half of a digit to all of it (pix2pix)", left_half)
