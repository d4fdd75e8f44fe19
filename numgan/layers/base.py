"""The layer protocol, and how a layer's parameters become views into the flat vectors of its network.

    y, cache = layer.forward(x, train=False, rng=None)
    dx = layer.backward(dy, cache, params=True, inputs=True, add=True)

`forward` returns all that `backward` will need, so nothing that belongs to a batch stays on the layer. Neither changes
an array it was given. Three booleans say which gradients are wanted:

    params   ∂L/∂W and so on: False where D only carries the gradient on to G
    inputs   ∂L/∂x: False in the first layer, where nobody needs it (then backward returns None)
    add      ∂L/∂W is added to what dW holds; False: it is written over it

A layer without parameters has only ∂L/∂x to give: it defines `dx(dy, cache)` in place of `backward`.

`Kind.example()` is a small layer of its kind. From the examples of all layers in `numgan.layers.ALL` the survey of all
gradients (`numgan gradcheck`) builds networks and checks them, so a new layer needs no other entry to be checked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError, check_number, check_whole, remade

Shapes = dict[str, tuple[int, ...]]


class Layer:
    """What every layer is. Its parameters are views into the flat vectors of the network it stands in."""

    rowwise: ClassVar[bool] = True  # a row of y depends on that row of x alone
    stochastic: ClassVar[bool] = False  # forward draws random numbers in training
    keeps_width: ClassVar[bool] = True  # y has the width of x, unless the layer names others (n_in, n_out)
    example_row: ClassVar[tuple[int, ...]] = (4,)  # the shape of a row of x that `example()` takes
    axes_in: ClassVar[int | None] = None  # of a row of x: 1 for vectors (m, n), 3 for images (m, h, w, c); None: any
    axes_out: ClassVar[int | None] = None  # of a row of y; None: as many as x has
    bound = False
    layers: Sequence[Layer] = ()  # those inside it

    @classmethod
    def example(cls) -> Layer:
        """A small layer of this kind for rows of shape `example_row`; its gradients are checked by the survey."""
        return cls()

    @property
    def shapes(self) -> Shapes:
        """Name and shape of each parameter, in the order in which they lie in theta."""
        return {}

    @property
    def buffer_shapes(self) -> Shapes:
        """Name and shape of each buffer: what evaluation needs and no gradient reaches."""
        return {}

    @property
    def slices(self) -> dict[str, slice]:
        """Where each parameter lies in theta, or in the layer's part of it."""
        return _spans(self.shapes)

    @property
    def size(self) -> int:
        """How many parameters."""
        return _size(self.shapes)

    @property
    def buffer_size(self) -> int:
        return _size(self.buffer_shapes)

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a row of y, where a row of x has this one; InputError where the layer takes no such row."""
        n_in, n_out = getattr(self, "n_in", None), getattr(self, "n_out", None)
        if self.axes_in not in (None, len(x_shape)) or (n_in is not None and x_shape[-1:] != (n_in,)):
            wanted = f"(h, w, {n_in or 'n'})" if self.axes_in == 3 else f"({n_in or 'n'},)"
            raise InputError(f"{self} takes rows of shape {wanted}, got {x_shape}")
        return x_shape if n_out is None else (*x_shape[:-1], n_out)

    def place(self, theta: Array, grad: Array, buffers: Array, rng: np.random.Generator) -> None:
        """Moves into a network: takes these parts of its vectors and fills in first values. Once in a layer's life."""
        self.bind(theta, grad, buffers)
        self.init(rng)
        self.bound = True

    def bind(self, theta: Array, grad: Array, buffers: Array) -> None:
        """Makes W, dW and so on views into these parts of the network's vectors."""
        views = {f"{name}": part for name, part in _views(theta, self.shapes).items()}
        views |= {f"d{name}": part for name, part in _views(grad, self.shapes).items()}
        self.__dict__.update(views | _views(buffers, self.buffer_shapes), bound=True)

    def init(self, rng: np.random.Generator) -> None:
        """First values of the parameters; `rng` is a host generator, so that every backend starts alike."""

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Any]:
        raise InputError(f"{type(self).__name__} has no forward: write forward(self, x, train=False, rng=None)")

    def backward(
        self, dy: Array, cache: Any, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        return self.dx(dy, cache)

    def dx(self, dy: Array, cache: Any) -> Array:
        """∂L/∂x of a layer without parameters."""
        raise InputError(f"{type(self).__name__} has no backward: write dx(self, dy, cache), or backward(self, dy, …)")

    def tangent(self, v: Array, dy: Array, cache: Any) -> tuple[Array, Array | None]:
        """(J v, bend) with J = ∂y/∂x: what gradient penalties ask of a layer, see `penalty`.

        With S = Σ dy · J v, where v (like x) and dy (like y) are constants, it adds ∂S/∂W to dW. bend is ∂S/∂x, or
        None where J does not depend on x.
        """
        name = type(self).__name__
        raise InputError(f"{name} has no tangent rule for gradient penalties: leave it out of D, or write its tangent")

    def __call__(self, x: Array) -> Array:
        """y alone, in evaluation mode."""
        array_module(x)  # refuses what is no array
        return self.forward(x)[0]

    def calibrate(self, x: Array) -> Array:
        """Sets the buffers, if any, from the statistics of x; returns y in evaluation mode."""
        return self(x)

    def set_step(self, step: int) -> None:
        """What changes in the course of a run (α of a `Fade`), here and in the layers inside, becomes as it is after so
        many updates."""
        for layer in self.layers:
            layer.set_step(step)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _setting(self, name, value) if self.bound else value)

    def __getattr__(self, name: str) -> Any:
        # Only reached for a name that is not there, or for a property that asked for one that is not there.
        own = getattr(type(self), name, None)
        if isinstance(own, property) and own.fget:
            return own.fget(self)  # again, so that the error names what is missing, not the property
        has = ", ".join(key for key in self.__dict__ if self.bound and key.removeprefix("d") in self.shapes)
        weights = f"its weights are {has}" if has else "weights exist once the layer stands in a Network([…])"
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; {weights}")

    def __getstate__(self) -> dict[str, Any]:
        # Views do not survive a copy: they would become arrays of their own. The network binds its layers again.
        drop = {"bound", *_view_names(self)}
        return {name: value for name, value in self.__dict__.items() if name not in drop}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class Player(Protocol):
    """What G and D must be: a `Network`, or a class of one's own with these five names. x is an array, or a tuple of
    arrays that the step functions hand through untouched. A D with `conditional = True` gets the rows of a G that was
    given (z, c) as (G(z, c), c): each with the label that it was asked for."""

    theta: Array  # the parameters, one flat vector
    grad: Array  # their gradient, likewise

    def forward(self, x: Any, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Any]: ...

    def backward(
        self, dy: Array, tape: Any, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None: ...

    def __call__(self, x: Any) -> Array: ...


def rows_of(x: Any) -> Array:
    """The rows of a batch, which may be a tuple of rows and what goes with each: (rows, labels)."""
    return x[0] if isinstance(x, tuple) else x


def with_rows(x: Any, rows: Array) -> Any:
    """A batch like x with other rows, and the same labels, where it has any."""
    return (rows, *x[1:]) if isinstance(x, tuple) else rows


def stacked(x: Any, x_g: Any) -> Any:
    """Two batches as one of 2m rows; of (x, c) and (x_g, c), the labels too."""
    return tuple(map(stacked, x, x_g)) if isinstance(x, tuple) else array_module(x).concatenate([x, x_g])


def diagonal_tangent(layer: Layer, v: Array, dy: Array, cache: Any) -> tuple[Array, None]:
    """The tangent rule where J is diagonal and constant within a piece: J v is what the backward pass makes of v."""
    return layer.dx(v, cache), None


def width(layers: Sequence[Layer], name: str) -> int | None:
    """The first n_in (n_out, axes_in, axes_out) that a layer names, if only layers that keep the width come before."""
    for layer in layers:
        named = getattr(layer, name, None)
        if named is not None or not layer.keeps_width:
            return named
    return None


def check_sizes(layer: Layer, **sizes: int) -> None:
    """Each size of a layer must be a whole number, 1 or more."""
    for name, n in sizes.items():
        check_whole(f"{type(layer).__name__}: {name}", n, 1)


def check_scale(layer: Any) -> None:
    """W starts between −scale and scale, where a scale is given."""
    if layer.scale is not None:
        layer.scale = check_number(f"{type(layer).__name__}'s scale", layer.scale, "[0, inf)")


def _setting(layer: Layer, name: str, value: Any) -> Any:
    """`value` as an attribute of a layer that stands in a network: checked as when the layer was made.

    A parameter is written into, never bound to another array: it would leave the network's vector.
    """
    if name in _view_names(layer) and value is not getattr(layer, name):
        raise InputError(f"{name} lies in its network's vectors: write into it, layer.{name}[...] = a")
    other = remade(layer, name, value) if is_dataclass(layer) else None
    if other is None:
        return value
    if other.shapes != layer.shapes or getattr(other, "n_in", None) != getattr(layer, "n_in", None):
        raise InputError(f"{name} is fixed once a layer stands in a network: make a new network")
    return getattr(other, name)


def _view_names(layer: Layer) -> set[str]:
    """The attributes that are views into a network's vectors."""
    return {*layer.shapes, *(f"d{name}" for name in layer.shapes), *layer.buffer_shapes}


def _size(shapes: Shapes) -> int:
    return sum(math.prod(shape) for shape in shapes.values())


def _spans(shapes: Shapes) -> dict[str, slice]:
    spans, i = {}, 0
    for name, shape in shapes.items():
        spans[name] = slice(i, i + math.prod(shape))
        i = spans[name].stop
    return spans


def parts_of(
    layers: Sequence[Layer], theta: Array, grad: Array, buffers: Array
) -> list[tuple[Array, Array, Array]]:
    """Each layer's own part of theta, grad and buffers, in which they lie one after another."""
    parts, i, j = [], 0, 0
    for layer in layers:
        n, b = layer.size, layer.buffer_size
        parts.append((theta[i : i + n], grad[i : i + n], buffers[j : j + b]))
        i, j = i + n, j + b
    return parts


def _views(vector: Array, shapes: Shapes) -> dict[str, Array]:
    return {name: vector[span].reshape(shapes[name]) for name, span in _spans(shapes).items()}
