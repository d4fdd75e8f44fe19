"""Pictures of the lab. Each function returns a Figure, except `film`, which writes a file, and `sliders`, HTML.

A live picture in a notebook: `display(plots.portrait([snapshot(run)]))` in the loop over `run.steps(…)`.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from itertools import product
from pathlib import Path

import numpy as np
from matplotlib.animation import AbstractMovieWriter, HTMLWriter, PillowWriter
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image

from numgan.lab import dynamics
from numgan.lab.snapshot import LineSnapshot, Snapshot, line_snapshot, snapshot
from numgan.plots import GENERATED, REAL
from numgan.run.output import new_file
from numgan.training import Training

D_COLORS = "Greys_r"  # white where D is 1; blue and orange stand out on all of it
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


def film(run: Training, steps: int, path: str | Path, frames: int = 40, dpi: int = 55) -> None:
    """Trains a run and films it: a .gif, or one .html with a play bar and nothing outside itself."""
    writers = {".gif": PillowWriter(fps=8), ".html": HTMLWriter(fps=8, embed_frames=True, default_mode="loop")}
    path = new_file(path, list(writers))
    seen = [snapshot(run)]
    seen += [snapshot(run, seen[0].box) for _ in run.steps(steps, every=max(1, steps // frames))]
    _write(writers[path.suffix], seen, path, dpi)


def _write(writer: AbstractMovieWriter, seen: list[Snapshot], path: Path, dpi: int) -> None:
    figure = Figure(figsize=(8, 4))
    FigureCanvasAgg(figure)
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
    for ax, names in zip(charts, (("loss_D", "loss_G"), ("kl",), ("js",)), strict=True):
        for name, color in zip(names, (REAL, GENERATED), strict=False):
            ax.plot(step, [getattr(s, name) for s in seen], ".-", color=color, label=name, linewidth=1, markersize=2)
        ax.margins(y=0.3)  # room for the legend above the curves
        ax.legend(loc="upper right", fontsize=7, ncols=2)
        ax.tick_params(labelsize=7)
    charts[-1].set_xlabel("step", fontsize=8)


def _scene(ax: Axes, s: Snapshot) -> None:
    """D's surface, data, G's mesh, samples and where they are asked to go."""
    left, right, bottom, top = s.box
    if s.surface is not None:
        ax.imshow(s.surface, extent=s.box, origin="lower", cmap=D_COLORS, vmin=0, vmax=1, alpha=0.6, aspect="auto")
    if s.mesh is not None:
        ax.add_collection(LineCollection([*s.mesh, *s.mesh.swapaxes(0, 1)], colors="0.5", linewidths=0.4))
    ax.scatter(s.x[:, 0], s.x[:, 1], s=4, color=REAL, label="x", linewidths=0)
    ax.scatter(s.x_g[:, 0], s.x_g[:, 1], s=4, color=GENERATED, label="G(z)", linewidths=0)
    arrows, length = s.pull[:ARROWS], np.linalg.norm(s.pull[:ARROWS], axis=1, keepdims=True)
    arrows = arrows / max(float(length.max()), 1e-12) * (right - left) / 8
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


def sliders(
    figure: Figure, draw: Callable[..., None], stops: Mapping[str, Sequence[float]], dpi: int = 60, ms: int = 300
) -> str:
    """A picture with a slider for each name in `stops`, and a button that plays the first, as HTML for a notebook.

    draw(*values) draws on the empty figure, once for each combination of values; the pictures are in the HTML, which
    needs neither a kernel nor a network. With one slider for the step of a run it is a film.
    """
    frames: list[str] = []
    for chosen in product(*stops.values()):
        figure.clear()
        draw(*chosen)
        shown = "" if not frames else ' style="display:none"'
        alt = ", ".join(f"{name} = {value:g}" for name, value in zip(stops, chosen, strict=True))
        frames.append(f'<img{shown} alt="{alt}" src="data:image/png;base64,{_small_png(figure, dpi)}">')
    inputs = [
        f'<label>{name} <input type="range" min="0" max="{len(values) - 1}" value="0" step="1" oninput="{_MOVED}"'
        f' data-stops="{" ".join(f"{value:g}" for value in values)}"> <output>{values[0]:g}</output></label>'
        for name, values in stops.items()
    ]
    button = f'<button type="button" onclick="{_PLAYED.replace("MS", str(ms))}">▶</button>'
    return f'<figure style="margin:0">{"".join(frames)}<div>{button} {" &nbsp; ".join(inputs)}</div></figure>'


_MOVED = (
    "const f = this.closest('figure'); let n = 0; "
    "this.nextElementSibling.value = this.dataset.stops.split(' ')[this.value]; "
    "f.querySelectorAll('input').forEach(r => n = n * (+r.max + 1) + +r.value); "
    "f.querySelectorAll('img').forEach((p, i) => p.style.display = i === n ? '' : 'none')"
)
_PLAYED = (
    "const f = this.closest('figure'), r = f.querySelector('input'), go = !f.timer; "
    "clearInterval(f.timer); f.timer = 0; this.textContent = go ? '❚❚' : '▶'; "
    "if (go) f.timer = setInterval(() => { if (!f.isConnected) return clearInterval(f.timer); "
    "r.value = (+r.value + 1) % (+r.max + 1); r.oninput() }, MS)"
)


def _small_png(figure: Figure, dpi: int, colors: int = 32) -> str:
    """In base64, with a palette: a third of the bytes."""
    raw, small = BytesIO(), BytesIO()
    figure.savefig(raw, format="png", dpi=dpi)
    picture = Image.open(raw).convert("RGB").quantize(colors, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    picture.save(small, "png", optimize=True)
    return b64encode(small.getvalue()).decode("ascii")
