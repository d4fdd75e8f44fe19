"""Pictures of the lab: phase portraits of small games. Each function returns a Figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from numgan.lab import dynamics
from numgan.plots import GENERATED, REAL


def phase_portraits(
    games: Sequence[dynamics.Game], h: float = 0.2, steps: int = 150, start: tuple[float, float] = (1.0, 1.0)
) -> Figure:
    """For each game where (θ, ψ) wants to go, and where steps of size h take it: all at once, and in turns."""
    columns = min(len(games), 4)
    rows = math.ceil(len(games) / columns)
    figure = Figure(figsize=(3 * columns, 3.2 * rows), layout="constrained")
    axes = np.ravel(figure.subplots(rows, columns, sharex=True, sharey=True))
    for ax, game in zip(axes, games, strict=False):
        _field(ax, game, reach=2.2)
        for alternating, color, label in ((False, GENERATED, "simultaneous"), (True, REAL, "alternating")):
            points = dynamics.path(game, start, h, steps, alternating)
            ax.plot(*points.T, color=color, label=label, linewidth=1)
        ax.plot(0, 0, "k+")
        ax.set(title=game.name, xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal")
    for ax in axes[len(games) :]:
        ax.set_visible(False)
    figure.supxlabel("θ, where G puts its point")
    figure.supylabel("ψ (the slope of D is −ψ)")
    axes[0].legend(loc="lower left", fontsize=7)
    return figure


def _field(ax: Any, game: dynamics.Game, reach: float, n: int = 13) -> None:
    """Arrows of one length along (θ̇, ψ̇)."""
    line = np.linspace(-reach, reach, n)
    theta, psi = np.meshgrid(line, line)
    speeds = np.array([(game.theta(t, p), game.psi(t, p)) for t, p in zip(theta.flat, psi.flat, strict=True)])
    length = np.maximum(dynamics.radius(speeds), 1e-12)[:, None]
    u, v = (speeds / length).T
    ax.quiver(theta.ravel(), psi.ravel(), u, v, color="0.75", pivot="mid", scale=22, width=0.004)
