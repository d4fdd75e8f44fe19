"""The layer protocol, and how a layer's parameters become views into the flat vectors of its network.

    y, cache = layer.forward(x, train=False, rng=None)
    dx = layer.backward(dy, cache, params=True, inputs=True, add=True)

`forward` returns all that `backward` will need, so nothing that belongs to a batch stays on the layer. Neither changes
an array it was given. Three booleans say which gradients are wanted:

    params   ∂L/∂W and so on: False where D only carries the gradient on to G
    inputs   ∂L/∂x: False in the first layer, where nobody needs it (then backward returns None)
    add      ∂L/∂W is added to what dW holds; False: it is written over it

A layer without parameters has only ∂L/∂x to give: it defines `dx(dy, cache)` in place of `backward`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from numgan.backend import Array, RandomGenerator
from numgan.errors import InputError, check_whole

Shapes = dict[str, tuple[int, ...]]


class Layer:
    """What every layer is. Its parameters are views into the flat vectors of the network it stands in."""

    rowwise: ClassVar[bool] = True  # a row of y depends on that row of x alone
    stochastic: ClassVar[bool] = False  # forward draws random numbers in training
    keeps_width: ClassVar[bool] = True  # y has the width of x, unless the layer names others (n_in, n_out)
    axes_in: ClassVar[int | None] = None  # of a row of x: 1 for vectors (m, n), 3 for images (m, h, w, c); None: any
    axes_out: ClassVar[int | None] = None  # of a row of y; None: as many as x has
    bound = False

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

    def place(self, theta: Array, grad: Array, buffers: Array, rng: np.random.Generator) -> None:
        """Moves into a network: takes these parts of its vectors and fills in first values. Once in a layer's life."""
        if self.bound:
            raise InputError(f"{self} already belongs to a network: make a new layer, or use copy.deepcopy(layer)")
        self.bind(theta, grad, buffers)
        self.init(rng)
        self.bound = True

    def bind(self, theta: Array, grad: Array, buffers: Array) -> None:
        """Makes W, dW and so on views into these parts of the network's vectors."""
        views = {f"{name}": part for name, part in _views(theta, self.shapes).items()}
        views |= {f"d{name}": part for name, part in _views(grad, self.shapes).items()}
        self.__dict__.update(views | _views(buffers, self.buffer_shapes))

    def init(self, rng: np.random.Generator) -> None:
        """First values of the parameters; `rng` is a host generator, so that every backend starts alike."""

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Any]:
        raise NotImplementedError

    def backward(
        self, dy: Array, cache: Any, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        return self.dx(dy, cache)

    def dx(self, dy: Array, cache: Any) -> Array:
        """∂L/∂x of a layer without parameters."""
        raise NotImplementedError

    def tangent(self, v: Array, dy: Array, cache: Any) -> tuple[Array, Array | None]:
        """(J v, bend) with J = ∂y/∂x: what gradient penalties ask of a layer, see `penalty`.

        With S = Σ dy · J v, where v (like x) and dy (like y) are constants, it adds ∂S/∂W to dW. bend is ∂S/∂x, or
        None where J does not depend on x.
        """
        raise InputError(f"{type(self).__name__} has no tangent rule for gradient penalties: leave it out of D, or write its tangent")

    def __call__(self, x: Array) -> Array:
        """y alone, in evaluation mode."""
        return self.forward(x)[0]

    def calibrate(self, x: Array) -> Array:
        """Sets the buffers, if any, from the statistics of x; returns y in evaluation mode."""
        return self(x)

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
        drop = {"bound", *self.shapes, *(f"d{name}" for name in self.shapes), *self.buffer_shapes}
        return {name: value for name, value in self.__dict__.items() if name not in drop}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


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


def check_chain(layers: Sequence[Layer]) -> None:
    """Layers in a row must be layers, each its own, and agree on the width between them."""
    if not layers:
        raise InputError("a network needs at least one layer, got []")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise InputError(f"a network is made of layers, got {layer!r}: call the class, as in ReLU()")
    if len(set(map(id, layers))) < len(layers):
        raise InputError("the same layer object stands in the list twice: make a second one")
    for i, layer in enumerate(layers):
        _check_joint(f"layer {i}, {layer},", layer, layers[:i][::-1])


def _check_joint(name: str, layer: Layer, before: Sequence[Layer]) -> None:
    """What a layer takes must be what the layers before it, the nearest first, give."""
    wants, given = layer.axes_in, width(before, "axes_out")
    if None not in (wants, given) and wants != given:
        forms = f"takes {_form(wants)}, but the layers before it give {_form(given)}"
        raise InputError(f"{name} {forms}: put a Reshape between")
    wants, given = getattr(layer, "n_in", None), width(before, "n_out")
    if None not in (wants, given) and wants != given:
        raise InputError(f"{name} takes {wants} features, but the layers before it give {given}")


def _form(axes: int | None) -> str:
    return {1: "vectors (m, n)", 3: "images (m, h, w, c)"}.get(axes or 0, f"arrays of {axes} axes beside the rows")


def check_sizes(layer: Layer, **sizes: int) -> None:
    """Each size of a layer must be a whole number, 1 or more."""
    for name, n in sizes.items():
        check_whole(f"{type(layer).__name__}: {name}", n, 1)


def _size(shapes: Shapes) -> int:
    return sum(math.prod(shape) for shape in shapes.values())


def _spans(shapes: Shapes) -> dict[str, slice]:
    spans, i = {}, 0
    for name, shape in shapes.items():
        spans[name] = slice(i, i + math.prod(shape))
        i = spans[name].stop
    return spans


def _views(vector: Array, shapes: Shapes) -> dict[str, Array]:
    return {name: vector[span].reshape(shapes[name]) for name, span in _spans(shapes).items()}
