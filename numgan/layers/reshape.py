"""Numbers in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator
from numgan.errors import InputError
from numgan.layers.base import Layer, check_sizes


@dataclass(eq=False)
class Reshape(Layer):
    """The same numbers in another shape, row by row: (m, …) → (m, *shape); dx is dy in the shape of x."""

    shape: tuple[int, ...]
    keeps_width = False

    def __post_init__(self) -> None:
        if not isinstance(self.shape, Sequence) or isinstance(self.shape, str) or not self.shape:
            raise InputError(f"Reshape takes the new shape of a row, such as (3, 8, 8), got {self.shape!r}")
        self.shape = tuple(self.shape)
        check_sizes(self, **{f"shape[{i}]": n for i, n in enumerate(self.shape)})

    @property
    def n_out(self) -> int | None:
        return self.shape[0] if len(self.shape) == 1 else None

    def forward(
        self, x: Array, train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, tuple[int, ...]]:
        if x.size != len(x) * math.prod(self.shape):
            raise InputError(f"Reshape cannot make rows of shape {self.shape} from x of shape {tuple(x.shape)}")
        return x.reshape(len(x), *self.shape), x.shape

    def dx(self, dy: Array, x_shape: tuple[int, ...]) -> Array:
        return dy.reshape(x_shape)

    def tangent(self, v: Array, dy: Array, x_shape: tuple[int, ...]) -> tuple[Array, None]:
        return v.reshape(dy.shape), None
