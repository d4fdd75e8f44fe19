"""Digits and the negatives of their edges, unpaired: a style put on and taken off.

With the cycle, more digits survive the way there and back. That alone would not make G(a) the true outlines of a: two
maps that change nothing undo each other, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import numpy as np

from numgan import plots
from numgan.data import coupled, edges, negatives
from numgan.layers import Conv2d, ConvTranspose2d, Layer, LeakyReLU, Reshape, Skip, Tanh
from numgan.metrics.agreement import agreement
from numgan.models.dcgan import he
from numgan.network import Network
from numgan.optim import Adam
from numgan.schedules import Ramp
from numgan.uses.cycle import PLAYERS, Cycle
from numgan.uses.images import SIDE, digits, grey, read_right, unseen
from numgan.uses.paired import discriminator
from numgan.uses.use import Measures, Use

STEPS, MAPS = 4000, 16


def styled(x: np.ndarray) -> np.ndarray:
    """1 − edges(x) of images (n, h, w) in [0, 1]: black outlines on white."""
    return negatives(edges(x))


@cache
def domains() -> tuple[np.ndarray, np.ndarray]:
    """A (2500, 784), digits, and B, as many that are made of other digits; both in [−1, 1]."""
    a, b = np.split(coupled(digits(), styled).x, 2, axis=1)
    return a, b


@cache
def tests() -> tuple[np.ndarray, np.ndarray]:
    """A and B (2000, 784), of digits that were never seen. Here they are paired, which only measures make use of."""
    a = unseen().x
    return a, 2 * styled(grey(a).reshape(-1, SIDE, SIDE)).reshape(a.shape) - 1


def translator(seed: int, maps: int = MAPS) -> Network:
    """G, F: images to images, in rows. Convolutions alone, so that each pixel is made of what is around its place.

    Two strides in and two out; the skip connection hands on fine lines beside what the inner strides make of them.
    """
    inner = [
        *(Conv2d(maps, 2 * maps, std=he(16 * maps)), LeakyReLU(0.2)),
        *(Conv2d(2 * maps, 2 * maps, kernel=3, stride=1, std=he(18 * maps)), LeakyReLU(0.2)),
        *(ConvTranspose2d(2 * maps, maps, std=he(8 * maps)), LeakyReLU(0.2)),
    ]
    layers: list[Layer] = [
        *(Reshape((SIDE, SIDE, 1)), Conv2d(1, maps, std=he(16)), LeakyReLU(0.2)),
        *(Skip(Network(inner, seed=2 * seed)), ConvTranspose2d(2 * maps, 1), Tanh(), Reshape((SIDE * SIDE,))),
    ]
    return Network(layers, seed=2 * seed + 1)


def game(weight: float, seed: int, threads: int | None = None, steps: int = STEPS) -> Cycle:
    discriminators = [discriminator((SIDE, SIDE, 1), 4 * seed + i, shift=1) for i in (2, 3)]
    nets = [translator(4 * seed), translator(4 * seed + 1), *discriminators]
    rates = [Ramp(1e-3, 1e-4, steps // 2, steps)] * 2 + [Ramp(5e-4, 5e-5, steps // 2, steps)] * 2
    players = {p: (net, Adam(lr, beta1=0.5)) for p, net, lr in zip(PLAYERS, nets, rates, strict=True)}
    return Cycle(players, *domains(), weight, batch=32, seed=seed, ema=0.99, threads=threads)


def measure(of: Cycle) -> Measures:
    """Of digits that were never seen.

    read: as its digit, by the classifier: after the way there and back, and where an outline is all that F is given.
    L1 of F(G(a)): the mean over pixels in [0, 1]. The others: see `alike`.
    A round trip alone proves little: two maps that change nothing make it without a fault.
    """
    a, b = tests()
    there, home = of.there_and_back(a)
    back, _ = of.back_and_there(b)
    return {
        "F(G(a)) read": read(home),
        "F(b) read": read(back),
        "L1 of F(G(a))": float(np.abs(grey(home) - grey(a)).mean()),
        **alike(there),
    }


def read(x: np.ndarray) -> float:
    """The share of x, made of all digits that were never seen, in their order, that are read as those."""
    return read_right(grey(x), unseen().labels)  # type: ignore[arg-type]  # these data have labels


def alike(there: np.ndarray) -> Measures:
    """agreement of translations of all digits that were never seen with 1 − edges; by chance: with another digit's."""
    b = grey(tests()[1])
    return {
        "agreement": agreement(b, grey(there)).grey,
        "by chance": agreement(np.roll(b, 1, axis=0), grey(there)).grey,
    }


def picture(of: Mapping[str, Cycle], columns: int = 12) -> plots.Figure:
    """Rows of images: digits, and what each game makes of them there and back; outlines, back and there."""
    a, b = (x[:columns] for x in tests())
    lines = {"a": a}
    for name, each in of.items():
        lines |= zip((f"{name}: G(a)", f"{name}: F(G(a))"), each.there_and_back(a), strict=True)
    lines["b"] = b
    for name, each in of.items():
        lines |= zip((f"{name}: F(b)", f"{name}: G(F(b))"), each.back_and_there(b), strict=True)
    return plots.lines([grey(x) for x in lines.values()], list(lines), (SIDE, SIDE))


NEGATIVES = Use(
    about="from digits to the negatives of their edges, unpaired, and back (CycleGAN)",
    games={"with the cycle": partial(game, 10.0), "without": partial(game, 0.0)},
    steps=STEPS,
    measure=measure,
    picture=picture,
    references={"the true ones": lambda: {"F(b) read": read(tests()[0]), **alike(tests()[1])}},
)
