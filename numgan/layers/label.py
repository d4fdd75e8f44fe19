"""What a network is told of each row, beside the row: its label, or a vector of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from numgan.backend import Array, RandomGenerator, array_module, on_host
from numgan.errors import InputError, check_number
from numgan.layers.base import Layer, check_sizes


class Conditioning(Layer):
    """y = [x, height · e], with e a vector made from what is told of each row, c. dx is dy without its last columns.

    At height 1 it is hardly heard beside thousands of numbers: the higher, the faster the weights learn what it means.
    It stands in a `Conditional`, at the place where c is to go in.
    """

    told: ClassVar[str] = "conditions"  # what c is called in an error
    n_in: int
    height: float
    axes_in = axes_out = 1

    @property
    def n_e(self) -> int:
        """How many numbers e has."""
        raise NotImplementedError

    @property
    def n_out(self) -> int:
        return self.n_in + self.n_e

    def check(self, c: Array, rows: Array) -> None:
        """InputError unless c can be told of these rows."""
        raise NotImplementedError

    def vectors(self, c: Array) -> Array:
        """e (m, n_e)."""
        raise NotImplementedError

    def example_c(self, m: int) -> np.ndarray:
        """c for m rows, as an example."""
        raise NotImplementedError

    def forward(
        self, x: tuple[Array, Array], train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, None]:
        if not isinstance(x, tuple):
            raise InputError(f"{self} takes rows and {self.told}, (x, c): put it into an ng.Conditional, not a Network")
        rows, c = x
        if len(rows) != len(c):
            raise InputError(f"{self} got {len(rows)} rows and {len(c)} {self.told}: one each; a Pack comes after it")
        y = array_module(rows).empty((len(rows), self.n_out), dtype=rows.dtype)
        y[:, : self.n_in] = rows
        y[:, self.n_in :] = self.vectors(c)
        y[:, self.n_in :] *= self.height
        return y, None

    def __call__(self, x: tuple[Array, Array]) -> Array:
        return self.forward(x)[0]

    def dx(self, dy: Array, cache: None) -> Array:
        return dy[:, : self.n_in]

    def tangent(self, v: Array, dy: Array, cache: None) -> tuple[Array, None]:
        """J v = [v, 0]: c stays as it is while x moves."""
        Jv = array_module(v).zeros_like(dy)
        Jv[:, : self.n_in] = v
        return Jv, None


@dataclass(eq=False)
class Label(Conditioning):
    """y = [x, height · e_c]: to each row its label c as a one-hot vector, 1 at place c of `classes`, else 0.

    x (m, n_in) and c (m,) whole numbers from 0 on → y (m, n_in + classes). Mirza & Osindero 2014, "Conditional
    Generative Adversarial Nets", section 3.
    """

    told: ClassVar[str] = "labels"
    n_in: int
    classes: int
    height: float = 1.0

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, classes=self.classes)
        self.height = check_number("Label's height", self.height, "(0, inf)")

    @classmethod
    def example(cls) -> Label:
        return cls(4, 3)

    @property
    def n_e(self) -> int:
        return self.classes

    def check(self, c: Array, rows: Array) -> None:
        """InputError unless c holds a label from 0 to classes − 1 for each row. On a device, which would have to wait
        for its answer, the range is not looked at."""
        if array_module(c) is not array_module(rows) or c.dtype.kind not in "iu" or c.shape != rows.shape[:1]:
            wanted = "whole numbers (m,), one for each row, on the rows' backend"
            raise InputError(f"labels c must be {wanted}, got {_kind(c)} with rows {rows.shape}")
        if on_host(c) and len(c) and not 0 <= c.min() <= c.max() < self.classes:
            found = f"{c.min()} to {c.max()}"
            raise InputError(f"labels c must lie from 0 to {self.classes - 1}, got {found}: number them from 0")

    def vectors(self, c: Array) -> Array:
        return c[:, None] == array_module(c).arange(self.classes)

    def example_c(self, m: int) -> np.ndarray:
        return np.arange(m) % self.classes


@dataclass(eq=False)
class Condition(Conditioning):
    """y = [x, height · c]: to each row a vector of numbers, such as the words of a caption, counted.

    x (m, n_in) and c (m, n_c) → y (m, n_in + n_c). Reed et al. 2016, "Generative Adversarial Text to Image Synthesis",
    section 4.1: what a caption is turned into stands beside z in G, and beside what D's convolutions find in the image.
    """

    n_in: int
    n_c: int
    height: float = 1.0

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, n_c=self.n_c)
        self.height = check_number("Condition's height", self.height, "(0, inf)")

    @classmethod
    def example(cls) -> Condition:
        return cls(4, 2)

    @property
    def n_e(self) -> int:
        return self.n_c

    def check(self, c: Array, rows: Array) -> None:
        """InputError unless c holds n_c floating-point numbers for each row."""
        wanted = (*rows.shape[:1], self.n_c)
        if array_module(c) is not array_module(rows) or c.dtype.kind != "f" or c.shape != wanted:
            text = f"floating-point numbers (m, {self.n_c}), on the rows' backend"
            raise InputError(f"conditions c must be {text}, got {_kind(c)} with rows {rows.shape}")

    def vectors(self, c: Array) -> Array:
        return c

    def example_c(self, m: int) -> np.ndarray:
        return np.cos(np.arange(m * self.n_c)).reshape(m, self.n_c)


def _kind(c: Array) -> str:
    return f"{array_module(c).__name__} {c.dtype}{c.shape}"
