"""Two clouds in the plane that nobody has paired: a map from one to the other, and its inverse."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import numpy as np
from matplotlib.figure import Figure

from numgan.data import Data, ring
from numgan.layers import Layer, LeakyReLU, Linear
from numgan.metrics.modes import mode_coverage
from numgan.network import Network
from numgan.optim import Adam
from numgan.uses.cycle import PLAYERS, Cycle
from numgan.uses.use import Measures, Use

MODES, STD = 8, 0.05


def bent(x: np.ndarray) -> np.ndarray:
    """A map of the plane that is one-to-one: (x₁, x₂) → (1.5 x₁, x₂ + x₁² − ½)."""
    return np.stack([1.5 * x[:, 0], x[:, 1] + x[:, 0] ** 2 - 0.5], axis=1)


@cache
def cloud_a(seed: int = 0) -> Data:
    """Eight modes on a circle."""
    return ring(4000, MODES, radius=1.0, std=STD, seed=seed)


@cache
def cloud_b(seed: int = 1) -> Data:
    """Normals around the eight modes, bent. Mode c was mode c of the circle, which nobody tells the players."""
    of = ring(4000, MODES, radius=1.0, std=STD, seed=seed)
    centres = bent(of.centres)
    return Data(of.x - of.centres[of.labels] + centres[of.labels], of.labels, centres=centres, std=STD, name="bent ring")


def mlp(seed: int, hidden: int = 64) -> Network:
    """From the plane to the plane: G, F."""
    layers: list[Layer] = [Linear(2, hidden), LeakyReLU(0.2), Linear(hidden, hidden), LeakyReLU(0.2), Linear(hidden, 2)]
    return Network(layers, seed=seed)


def judge(seed: int, hidden: int = 64) -> Network:
    """From the plane to a logit: D_A, D_B."""
    layers: list[Layer] = [Linear(2, hidden), LeakyReLU(0.2), Linear(hidden, hidden), LeakyReLU(0.2), Linear(hidden, 1)]
    return Network(layers, seed=seed)


def game(weight: float, seed: int, threads: int | None = None) -> Cycle:
    nets = [make(4 * seed + i) for i, make in enumerate((mlp, mlp, judge, judge))]
    players = {name: (net, Adam(1e-3, beta1=0.5)) for name, net in zip(PLAYERS, nets, strict=True)}
    return Cycle(players, cloud_a().x, cloud_b().x, weight, batch=128, seed=seed, ema=0.99, threads=threads)


def measure(of: Cycle) -> Measures:
    """Of points that were never seen. Distances are to be compared with the circle's radius, 1."""
    a, b = cloud_a(seed=2), cloud_b(seed=3)
    there, home = of.there_and_back(a.x)
    _, there_again = of.back_and_there(b.x)
    shares = sent(there, a.labels, b.centres)
    return {
        "A and back": off(a.x, home),
        "B and back": off(b.x, there_again),
        "on a mode": mode_coverage(there, b.centres, STD).quality,
        "kept together": float(shares.max(axis=1).mean()),
        "modes reached": float(len(set(shares.argmax(axis=1)))),
        "as B was made": float(np.trace(shares) / MODES),
    }


def sent(x: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(modes, modes): row i, column j has the share of the rows x labelled i whose nearest centre is j."""
    nearest = np.linalg.norm(x[:, None] - centres, axis=2).argmin(axis=1)
    counts = np.zeros((len(centres), len(centres)))
    np.add.at(counts, (labels, nearest), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def off(x: np.ndarray, y: np.ndarray) -> float:
    """The mean distance of rows."""
    return float(np.linalg.norm(x - y, axis=1).mean())


def picture(of: Mapping[str, Cycle]) -> Figure:
    """A game a row. A's points have the colour of their mode, wherever they are sent; grey: the cloud they are sent to."""
    a, b = cloud_a(seed=2), cloud_b(seed=3)
    figure = Figure(figsize=(9, 3 * len(of)), layout="constrained")
    for axes, (name, each) in zip(figure.subplots(len(of), 3, squeeze=False), of.items(), strict=True):
        there, home = each.there_and_back(a.x)
        for ax, points, goal, title in zip(
            axes, (a.x, there, home), (None, b.x, a.x), ("A", "G(A), on B", "F(G(A)), on A"), strict=True
        ):
            if goal is not None:
                ax.scatter(*goal.T, s=20, color="0.85", edgecolors="none")
            ax.scatter(*points.T, s=3, c=a.labels, cmap="hsv", vmax=MODES, edgecolors="none")
            ax.set(title=title, aspect="equal")
        axes[0].set_ylabel(name)
    return figure


CLOUDS = Use(
    about="from a cloud of points to another that nobody has paired with it, and back (CycleGAN)",
    games={"with the cycle": partial(game, 10.0), "without": partial(game, 0.0)},
    steps=4000,
    measure=measure,
    picture=picture,
)
