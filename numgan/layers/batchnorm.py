"""Batch normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import check_number
from numgan.layers.base import Layer, Shapes, check_sizes
from numgan.parallel import row_sum


@dataclass(eq=False)
class BatchNorm(Layer):
    """y = γ x̂ + β with x̂ = (x − μ) / √(σ² + eps): each of the n features centred and scaled. x, y (m, n).

    Ioffe & Szegedy 2015, Algorithm 1. In training μ and σ² are the batch's own mean and (biased) variance, so every
    row of y depends on all rows of x; in evaluation they are the constants `mean` and `var`, which only
    `calibrate(x)` sets. Images (m, h, w, n) are m · h · w rows here: the features are the channels (§3.2).

    With dx̂ = γ dy, dx = (dx̂ − mean(dx̂) − x̂ mean(dx̂ x̂)) / √(σ² + eps), means over the rows.

    γ starts normal about 1 with standard deviation std: 0, or the 0.02 of Radford et al. 2015 (DCGAN). β starts at 0.
    """

    n: int
    eps: float = 1e-5
    std: float = 0.0
    rowwise = False

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n)
        self.eps = check_number("BatchNorm's eps", self.eps, "(0, inf)")
        self.std = check_number("BatchNorm's std", self.std, "[0, inf)")

    @classmethod
    def example(cls) -> BatchNorm:
        return cls(4)

    @property
    def n_in(self) -> int:
        return self.n

    n_out = n_in

    @property
    def shapes(self) -> Shapes:
        return {"gamma": (self.n,), "beta": (self.n,)}

    @property
    def buffer_shapes(self) -> Shapes:
        return {"mean": (self.n,), "var": (self.n,)}

    def init(self, rng: np.random.Generator) -> None:
        gamma = rng.normal(1, self.std, self.n) if self.std else np.ones(self.n)
        self.gamma[...] = array_module(self.gamma).asarray(gamma, dtype=self.gamma.dtype)
        self.beta[...] = 0
        self.mean[...], self.var[...] = 0, 1

    def forward(
        self, x: Array, train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, tuple[Array, Array, bool]]:
        axes = tuple(range(x.ndim - 1))
        x_hat = x - (x.mean(axis=axes) if train else self.mean)
        var = (x_hat * x_hat).mean(axis=axes) if train else self.var
        s = 1 / array_module(x).sqrt(var + self.eps)  # (n,)
        x_hat *= s
        y = self.gamma * x_hat
        y += self.beta
        return y, (x_hat, s, train)

    def backward(
        self,
        dy: Array,
        cache: tuple[Array, Array, bool],
        params: bool = True,
        inputs: bool = True,
        add: bool = True,
    ) -> Array | None:
        x_hat, s, train = cache
        if params:
            row_sum(dy * x_hat, self.dgamma, add)
            row_sum(dy, self.dbeta, add)
        if not inputs:
            return None
        dx_hat = dy * self.gamma
        if train:  # μ and σ² depend on x too: their derivatives take out the mean and the part along x̂
            axes = tuple(range(dy.ndim - 1))
            part = x_hat * (dx_hat * x_hat).mean(axis=axes)
            dx_hat -= dx_hat.mean(axis=axes)
            dx_hat -= part
        dx_hat *= s
        return dx_hat

    def calibrate(self, x: Array) -> Array:
        rows = x.reshape(-1, self.n)
        self.mean[...], self.var[...] = rows.mean(axis=0), rows.var(axis=0)
        return self(x)
