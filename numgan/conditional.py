"""Networks that are given a label with each row: G is told what to draw, D what it is to look for."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from numgan.backend import Array, RandomGenerator, array_module, on_host
from numgan.errors import InputError
from numgan.layers.base import Layer
from numgan.layers.label import Label
from numgan.network import Network, Tape


class Conditional(Network):
    """A network whose x is a pair (x, c): rows (m, …), and a label for each, c (m,) whole numbers from 0 on.

    One of its layers is a `Label`, and there the label goes in: beside z in G, beside the row in D, or beside what
    convolutions make of the row. The gradient is that of the row, at a fixed label. All else is as in `Network`.
    """

    conditional: ClassVar[bool] = True

    def __init__(
        self, layers: Sequence[Layer], seed: int = 0, dtype: DTypeLike = "float32", xp: ModuleType = np
    ) -> None:
        super().__init__(layers, seed, dtype, xp)
        if sum(isinstance(layer, Label) for layer in self.layers) != 1:
            raise InputError(f"a Conditional has one Label(n_in, classes) among its layers, got {[*self.layers]}")

    @property
    def classes(self) -> int:
        """How many: labels go from 0 to classes − 1."""
        return next(layer.classes for layer in self.layers if isinstance(layer, Label))

    def forward(
        self, x: tuple[Array, Array], train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, Tape]:
        """x (m, n_in) with labels c (m,) → y (m, n_out), and the tape that backward plays."""
        y, c = self._labelled(x)
        tape: Tape = []
        for layer in self.layers:
            y, cache = layer.forward((y, c) if isinstance(layer, Label) else y, train, rng)
            tape.append(cache)
        return y, tape

    def calibrate(self, x: tuple[Array, Array]) -> Array:
        y, c = self._labelled(x)
        for layer in self.layers:
            y = layer.calibrate((y, c) if isinstance(layer, Label) else y)
        return y

    def __call__(self, x: tuple[Array, Array]) -> Array:
        return self.forward(x)[0]

    def _labelled(self, x: tuple[Array, Array]) -> tuple[Array, Array]:
        """The rows in the network's dtype, and their labels; InputError where they are none."""
        if not isinstance(x, tuple) or len(x) != 2:
            got = f"a tuple of {len(x)}" if isinstance(x, tuple) else f"{type(x).__name__}{getattr(x, 'shape', '')}"
            raise InputError(f"a Conditional takes rows and their labels, (x, c), got {got}: pass the labels too")
        rows, c = x
        check_labels(c, rows, self.classes)
        return self._checked(rows), c

    def __repr__(self) -> str:
        return f"Conditional([{', '.join(map(repr, self.layers))}])"


def check_labels(c: Array, rows: Array, classes: int) -> None:
    """InputError unless c holds a label from 0 to classes − 1 for each row. On a device, which would have to wait for
    its answer, the range is not looked at."""
    if array_module(c) is not array_module(rows) or c.dtype.kind not in "iu" or c.shape != rows.shape[:1]:
        got = f"{array_module(c).__name__} {c.dtype}{c.shape} with rows {rows.shape}"
        raise InputError(f"labels c must be whole numbers (m,), one for each row, on the rows' backend, got {got}")
    if on_host(c) and len(c) and not 0 <= c.min() <= c.max() < classes:
        raise InputError(f"labels c must lie from 0 to {classes - 1}, got {c.min()} to {c.max()}: number them from 0")
