"""The figures of one update, as `Training.steps` hands them out."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from numgan.backend import asnumpy_all
from numgan.errors import DivergedError
from numgan.gan import Info
from numgan.layers.base import Player
from numgan.run.ranks import ALONE, Ranks
from numgan.run.table import RIGHT, html_lines, html_table

SHOWN = 20  # of the records of a history, in a notebook


class Record(NamedTuple):
    """What one update looked like."""

    step: int  # updates of G made so far
    loss_D: float  # what D descended
    loss_G: float  # what G descended
    V: float  # the paper's value, eq. 1
    D_x: float  # mean D(x), before D's update
    D_Gz: float  # mean D(G(z)), before D's update
    norm_D: float  # ‖∇θ_d‖
    norm_G: float  # ‖∇θ_g‖

    def __str__(self) -> str:
        return "  ".join(f"{name} {figure:.5g}" for name, figure in self._asdict().items())


def record(step: int, G: Player, D: Player, info_g: Info, info_d: Info, ranks: Ranks = ALONE) -> Record:
    """Reads what the figures are made of back from the device, in one transfer. DivergedError where one is not finite.

    V, D(x) and D(G(z)) are then worked out on the host: on a device they would take more kernels than all the rest.
    They and the losses are means over the rows of all ranks; the gradients are those of the whole batch already.
    """
    squares = [net.grad @ net.grad for net in (D, G)]
    value_d, value_g, *squares, a_x, a_g = asnumpy_all(info_d.value, info_g.value, *squares, info_d.a_x, info_d.a_g)
    seen = Info(value_d, a_g, info_d.x_g, a_x)
    means = np.array([value_d, value_g, seen.V, seen.D_x, seen.D_Gz], dtype=np.float64)
    ranks.mean(means)
    made = Record(step, *map(float, [*means, *np.sqrt(squares)]))
    if not all(map(math.isfinite, made)):
        bad = ", ".join(f"{name} = {value}" for name, value in made._asdict().items() if not math.isfinite(value))
        raise DivergedError(f"step {step}: {bad}; try a lower learning rate, or another loss")
    return made


class History(list[Record]):
    """The records of a run. A notebook shows it as a table: all of them, or about SHOWN, evenly chosen."""

    def _repr_html_(self) -> str:
        every = max(1, math.ceil(len(self) / SHOWN))
        rows = [[f"{figure:.5g}" for figure in record] for record in self[::-1][::every][::-1]]
        left_out = f"{len(rows)} of {len(self)} records; plots.history(run.history) draws all"
        return html_table(Record._fields, rows, RIGHT) + html_lines([left_out] if every > 1 else [])


def standing(name: str, step: int, history: list[Record], unfinished: str) -> str:
    """Where a run stands, in a line: for the repr of a Training."""
    last = f", D(x) {history[-1].D_x:.2f}, D(G(z)) {history[-1].D_Gz:.2f}" if history else ""
    return f"<Training on {name}: step {step}{last}{unfinished and f'; {unfinished} is not finished'}>"
