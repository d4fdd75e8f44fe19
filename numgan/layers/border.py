"""A border of constant pixels, put around images or cut off."""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError, check_number, check_whole
from numgan.layers.base import Layer


@dataclass(eq=False)
class Pad(Layer):
    """A border, `width` pixels wide, all of one value: (m, h, w, c) → (m, h + 2 · width, w + 2 · width, c).

    dx is dy without the border.
    """

    width: int = 1
    value: float = 0.0
    axes_in = axes_out = 3
    example_row = (4, 6, 2)

    def __post_init__(self) -> None:
        self.width = check_whole("Pad's width", self.width, 1)
        self.value = check_number("Pad's value", self.value)

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        h, w, c = _image(self, x_shape, 1)
        return h + 2 * self.width, w + 2 * self.width, c

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, None]:
        self.y_shape(x.shape[1:])
        return padded(x, self.width, self.value), None

    def dx(self, dy: Array, cache: None) -> Array:
        return cropped(dy, self.width)

    def tangent(self, v: Array, dy: Array, cache: None) -> tuple[Array, None]:
        return padded(v, self.width, 0.0), None


@dataclass(eq=False)
class Crop(Layer):
    """Without the outermost `width` pixels: (m, h, w, c) → (m, h − 2 · width, w − 2 · width, c).

    dx is dy with a border of zeros.
    """

    width: int = 1
    axes_in = axes_out = 3
    example_row = (4, 6, 2)

    def __post_init__(self) -> None:
        self.width = check_whole("Crop's width", self.width, 1)

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        h, w, c = _image(self, x_shape, 2 * self.width + 1)
        return h - 2 * self.width, w - 2 * self.width, c

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, None]:
        self.y_shape(x.shape[1:])
        return cropped(x, self.width), None

    def dx(self, dy: Array, cache: None) -> Array:
        return padded(dy, self.width, 0.0)

    def tangent(self, v: Array, dy: Array, cache: None) -> tuple[Array, None]:
        return cropped(v, self.width), None


def padded(x: Array, width: int, value: float) -> Array:
    m, h, w, c = x.shape
    y = array_module(x).full((m, h + 2 * width, w + 2 * width, c), value, dtype=x.dtype)
    y[:, width : h + width, width : w + width] = x
    return y


def cropped(x: Array, width: int) -> Array:
    return x[:, width:-width, width:-width]


def _image(layer: Layer, x_shape: tuple[int, ...], least: int) -> tuple[int, ...]:
    """x_shape, if it is that of an image of at least so many pixels along a side."""
    if len(x_shape) != 3 or min(x_shape[:2]) < least:
        got = ", ".join(map(str, ("m", *x_shape)))
        raise InputError(f"{layer} takes images (m, h, w, c) of at least {least} × {least} pixels, got ({got})")
    return x_shape
