"""Digits drawn as a caption says: each thing that was said is measured of what was drawn."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from functools import partial

import numpy as np

from numgan import classifier, metrics, plots
from numgan.uses.captions import UNSAID, attributes, bag, bags, meanings, partly
from numgan.uses.images import SIDE, digits, grey, read_right, unseen
from numgan.uses.told import Told
from numgan.uses.use import Measures, Use

STEPS = 6000
SHOWN = (
    *("a zero", "a very backward one", "a fine two", "a fat three", "a very slanted four", "a thin upright five"),
    *("a fat slanted six", "a fine very backward seven", "a medium upright eight", "a thick nine"),
)


def game(matching: bool, seed: int, threads: int | None = None) -> Told:
    return Told(digits().x, meanings(digits()), seed, matching, STEPS, threads=threads)


def measure(of: Told) -> Measures:
    said = what_is_said()
    return scores(grey(of.draw(bags(said))), said)


def what_is_said(seed: int = 0) -> np.ndarray:
    """(2000, 3) captions like those of the data: of the digits that nobody trained on."""
    return partly(meanings(unseen()), np.random.default_rng(seed))


def scores(x: np.ndarray, said: np.ndarray) -> Measures:
    """Of images x (n, 784) in [0, 1] and what is said of each, (n, 3): whether they are so, and whether they are alike.

    width, slant: the correlation of the rank of the word, where there is one, with what is measured. spread: how far
    pixels lie from their mean in images of the same caption. Fréchet distance: to 2,000 training digits, in the
    classifier's features.
    """
    width, slant = attributes(x)
    features = classifier.load().features
    return {
        "class": read_right(x, said[:, 0]),
        "width": correlation(said[:, 1], width),
        "slant": correlation(said[:, 2], slant),
        "spread": spread(x, said),
        "Fréchet distance": metrics.frechet(features(grey(digits().x[:2000])), features(x)),
    }


def correlation(ranks: np.ndarray, values: np.ndarray) -> float:
    """Pearson's, of ranks (n,) that are said with values (n,); 0 where all values are alike."""
    said = ranks != UNSAID
    return float(np.corrcoef(ranks[said], values[said])[0, 1]) if np.ptp(values[said]) else 0.0


def spread(x: np.ndarray, said: np.ndarray) -> float:
    """The standard deviation of a pixel of images x (n, n_x) around the mean of those of which the same is said."""
    _, group = np.unique(said, axis=0, return_inverse=True)
    one_hot = np.eye(group.max() + 1)[group.ravel()]
    n = one_hot.sum(axis=0)
    off = x - (one_hot / n) @ (one_hot.T @ x)
    return math.sqrt((off**2).sum() / (x.shape[1] * (n - 1).sum()))


def of_digits(shuffled: bool = False) -> Measures:
    """Of digits that nobody trained on, with captions of their own, or of each other."""
    said = what_is_said()
    return scores(grey(unseen().x), np.random.default_rng(0).permutation(said) if shuffled else said)


def picture(of: Mapping[str, Told], columns: int = 7) -> plots.Figure:
    """A line for each caption, drawn from the same noise."""
    first = next(iter(of.values()))
    lines = [grey(first.draw(np.tile(bag(text), (columns, 1)))) for text in SHOWN]
    return plots.lines(lines, [textwrap.fill(text, 18) for text in SHOWN], (SIDE, SIDE))


GAMES = {"matching-aware D": partial(game, True), "no wrong captions": partial(game, False)}
CAPTIONS = Use(
    about="from a caption such as 'a fat slanted seven' to the digit (text to image)",
    games=GAMES,
    steps=STEPS,
    measure=measure,
    picture=picture,
    references={"the digits": of_digits, "their captions shuffled": partial(of_digits, shuffled=True)},
)
