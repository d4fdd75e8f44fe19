"""Styles drawn towards their mean, for samples that are better on average, and more alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numgan.backend import Array, RandomGenerator
from numgan.errors import check_number, check_whole
from numgan.layers.base import Layer, Shapes, check_sizes, diagonal_tangent


@dataclass(eq=False)
class Truncation(Layer):
    """In evaluation y = w̄ + ψ (w − w̄) for the first levels of w (m, levels, n), up to `first` (None: all); else y = w.

    dx = ψ dy there, else dy. The truncation trick in W of Karras et al. 2019, appendix B: ψ = 1 changes nothing, ψ = 0
    leaves one style for all, w̄. It may be set at any time: layer.psi = 0.7.

    w̄ (n,) is the buffer `mean`, which `calibrate` sets: the mean over styles of fresh noise, by the weights as they
    are. The authors keep a moving average over the styles of past batches (decay 0.995), by the weights as they were.
    """

    n: int
    psi: float = 1.0
    first: int | None = None
    axes_in = axes_out = 2
    example_row = (3, 4)

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n)
        self.psi = check_number("Truncation's psi", self.psi)
        if self.first is not None:
            self.first = check_whole("Truncation's first, a number of levels or None,", self.first, 0)

    @classmethod
    def example(cls) -> Truncation:
        return cls(4, 0.5, first=2)

    @property
    def n_in(self) -> int:
        return self.n

    n_out = n_in

    @property
    def buffer_shapes(self) -> Shapes:
        return {"mean": (self.n,)}

    def init(self, rng: np.random.Generator) -> None:
        self.mean[...] = 0

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, bool]:
        if train or self.psi == 1:
            return x, train
        y = x.copy()
        y[:, : self.first] = self.mean + self.psi * (x[:, : self.first] - self.mean)
        return y, train

    def dx(self, dy: Array, train: bool) -> Array:
        if train or self.psi == 1:
            return dy
        dx = dy.copy()
        dx[:, : self.first] *= self.psi
        return dx

    tangent = diagonal_tangent

    def calibrate(self, x: Array) -> Array:
        self.mean[...] = x.mean(axis=(0, 1))
        return self(x)
