"""Strips: the noise stays and the caption moves, as photographs of a face are aged or turned by a condition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from numgan import plots
from numgan.uses.captions import DIGITS, SLANTS, WIDTHS, attributes, bag, caption
from numgan.uses.images import SIDE, grey, read_right
from numgan.uses.text_to_image import GAMES, STEPS
from numgan.uses.told import Told
from numgan.uses.use import Measures, Use

COLUMNS = 9  # of a strip: of five words each, and half way between two
ROWS = 200  # strips that are measured
MIDDLE = 2  # the rank of "medium", and of "upright"


def widths(digit: int) -> list[str]:
    """Captions from the thinnest strokes to the widest."""
    return [caption(digit, rank, MIDDLE) for rank in range(len(WIDTHS))]


def slants(digit: int) -> list[str]:
    """Captions from leaning left to leaning right."""
    return [caption(digit, MIDDLE, rank) for rank in range(len(SLANTS))]


def to_next(digit: int) -> list[str]:
    """Captions from a digit to the next one."""
    return [caption(one, MIDDLE, MIDDLE) for one in (digit, (digit + 1) % len(DIGITS))]


def along(path: list[str], columns: int = COLUMNS) -> np.ndarray:
    """(columns, n_words) from the bag of the first caption to that of the last, straight from each to the next."""
    ends = np.stack([bag(text) for text in path])
    at = np.linspace(0, len(path) - 1, columns)
    i = np.minimum(at.astype(int), len(path) - 2)
    t = (at - i)[:, None].astype(np.float32)
    return (1 - t) * ends[i] + t * ends[i + 1]


def drawn(of: Told, paths: list[list[str]], z: np.ndarray) -> np.ndarray:
    """(rows, COLUMNS, 784) in [0, 1]: a strip for each path and its noise, z (rows, n_z)."""
    c = np.concatenate([along(path) for path in paths])
    return grey(of.draw(c, z.repeat(COLUMNS, axis=0))).reshape(len(paths), COLUMNS, -1)


def measure(of: Told) -> Measures:
    """Of strips of each digit: does what the words are about rise from image to image, and does all else stay?

    class: the share of images in width and slant strips that are read as their digit. ends: of the first and the last
    images of strips from a digit to the next. change: see there; the mean of width and slant strips.
    """
    digit, z = [row % len(DIGITS) for row in range(ROWS)], of.z.fixed(ROWS)
    wider, leaning, turning = (drawn(of, [path(d) for d in digit], z) for path in (widths, slants, to_next))
    following = [(d + 1) % len(DIGITS) for d in digit]
    width, _ = attributes(wider.reshape(-1, SIDE * SIDE))
    _, slant = attributes(leaning.reshape(-1, SIDE * SIDE))
    return {
        **rising("width", width.reshape(ROWS, COLUMNS)),
        **rising("slant", slant.reshape(ROWS, COLUMNS)),
        "class": read_right(np.concatenate([*wider, *leaning]), np.tile(np.repeat(digit, COLUMNS), 2)),
        "ends": read_right(np.concatenate([turning[:, 0], turning[:, -1]]), np.concatenate([digit, following])),
        "change": (change(wider) + change(leaning)) / 2,
    }


def rising(name: str, values: np.ndarray) -> Measures:
    """Of values (rows, columns): the share of steps along rows that rise, and the mean over rows of Spearman's rank
    correlation with the place in the row, 0 where all values are equal."""
    place = np.arange(values.shape[1]) - (values.shape[1] - 1) / 2
    ranks = np.sign(values[:, :, None] - values[:, None, :]).sum(axis=2) / 2  # centred; equal values share a rank
    norm = np.sqrt((ranks**2).sum(axis=1) * (place @ place))
    correlation = np.divide(ranks @ place, norm, out=np.zeros(len(values)), where=norm > 0)
    return {
        f"{name} rises": float((np.diff(values, axis=1) > 0).mean()),
        f"{name}, rank correlation": float(correlation.mean()),
    }


def change(x: np.ndarray) -> float:
    """How far neighbours in strips x (rows, columns, n_x) are apart, over how far images of the same caption and other
    noise are: root mean squares. About 1 or more if the noise did not stay. Strips of a digit stand 10 rows apart."""
    steps, others = np.diff(x, axis=1), x[len(DIGITS) :] - x[: -len(DIGITS)]
    return float(np.sqrt((steps**2).mean() / (others**2).mean()))


def picture(of: Mapping[str, Told]) -> plots.Figure:
    """Two strips of each kind for two digits, and their first and last captions."""
    first = next(iter(of.values()))
    paths = [kind(digit) for kind in (widths, slants, to_next) for digit in (3, 7) for _ in range(2)]
    x = drawn(first, paths, first.z.fixed(len(paths)))
    return plots.lines([*x], [f"{path[0]}\n→ {path[-1]}" for path in paths], (SIDE, SIDE))


STRIPS = Use(
    about="the same noise, the caption moved from word to word (strips: ageing, pose)",
    games=GAMES,
    steps=STEPS,
    measure=measure,
    picture=picture,
)
