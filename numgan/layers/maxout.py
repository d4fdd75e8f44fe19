"""Maxout, of which the discriminator of the 2014 paper was made."""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator, array_module
from numgan.layers.base import Layer, Shapes, check_scale, check_sizes
from numgan.layers.linear import Linear
from numgan.parallel import matmul, product, row_sum


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
    axes_in = axes_out = 1

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, n_out=self.n_out, pieces=self.pieces)
        check_scale(self)

    @classmethod
    def example(cls) -> Maxout:
        return cls(4, 3, pieces=2)

    @property
    def shapes(self) -> Shapes:
        return {"W": (self.n_in, self.pieces * self.n_out), "b": (self.pieces * self.n_out,)}

    init = Linear.init

    def forward(
        self, x: Array, train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, tuple[Array, Array]]:
        h = matmul(x, self.W)
        h += self.b
        h = h.reshape(len(x), self.pieces, self.n_out)
        return h.max(axis=1), (x, h.argmax(axis=1))

    def backward(
        self, dy: Array, cache: tuple[Array, Array], params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        x, winner = cache  # (m, n_in), (m, n_out)
        piece = array_module(dy).arange(self.pieces)[:, None]  # (pieces, 1)
        dh = dy[:, None, :] * (winner[:, None, :] == piece)  # (m, pieces, n_out)
        dh = dh.reshape(len(x), -1)
        if params:
            product(x.T, dh, self.dW, add)
            row_sum(dh, self.db, add)
        return matmul(dh, self.W.T) if inputs else None

    def tangent(self, v: Array, dy: Array, cache: tuple[Array, Array]) -> tuple[Array, None]:
        """As in Linear, through the piece that won."""
        winner = cache[1][:, None, :]  # (m, 1, n_out)
        pieces = winner == array_module(v).arange(self.pieces)[:, None]  # (m, pieces, n_out)
        product(v.T, (dy[:, None, :] * pieces).reshape(len(v), -1), self.dW, add=True)
        return ((v @ self.W).reshape(pieces.shape) * pieces).sum(axis=1), None
