"""A skip connection: what goes into a layer stands beside what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError
from numgan.layers.arguments import separate
from numgan.layers.base import Layer
from numgan.layers.compound import Compound
from numgan.layers.linear import Linear


@dataclass(eq=False)
class Skip(Compound):
    """y = [x, f(x)], joined along the last axis: the numbers of a vector, or the channels of an image.

    With dy = [dy₁, dy₂]:  dx = dy₁ + ∂f/∂xᵀ dy₂.  f is a layer, or a `Network` of several, that keeps height and width.

    One inside another, with strides on the way in and back, they are the U-Net of Ronneberger et al. 2015, whose fine
    lines take the short way. Around all of a G that is given an image a, it makes the pair [a, G(a)] for D to judge.
    """

    layer: Layer
    keeps_width = False

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Layer):
            raise InputError(f"Skip goes round a layer, or a Network of several, got {self.layer!r}")
        separate(self.layers)

    @classmethod
    def example(cls) -> Skip:
        return cls(Linear(4, 3))

    @property
    def layers(self) -> tuple[Layer, ...]:  # type: ignore[override]
        return (self.layer,)

    @property
    def n_in(self) -> int | None:
        return getattr(self.layer, "n_in", None)

    @property
    def n_out(self) -> int | None:
        n_in, n_out = self.n_in, getattr(self.layer, "n_out", None)
        if n_out is None and self.layer.keeps_width:
            n_out = n_in
        return None if n_in is None or n_out is None else n_in + n_out

    axes_in = property(lambda self: self.layer.axes_in)  # type: ignore[assignment]
    axes_out = property(lambda self: self.layer.axes_out)  # type: ignore[assignment]

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return self._joined_shape(x_shape, self.layer.y_shape(x_shape))

    def inner_shapes(self, x_shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        return [x_shape]

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Any]:
        y, cache = self.layer.forward(x, train, rng)
        return self._joined(x, y), (x.shape[-1], cache)

    def backward(
        self, dy: Array, cache: Any, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        n, inner = cache
        dx = self.layer.backward(_contiguous(dy[..., n:]), inner, params, inputs, add)
        return dy[..., :n] + dx if inputs else None

    def calibrate(self, x: Array) -> Array:
        return self._joined(x, self.layer.calibrate(x))

    def tangent(self, v: Array, dy: Array, cache: Any) -> tuple[Array, Array | None]:
        """J v = [v, J_f v]; x itself does not bend, so the bend is f's."""
        n, inner = cache
        Jv, bend = self.layer.tangent(v, _contiguous(dy[..., n:]), inner)
        return self._joined(v, Jv), bend

    def _joined(self, x: Array, y: Array) -> Array:
        self._joined_shape(x.shape[1:], y.shape[1:])
        if len(x) != len(y):
            raise InputError(f"{self} joins {len(x)} rows with {len(y)}: the layer must make a row of each")
        return array_module(x).concatenate([x, y], axis=-1)

    def _joined_shape(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> tuple[int, ...]:
        if x_shape[:-1] != y_shape[:-1]:
            raise InputError(f"{self} joins {x_shape} with {y_shape}: all sides but the last must be alike")
        return (*x_shape[:-1], x_shape[-1] + y_shape[-1])


def _contiguous(dy: Array) -> Array:
    """dy in one block of memory, as layers expect it."""
    return array_module(dy).ascontiguousarray(dy)
