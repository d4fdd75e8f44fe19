"""A layer is two formulas: y from x, then ∂L/∂x and ∂L/∂W from ∂L/∂y. (d· always means ∂L/∂·.)

The layer protocol:

    y, cache = layer.forward(x, train=False, rng=None)
    dx = layer.backward(dy, cache, params=True, inputs=True, add=True)

`forward` hands back all that `backward` will need, so nothing that belongs to a batch stays on the layer. `backward`
adds ∂L/∂W to `dW` (or writes over it, with add=False), unless params is false. Neither changes an array it was given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from numgan.backend import Array, array_module
from numgan.errors import InputError

Shapes = dict[str, tuple[int, ...]]


class Layer:
    """What every layer is. Its parameters are views into the flat vectors of the network it stands in."""

    rowwise: ClassVar[bool] = True  # a row of y depends on that row of x alone
    stochastic: ClassVar[bool] = False  # forward draws random numbers in training
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
    def spans(self) -> dict[str, slice]:
        """Where each parameter lies in the layer's part of theta."""
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

    def forward(self, x: Array, train: bool = False, rng: Any = None) -> tuple[Array, Any]:
        raise NotImplementedError

    def backward(
        self, dy: Array, cache: Any, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        raise NotImplementedError

    def __call__(self, x: Array) -> Array:
        """y alone, in evaluation mode."""
        return self.forward(x)[0]

    def calibrate(self, x: Array) -> Array:
        """Sets the buffers, if any, from the statistics of x; returns y in evaluation mode."""
        return self(x)

    def __getattr__(self, name: str) -> Any:
        # Only reached for a name that is not there: most often a weight, before the layer stands in a network.
        raise AttributeError(f"{type(self).__name__} has no {name!r} (weights exist once it stands in a Network([...]))")

    def __getstate__(self) -> dict[str, Any]:
        # Views do not survive a copy: they would become arrays of their own. The network binds its layers again.
        drop = {"bound", *self.shapes, *(f"d{name}" for name in self.shapes), *self.buffer_shapes}
        return {name: value for name, value in self.__dict__.items() if name not in drop}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


@dataclass(eq=False)
class Linear(Layer):
    """y = x W + b, with x (m, n_in), W (n_in, n_out), b (n_out,), y (m, n_out).

    dW = xᵀ dy,  db = Σ_rows dy,  dx = dy Wᵀ.

    W starts uniform on (−scale, scale), b at 0. The default scale, √(3/n_in), gives W the variance 1/n_in, which keeps
    the variance of the signal (LeCun et al. 1998, "Efficient BackProp", eq. 16).
    """

    n_in: int
    n_out: int
    scale: float | None = None

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, n_out=self.n_out)

    @property
    def shapes(self) -> Shapes:
        return {"W": (self.n_in, self.n_out), "b": (self.n_out,)}

    def init(self, rng: np.random.Generator) -> None:
        _uniform(self.W, rng, math.sqrt(3 / self.n_in) if self.scale is None else self.scale)
        self.b[...] = 0

    def forward(self, x: Array, train: bool = False, rng: Any = None) -> tuple[Array, Array]:
        y = x @ self.W
        y += self.b
        return y, x

    def backward(
        self, dy: Array, x: Array, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        if params:
            product(x.T, dy, self.dW, add)
            row_sum(dy, self.db, add)
        return dy @ self.W.T if inputs else None


@dataclass(eq=False)
class Maxout(Layer):
    """y_j = max over p of (x W_p + b_p)_j: each unit takes the largest of its linear pieces.

    Goodfellow et al. 2013, "Maxout Networks", eq. in §2. W (n_in, pieces · n_out) holds W_1 … W_P side by side.
    The gradient dy_j goes to the piece that won (the first, at a tie); then as in Linear.
    """

    n_in: int
    n_out: int
    pieces: int
    scale: float | None = None

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, n_out=self.n_out, pieces=self.pieces)

    @property
    def shapes(self) -> Shapes:
        return {"W": (self.n_in, self.pieces * self.n_out), "b": (self.pieces * self.n_out,)}

    init = Linear.init

    def forward(self, x: Array, train: bool = False, rng: Any = None) -> tuple[Array, tuple[Array, Array]]:
        h = x @ self.W
        h += self.b
        h = h.reshape(len(x), self.pieces, self.n_out)
        return h.max(axis=1), (x, h.argmax(axis=1))

    def backward(
        self, dy: Array, cache: tuple[Array, Array], params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        x, winner = cache  # (m, n_in), (m, n_out)
        piece = array_module(dy).arange(self.pieces)[:, None]  # (pieces, 1)
        dh = dy[:, None, :] * (winner[:, None, :] == piece)  # (m, pieces, n_out)
        dh = dh.reshape(len(x), -1)
        if params:
            product(x.T, dh, self.dW, add)
            row_sum(dh, self.db, add)
        return dh @ self.W.T if inputs else None


@dataclass(eq=False)
class Dropout(Layer):
    """In training y = x ∘ mask / (1 − p), where a mask entry is 0 with probability p and 1 otherwise; else y = x.

    dx = dy ∘ mask / (1 − p). Srivastava et al. 2014, scaled in training instead of in evaluation.
    """

    p: float = 0.5
    stochastic = True

    def __post_init__(self) -> None:
        if not 0 <= self.p < 1:
            raise InputError(f"Dropout's p is the probability of dropping, 0 ≤ p < 1; got {self.p!r}")

    def forward(self, x: Array, train: bool = False, rng: Any = None) -> tuple[Array, Array | None]:
        if not train:
            return x, None
        if rng is None:
            raise InputError("Dropout in training draws a mask: pass rng=np.random.default_rng(seed) to forward")
        keep = 1 - self.p
        mask = (rng.random(x.shape, dtype=np.float32) < keep).astype(x.dtype)  # (m, n)
        mask *= 1 / keep
        return x * mask, mask

    def backward(
        self, dy: Array, mask: Array | None, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        return dy if mask is None else dy * mask


@dataclass(eq=False)
class Reshape(Layer):
    """The same numbers in another shape, row by row: (m, …) → (m, *shape); dx is dy in the shape of x."""

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        self.shape = tuple(self.shape)
        check_sizes(self, **{f"shape[{i}]": n for i, n in enumerate(self.shape)})

    def forward(self, x: Array, train: bool = False, rng: Any = None) -> tuple[Array, tuple[int, ...]]:
        return x.reshape(len(x), *self.shape), x.shape

    def backward(
        self, dy: Array, x_shape: tuple[int, ...], params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        return dy.reshape(x_shape)


def product(a: Array, b: Array, out: Array, add: bool) -> None:
    """out += a b, or out = a b without a temporary: NumPy's matmul can write over an array but not add to it."""
    if add:
        out += a @ b
    else:
        array_module(a).matmul(a, b, out=out)


def row_sum(dy: Array, out: Array, add: bool) -> None:
    """out += Σ_rows dy, or out = Σ_rows dy."""
    if add:
        out += dy.sum(axis=0)
    else:
        dy.sum(axis=0, out=out)


def check_sizes(layer: Layer, **sizes: int) -> None:
    """Each size must be a whole number, 1 or more."""
    for name, n in sizes.items():
        if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
            raise InputError(f"{type(layer).__name__}: {name} must be a whole number of 1 or more, got {n!r}")


def _uniform(view: Array, rng: np.random.Generator, scale: float) -> None:
    view[...] = array_module(view).asarray(rng.uniform(-scale, scale, view.shape), dtype=view.dtype)


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
