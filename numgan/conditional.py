"""Networks that are told something of each row, such as its label: G what to draw, D what it is to look for."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from numgan.backend import Array, RandomGenerator
from numgan.errors import InputError
from numgan.layers.base import Layer
from numgan.layers.label import Conditioning, Label
from numgan.network import Network, Tape


class Conditional(Network):
    """A network whose x is a pair (x, c): rows (m, …), and what it is told of each.

    One of its layers is a `Label`, for c (m,) whole numbers from 0 on, or a `Condition`, for vectors c (m, n_c). There
    c goes in: beside z in G, beside the row in D, or beside what convolutions make of the row. The gradient is that of
    the row, at a fixed c. All else is as in `Network`.
    """

    conditional: ClassVar[bool] = True

    def __init__(
        self, layers: Sequence[Layer], seed: int = 0, dtype: DTypeLike = "float32", xp: ModuleType = np
    ) -> None:
        super().__init__(layers, seed, dtype, xp)
        if sum(isinstance(layer, Conditioning) for layer in self.layers) != 1:
            kinds = "Label(n_in, classes) or Condition(n_in, n_c)"
            raise InputError(f"a Conditional has one {kinds} among its layers, got {[*self.layers]}")

    @property
    def conditioning(self) -> Conditioning:
        """The layer where c goes in."""
        return next(layer for layer in self.layers if isinstance(layer, Conditioning))

    @property
    def classes(self) -> int | None:
        """How many: labels go from 0 to classes − 1. None where c is no label."""
        return self.conditioning.classes if isinstance(self.conditioning, Label) else None

    def forward(
        self, x: tuple[Array, Array], train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, Tape]:
        """x (m, n_in) with c, a label or a vector for each row → y (m, n_out), and the tape that backward plays."""
        y, c = self._told(x)
        tape: Tape = []
        for layer in self.layers:
            y, cache = layer.forward((y, c) if isinstance(layer, Conditioning) else y, train, rng)
            tape.append(cache)
        return y, tape

    def calibrate(self, x: tuple[Array, Array]) -> Array:
        y, c = self._told(x)
        for layer in self.layers:
            y = layer.calibrate((y, c) if isinstance(layer, Conditioning) else y)
        return y

    def __call__(self, x: tuple[Array, Array]) -> Array:
        return self.forward(x)[0]

    def _told(self, x: tuple[Array, Array]) -> tuple[Array, Array]:
        """The rows in the network's dtype, and c; InputError where it cannot be told of these rows."""
        if not isinstance(x, tuple) or len(x) != 2:
            got = f"a tuple of {len(x)}" if isinstance(x, tuple) else f"{type(x).__name__}{getattr(x, 'shape', '')}"
            c = self.conditioning.told
            raise InputError(f"a Conditional takes rows and their {c}, (x, c), got {got}: pass the {c} too")
        rows, c = x
        self.conditioning.check(c, rows)
        return self._checked(rows), c

    def __repr__(self) -> str:
        return f"Conditional([{', '.join(map(repr, self.layers))}])"
