"""A low-pass filter."""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator
from numgan.errors import InputError
from numgan.layers.base import Layer


@dataclass(eq=False)
class Blur(Layer):
    """Each map is convolved with the kernel [1, 2, 1] ⊗ [1, 2, 1] / 16, with 0 outside: (m, h, w, c) → (m, h, w, c).

    The kernel is symmetric, and so is J: dx is dy, blurred. It stands before an image is made smaller and after it is
    made larger, so that no pattern of the pixels' grid is left. Zhang 2019, "Making Convolutional Networks
    Shift-Invariant Again"; Karras et al. 2019, appendix C.
    """

    axes_in = axes_out = 3
    example_row = (4, 3, 2)

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(x_shape) != 3:
            got = ", ".join(map(str, ("m", *x_shape)))
            raise InputError(f"{self} takes images (m, h, w, c), got ({got}): put Reshape((h, w, c)) before it")
        return x_shape

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, None]:
        self.y_shape(x.shape[1:])
        return blurred(x), None

    def dx(self, dy: Array, cache: None) -> Array:
        return blurred(dy)

    def tangent(self, v: Array, dy: Array, cache: None) -> tuple[Array, None]:
        return blurred(v), None


def blurred(x: Array) -> Array:
    """[1, 2, 1] from line to line, then from column to column."""
    lines = x + x
    lines[:, 1:] += x[:, :-1]
    lines[:, :-1] += x[:, 1:]
    y = lines + lines
    y[:, :, 1:] += lines[:, :, :-1]
    y[:, :, :-1] += lines[:, :, 1:]
    y *= 1 / 16
    return y
