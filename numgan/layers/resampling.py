"""Images made smaller and larger: the mean of a block of pixels, and its adjoint but for a factor, a pixel repeated."""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError
from numgan.layers.base import Layer, check_sizes


@dataclass(eq=False)
class AvgPool2d(Layer):
    """Each pixel of y is the mean of a block of size × size pixels of x: (m, h, w, c) → (m, h/size, w/size, c).

    dx gives each pixel of a block the same share of dy, dy / size².
    """

    size: int = 2
    axes_in = axes_out = 3

    def __post_init__(self) -> None:
        check_sizes(self, size=self.size)

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, None]:
        if x.ndim != 4 or x.shape[1] % self.size or x.shape[2] % self.size:
            wanted = f"images (m, h, w, c) with h and w multiples of {self.size}"
            raise InputError(f"{self} takes {wanted}, got {x.shape}: choose another size, or crop the images")
        return block_means(x, self.size), None

    def dx(self, dy: Array, cache: None) -> Array:
        return repeated(dy / self.size**2, self.size)

    def tangent(self, v: Array, dy: Array, cache: None) -> tuple[Array, None]:
        return block_means(v, self.size), None


@dataclass(eq=False)
class Upsample(Layer):
    """Each pixel of x becomes a block of size × size pixels alike ("nearest"): (m, h, w, c) → (m, size h, size w, c).

    dx is the sum of dy over each block.
    """

    size: int = 2
    axes_in = axes_out = 3

    def __post_init__(self) -> None:
        check_sizes(self, size=self.size)

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, None]:
        if x.ndim != 4:
            raise InputError(f"{self} takes images (m, h, w, c), got {x.shape}: put Reshape((h, w, c)) before it")
        return repeated(x, self.size), None

    def dx(self, dy: Array, cache: None) -> Array:
        return block_means(dy, self.size) * self.size**2

    def tangent(self, v: Array, dy: Array, cache: None) -> tuple[Array, None]:
        return repeated(v, self.size), None


def block_means(x: Array, size: int) -> Array:
    """(m, h, w, c) → (m, h/size, w/size, c)."""
    m, h, w, c = x.shape
    return x.reshape(m, h // size, size, w // size, size, c).mean(axis=(2, 4))


def repeated(x: Array, size: int) -> Array:
    """(m, h, w, c) → (m, size · h, size · w, c)."""
    m, h, w, c = x.shape
    blocks = array_module(x).broadcast_to(x[:, :, None, :, None, :], (m, h, size, w, size, c))
    return blocks.reshape(m, h * size, w * size, c)
