"""What layers have in common that are made of other layers."""

from __future__ import annotations

import numpy as np

from numgan.backend import Array
from numgan.layers.base import Layer, Shapes, parts_of


class Compound(Layer):
    """A layer that holds others, in `layers`: their parameters lie one after another in its own part of θ."""

    layers: tuple[Layer, ...]

    # It draws where one of them does, and looks at each row alone where all of them do.
    rowwise = property(lambda self: all(layer.rowwise for layer in self.layers))  # type: ignore[assignment]
    stochastic = property(lambda self: any(layer.stochastic for layer in self.layers))  # type: ignore[assignment]

    @property
    def shapes(self) -> Shapes:
        return {f"{i}.{name}": shape for i, layer in enumerate(self.layers) for name, shape in layer.shapes.items()}

    @property
    def buffer_shapes(self) -> Shapes:
        all_shapes = enumerate(layer.buffer_shapes for layer in self.layers)
        return {f"{i}.{name}": shape for i, shapes in all_shapes for name, shape in shapes.items()}

    def place(self, theta: Array, grad: Array, buffers: Array, rng: np.random.Generator) -> None:
        for layer, part in zip(self.layers, parts_of(self.layers, theta, grad, buffers), strict=True):
            layer.place(*part, rng)
        super().bind(theta, grad, buffers)

    def bind(self, theta: Array, grad: Array, buffers: Array) -> None:
        super().bind(theta, grad, buffers)
        for layer, part in zip(self.layers, parts_of(self.layers, theta, grad, buffers), strict=True):
            layer.bind(*part)

    def inner_shapes(self, x_shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The shape of a row as each of the layers is given it, where a row of x has this one."""
        raise NotImplementedError
