"""Captions of digits, such as "a thick very slanted seven": words for what was measured of a digit, and their bag."""

from __future__ import annotations

from functools import cache

import numpy as np

from numgan import metrics
from numgan.data import Data
from numgan.errors import InputError
from numgan.uses.images import SIDE, digits, grey

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
WIDTHS = ("fine", "thin", "medium", "thick", "fat")
SLANTS = ("very backward", "backward", "upright", "slanted", "very slanted")  # backward leans left, slanted right
VOCABULARY = tuple(dict.fromkeys(" ".join((*WIDTHS, *SLANTS, *DIGITS)).split()))
ARTICLES = ("a", "an")  # which say nothing of the digit
SHARES = (0.1, 0.35, 0.65, 0.9)  # of the digits that lie below where one word of five ends and the next begins
UNSAID = -1


def caption(digit: int, width: int = UNSAID, slant: int = UNSAID) -> str:
    """The caption of a digit whose stroke width and slant have these ranks, 0 to 4, or are left unsaid."""
    words = [names[rank] for names, rank in ((WIDTHS, width), (SLANTS, slant)) if rank != UNSAID]
    text = " ".join([*words, DIGITS[digit]])
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def bag(text: str) -> np.ndarray:
    """(n_words,) how often each word of the vocabulary stands in a caption, in whatever order. InputError for others.

    A bag of words does not know which word "very" goes with. In these captions it is always the slant.
    """
    words = [word for word in text.lower().replace(",", " ").rstrip(".").split() if word not in ARTICLES]
    unknown = [word for word in words if word not in VOCABULARY]
    if unknown or not words:
        what = f"{unknown[0]!r} is not a word that captions are made of" if unknown else f"{text!r} has no words"
        raise InputError(f"{what}: use {', '.join(VOCABULARY)}")
    return np.array([words.count(word) for word in VOCABULARY], dtype=np.float32)


@cache
def _bag(digit: int, width: int, slant: int) -> np.ndarray:
    return bag(caption(digit, width, slant))


def bags(meanings: np.ndarray) -> np.ndarray:
    """(m, n_words), the bags of the captions of meanings (m, 3): a digit, the rank of its width, and of its slant."""
    return np.stack([_bag(*meaning) for meaning in meanings.tolist()])


def attributes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stroke width in pixels and slant, each (n,), of images (n, 784) in [0, 1]."""
    return metrics.stroke_width(x, (SIDE, SIDE)), metrics.slant(x, (SIDE, SIDE))


@cache
def cuts() -> tuple[np.ndarray, ...]:
    """Between two words for the width, and for the slant, (4,) each: quantiles of the training digits."""
    return tuple(np.quantile(values, SHARES) for values in attributes(grey(digits().x)))


def meanings(data: Data) -> np.ndarray:
    """(n, 3) what can be said of images in [−1, 1] with labels."""
    ranks = [np.searchsorted(cut, values) for cut, values in zip(cuts(), attributes(grey(data.x)), strict=True)]
    return np.stack([np.asarray(data.labels), *ranks], axis=1)


def partly(meanings: np.ndarray, rng: np.random.Generator, unsaid: float = 0.2) -> np.ndarray:
    """The meanings, each width and each slant left unsaid with this probability."""
    left_out = rng.random(meanings[:, 1:].shape) < unsaid
    return np.column_stack([meanings[:, :1], np.where(left_out, UNSAID, meanings[:, 1:])])


def one_wrong(meanings: np.ndarray, said: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What is said, but that one thing, the digit, the width or the slant, is said and is not what the meanings are."""
    wrong, rows, which = said.copy(), np.arange(len(said)), rng.integers(3, size=len(said))
    n = np.array([len(DIGITS), len(WIDTHS), len(SLANTS)])[which]
    wrong[rows, which] = (meanings[rows, which] + rng.integers(1, n)) % n
    return wrong
