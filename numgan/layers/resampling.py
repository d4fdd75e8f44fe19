"""Images made smaller and larger: the mean of a block of pixels, and its adjoint but for a factor, a pixel repeated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add as plus

from numgan.backend import Array, RandomGenerator
from numgan.errors import InputError
from numgan.layers.base import Layer, check_sizes


@dataclass(eq=False)
class AvgPool2d(Layer):
    """Each pixel of y is the mean of a block of factor × factor pixels of x: (m, h, w, c) → (m, h/factor, w/factor, c).

    dx gives each pixel of a block the same share of dy, dy / factor².
    """

    factor: int = 2
    axes_in = axes_out = 3
    example_row = (4, 6, 2)

    def __post_init__(self) -> None:
        check_sizes(self, factor=self.factor)

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, None]:
        self.y_shape(x.shape[1:])
        return block_means(x, self.factor), None

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(x_shape) != 3 or x_shape[0] % self.factor or x_shape[1] % self.factor:
            wanted = f"images (m, h, w, c) with h and w multiples of {self.factor}"
            got = ", ".join(map(str, ("m", *x_shape)))
            raise InputError(f"{self} takes {wanted}, got ({got}): choose another factor, or crop the images")
        h, w, c = x_shape
        return h // self.factor, w // self.factor, c

    def dx(self, dy: Array, cache: None) -> Array:
        return repeated(dy / self.factor**2, self.factor)

    def tangent(self, v: Array, dy: Array, cache: None) -> tuple[Array, None]:
        return block_means(v, self.factor), None


@dataclass(eq=False)
class Upsample(Layer):
    """Each pixel of x becomes a block of factor × factor pixels alike ("nearest neighbour").

    (m, h, w, c) → (m, factor · h, factor · w, c). dx is the sum of dy over each block.
    """

    factor: int = 2
    axes_in = axes_out = 3
    example_row = (4, 6, 2)

    def __post_init__(self) -> None:
        check_sizes(self, factor=self.factor)

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, None]:
        self.y_shape(x.shape[1:])
        return repeated(x, self.factor), None

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(x_shape) != 3:
            got = ", ".join(map(str, ("m", *x_shape)))
            raise InputError(f"{self} takes images (m, h, w, c), got ({got}): put Reshape((h, w, c)) before it")
        h, w, c = x_shape
        return h * self.factor, w * self.factor, c

    def dx(self, dy: Array, cache: None) -> Array:
        return block_means(dy, self.factor) * self.factor**2

    def tangent(self, v: Array, dy: Array, cache: None) -> tuple[Array, None]:
        return repeated(v, self.factor), None


def block_means(x: Array, factor: int) -> Array:
    """(m, h, w, c) → (m, h/factor, w/factor, c)."""
    m, h, w, c = x.shape
    lines = x.reshape(m, h // factor, factor, w * c).sum(axis=2)  # whole lines first: NumPy is slow at short sums
    blocks = lines.reshape(m, h // factor, w // factor, factor, c)
    return reduce(plus, (blocks[:, :, :, i] for i in range(factor))) / factor**2


def repeated(x: Array, factor: int) -> Array:
    """(m, h, w, c) → (m, factor · h, factor · w, c)."""
    return x.repeat(factor, axis=2).repeat(factor, axis=1)
