"""Two paired translations: from a digit's edges to the digit, and from its left half to the whole.

What each part of the loss does, as in Isola et al. 2017, section 4.1, and by the measures here, for halves:

- L1 alone is nearest to the answers, and less sharp than they are: its best guess at a pixel is the median.
- The game alone asks for any image that could belong to what is given, and is farthest from the answers.
- Both together are as sharp as the answers, and nearly as near to them as L1.

Edges leave little open, since they show where a stroke begins and ends; half of a digit leaves much open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from numgan import plots
from numgan.data import Data, edges
from numgan.uses.images import SIDE, digits, grey, read_right, sharpness, unseen
from numgan.uses.paired import Paired
from numgan.uses.use import Measures, Use

PAIR = (SIDE, SIDE, 2)
GAMES = {"adversarial + L1": (True, 10.0), "L1 alone": (False, 10.0), "adversarial alone": (True, 0.0)}


@dataclass(frozen=True)
class Translation:
    """given: from images (n, 28, 28) in [0, 1] to what G is given of them. first: the first column that is open.
    lr: G's rate, low enough for the game alone not to go astray in its first steps."""

    given: Callable[[np.ndarray], np.ndarray]
    first: int = 0
    lr: float = 1e-3

    def pairs(self, data: Data) -> np.ndarray:
        """[a, b] with b the images, in [−1, 1], channels side by side (n, 28 · 28 · 2)."""
        a = self.given(grey(data.x).reshape(-1, SIDE, SIDE)).reshape(len(data), -1)
        return np.stack([2 * a - 1, data.x], axis=-1).reshape(len(data), -1)

    def game(self, adversarial: bool, weight: float, seed: int, threads: int | None = None) -> Paired:
        return Paired(self.pairs(digits()), PAIR, seed, adversarial, weight, lr=self.lr, threads=threads)

    def measure(self, game: Paired) -> Measures:
        return self.scores(grey(game.translate(game.given(self.pairs(unseen())))))

    def scores(self, x: np.ndarray) -> Measures:
        """Of translations x (2000, 784) in [0, 1]: read as the digit they are of; how sharp, and how far off, where
        the answer was open."""
        found, wanted = (rows.reshape(-1, SIDE, SIDE)[..., self.first :] for rows in (x, grey(unseen().x)))
        return {
            "read right": read_right(x, np.asarray(unseen().labels)),
            "sharpness": sharpness(found, found.shape[1:]),
            "L1": float(abs(found - wanted).mean()),
        }

    def measure_digits(self) -> Measures:
        return self.scores(grey(unseen().x))

    def measure_given(self) -> Measures:
        return self.scores(self.given(grey(unseen().x).reshape(-1, SIDE, SIDE)).reshape(len(unseen()), -1))

    def picture(self, games: Mapping[str, Paired], columns: int = 12) -> plots.Figure:
        """Images beside their names, in lines: what is given, each game's translations, the answers."""
        one, rows = next(iter(games.values())), self.pairs(unseen())[:columns]
        a, b = one.given(rows), one.answers(rows)
        shown = {"given": a, **{name: game.translate(a) for name, game in games.items()}, "answer": b}
        return plots.lines([grey(x) for x in shown.values()], list(shown), (SIDE, SIDE))


def left_half(x: np.ndarray) -> np.ndarray:
    """The image, black from the middle on."""
    return np.where(np.arange(SIDE) < SIDE // 2, x, 0)


def use(about: str, translation: Translation, steps: int) -> Use[Paired]:
    return Use(
        about=about,
        games={name: partial(translation.game, *how) for name, how in GAMES.items()},
        steps=steps,
        measure=translation.measure,
        picture=translation.picture,
        references={"the digits": translation.measure_digits, "what is given": translation.measure_given},
    )


EDGES = use("from the edges of a digit to the digit (pix2pix)", Translation(edges, lr=5e-4), steps=1000)
HALVES = use("from the left half of a digit to all of it (pix2pix)", Translation(left_half, SIDE // 2), steps=1200)
