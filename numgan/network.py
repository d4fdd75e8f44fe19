"""A network: layers in a row, whose parameters are views into one flat vector θ and whose gradients into another."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from numgan.backend import Array, RandomGenerator, array_module, asnumpy, check_module
from numgan.errors import InputError, check_whole
from numgan.layers.arguments import chain, check_backward, check_kept, floating, plain
from numgan.layers.base import Layer, Shapes, parts_of, width
from numgan.layers.sweeps import tangent_through

Tape = list[Any]  # one cache per layer


class Network(Layer):
    """Layers in a row. Obeys the layer protocol itself, so networks nest.

    theta, grad: the parameters and their gradient, one flat vector each, in the order of the layers.
    buffers: BatchNorm's statistics and the like, flat too; no gradient reaches them, only `calibrate` writes them.
    seed fixes the first values: the same on every backend and in every dtype, up to rounding.
    """

    def __init__(
        self, layers: Sequence[Layer], seed: int = 0, dtype: DTypeLike = "float32", xp: ModuleType = np
    ) -> None:
        self.layers = chain(layers)
        check_whole("seed", seed, 0)
        check_module(xp)
        dtype = floating(dtype)
        self._n_in, self._n_out = width(self.layers, "n_in"), width(self.layers[::-1], "n_out")
        self._axes_in = width(self.layers, "axes_in")
        self._lowest = next((i for i, layer in enumerate(self.layers) if layer.size), 0)  # with parameters
        self.theta = xp.full(self.size, np.nan, dtype=dtype)  # NaN shows if a layer forgets a first value
        self.grad = xp.zeros(self.size, dtype=dtype)
        self.buffers = xp.zeros(self.buffer_size, dtype=dtype)
        rng = np.random.default_rng(seed)
        for layer, part in zip(self.layers, parts_of(self.layers, self.theta, self.grad, self.buffers), strict=True):
            layer.place(*part, rng)

    @property
    def shapes(self) -> Shapes:
        return {f"{i}.{name}": shape for i, layer in enumerate(self.layers) for name, shape in layer.shapes.items()}

    @property
    def buffer_shapes(self) -> Shapes:
        all_shapes = enumerate(layer.buffer_shapes for layer in self.layers)
        return {f"{i}.{name}": shape for i, shapes in all_shapes for name, shape in shapes.items()}

    # A network looks at each row alone, and keeps the width, where all its layers do; it draws where one of them does.
    rowwise = property(lambda self: all(layer.rowwise for layer in self.layers))  # type: ignore[assignment]
    keeps_width = property(lambda self: all(layer.keeps_width for layer in self.layers))  # type: ignore[assignment]
    stochastic = property(lambda self: any(layer.stochastic for layer in self.layers))  # type: ignore[assignment]

    @property
    def n_in(self) -> int | None:
        """The width of x, where a layer fixes it."""
        return self._n_in

    @property
    def n_out(self) -> int | None:
        """The width of y, where a layer fixes it."""
        return self._n_out

    @property
    def axes_in(self) -> int | None:  # type: ignore[override]
        return self._axes_in

    @property
    def axes_out(self) -> int | None:  # type: ignore[override]
        return width(self.layers[::-1], "axes_out")

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        for layer in self.layers:
            x_shape = layer.y_shape(x_shape)
        return x_shape

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Tape]:
        """x (m, n_in) → y (m, n_out), or images (m, h, w, n_in), and the tape that backward plays."""
        x = self._checked(x)
        tape: Tape = []
        for layer in self.layers:
            x, cache = layer.forward(x, train, rng)
            tape.append(cache)
        return x, tape

    def backward(
        self, dy: Array, tape: Tape, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        """∂L/∂x from ∂L/∂y by the chain rule, last layer first; ∂L/∂θ is added to grad (add=False: written over it).

        params=False leaves grad alone. inputs=False returns None and does no work below the first parameters.
        """
        fits = type(dy) is type(self.theta) and type(tape) is list and len(tape) == len(self.layers)
        if not fits or dy.shape[1:] != (self.n_out,):
            check_backward(dy, tape, self.theta, self.n_out, len(self.layers))
        if not inputs and not (params and self.grad.size):
            return None
        lowest = 0 if inputs else self._lowest
        for i in range(len(self.layers) - 1, lowest - 1, -1):
            dy = self.layers[i].backward(dy, tape[i], params, inputs or i > lowest, add)
        return dy if inputs else None

    def calibrate(self, x: Array) -> Array:
        """Sets every layer's buffers from a forward pass of x; returns y in evaluation mode."""
        x = self._checked(x)
        for layer in self.layers:
            x = layer.calibrate(x)
        return x

    def __call__(self, x: Array) -> Array:
        """y alone, in evaluation mode: no layer's cache outlives it."""
        x = self._checked(x)
        for layer in self.layers:
            x = layer(x)
        return x

    def tangent(self, v: Array, dy: Array, tape: Tape) -> tuple[Array, Array | None]:
        """Of all layers as of one: where a network is a branch of a layer with a tangent rule."""
        return tangent_through(self.layers, tape, v, dy)

    def leaves(self) -> Iterator[Layer]:
        """The layers in order, those of inner networks in place of these."""
        for layer in self.layers:
            yield from layer.leaves() if isinstance(layer, Network) else [layer]

    def leaf_caches(self, tape: Tape) -> Iterator[Any]:
        """What `forward` kept for each of `leaves`."""
        for layer, cache in zip(self.layers, tape, strict=True):
            yield from layer.leaf_caches(cache) if isinstance(layer, Network) else [cache]

    def copy(self, xp: ModuleType | None = None, dtype: DTypeLike | None = None) -> Network:
        """A network of its own with the same weights, on another backend or in another dtype if asked."""

        def moved(a: Array) -> Array:
            here = array_module(a)
            return (xp or here).array(asnumpy(a) if xp not in (None, here) else a, dtype=kind)

        check_module(np if xp is None else xp)
        kind = floating(self.theta.dtype if dtype is None else dtype)
        return self._sibling(moved(self.theta), moved(self.grad), moved(self.buffers))

    def bind(self, theta: Array, grad: Array, buffers: Array) -> None:
        self.__dict__.update(theta=theta, grad=grad, buffers=buffers)
        for layer, part in zip(self.layers, parts_of(self.layers, theta, grad, buffers), strict=True):
            layer.bind(*part)
            layer.bound = True

    def place(self, theta: Array, grad: Array, buffers: Array, rng: np.random.Generator) -> None:
        """Nests: moves into an outer network's vectors and keeps the values it has."""
        own = self.theta, self.buffers
        super().place(theta, grad, buffers, rng)
        self.theta[...], self.buffers[...] = own

    def _sibling(self, theta: Array, grad: Array, buffers: Array) -> Network:
        other = object.__new__(type(self))
        other.__dict__.update(copy.deepcopy({k: v for k, v in self.__dict__.items() if k not in _OWN}))
        other.bind(theta, grad, buffers)
        return other

    def _checked(self, x: Array) -> Array:
        """x in the network's dtype, once its kind and width are known to fit."""
        if type(x) is not type(self.theta) or x.dtype != self.theta.dtype:
            x = plain(x, self.theta)
        axes, n_in = self._axes_in, self._n_in
        if x.ndim < 2 or x.ndim != (axes or x.ndim - 1) + 1 or x.shape[-1] != (n_in or x.shape[-1]):
            middle = {1: "", 3: "h, w, "}.get(axes or 0, "…, ")
            raise InputError(f"x must have shape (m, {middle}{n_in or 'n'}), got {tuple(x.shape)}")
        return x

    def __setattr__(self, name: str, value: Any) -> None:
        check_kept(self, name, value)
        super().__setattr__(name, value)

    def __copy__(self) -> Network:
        return self.copy()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.bind(self.theta, self.grad, self.buffers)

    def __repr__(self) -> str:
        return f"Network([{', '.join(map(repr, self.layers))}])"


_OWN = {"theta", "grad", "buffers", "bound"}
