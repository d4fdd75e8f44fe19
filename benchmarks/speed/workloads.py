"""The sizes on which the peers meet: networks, batch, data, first weights, and the arithmetic of a step."""

from dataclasses import dataclass
from math import prod

import numpy as np

from benchmarks.speed.networks import (
    BatchNorm,
    Conv,
    ConvTranspose,
    Dense,
    Layer,
    LeakyReLU,
    ReLU,
    Reshape,
    Tanh,
    first_weights,
    mlp,
    products,
)


@dataclass(frozen=True)
class Workload:
    """Both players, layer by layer: G from noise (m, n_z), D to a logit (m, 1)."""

    name: str
    G: tuple[Layer, ...]
    D: tuple[Layer, ...]
    n_z: int
    x_shape: tuple[int, ...]  # of a row of data: (n_x,) or (h, w, c)
    batch: int
    turn: int  # pairs of updates that are timed as one
    rows: int = 10240  # of data, about
    lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    eps: float = 1e-8

    def data(self, dtype="float32"):
        """x (n, *x_shape), whole batches only: eight modes on a ring, or points of a smooth surface in pixel space."""
        rng = np.random.default_rng(0)
        n = self.rows // self.batch * self.batch
        if self.x_shape == (2,):
            angle = np.pi / 4 * rng.integers(8, size=(n, 1))
            x = np.hstack([np.cos(angle), np.sin(angle)]) + 0.02 * rng.standard_normal((n, 2))
        else:
            n_x = prod(self.x_shape)
            x = np.tanh(rng.standard_normal((n, 10), "float32") @ rng.standard_normal((10, n_x), "float32"))
        return x.reshape(n, *self.x_shape).astype(dtype)

    def weights(self, dtype="float32"):
        """(G, D), each the arrays of every layer; every peer begins with these."""
        rng = np.random.default_rng(1)
        return tuple(first_weights(layers, rng, dtype) for layers in (self.G, self.D))

    def inputs(self, seed, dtype="float64"):
        """x, z for D's step and z for G's: one pair of updates that the peers can be compared on."""
        rng = np.random.default_rng([2, seed])
        shapes = (self.batch, *self.x_shape), (self.batch, self.n_z), (self.batch, self.n_z)
        return tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)

    @property
    def rowwise(self):
        """Whether D looks at each row alone. If not, real and generated rows go through it apart."""
        return not any(isinstance(layer, BatchNorm) for layer in self.D)

    @property
    def flops(self):
        """Of the matrix products of one pair of updates. A product (m, k) @ (k, n) is 2mkn, and per layer a pass
        forward, dW and dx are one product each; no dx for a first layer, and no dW of D in G's step.

        A convolution is the product of its patches, zeros at the border included, with its kernel."""
        g, g_first = products(self.G, (self.n_z,), self.batch)
        d, d_first = products(self.D, self.x_shape, self.batch)
        d_step = g + 2 * d + 2 * d + 2 * (d - d_first)  # G(z); D on x and on G(z); dW; dx
        g_step = g + d + d + g + (g - g_first)  # G(z); D(G(z)); dx through D; dW; dx
        return d_step + g_step


def dense(name, G, D, last=(), **settings):
    """Two MLPs of these sizes."""
    return Workload(name, mlp(*G, last=last), mlp(*D), n_z=G[0], x_shape=(D[0],), **settings)


def dcgan28():
    """A small DCGAN after Radford et al. 2015: BatchNorm but in G's output and D's input; ReLU in G, LeakyReLU in D.

    No convolution before a BatchNorm has a bias. G's dense layer has one: it differs from pixel to pixel, while
    BatchNorm takes out the mean over pixels.
    """
    G = (
        *(Dense((64,), (7, 7, 64)), BatchNorm(64), ReLU()),
        *(ConvTranspose(64, 32), BatchNorm(32), ReLU()),
        *(ConvTranspose(32, 1, bias=True), Tanh()),
    )
    D = (
        *(Conv(1, 32, bias=True), LeakyReLU()),
        *(Conv(32, 64), BatchNorm(64), LeakyReLU()),
        Dense((7, 7, 64), (1,)),
    )
    return Workload("dcgan28", G, D, n_z=64, x_shape=(28, 28, 1), batch=64, turn=6)


def dcgan64():
    """The pair of PyTorch's DCGAN tutorial: no bias anywhere, and convolutions of 4 × 4 pixels at both ends."""
    ends = {"kernel": 4, "stride": 1, "padding": 0}
    G = (
        *(Reshape((1, 1, 100)), ConvTranspose(100, 512, **ends), BatchNorm(512), ReLU()),
        *(layer for n in (512, 256, 128) for layer in (ConvTranspose(n, n // 2), BatchNorm(n // 2), ReLU())),
        *(ConvTranspose(64, 3), Tanh()),
    )
    D = (
        *(Conv(3, 64), LeakyReLU()),
        *(layer for n in (64, 128, 256) for layer in (Conv(n, 2 * n), BatchNorm(2 * n), LeakyReLU())),
        *(Conv(512, 1, **ends), Reshape((1,))),
    )
    return Workload("dcgan64", G, D, n_z=100, x_shape=(64, 64, 3), batch=128, turn=1, rows=1024)


WORKLOADS = {
    w.name: w
    for w in (
        dense("toy", (2, 64, 64, 2), (2, 64, 64, 1), batch=256, turn=400),
        dense("ring", (2, 128, 128, 2), (2, 128, 128, 1), batch=512, turn=120),
        dense("digits", (100, 256, 512, 1024, 784), (784, 512, 256, 1), last=(Tanh(),), batch=128, turn=16),
        dense("wide", (100, 1200, 1200, 784), (784, 1200, 1200, 1), last=(Tanh(),), batch=100, turn=10),
        dcgan28(),
        dcgan64(),
    )
}
