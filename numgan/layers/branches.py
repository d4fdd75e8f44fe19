"""Layers side by side in place of one after another: what stands before or after them in a network, they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add as plus
from typing import Any

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError
from numgan.layers.arguments import separate
from numgan.layers.base import Layer
from numgan.layers.compound import Compound
from numgan.layers.linear import Linear


@dataclass(eq=False)
class Branches(Compound):
    """k layers side by side, each with parameters of its own. A branch of several layers is a `Network`.

    Parts of rows lie side by side along a row's first axis: vectors (m, k·n), images (m, k·h, w, c), one above another.
    """

    layers: tuple[Layer, ...]
    keeps_width = False

    def __post_init__(self) -> None:
        self.layers = separate(self.layers)
        if len(self.layers) < 2:
            raise InputError(f"{type(self).__name__} takes two layers or more, one a branch, got {[*self.layers]}")
        for name in ("n_in", "n_out", "axes_in", "axes_out"):
            self._of_each(name)

    axes_in = property(lambda self: self._of_each("axes_in"))  # type: ignore[assignment]
    axes_out = property(lambda self: self._of_each("axes_out"))  # type: ignore[assignment]

    def inner_shapes(self, x_shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        return [self.branch_shape(x_shape)] * len(self.layers)

    def branch_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a row as each branch is given it, where a row of x has this one."""
        raise NotImplementedError

    def _of_each(self, name: str) -> int | None:
        """What the branches name alike, or None where none does."""
        named = {value for layer in self.layers if (value := getattr(layer, name, None)) is not None}
        if len(named) > 1:
            raise InputError(f"the branches of {type(self).__name__} must have one {name}, got {[*self.layers]}")
        return named.pop() if named else None

    def _alike(self, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        """The shape of a row, of which all branches must make one."""
        if len(set(shapes)) > 1:
            raise InputError(f"the branches of {self} must make rows of one shape, got {', '.join(map(str, shapes))}")
        return shapes[0]

    def _side_by_side(self, n: str, axes: int | None) -> int | None:
        """The width of k parts beside each other: images are put one above another, which adds no channels."""
        each = self._of_each(n)
        return each if each is None or axes == 3 else len(self.layers) * each

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(map(repr, self.layers))}])"


@dataclass(eq=False, repr=False)
class Concat(Branches):
    """y = [f₁(x), …, f_k(x)]: all branches are given the same x, and what they make of it is laid side by side.

    With dy = [dy₁, …, dy_k]:  dx = Σ_i ∂f_i/∂xᵀ dy_i, so what stands before it has the sum of the branches' gradients.

    As G's last layer: k images of one z. (Torch's `nn.Concat`.)
    """

    @classmethod
    def example(cls) -> Concat:
        return cls((Linear(4, 3), Linear(4, 3)))

    @property
    def n_in(self) -> int | None:
        return self._of_each("n_in")

    @property
    def n_out(self) -> int | None:
        return self._side_by_side("n_out", self.axes_out)

    def branch_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return x_shape

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        n, *others = self._alike([layer.y_shape(x_shape) for layer in self.layers])
        return (len(self.layers) * n, *others)

    def forward(
        self, x: Array, train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, tuple[Any, ...]]:
        ys, caches = zip(*(layer.forward(x, train, rng) for layer in self.layers), strict=True)
        return self._joined(ys), caches

    def backward(
        self, dy: Array, caches: tuple[Any, ...], params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        each = zip(self.layers, columns(dy, len(self.layers)), caches, strict=True)
        dxs = [layer.backward(dy_i, cache, params, inputs, add) for layer, dy_i, cache in each]
        return reduce(plus, dxs) if inputs else None

    def calibrate(self, x: Array) -> Array:
        return self._joined([layer.calibrate(x) for layer in self.layers])

    def tangent(self, v: Array, dy: Array, caches: tuple[Any, ...]) -> tuple[Array, Array | None]:
        """J v = [J₁ v, …, J_k v]; the bends add up."""
        each = zip(self.layers, columns(dy, len(self.layers)), caches, strict=True)
        Jvs, bends = zip(*(layer.tangent(v, dy_i, cache) for layer, dy_i, cache in each), strict=True)
        curved = [bend for bend in bends if bend is not None]
        return self._joined(Jvs), reduce(plus, curved) if curved else None

    def _joined(self, ys: Sequence[Array]) -> Array:
        self._alike([y.shape[1:] for y in ys])
        return array_module(ys[0]).concatenate(ys, axis=1)


@dataclass(eq=False, repr=False)
class Split(Branches):
    """Row i is [x_i1, …, x_ik]; y has the rows f₁(x_11) … f₁(x_m1), then f₂(x_12) … f₂(x_m2), and so on: k·m of them.

    Each branch is given its own part of every row. dx_ij = ∂f_j/∂xᵀ dy_(j·m + i): each gets its own rows of dy back.
    What stands after it sees k·m rows of one kind, has the sum of the branches' gradients, and cannot tell which
    branch a row has come through.

    As D's first layer: a D that looks at images of k domains, one at a time. (Torch's `nn.Parallel`.)
    """

    rowwise = False  # there are k·m rows of y, which D's step must not take apart as if they were m of data, m of G

    @classmethod
    def example(cls) -> Split:
        return cls((Linear(2, 3), Linear(2, 3)))

    @property
    def n_in(self) -> int | None:
        return self._side_by_side("n_in", self.axes_in)

    @property
    def n_out(self) -> int | None:
        return self._of_each("n_out")

    def branch_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        k = len(self.layers)
        if x_shape[0] % k:
            raise InputError(f"{self} splits rows into {k} parts, which rows of shape {x_shape} do not have")
        return (x_shape[0] // k, *x_shape[1:])

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return self._alike([layer.y_shape(self.branch_shape(x_shape)) for layer in self.layers])

    def forward(
        self, x: Array, train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, tuple[Any, ...]]:
        each = zip(self.layers, self._parts(x), strict=True)
        ys, caches = zip(*(layer.forward(part, train, rng) for layer, part in each), strict=True)
        return self._below(ys), caches

    def backward(
        self, dy: Array, caches: tuple[Any, ...], params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        m = len(dy) // len(self.layers)
        each = [(layer, dy[i * m : (i + 1) * m], caches[i]) for i, layer in enumerate(self.layers)]
        dxs = [layer.backward(dy_i, cache, params, inputs, add) for layer, dy_i, cache in each]
        return array_module(dy).concatenate(dxs, axis=1) if inputs else None

    def calibrate(self, x: Array) -> Array:
        each = zip(self.layers, self._parts(x), strict=True)
        return self._below([layer.calibrate(part) for layer, part in each])

    def _below(self, ys: Sequence[Array]) -> Array:
        self._alike([y.shape[1:] for y in ys])
        return array_module(ys[0]).concatenate(ys)

    def _parts(self, x: Array) -> list[Array]:
        self.branch_shape(x.shape[1:])
        return columns(x, len(self.layers))


def columns(a: Array, k: int) -> list[Array]:
    """The k equal parts of each row, as views: of vectors (m, k·n) columns, of images (m, k·h, w, c) rows of pixels."""
    n = a.shape[1] // k
    return [a[:, i * n : (i + 1) * n] for i in range(k)]
