"""A layer is two formulas: y from x, then ∂L/∂x and ∂L/∂W from ∂L/∂y. (d· always means ∂L/∂·.)"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from numgan.backend import Array, RandomGenerator, array_module
from numgan.layers.base import Layer, Shapes, check_scale, check_sizes
from numgan.parallel import matmul, product, row_sum


@dataclass(eq=False)
class Linear(Layer):
    """y = x W + b, with x (m, n_in), W (n_in, n_out), b (n_out,), y (m, n_out).

    dW = xᵀ dy,  db = Σ_rows dy,  dx = dy Wᵀ.

    W starts uniform on (−scale, scale), b at 0. The default scale, √(3/n_in), gives W the variance 1/n_in, which keeps
    the variance of the signal (LeCun et al. 1998, "Efficient BackProp", eq. 16).
    """

    n_in: int
    n_out: int
    scale: float | None = None
    axes_in = axes_out = 1

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, n_out=self.n_out)
        check_scale(self)

    @classmethod
    def example(cls) -> Linear:
        return cls(4, 3)

    @property
    def shapes(self) -> Shapes:
        return {"W": (self.n_in, self.n_out), "b": (self.n_out,)}

    def init(self, rng: np.random.Generator) -> None:
        _uniform(self.W, rng, math.sqrt(3 / self.n_in) if self.scale is None else self.scale)
        self.b[...] = 0

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Array]:
        y = matmul(x, self.W)
        y += self.b
        return y, x

    def backward(self, dy: Array, x: Array, params: bool = True, inputs: bool = True, add: bool = True) -> Array | None:
        if params:
            product(x.T, dy, self.dW, add)
            row_sum(dy, self.db, add)
        return matmul(dy, self.W.T) if inputs else None

    def tangent(self, v: Array, dy: Array, x: Array) -> tuple[Array, None]:
        """J v = v W; ∂S/∂W = vᵀ dy; b is not in J."""
        product(v.T, dy, self.dW, add=True)
        return v @ self.W, None


def _uniform(view: Array, rng: np.random.Generator, scale: float) -> None:
    view[...] = array_module(view).asarray(rng.uniform(-scale, scale, view.shape), dtype=view.dtype)
