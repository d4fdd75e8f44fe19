"""Two clouds in the plane that nobody has paired: a map from one to the other, and its inverse.

Without the cycle, G and F each find a map to all modes of the other cloud, but F does not undo G: none of its points
come home. With it, all do. Modes come out narrower than they should, and narrower still without the cycle. Which mode
of B a mode of A goes to is another matter: any one-to-one map serves as well, and from seed to seed another one is
learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from numgan.layers import Layer, LeakyReLU, Linear
from numgan.metrics.modes import mode_coverage
from numgan.network import Network
from numgan.optim import Adam
from numgan.schedules import Ramp
from numgan.uses.cycle import PLAYERS, Cycle
from numgan.uses.plots import Figure, planes
from numgan.uses.use import Measures, Use

MODES, STD, STEPS = 8, 0.05, 2000
WEIGHT = 1.0  # with the paper's 10, some seeds left a mode of B out: a map is easily undone where it is not right


def bent(x: np.ndarray) -> np.ndarray:
    """A map of the plane that is one-to-one: (x₁, x₂) → (1.5 x₁, x₂ + x₁² − ½)."""
    return np.stack([1.5 * x[:, 0], x[:, 1] + x[:, 0] ** 2 - 0.5], axis=1)


class Cloud(NamedTuple):
    x: np.ndarray  # (n, 2)
    labels: np.ndarray  # (n,) the mode that each row is drawn from
    centres: np.ndarray  # (MODES, 2)


def cloud(centres: np.ndarray, seed: int, n: int = 4000) -> Cloud:
    """Normals of width STD around the centres, as many around each."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % len(centres))
    return Cloud(centres[labels] + STD * rng.standard_normal((n, 2)), labels, centres)


def circle() -> np.ndarray:
    """The centres of A (MODES, 2), at equal angles. `bent`, they are B's: which of them is which, no player is told."""
    angle = 2 * np.pi * np.arange(MODES) / MODES
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def trained_on() -> tuple[Cloud, Cloud]:
    """A and B, drawn apart."""
    return cloud(circle(), seed=0), cloud(bent(circle()), seed=1)


@cache
def measured_on() -> tuple[Cloud, Cloud]:
    """A and B, of points that no player was given."""
    return cloud(circle(), seed=2), cloud(bent(circle()), seed=3)


def mlp(seed: int, hidden: int = 64) -> Network:
    """From the plane to the plane: G, F."""
    return Network(three(hidden, 2), seed=seed)


def discriminator(seed: int, hidden: int = 64) -> Network:
    """From the plane to a logit: D_A, D_B."""
    return Network(three(hidden, 1), seed=seed)


def three(hidden: int, n_out: int) -> list[Layer]:
    """Layers of an MLP on points of the plane."""
    return [Linear(2, hidden), LeakyReLU(0.2), Linear(hidden, hidden), LeakyReLU(0.2), Linear(hidden, n_out)]


def game(weight: float, seed: int, threads: int | None = None) -> Cycle:
    a, b = trained_on()
    nets = [make(4 * seed + i) for i, make in enumerate((mlp, mlp, discriminator, discriminator))]
    players = {
        name: (net, Adam(Ramp(1e-3, 1e-4, STEPS // 2, STEPS), beta1=0.5))
        for name, net in zip(PLAYERS, nets, strict=True)
    }
    return Cycle(players, a.x, b.x, weight, batch=128, seed=seed, ema=0.99, threads=threads)


def measure(of: Cycle) -> Measures:
    """Of points that were never seen.

    A and back, B and back: the mean distance of F(G(a)) from a, and of G(F(b)) from b; the circle's radius is 1.
    home: the share of a whose F(G(a)) is nearest to the mode that a is of.
    on a mode: the share of G(a) within three widths of a mode of B.
    modes reached: by most points of some mode of A; 8 where each mode of A has a mode of B to itself.
    kept together: the share of a that go where most of their mode go.
    narrowest: the least width of what G and F make of any mode, over the width it should have.
    as B was made: the share of a that go to the mode that their own was bent to.
    """
    a, b = measured_on()
    there, home = of.there_and_back(a.x)
    back, there_again = of.back_and_there(b.x)
    shares = sent(there, a.labels, b.centres)
    narrow = narrowest(there, a.labels), narrowest(back, b.labels)
    return {
        "A and back": off(a.x, home),
        "B and back": off(b.x, there_again),
        "home": float(np.diag(sent(home, a.labels, a.centres)).mean()),
        **lying(there),
        "modes reached": float(reached(shares)),
        "kept together": float(shares.max(axis=1).mean()),
        "narrowest": min(narrow),
        "as B was made": float(np.diag(shares).mean()),
    }


def lying(x: np.ndarray) -> Measures:
    """How much of what should be distributed as B lies where B does."""
    return {"on a mode": mode_coverage(x, bent(circle()), STD).quality}


def sent(x: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(modes, modes): row i, column j has the share of the rows x labelled i whose nearest centre is j."""
    nearest = np.linalg.norm(x[:, None] - centres, axis=2).argmin(axis=1)
    counts = np.zeros((len(centres), len(centres)))
    np.add.at(counts, (labels, nearest), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def reached(shares: np.ndarray) -> int:
    """How many modes of B are where most points of some mode of A go."""
    return len(set(shares.argmax(axis=1)))


def narrowest(x: np.ndarray, labels: np.ndarray) -> float:
    """The least width of rows of one label, in any direction, over STD: near 0 where they fall on a line or a point."""
    least = [np.linalg.eigvalsh(np.cov(x[labels == c].T))[0] for c in np.unique(labels)]
    return math.sqrt(max(min(least), 0)) / STD


def off(x: np.ndarray, y: np.ndarray) -> float:
    """The mean distance of rows."""
    return float(np.linalg.norm(x - y, axis=1).mean())


def picture(of: Mapping[str, Cycle]) -> Figure:
    """A game a row: A, and where its points are sent, there and back; at the right, B with the colours of A."""
    a, b = measured_on()
    rows = {}
    for name, each in of.items():
        there, home = each.there_and_back(a.x)
        rows[name] = [
            ("A", a.x, a.labels, a.x),
            ("G(A), on B", there, a.labels, b.x),
            ("F(G(A)), on A", home, a.labels, a.x),
            ("B, as it was made of A", b.x, b.labels, b.x),
        ]
    return planes(rows, MODES)


CLOUDS = Use(
    about="from a cloud of points to another that nobody has paired with it, and back (CycleGAN)",
    games={"with the cycle": partial(game, WEIGHT), "without": partial(game, 0.0)},
    steps=STEPS,
    measure=measure,
    picture=picture,
    references={"B": lambda: lying(measured_on()[1].x)},
)
