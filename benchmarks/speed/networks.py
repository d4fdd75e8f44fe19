"""A network in neutral words: its layers, their first weights, the products of a pass. Each peer translates it.

x is rows (m, n) or images (m, h, w, c). `layer.begin(rng)` gives the layer's arrays, which every peer begins with.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

Shape = tuple[int, ...]  # of a row of x: (n,) or (h, w, c)


class Layer:
    """A layer without arrays that keeps the shape of x."""

    def begin(self, rng):
        """The first values of its arrays, in float64: W and b, or γ and β."""
        return ()

    def y_shape(self, x):
        return x

    def multiplications(self, x):
        """Of the matrix product that makes y of one row of x; dW and dx take as many each."""
        return 0


@dataclass(frozen=True)
class Dense(Layer):
    """y = x W + b, with W (n_in, n_out). Where x or y are images, their numbers are counted in the order (h, w, c)."""

    x: Shape
    y: Shape
    std: float = 0.02  # of W; b begins at 0

    def begin(self, rng):
        return _normal(rng, (prod(self.x), prod(self.y)), self.std, bias=True)

    def y_shape(self, x):
        return self.y

    def multiplications(self, x):
        return prod(self.x) * prod(self.y)


@dataclass(frozen=True)
class Conv(Layer):
    """Convolution; W (kernel, kernel, n_in, n_out), not flipped."""

    n_in: int
    n_out: int
    kernel: int = 4
    stride: int = 2
    padding: int = 1
    bias: bool = False
    std: float = 0.02

    def begin(self, rng):
        return _normal(rng, (self.kernel, self.kernel, self.n_in, self.n_out), self.std, self.bias)

    def y_shape(self, x):
        h, w = ((n + 2 * self.padding - self.kernel) // self.stride + 1 for n in x[:2])
        return h, w, self.n_out

    def multiplications(self, x):
        h, w, _ = self.y_shape(x)
        return h * w * self.kernel**2 * self.n_in * self.n_out


@dataclass(frozen=True)
class ConvTranspose(Conv):
    """The adjoint of a Conv from n_out channels to n_in; W (n_in, kernel, kernel, n_out)."""

    def begin(self, rng):
        return _normal(rng, (self.n_in, self.kernel, self.kernel, self.n_out), self.std, self.bias)

    def y_shape(self, x):
        h, w = ((n - 1) * self.stride - 2 * self.padding + self.kernel for n in x[:2])
        return h, w, self.n_out

    def multiplications(self, x):
        return prod(x) * self.kernel**2 * self.n_out


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Over all but the last axis, with the batch's own mean and variance; γ begins normal about 1, β at 0."""

    n: int
    eps: float = 1e-5
    std: float = 0.02

    def begin(self, rng):
        return 1 + self.std * rng.standard_normal(self.n), np.zeros(self.n)


@dataclass(frozen=True)
class LeakyReLU(Layer):
    slope: float = 0.2


@dataclass(frozen=True)
class ReLU(Layer):
    pass


@dataclass(frozen=True)
class Tanh(Layer):
    pass


@dataclass(frozen=True)
class Reshape(Layer):
    """Between (n,) and (1, 1, n): no number moves, whatever the order of the axes."""

    shape: Shape

    def y_shape(self, x):
        return self.shape


def mlp(*sizes, last=()):
    """Dense layers with LeakyReLU between them; W has variance 2 / n_in."""
    dense = [Dense((n_in,), (n_out,), std=(2 / n_in) ** 0.5) for n_in, n_out in pairwise(sizes)]
    return (*(layer for d in dense[:-1] for layer in (d, LeakyReLU())), dense[-1], *last)


def first_weights(layers, rng, dtype):
    """The arrays of each layer, a tuple per layer."""
    return [tuple(array.astype(dtype) for array in layer.begin(rng)) for layer in layers]


def products(layers, x_shape, m):
    """FLOPs of a pass of m rows through every layer, and through the first that is a product: 2 per multiplication."""
    flops = []
    for layer in layers:
        flops.append(2 * m * layer.multiplications(x_shape))
        x_shape = layer.y_shape(x_shape)
    return sum(flops), next(filter(None, flops))


def _normal(rng, shape, std, bias):
    W = rng.standard_normal(shape) * std
    return (W, np.zeros(shape[-1])) if bias else (W,)
