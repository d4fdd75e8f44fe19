"""Two clouds in the plane that nobody has paired: a map from one to the other, and its inverse."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from numgan.data import Data, ring
from numgan.layers import Layer, LeakyReLU, Linear
from numgan.metrics.modes import mode_coverage
from numgan.network import Network
from numgan.optim import Adam
from numgan.schedules import Ramp
from numgan.uses.cycle import PLAYERS, Cycle
from numgan.uses.use import Measures, Use

MODES, STD, STEPS = 8, 0.05, 2000


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


def trained_on() -> tuple[Data, Data]:
    return cloud_a(seed=0), cloud_b(seed=1)


def measured_on() -> tuple[Data, Data]:
    return cloud_a(seed=2), cloud_b(seed=3)


def mlp(seed: int, hidden: int = 64) -> Network:
    """From the plane to the plane: G, F."""
    layers: list[Layer] = [Linear(2, hidden), LeakyReLU(0.2), Linear(hidden, hidden), LeakyReLU(0.2), Linear(hidden, 2)]
    return Network(layers, seed=seed)


def judge(seed: int, hidden: int = 64) -> Network:
    """From the plane to a logit: D_A, D_B."""
    layers: list[Layer] = [Linear(2, hidden), LeakyReLU(0.2), Linear(hidden, hidden), LeakyReLU(0.2), Linear(hidden, 1)]
    return Network(layers, seed=seed)


def game(weight: float, seed: int, threads: int | None = None) -> Cycle:
    a, b = trained_on()
    nets = [make(4 * seed + i) for i, make in enumerate((mlp, mlp, judge, judge))]
    players = {
        name: (net, Adam(Ramp(1e-3, 1e-4, STEPS // 2, STEPS), beta1=0.5))
        for name, net in zip(PLAYERS, nets, strict=True)
    }
    return Cycle(players, a.x, b.x, weight, batch=128, seed=seed, ema=0.99, threads=threads)


def measure(of: Cycle) -> Measures:
    """Of points that were never seen.

    A and back, B and back: the mean distance of F(G(a)) from a, and of G(F(b)) from b; the circle's radius is 1.
    home: the share of a whose F(G(a)) is nearest to the mode that a is of. on a mode: of G(a), within three widths.
    modes reached: by most points of some mode of A; 8 where each mode of A has a mode of B to itself. kept together:
    the share of points that go where most of their mode go. as B was made: that go to the mode their own was bent to.
    """
    a, b = measured_on()
    there, home = of.there_and_back(a.x)
    _, there_again = of.back_and_there(b.x)
    shares = sent(there, a.labels, b.centres)
    return {
        "A and back": off(a.x, home),
        "B and back": off(b.x, there_again),
        "home": float(np.diag(sent(home, a.labels, a.centres)).mean()),
        "on a mode": mode_coverage(there, b.centres, STD).quality,
        "modes reached": float(len(set(shares.argmax(axis=1)))),
        "kept together": float(shares.max(axis=1).mean()),
        "as B was made": float(np.diag(shares).mean()),
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
    """A game a row. Points have the colour of their mode, wherever they are sent; grey: the cloud they should lie on."""
    a, b = measured_on()
    figure = Figure(figsize=(11, 3 * len(of)), layout="constrained")
    for axes, (name, each) in zip(figure.subplots(len(of), 4, squeeze=False), of.items(), strict=True):
        there, home = each.there_and_back(a.x)
        _panel(axes[0], a.x, a.labels, a.x, "A")
        _panel(axes[1], there, a.labels, b.x, "G(A), on B")
        _panel(axes[2], home, a.labels, a.x, "F(G(A)), on A")
        _panel(axes[3], b.x, b.labels, b.x, "B, as it was made of A")
        axes[0].set_ylabel(name)
    return figure


def _panel(ax: Axes, x: np.ndarray, labels: np.ndarray, cloud: np.ndarray, title: str) -> None:
    ax.scatter(*cloud.T, s=20, color="0.85", edgecolors="none")
    ax.scatter(*x.T, s=3, c=labels, cmap="hsv", vmin=0, vmax=MODES, edgecolors="none")
    ax.set(title=title, aspect="equal")


CLOUDS = Use(
    about="from a cloud of points to another that nobody has paired with it, and back (CycleGAN)",
    games={"with the cycle": partial(game, 1.0), "without": partial(game, 0.0)},
    steps=STEPS,
    measure=measure,
    picture=picture,
)
