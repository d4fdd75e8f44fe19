"""The next frame of a film, from two: where the future is open, least squares gives the mean of all futures.

A digit of 14 × 14 pixels moves aslant in a frame of 28 × 28, 3 rows and 3 columns in each step, until it meets a
wall. It is there in one frame and then leaves aslant, along the wall one way or the other, as a fair coin falls. So
the third frame follows from two as long as the digit flies. Where the second shows it at a wall, there are two third
frames (in a corner one), and the mean of squares is least at their mean: two digits at half the brightness, one over
the other.

Mathieu et al. 2016, "Deep multi-scale video prediction beyond mean square error": D is shown a film, whose last frame
is from the data or from G. That is the game of paired translation, where what is given are two frames. Theirs has
more frames, several scales, and a loss on gradients too. Here G draws no noise, so it would have to choose one future
for each past. It goes a part of the way: at a wall it draws pieces of both, at nearly full brightness.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from itertools import product

import numpy as np

from numgan import plots
from numgan.data import Data
from numgan.reconstruction import squared
from numgan.uses.images import SIDE, digits, grey, read_right, sharpness, unseen
from numgan.uses.paired import Paired
from numgan.uses.use import Measures, Use

SMALL = SIDE // 2  # side of a digit
ROOM = SIDE - SMALL  # its upper left corner is at 0 … ROOM, each way
SPEED = 3  # rows in a step, and columns
FRAMES = (SIDE, SIDE, 3)
BEFORE = 8  # steps that nobody sees, so that a film begins anywhere on the way
PER_DIGIT = 2  # films to train on


# The motion: positions and velocities (n, 2), rows and columns of pixels


def step(p: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The next position, p + v or the wall that is met on the way; from there on, another velocity."""
    p = (p + v).clip(0, ROOM)
    anew = np.select([p == 0, p == ROOM], [SPEED, -SPEED], any_direction(len(p), rng))
    return p, np.where(at_wall(p)[:, None], anew, v)


def any_direction(n: int, rng: np.random.Generator) -> np.ndarray:
    return SPEED * rng.choice([-1, 1], (n, 2))


def at_wall(p: np.ndarray) -> np.ndarray:
    return ((p == 0) | (p == ROOM)).any(axis=1)


def paths(n: int, rng: np.random.Generator) -> np.ndarray:
    """Where n digits are in three frames (3, n, 2)."""
    p, v = rng.integers(1, ROOM, (n, 2)), any_direction(n, rng)
    found = []
    for _ in range(BEFORE + 3):
        p, v = step(p, v, rng)
        found.append(p)
    return np.array(found[BEFORE:])


def possible(v: tuple[int, ...], before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Of n digits, which may go on with the velocity v."""
    from_wall = np.select([now == 0, now == ROOM], [np.array(v) > 0, np.array(v) < 0], True)
    return np.where(at_wall(now), from_wall.all(axis=1), (now - before == v).all(axis=1))


# The films


def smaller(x: np.ndarray) -> np.ndarray:
    """Digits (n, 784) as (n, 14, 14): the mean of each 2 × 2 pixels."""
    return x.reshape(-1, SMALL, 2, SMALL, 2).mean(axis=(2, 4))


def placed(small: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Digits (n, 14, 14) in [0, 1] at p (n, 2) in black frames (n, 784)."""
    n, along = len(small), np.arange(SMALL)
    frames = np.zeros((n, SIDE, SIDE), small.dtype)
    row, column = p[:, 0, None, None] + along[:, None], p[:, 1, None, None] + along  # (n, 14, 1), (n, 1, 14)
    frames[np.arange(n)[:, None, None], row, column] = small
    return frames.reshape(n, -1)


def films(data: Data, seed: int, per_digit: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Films (n, 784 · 3) in [−1, 1], a channel for each frame, and paths (3, n, 2)."""
    small = smaller(grey(data.x)).repeat(per_digit, axis=0)
    of = paths(len(small), np.random.default_rng(seed))
    return 2 * np.stack([placed(small, p) for p in of], axis=-1).reshape(len(small), -1) - 1, of


@cache
def to_test() -> tuple[np.ndarray, np.ndarray]:
    """Films of digits that were never trained on, on paths of their own."""
    return films(unseen(), seed=1)


# The measures: of frames (2000, 784) in [0, 1] that should be the last ones of `to_test`


def scores(x: np.ndarray) -> Measures:
    _, (before, now, _) = to_test()
    wall, far = at_wall(now), from_futures(x, before, now)
    return {
        "read right": read_right(enlarged(x), np.asarray(unseen().labels)),
        "sharpness in flight": sharpness(x[~wall]),
        "sharpness at a wall": sharpness(x[wall]),
        "L1 in flight": float(far[~wall].mean()),
        "L1 at a wall": float(far[wall].mean()),
    }


def from_futures(x: np.ndarray, before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """L1 (n,) of each frame from the nearest of those that may come next."""
    small, nearest = smaller(grey(unseen().x)), np.full(len(x), np.inf)
    for v in product([-SPEED, SPEED], repeat=2):
        may = possible(v, before, now)
        future = placed(small[may], (now[may] + v).clip(0, ROOM))
        nearest[may] = np.minimum(nearest[may], abs(x[may] - future).mean(axis=1))
    return nearest


def enlarged(x: np.ndarray) -> np.ndarray:
    """The 14 × 14 pixels around the centre of brightness of each frame (n, 784), at twice the size."""
    x = x.reshape(-1, SIDE, SIDE)
    parts = np.lib.stride_tricks.sliding_window_view(x, (SMALL, SMALL), axis=(1, 2))  # type: ignore[call-overload]
    corner = [np.rint(centre(x.sum(axis=axis)) - (SMALL - 1) / 2).astype(int).clip(0, ROOM) for axis in (2, 1)]
    return parts[(np.arange(len(x)), *corner)].repeat(2, axis=1).repeat(2, axis=2).reshape(len(x), -1)


def centre(brightness: np.ndarray) -> np.ndarray:
    """Where the mean of brightness (n, 28) lies along a side; in the middle, where all is black."""
    total = brightness.sum(axis=1)
    return np.where(total > 0, brightness @ np.arange(SIDE), (SIDE - 1) / 2) / np.where(total > 0, total, 1)


# The use


def game(adversarial: bool, seed: int, threads: int | None = None) -> Paired:
    """Films of the digits to train on, of other paths for each seed; least squares, with the game or without."""
    rows, _ = films(digits(), 2 + seed, PER_DIGIT)
    return Paired(rows, FRAMES, seed, adversarial, weight=15.0, distance=squared, threads=threads)


def measure(of: Paired) -> Measures:
    rows, _ = to_test()
    return scores(grey(of.translate(of.given(rows))))


def measure_frame(i: int) -> Measures:
    """Of frame i of the films, as if it were the last."""
    rows, _ = to_test()
    return scores(grey(rows.reshape(-1, *FRAMES)[..., i]).reshape(len(rows), -1))


def picture(games: Mapping[str, Paired], each: int = 6) -> plots.Figure:
    """Frames beside their names, in lines: on the left digits in flight, on the right digits at a wall."""
    rows, (_, now, _) = to_test()
    wall = at_wall(now)
    rows = np.concatenate([rows[~wall][:each], rows[wall][:each]])
    before, now, after = np.moveaxis(rows.reshape(len(rows), -1, 3), -1, 0)
    a = next(iter(games.values())).given(rows)
    shown = {"before": before, "now": now, **{name: of.translate(a) for name, of in games.items()}, "next": after}
    figure = plots.lines([grey(x) for x in shown.values()], list(shown), (SIDE, SIDE))
    figure.suptitle(f"{each} digits in flight, whose next frame is certain; {each} at a wall, which may leave two ways")
    return figure


NEXT_FRAME = Use(
    about="the next frame of a film from two",
    games={"adversarial + squares": partial(game, True), "least squares": partial(game, False)},
    steps=4000,
    measure=measure,
    picture=picture,
    references={"the true frame": partial(measure_frame, 2), "the last frame again": partial(measure_frame, 1)},
)
