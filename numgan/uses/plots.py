"""Pictures of uses that are no lines of images: clouds in the plane, and sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from numgan.plots import GENERATED, REAL
from numgan.uses.tones import PLAYED, RATE, loudest, power, resampled

HEARD = (200, 400)  # Hz
TITLES = ("one sound", "0.05 s of it", "spectra of four", "loudest frequencies of all")

Panel = tuple[str, np.ndarray, np.ndarray, np.ndarray]  # title, points (n, 2), labels (n,), the cloud they belong on


def planes(rows: Mapping[str, Sequence[Panel]], labels: int) -> Figure:
    """A name a row. Points have the colour of their label, of so many; grey: the cloud that they should lie on."""
    figure = Figure(figsize=(11, 3 * len(rows)), layout="constrained")
    columns = max(map(len, rows.values()))
    for axes, (name, panels) in zip(figure.subplots(len(rows), columns, squeeze=False), rows.items(), strict=True):
        for ax, (title, x, label, cloud) in zip(axes, panels, strict=True):
            ax.scatter(cloud[:, 0], cloud[:, 1], s=20, color="0.85", edgecolors="none")
            ax.scatter(x[:, 0], x[:, 1], s=3, c=label, cmap="hsv", vmin=0, vmax=labels, edgecolors="none")
            ax.set(title=title, aspect="equal")
        axes[0].set_ylabel(name)
    return figure


def sounds(rows: Mapping[str, np.ndarray]) -> Figure:
    """A name and its sounds (n, t) a row, the data first: a sound, a part of it, spectra, frequencies."""
    figure, data = Figure(figsize=(13, 2.2 * len(rows)), layout="constrained"), next(iter(rows))
    for axes, (name, x) in zip(figure.subplots(len(rows), 4), rows.items(), strict=True):
        colour = REAL if name == data else GENERATED
        axes[0].set_ylabel(name)
        for ax in axes[:2]:
            _wave(ax, x[0], colour)
        axes[1].set_xlim(0.3, 0.35)
        _spectra(axes[2], x[:4], colour)
        _frequencies(axes[3], {data: rows[data]} | {name: x})
    for ax, title in zip(figure.axes, TITLES, strict=False):
        ax.set_title(title)
    return figure


def _wave(ax: Axes, x: np.ndarray, colour: str) -> None:
    played = resampled(x[None], round(len(x) / RATE * PLAYED))[0]  # as smooth as it sounds
    ax.plot(np.arange(len(played)) / PLAYED, played, color=colour, linewidth=0.7)
    ax.set(ylim=(-1, 1), xlabel="seconds")


def _spectra(ax: Axes, x: np.ndarray, colour: str) -> None:
    f, p = power(x)
    for line, style in zip(p, ("-", "--", "-.", ":"), strict=True):
        ax.plot(f, line / line.sum(), style, color=colour, linewidth=1)
    ax.set(xlim=HEARD, xlabel="Hz", ylabel="share of power")


def _frequencies(ax: Axes, beside: Mapping[str, np.ndarray]) -> None:
    """Of the data, and of others beside them."""
    heard = [loudest(x) for x in beside.values()]
    ax.hist(heard, [*range(*HEARD, 10)], color=[REAL, GENERATED][: len(beside)], label=[*beside])
    ax.set(xlabel="Hz", ylabel=f"of {len(heard[-1])}", ylim=(0, 1.3 * ax.get_ylim()[1]))
    ax.legend(fontsize=7, ncols=2, loc="upper center")
