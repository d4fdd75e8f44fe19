"""Maxout and Dropout, of which the discriminator of the 2014 paper was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from numgan.backend import Array, array_module
from numgan.errors import InputError
from numgan.layers import Linear, product, row_sum
from numgan.parallel import matmul
from numgan.protocol import Layer, Shapes, check_sizes


@dataclass(eq=False)
class Maxout(Layer):
    """y_j = max over p of (x W_p + b_p)_j: each unit takes the largest of its linear pieces.

    Goodfellow et al. 2013, "Maxout Networks", eq. in §2. W (n_in, pieces · n_out) holds W_1 … W_P side by side.
    The gradient dy_j goes to the piece that won (the first, at a tie); then as in Linear.
    """

    n_in: int
    n_out: int
    pieces: int
    scale: float | None = None

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, n_out=self.n_out, pieces=self.pieces)

    @property
    def shapes(self) -> Shapes:
        return {"W": (self.n_in, self.pieces * self.n_out), "b": (self.pieces * self.n_out,)}

    init = Linear.init

    def forward(self, x: Array, train: bool = False, rng: Any = None) -> tuple[Array, tuple[Array, Array]]:
        h = matmul(x, self.W)
        h += self.b
        h = h.reshape(len(x), self.pieces, self.n_out)
        return h.max(axis=1), (x, h.argmax(axis=1))

    def backward(self, dy: Array, cache: tuple[Array, Array], params=True, inputs=True, add=True) -> Array | None:
        x, winner = cache  # (m, n_in), (m, n_out)
        piece = array_module(dy).arange(self.pieces)[:, None]  # (pieces, 1)
        dh = dy[:, None, :] * (winner[:, None, :] == piece)  # (m, pieces, n_out)
        dh = dh.reshape(len(x), -1)
        if params:
            product(x.T, dh, self.dW, add)
            row_sum(dh, self.db, add)
        return matmul(dh, self.W.T) if inputs else None


@dataclass(eq=False)
class Dropout(Layer):
    """In training y = x ∘ mask / (1 − p), where a mask entry is 0 with probability p and 1 otherwise; else y = x.

    dx = dy ∘ mask / (1 − p). Srivastava et al. 2014, scaled in training instead of in evaluation.
    """

    p: float = 0.5
    stochastic = True

    def __post_init__(self) -> None:
        if not 0 <= self.p < 1:
            raise InputError(f"Dropout's p is the probability of dropping, 0 ≤ p < 1; got {self.p!r}")

    def forward(self, x: Array, train: bool = False, rng: Any = None) -> tuple[Array, Array | None]:
        if not train:
            return x, None
        if rng is None:
            raise InputError("Dropout in training draws a mask: pass rng=np.random.default_rng(seed) to forward")
        keep = 1 - self.p
        mask = (rng.random(x.shape, dtype=np.float32) < keep).astype(x.dtype)  # (m, n)
        mask *= 1 / keep
        return x * mask, mask

    def backward(self, dy: Array, mask: Array | None, params=True, inputs=True, add=True) -> Array | None:
        return dy if mask is None else dy * mask
