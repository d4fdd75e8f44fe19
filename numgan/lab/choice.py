"""What can be set on the board: data, losses, penalties, sizes, rates; and what must be true of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from numgan import data, penalty
from numgan.data import Data
from numgan.errors import InputError, check_number, check_whole, lookup
from numgan.losses import BY_NAME as LOSSES

TRIANGLE = ((-2.0, -1.0), (2.0, -1.0), (0.0, 2.0))

Point = tuple[float, float]


def around(points: Sequence[Point], std: float = 0.1, n: int = 4000) -> Data:
    """n draws from normals around points of the plane, equally frequent, x (n, 2)."""
    centres, rng = np.asarray(points, dtype=float).reshape(-1, 2), np.random.default_rng(0)
    labels = np.arange(n) % len(centres)
    x = centres[labels] + check_number("std", std, "(0, inf)") * rng.standard_normal((n, 2))
    return Data(x, labels=labels, name="points", centres=centres, std=std)


class Source(NamedTuple):
    """A data set of the board, and the expression that makes it."""

    make: Callable[[Sequence[Point]], Data]
    code: str


DATA = {
    "ring": Source(lambda _: data.ring(std=0.1), "ng.data.ring(std=0.1)"),
    "grid": Source(lambda _: data.grid(std=0.1), "ng.data.grid(std=0.1)"),
    "mixture": Source(lambda _: around(TRIANGLE, std=0.4), f"around({TRIANGLE}, std=0.4)"),
    "points": Source(around, "around({points})"),
}
PENALTIES = {"none": None, **penalty.BY_NAME}
WITH_D_STAR = ("minimax", "nonsaturating")  # losses whose best D is D* = p_d / (p_d + p_g)


@dataclass(frozen=True)
class Choice:
    """What is set on the board."""

    data: str = "ring"  # of DATA
    points: tuple[Point, ...] = TRIANGLE  # one's own, for data = "points"
    loss: str = "nonsaturating"
    penalty: str = "none"
    weight: float = 0.1  # of the penalty
    lr_g: float = 1e-3
    lr_d: float = 1e-3
    k: int = 1
    pack: int = 1  # rows that D sees at once
    batch: int = 128
    layers_g: int = 2  # hidden ones
    width_g: int = 64
    layers_d: int = 2
    width_d: int = 64
    n_z: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for kind, name, table in (("data", self.data, DATA), ("loss", self.loss, LOSSES)):
            lookup(kind, name, table)
        lookup("penalty", self.penalty, PENALTIES)
        for name in ("k", "pack", "batch", "layers_g", "width_g", "layers_d", "width_d", "n_z"):
            check_whole(name, getattr(self, name), 1)
        check_whole("seed", self.seed, 0)
        for name in ("weight", "lr_g", "lr_d"):
            check_number(name, getattr(self, name), "[0, inf)")
        if not len(self.points):
            raise InputError("there are no points: give some, as (x₁, x₂) each")
        for point in self.points:
            if np.shape(point) != (2,):
                raise InputError(f"a point is two numbers, (x₁, x₂), got {point!r}")
            for number in point:
                check_number("a point's number", number, "(-1e6, 1e6)")
        if self.batch % self.pack:
            raise InputError(f"batch is {self.batch}, expected a multiple of pack, {self.pack}: change one of them")
        if self.penalty != "none" and self.pack > 1:
            raise InputError("a penalty needs a D that looks at each row alone: set pack to 1, or penalty to 'none'")


RATES = {"lr_g": "opt_g", "lr_d": "opt_d"}  # changed in the course of a run
NETWORKS = {"layers_g", "width_g", "layers_d", "width_d", "n_z", "pack", "seed"}  # changed with new networks alone
