"""Pictures: samples beside data, the same noise over time, the curves of a run. Each function returns a Figure.

Figures are made without pyplot, so drawing changes no state of matplotlib's. Save one with `figure.savefig(path)`;
a notebook shows the last value of a cell by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from numgan.backend import host_array
from numgan.errors import InputError, check_whole
from numgan.run.record import Record

# Blue and orange of the Okabe-Ito palette, which colour-blind readers can tell apart.
REAL, GENERATED = "#0072B2", "#D55E00"
IMAGE_COLUMNS = 8
STRIP = 8  # frames over time
COLOURS = ((), (1,), (3,), (4,))  # numbers of a pixel that can be drawn: none of its own, grey, RGB, RGBA
TITLE = 0.36  # inches, for a title and its margins

ImageShape = tuple[int, ...] | None


def samples(x_g: np.ndarray, x: np.ndarray, image_shape: ImageShape = None) -> Figure:
    """Generated rows x_g and as many of the data x, side by side: images, a scatter plot, or histograms."""
    x_g, x = _rows("x_g", x_g, image_shape), _rows("x", x, image_shape)
    if image_shape is None:
        return _points(x_g, x)
    mosaics = [_mosaic(rows, image_shape, IMAGE_COLUMNS) for rows in (x_g, x)]
    height, width = mosaics[0].shape[:2]
    figure = Figure(figsize=(10, 4.92 * height / width + TITLE), layout="compressed")  # as high as what it shows
    for ax, mosaic, title in zip(figure.subplots(1, 2), mosaics, ("G(z): generated", "x: data"), strict=True):
        _show(ax, mosaic)
        ax.set_title(title)
    return figure


def sheet(x: np.ndarray, image_shape: ImageShape = None, columns: int | None = None) -> Figure:
    """Rows x alone, as points or as images, in so many columns (None: as many as lines)."""
    x = _rows("x", x, image_shape)
    if image_shape is None:
        return _points(x, None)
    columns = math.ceil(math.sqrt(len(x))) if columns is None else check_whole("columns", columns, 1)
    figure = Figure(figsize=(6, 6 * math.ceil(len(x) / columns) / columns), layout="constrained")
    _show(figure.subplots(), _mosaic(x, image_shape, columns))
    return figure


def progress(
    frames: Sequence[np.ndarray], steps: Sequence[int], image_shape: ImageShape = None, x: np.ndarray | None = None
) -> Figure:
    """The same fixed noise after more and more steps: at most STRIP of the frames (n, n_x), evenly chosen.

    Points are drawn over those of the data x, where given.
    """
    if not (_several(frames) and _several(steps) and len(frames) == len(steps)):
        raise InputError("progress takes frames, arrays of samples, and as many steps at which they were taken")
    x = None if x is None else _rows("x", x, image_shape)
    chosen = np.unique(np.linspace(0, len(frames) - 1, STRIP).round().astype(int))
    frames, steps = [_rows("a frame", frames[i], image_shape) for i in chosen], [steps[i] for i in chosen]
    if image_shape is not None:
        return lines(frames, [f"step {step}" for step in steps], image_shape)
    figure = Figure(figsize=(2.2 * len(frames), 2.8), layout="constrained")
    axes = np.ravel(figure.subplots(1, len(frames), sharex=True, sharey=True))
    for ax, frame, step in zip(axes, frames, steps, strict=True):
        if x is not None:
            _cloud(ax, x, REAL, "x: data")
        _cloud(ax, frame, GENERATED, "G(z)")
        ax.set_title(f"step {step}", fontsize=9)
    return figure


def growth(frames: Sequence[np.ndarray], sides: Sequence[int], image_shape: tuple[int, ...]) -> Figure:
    """The same fixed noise at the end of each size of a pair that grows: a frame (n, n_x) for each number of pixels
    along a side."""
    if not (_several(frames) and _several(sides) and len(frames) == len(sides)) or image_shape is None:
        raise InputError("growth takes frames, arrays of images of one shape, and for each the pixels along its side")
    frames = [_rows("a frame", frame, image_shape) for frame in frames]
    return lines(frames, [f"{side} × {side}" for side in sides], image_shape)


def lines(frames: Sequence[np.ndarray], labels: Sequence[str], image_shape: tuple[int, ...]) -> Figure:
    """Images, a frame (n, n_x) a line, with its label on the left."""
    figure = Figure(figsize=(8, 0.85 * len(frames)), layout="constrained")
    for ax, frame, label in zip(np.ravel(figure.subplots(len(frames), 1)), frames, labels, strict=True):
        _show(ax, _mosaic(frame, image_shape, len(frame)))
        ax.set_ylabel(label, rotation=0, ha="right", va="center")
    return figure


def history(records: Sequence[Record]) -> Figure:
    """Losses, V, and what D says of data and of samples, over the steps. Dotted: the values at the equilibrium."""
    if not isinstance(records, list | tuple) or not all(isinstance(r, Record) for r in records):
        raise InputError(f"history draws the records of a run, plots.history(run.history), got {records!r:.60}")
    step = [r.step for r in records]
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, color, style in (("loss_D", REAL, "-"), ("loss_G", GENERATED, "-"), ("V", "0.3", "--")):
        left.plot(step, [getattr(r, name) for r in records], style, color=color, label=name, linewidth=1)
    left.axhline(-math.log(4), color="0.3", linestyle=":", linewidth=1, label="−log 4")
    for name, color, label in (("D_x", REAL, "D(x)"), ("D_Gz", GENERATED, "D(G(z))")):
        right.plot(step, [getattr(r, name) for r in records], color=color, label=label, linewidth=1)
    right.axhline(0.5, color="0.3", linestyle=":", linewidth=1)
    right.set_ylim(0, 1)
    for ax, title in ((left, "what each player descends, and V"), (right, "what D believes, on average")):
        ax.set(title=title, xlabel="step")
        ax.legend(loc="best", fontsize=8)
    return figure


def evaluation(
    x_g: np.ndarray,
    x: np.ndarray,
    image_shape: ImageShape,
    shares: dict[str, tuple[float, float]],
    scores: dict[str, float],
    classes: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Figure:
    """What was measured of a run, beside samples. x: for images, the training rows nearest to the samples x_g.

    shares: by measure, of samples and of training rows, up to 1, or NaN for no bar; scores: a log-likelihood by name;
    classes: the fraction of each class among samples and among real rows.
    """
    x_g, x = _rows("x_g", x_g, image_shape), _rows("x", x, image_shape)
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    panels = [name for name, shown in (("shares", shares), ("scores", scores), ("classes", classes)) if shown]
    grid = figure.add_gridspec(len(panels), 2)
    ax = figure.add_subplot(grid[:, 0])
    if image_shape is None:
        _cloud(ax, x, REAL, "x: data")
        _cloud(ax, x_g, GENERATED, "G(z)")
        ax.legend(loc="upper right")
    else:
        beside_nearest(ax, x_g, x, image_shape)
        ax.set_title("samples; right column: the training image nearest\nto the sample on its left", fontsize=10)
    axes = {name: figure.add_subplot(grid[i, 1]) for i, name in enumerate(panels)}
    _side_by_side(axes["shares"], list(shares), *zip(*shares.values(), strict=True))
    axes["shares"].set_ylim(0, 1)
    axes["shares"].legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    if scores:
        colors = [{"samples": GENERATED, "real training rows": REAL}.get(name, "0.6") for name in scores]
        axes["scores"].barh(list(scores), list(scores.values()), color=colors)
        axes["scores"].invert_yaxis()
        axes["scores"].set_title("Parzen log-likelihood in nats", fontsize=9)
    if classes:
        _side_by_side(axes["classes"], [str(c) for c in range(len(classes[0]))], *classes)
        axes["classes"].set_title("share of each class", fontsize=9)
    for ax in axes.values():
        ax.tick_params(labelsize=8)
    return figure


def spread(values: Mapping[str, Sequence[float]], name: str) -> Figure:
    """A figure called `name` of several kinds of runs: a dot for each run, and their mean ± its standard error."""
    figure = Figure(figsize=(8, 1 + 0.4 * len(values)), layout="constrained")
    ax = figure.subplots()
    for y, found in enumerate(values.values()):
        ax.scatter(found, np.full(len(found), y), color=GENERATED, alpha=0.4, edgecolors="none")
        if len(found) > 1:
            error = np.std(found, ddof=1) / math.sqrt(len(found))
            ax.errorbar(np.mean(found), y, xerr=error, fmt="|", color="black", markersize=14, capsize=4)
    ax.set_yticks(range(len(values)), list(values))
    ax.set_ylim(len(values) - 0.5, -0.5)  # the first is at the top
    ax.set_xlabel(name)
    return figure


def beside_nearest(ax: Axes, x_g: np.ndarray, x: np.ndarray, image_shape: tuple[int, ...]) -> None:
    """Samples x_g five in a line, and at its right end the row of x that belongs to the last of them: the training
    image nearest to it. The layout of Goodfellow et al. 2014, Figure 2."""
    rows = [np.concatenate([x_g[i : i + 5], x[i + 4 : i + 5]]) for i in range(0, len(x_g) // 5 * 5, 5)]
    _show(ax, _mosaic(np.concatenate(rows), image_shape, 6))


def _side_by_side(ax: Axes, names: Sequence[str], of_samples: Sequence[float], of_data: Sequence[float]) -> None:
    places = np.arange(len(names))
    ax.bar(places - 0.2, of_samples, 0.4, color=GENERATED, label="samples")
    if not np.isnan(of_data).all():
        ax.bar(places + 0.2, of_data, 0.4, color=REAL, label="real rows")
    ax.set_xticks(places, names)


def _rows(name: str, x: np.ndarray, image_shape: ImageShape) -> np.ndarray:
    """x (n, n_x), once it can be drawn: as images, where they have a shape."""
    x = host_array(name, x)
    if x.ndim != 2 or not x.size or x.dtype.kind not in "fiub":
        raise InputError(f"{name} must be rows of numbers (n, n_x), got {x.dtype}{x.shape}")
    if image_shape is not None:
        sides = isinstance(image_shape, tuple | list) and all(isinstance(n, Integral) and n > 0 for n in image_shape)
        drawable = sides and len(image_shape) > 1 and tuple(image_shape[2:]) in COLOURS
        if not drawable or math.prod(image_shape) != x.shape[1]:
            shapes = "(h, w), (h, w, 1), (h, w, 3) or (h, w, 4)"
            raise InputError(f"image_shape must be {shapes} with product {x.shape[1]}, got {image_shape!r}")
    return x


def _several(items: object) -> bool:
    return isinstance(items, Sequence | np.ndarray) and not isinstance(items, str) and len(items) > 0


def _mosaic(rows: np.ndarray, image_shape: tuple[int, ...], columns: int) -> np.ndarray:
    """rows (n, n_x) in [0, 1] as one image (height, width, …), with white lines between the images it is made of."""
    h, w, *rest = image_shape
    mosaic = np.ones((math.ceil(len(rows) / columns) * (h + 1) - 1, columns * (w + 1) - 1, *rest))
    for i, row in enumerate(rows):
        top, left = i // columns * (h + 1), i % columns * (w + 1)
        mosaic[top : top + h, left : left + w] = row.reshape(image_shape)
    return mosaic


def _show(ax: Axes, mosaic: np.ndarray) -> None:
    ax.imshow(mosaic, cmap="gray", vmin=0, vmax=1, interpolation="nearest")  # the map is for one channel or none
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def _points(x_g: np.ndarray, x: np.ndarray | None) -> Figure:
    figure = Figure(figsize=(5, 5), layout="constrained")
    ax = figure.subplots()
    if x is not None:
        _cloud(ax, x, REAL, "x: data")
    _cloud(ax, x_g, GENERATED, "G(z): generated")
    ax.legend(loc="upper right")
    return figure


def _cloud(ax: Axes, rows: np.ndarray, color: str, label: str) -> None:
    """One column as a histogram; of more columns, the first two as a scatter plot."""
    if rows.shape[1] == 1:
        ax.hist(rows[:, 0], bins=60, density=True, histtype="step", color=color, label=label)
        return
    ax.scatter(rows[:, 0], rows[:, 1], s=4, alpha=0.5, color=color, label=label, linewidths=0)
    ax.set_aspect("equal")
    if rows.shape[1] > 2:
        ax.set(xlabel="column 0", ylabel="column 1")
