"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numgan.backend import Array, RandomGenerator, check_generator
from numgan.errors import check_number
from numgan.layers.base import Layer, diagonal_tangent


@dataclass(eq=False)
class Dropout(Layer):
    """In training y = x ∘ mask / (1 − p), where a mask entry is 0 with probability p and 1 otherwise; else y = x.

    dx = dy ∘ mask / (1 − p). Srivastava et al. 2014, scaled in training instead of in evaluation.
    """

    p: float = 0.5
    stochastic = True

    def __post_init__(self) -> None:
        self.p = check_number("Dropout's p, the probability of dropping,", self.p, "[0, 1)")

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Array | None]:
        if not train:
            return x, None
        rng = check_generator(rng, "random", "Dropout in training draws a mask")
        keep = 1 - self.p
        mask = (rng.random(x.shape, dtype=np.float32) < keep).astype(x.dtype)  # (m, n)
        mask *= 1 / keep
        return x * mask, mask

    def dx(self, dy: Array, mask: Array | None) -> Array:
        return dy if mask is None else dy * mask

    tangent = diagonal_tangent
