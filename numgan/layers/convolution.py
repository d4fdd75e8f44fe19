"""Convolution and its adjoint: two layers from one idea.

`unfold` makes a matrix of an image, with a window of pixels in each row, and `fold` is its adjoint (see windows.py).
Each of the layers is a Linear beside one of the two, and the backward pass of each is the forward pass of the other:

    Conv2d            y = unfold(x) W + b      dx = fold(dy Wᵀ)       dW = unfold(x)ᵀ dy
    ConvTranspose2d   y = fold(x W) + b        dx = unfold(dy) Wᵀ     dW = xᵀ unfold(dy)

W stands for the matrix that it is but for a reshape. As in most code for deep learning, the kernel is not flipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError, check_number, check_whole
from numgan.layers.base import Layer, Shapes, check_sizes
from numgan.layers.windows import Line, Side, Windows
from numgan.parallel import row_sum


@dataclass(eq=False)
class Convolution(Layer):
    """What the two layers share: settings, first values, the bias, and a check of the images they are given."""

    n_in: int
    n_out: int
    kernel: int = 4
    stride: int = 2
    padding: int = 1
    bias: bool = True
    std: float | None = None
    axes_in = axes_out = 3
    kind, sides, points = "images", "h, w", "pixels"  # in errors

    example_row: ClassVar[tuple[int, ...]] = (5, 4, 2)

    @classmethod
    def example(cls) -> Convolution:
        return cls(2, 3, kernel=3, stride=1)

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, n_out=self.n_out, kernel=self.kernel, stride=self.stride)
        check_whole(f"{type(self).__name__}: padding", self.padding, 0)
        if not isinstance(self.bias, bool):
            raise InputError(f"{type(self).__name__}'s bias is True or False, got {self.bias!r}")
        if self.std is not None:
            self.std = check_number(f"{type(self).__name__}'s std", self.std, "(0, inf)", "None for 1/√fan_in")

    @property
    def windows(self) -> Windows | Line:
        return Windows.square(self.kernel, self.stride, self.padding)

    @property
    def W_shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def fan_in(self) -> float:
        """How many products a number of y is the sum of, where no border is near."""
        raise NotImplementedError

    @property
    def shapes(self) -> Shapes:
        return {"W": self.W_shape, "b": (self.n_out,)} if self.bias else {"W": self.W_shape}

    def init(self, rng: np.random.Generator) -> None:
        std = 1 / math.sqrt(self.fan_in) if self.std is None else self.std
        self.W[...] = array_module(self.W).asarray(rng.normal(0, std, self.W.shape), dtype=self.W.dtype)
        if self.bias:
            self.b[...] = 0

    def _plus_b(self, y: Array) -> Array:
        if self.bias:
            y += self.b
        return y

    def _write_dW(self, dW: Array, add: bool) -> None:
        """dW, a matrix, into the gradient."""
        dW = dW.reshape(self.dW.shape)
        self.dW[...] = self.dW + dW if add else dW

    def _write_db(self, dy: Array, add: bool) -> None:
        """db = Σ dy over all pixels."""
        if self.bias:
            row_sum(dy, self.db, add)

    def along(self, side: Side, n: int) -> float:
        """How many pixels y has along a side, where x has n; must be a whole number."""
        raise NotImplementedError

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        """(h', w', n_out) of (h, w, n_in)."""
        if len(x_shape) != self.axes_in or x_shape[-1] != self.n_in:
            wanted = f"{self.kind} (m, {self.sides}, {self.n_in})"
            got = ", ".join(map(str, ("m", *x_shape)))
            raise InputError(f"{self} takes {wanted}, got ({got}): put Reshape(({self.sides}, {self.n_in})) before it")
        made = [self.along(side, n) for side, n in zip(self.windows.sides, x_shape[:-1], strict=True)]
        if min(made) < 1 or any(n % 1 for n in made):
            found = f"{' × '.join(f'{n:.4g}' for n in made)} {self.points} of {' × '.join(map(str, x_shape[:-1]))}"
            cure = f"these must be whole numbers; change kernel, stride, padding or {self.kind}"
            raise InputError(f"{self} makes {found}: {cure}")
        return (*map(int, made), self.n_out)


@dataclass(eq=False)
class Conv2d(Convolution):
    """y = unfold(x) W + b: a pixel of y is the product of one window of x with the kernel.

    x (m, h, w, n_in), W (kernel, kernel, n_in, n_out), b (n_out,), y (m, h', w', n_out), all channels last.
    h' = (h + 2 · padding − kernel) / stride + 1, w' likewise; both must be whole. Pixel by pixel, with x = 0 outside,
    y[r, s] = b + Σ_p Σ_q x[stride · r + p − padding, stride · s + q − padding] W[p, q].

    dW = unfold(x)ᵀ dy,  db = Σ_pixels dy,  dx = fold(dy Wᵀ).

    W starts normal with standard deviation std, b at 0. The default, 1/√fan_in with fan_in = kernel² · n_in, keeps the
    variance of the signal, as in Linear; Radford et al. 2015 (DCGAN) take 0.02. bias=False leaves b out: before a
    BatchNorm it does nothing.
    """

    @property
    def W_shape(self) -> tuple[int, ...]:
        return (self.kernel, self.kernel, self.n_in, self.n_out)

    @property
    def fan_in(self) -> float:
        return self.kernel**2 * self.n_in

    def along(self, side: Side, n: int) -> float:
        return side.count(n)

    @property
    def matrix(self) -> Array:
        """W as a matrix (kernel · kernel · n_in, n_out), a view."""
        return self.W.reshape(-1, self.n_out)

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Array]:
        self.y_shape(x.shape[1:])
        return self._plus_b(self.windows.unfold_product(x, self.matrix)), x

    def backward(
        self, dy: Array, x: Array, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        if params:
            self._write_dW(self.windows.patch_product(x, dy), add)
            self._write_db(dy, add)
        return self.windows.fold_product(dy, self.matrix.T, *x.shape[1:-1]) if inputs else None

    def tangent(self, v: Array, dy: Array, x: Array) -> tuple[Array, None]:
        """As in Linear: J v = unfold(v) W; ∂S/∂W = unfold(v)ᵀ dy; b is not in J."""
        self._write_dW(self.windows.patch_product(v, dy), add=True)
        return self.windows.unfold_product(v, self.matrix), None


@dataclass(eq=False)
class ConvTranspose2d(Convolution):
    """y = fold(x W) + b: each pixel of x lays its multiple of the kernel down in y, where they add up.

    The adjoint of a Conv2d from n_out channels to n_in. x (m, h, w, n_in), W (n_in, kernel, kernel, n_out), b (n_out,),
    y (m, h', w', n_out), with h' = (h − 1) · stride − 2 · padding + kernel and w' likewise.

    dW = xᵀ unfold(dy),  db = Σ_pixels dy,  dx = unfold(dy) Wᵀ.

    W and b start as in Conv2d, with fan_in = (kernel / stride)² · n_in: so many products meet in a pixel of y, on
    average.
    """

    @property
    def W_shape(self) -> tuple[int, ...]:
        return (self.n_in, self.kernel, self.kernel, self.n_out)

    @property
    def fan_in(self) -> float:
        return (self.kernel / self.stride) ** 2 * self.n_in

    def along(self, side: Side, n: int) -> float:
        return side.extent(n)

    @property
    def matrix(self) -> Array:
        """W as a matrix (n_in, kernel · kernel · n_out), a view."""
        return self.W.reshape(self.n_in, -1)

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Array]:
        *sides, _ = self.y_shape(x.shape[1:])
        return self._plus_b(self.windows.fold_product(x, self.matrix, *sides)), x

    def backward(
        self, dy: Array, x: Array, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        if params:
            self._write_dW(self.windows.patch_product(dy, x).T, add)
            self._write_db(dy, add)
        return self.windows.unfold_product(dy, self.matrix.T) if inputs else None

    def tangent(self, v: Array, dy: Array, x: Array) -> tuple[Array, None]:
        """J v = fold(v W); ∂S/∂W = vᵀ unfold(dy); b is not in J."""
        self._write_dW(self.windows.patch_product(dy, v).T, add=True)
        return self.windows.fold_product(v, self.matrix, *dy.shape[1:-1]), None
