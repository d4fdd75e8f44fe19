"""Adaptive instance normalisation: a style sets the mean and the scale of every map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError, check_number
from numgan.layers.base import Layer, Shapes, check_sizes
from numgan.parallel import matmul, product, row_sum


@dataclass(eq=False)
class AdaIN(Layer):
    """y = (1 + s) x̂ + b, with x̂ = (x − μ) / √(σ² + eps) and the style [s, b] = w A + a.

    x, y (m, h, w, n), w (m, n_w), A (n_w, 2n), a (2n,). μ and σ² (m, 1, 1, n) are of the h · w pixels of one map in one
    row, so a row depends on no other. Karras et al. 2019, eq. 1, with 1 + s in the place of its scale y_s, as in the
    authors' code. It takes a pair, (x, w), and stands in a `Synthesis`, which gives it its w.

    With r = 1 / √(σ² + eps) and N = h · w:

        ds = Σ_pixels dy x̂,  db = Σ_pixels dy,  dx = r (1 + s) (dy − db / N − x̂ ds / N)
        dA = wᵀ [ds, db],  da = Σ_rows [ds, db],  dw = [ds, db] Aᵀ

    A starts from N(0, 1), a at 0: for the equalised learning rate, w has been multiplied by 1 / √n_w (see `Rescale`).
    """

    n: int
    n_w: int
    eps: float = 1e-8
    axes_in = axes_out = 3

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n, n_w=self.n_w)
        self.eps = check_number("AdaIN's eps", self.eps, "(0, inf)")

    @classmethod
    def example(cls) -> AdaIN:
        return cls(2, 3)

    @property
    def n_in(self) -> int:
        return self.n

    n_out = n_in

    @property
    def shapes(self) -> Shapes:
        return {"A": (self.n_w, 2 * self.n), "a": (2 * self.n,)}

    def init(self, rng: np.random.Generator) -> None:
        self.A[...] = array_module(self.A).asarray(rng.standard_normal(self.A.shape), dtype=self.A.dtype)
        self.a[...] = 0

    def forward(
        self, x: tuple[Array, Array], train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, tuple[Array, ...]]:
        if not isinstance(x, tuple):
            raise InputError(f"{self} takes images and styles, (x, w): put it into an ng.Synthesis, not a Network")
        rows, w = x
        style = matmul(w, self.A)
        style += self.a
        scale = 1 + style[:, None, None, : self.n]
        x_hat = rows - rows.mean(axis=(1, 2), keepdims=True)
        r = 1 / array_module(w).sqrt((x_hat * x_hat).mean(axis=(1, 2), keepdims=True) + self.eps)
        x_hat *= r
        return scale * x_hat + style[:, None, None, self.n :], (x_hat, w, scale * r)

    def __call__(self, x: tuple[Array, Array]) -> Array:
        return self.forward(x)[0]

    def backward(  # type: ignore[override]
        self, dy: Array, cache: tuple[Array, ...], params: bool = True, inputs: bool = True, add: bool = True
    ) -> tuple[Array, Array] | None:
        """(dx, dw)."""
        x_hat, w, scale = cache
        ds, db = (dy * x_hat).sum(axis=(1, 2)), dy.sum(axis=(1, 2))  # (m, n)
        dstyle = array_module(dy).concatenate([ds, db], axis=1)
        if params:
            product(w.T, dstyle, self.dA, add)
            row_sum(dstyle, self.da, add)
        if not inputs:
            return None
        n_pixels = dy.shape[1] * dy.shape[2]
        dx = dy - (db / n_pixels)[:, None, None]
        dx -= x_hat * (ds / n_pixels)[:, None, None]
        dx *= scale
        return dx, matmul(dstyle, self.A.T)
