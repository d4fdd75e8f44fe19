"""Feature vectors of one length: a normalisation that knows no batch and learns nothing."""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import check_number
from numgan.layers.base import Layer

Cache = tuple[Array, Array]  # y and r


@dataclass(eq=False)
class PixelNorm(Layer):
    """y = r x with r = 1 / √(mean x² + eps), where the mean is over the features of a pixel: the last axis.

    ∂r/∂x_j = −r³ x_j / n, so  dx = r (dy − y · mean(y dy)). Vectors (m, n) are taken for pixels too.
    Karras et al. 2018, §4.2: in G after every convolution, so that its signal cannot grow in the race with D.
    """

    eps: float = 1e-8

    def __post_init__(self) -> None:
        self.eps = check_number("PixelNorm's eps", self.eps, "(0, inf)")

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Cache]:
        r = 1 / array_module(x).sqrt(_mean(x * x) + self.eps)
        y = x * r
        return y, (y, r)

    def dx(self, dy: Array, cache: Cache) -> Array:
        y, r = cache
        return r * (dy - y * _mean(y * dy))

    def tangent(self, v: Array, dy: Array, cache: Cache) -> tuple[Array, Array]:
        """J is symmetric: J v is what the backward pass makes of v. With a = mean(y dy) and b = mean(y v),

        bend = r² [y (3 a b − mean(dy v)) − a v − b dy].
        """
        y, r = cache
        a, b = _mean(y * dy), _mean(y * v)
        return r * (v - y * b), r * r * (y * (3 * a * b - _mean(dy * v)) - a * v - b * dy)


def _mean(x: Array) -> Array:
    """Over the last axis, which stays, one wide."""
    return x.mean(axis=-1, keepdims=True)
