"""A label beside a row, for networks that are told what to draw, or what they see."""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError, check_number
from numgan.layers.base import Layer, check_sizes


@dataclass(eq=False)
class Label(Layer):
    """y = [x, e_c]: to each row its label c as a one-hot vector, `height` at place c of `classes`, else 0.

    x (m, n_in) and c (m,) whole numbers from 0 on → y (m, n_in + classes). dx is dy without its last columns. A label
    of height 1 is hardly heard beside thousands of numbers: the higher, the faster the weights learn what it means.

    Mirza & Osindero 2014, "Conditional Generative Adversarial Nets", section 3. It stands in a `Conditional`, at the
    place where the label is to go in.
    """

    n_in: int
    classes: int
    height: float = 1.0
    axes_in = axes_out = 1

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, classes=self.classes)
        self.height = check_number("Label's height", self.height, "(0, inf)")

    @property
    def n_out(self) -> int:
        return self.n_in + self.classes

    @classmethod
    def example(cls) -> Label:
        return cls(4, 3)

    def forward(
        self, x: tuple[Array, Array], train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, None]:
        if not isinstance(x, tuple):
            raise InputError(f"{self} takes rows and labels, (x, c): put it into an ng.Conditional, not a Network")
        rows, c = x
        if len(rows) != len(c):
            raise InputError(f"{self} got {len(rows)} rows and {len(c)} labels: one each; a Pack comes after it")
        xp = array_module(rows)
        y = xp.empty((len(rows), self.n_out), dtype=rows.dtype)
        y[:, : self.n_in] = rows
        y[:, self.n_in :] = c[:, None] == xp.arange(self.classes)
        y[:, self.n_in :] *= self.height
        return y, None

    def __call__(self, x: tuple[Array, Array]) -> Array:
        return self.forward(x)[0]

    def dx(self, dy: Array, cache: None) -> Array:
        return dy[:, : self.n_in]

    def tangent(self, v: Array, dy: Array, cache: None) -> tuple[Array, None]:
        """J v = [v, 0]: the label stays as it is while x moves."""
        Jv = array_module(v).zeros_like(dy)
        Jv[:, : self.n_in] = v
        return Jv, None
