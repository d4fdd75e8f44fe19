"""Pictures of the lab. Each function returns a Figure, except `gif`, which writes a file.

A live picture in a notebook: `display(plots.portrait([snapshot(run)]))` in the loop over `run.steps(…)`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from numgan.lab import dynamics
from numgan.lab.sliders import sliders as sliders  # lessons call it plots.sliders
from numgan.lab.snapshot import LineSnapshot, Snapshot, line_snapshot
from numgan.plots import GENERATED, REAL
from numgan.training import Training

# D from 0 (looks generated) over ½ (white) to 1 (looks real); pale, so that points stand out on all of it
D_COLORS = LinearSegmentedColormap.from_list("D", ["#F0A368", "#FFFFFF", "#74B3DC"])
ARROWS = 60


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


def figure_1(run: Training, marks: Sequence[int]) -> Figure:
    """Goodfellow et al. 2014, Figure 1, from a run: trains it up to each of the steps in `marks` and draws it there.

    Data dotted black, p_g green, D blue and dashed; below, where G takes evenly spaced z.
    """
    figure = Figure(figsize=(3 * len(marks), 3), layout="constrained")
    for ax, mark in zip(np.ravel(figure.subplots(1, len(marks), sharey=True)), marks, strict=True):
        for _ in run.steps(max(mark - run.step, 0), every=max(mark, 1)):
            pass
        _line(ax, line_snapshot(run))
    figure.axes[0].legend(loc="upper left", fontsize=7)
    return figure


def portrait(seen: Sequence[Snapshot]) -> Figure:
    """The last look at a run on points in the plane, with charts of all the snapshots so far."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    _draw(figure, seen)
    return figure


def live(seen: Sequence[Snapshot], optimal: np.ndarray | None, modes: Sequence[int | None], of: int) -> Figure:
    """What the board shows: the last look at a run, D* beside it, losses, divergences, and modes found, out of `of`."""
    figure = Figure(figsize=(10.5, 4.3), layout="constrained")
    scene, best, right = np.ravel(figure.subfigures(1, 3, width_ratios=(1.25, 1, 0.9)))  # type: ignore[arg-type]
    s = seen[-1]
    _scene(scene.subplots(), s)
    ax = best.subplots()
    if optimal is None:
        ax.text(0.5, 0.5, "no D* for this loss", ha="center", transform=ax.transAxes)
    else:
        image = ax.imshow(optimal, extent=s.box, origin="lower", cmap=D_COLORS, vmin=0, vmax=1, aspect="auto")
        best.colorbar(image, ax=ax, orientation="horizontal", label="D, and D*", ticks=[0, 0.5, 1])
    ax.set(xlim=s.box[:2], ylim=s.box[2:], facecolor="0.92", title="D* of data and samples, blurred; grey: neither")
    ax.title.set_fontsize(9)
    ax.tick_params(labelsize=7)
    losses, divergences, found = right.subplots(3, 1, sharex=True)
    step = [s.step for s in seen]
    loss_D, loss_G, kl, js = zip(*((s.loss_D, s.loss_G, s.kl, s.js) for s in seen), strict=True)
    _curves(losses, step, [("loss of D", loss_D, REAL), ("of G", loss_G, GENERATED)])
    _curves(divergences, step, [("KL", kl, "0.6"), ("JSD", js, "0.2")])
    _curves(found, step, [(f"modes found, of {of}", [np.nan if m is None else m for m in modes], "0.2")])
    found.set_ylim(-0.05 * of, 1.4 * of)
    found.set_xlabel("updates of G", fontsize=8)
    return figure


def gif(seen: Sequence[Snapshot], path: str | Path, dpi: int = 55) -> None:
    """The snapshots one after another, each as a `portrait`, as a moving picture."""
    figure = Figure(figsize=(8, 4))
    FigureCanvasAgg(figure)
    writer = PillowWriter(fps=8)
    with writer.saving(figure, str(path), dpi):
        for i in range(len(seen)):
            figure.clear()
            _draw(figure, seen[: i + 1])
            writer.grab_frame()


def _draw(figure: Figure, seen: Sequence[Snapshot]) -> None:
    left, right = np.ravel(figure.subfigures(1, 2, width_ratios=(1.2, 1)))  # type: ignore[arg-type]
    _scene(left.subplots(), seen[-1])
    step = [s.step for s in seen]
    charts = right.subplots(3, 1, sharex=True)
    colors = {"loss_D": REAL, "loss_G": GENERATED, "kl": "0.2", "js": "0.2"}
    for ax, names in zip(charts, (("loss_D", "loss_G"), ("kl",), ("js",)), strict=True):
        _curves(ax, step, [(name, [getattr(s, name) for s in seen], colors[name]) for name in names])
    charts[-1].set_xlabel("step", fontsize=8)


def _curves(ax: Axes, step: Sequence[int], curves: Sequence[tuple[str, Sequence[float], str]]) -> None:
    """Each with its name, its values and its colour."""
    for name, values, color in curves:
        ax.plot(step, values, ".-", color=color, label=name, linewidth=1, markersize=2)
    ax.margins(y=0.3)  # room for the legend above the curves
    ax.legend(loc="upper right", fontsize=7, ncols=2)
    ax.tick_params(labelsize=7)


def _scene(ax: Axes, s: Snapshot) -> None:
    """D's surface, data, G's mesh, samples and where they are asked to go."""
    left, right, bottom, top = s.box
    if s.surface is not None:
        ax.imshow(s.surface, extent=s.box, origin="lower", cmap=D_COLORS, vmin=0, vmax=1, aspect="auto")
    if s.mesh is not None:
        ax.add_collection(LineCollection([*s.mesh, *s.mesh.swapaxes(0, 1)], colors="0.5", linewidths=0.4))
    ax.scatter(s.x[:, 0], s.x[:, 1], s=4, color=REAL, label="x", linewidths=0)
    ax.scatter(s.x_g[:, 0], s.x_g[:, 1], s=4, color=GENERATED, label="G(z)", linewidths=0)
    longest = np.linalg.norm(s.pull[:ARROWS], axis=1).max()
    arrows = s.pull[:ARROWS] / max(longest, 1e-12) * (right - left) / 8
    x, y = s.x_g[:ARROWS].T
    ax.quiver(x, y, *arrows.T, angles="xy", scale_units="xy", scale=1, width=0.003, color="0.2")
    ax.set(xlim=(left, right), ylim=(bottom, top), title=f"step {s.step}")
    ax.tick_params(labelsize=7)
    ax.legend(loc="upper right", fontsize=7)


def _line(ax: Axes, s: LineSnapshot) -> None:
    ax.plot(s.x, s.p_d, "k:", label="data")
    ax.plot(s.x, s.p_g, color="#009E73", label="p_g")
    ax.plot(s.x, s.D, "--", color=REAL, label="D")
    low = -0.5 * max(1.0, s.p_d.max())
    z = s.x.mean() + s.z * np.ptp(s.x) / (2.2 * np.ptp(s.z))
    strings = [[(a, low), (b, 0)] for a, b in zip(z, s.G, strict=True)]
    ax.add_collection(LineCollection(strings, colors="0.4", linewidths=0.7))
    ax.axhline(0, color="0.4", linewidth=0.7)
    ax.axhline(low, color="0.4", linewidth=0.7)
    ax.set(title=f"step {s.step}", xlim=(s.x[0], s.x[-1]), yticks=[])


def _field(ax: Axes, game: dynamics.Game, reach: float, n: int = 13) -> None:
    """Arrows of one length along (θ̇, ψ̇)."""
    side = np.linspace(-reach, reach, n)
    theta, psi = np.meshgrid(side, side)
    speeds = np.array([(game.theta(t, p), game.psi(t, p)) for t, p in zip(theta.flat, psi.flat, strict=True)])
    length = np.maximum(dynamics.radius(speeds), 1e-12)[:, None]
    u, v = (speeds / length).T
    ax.quiver(theta.ravel(), psi.ravel(), u, v, color="0.75", pivot="mid", scale=22, width=0.004)
