"""The four sizes on which the peers meet: layers, batch, data, first weights, and the arithmetic of a step."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Workload:
    """Layer sizes of both players; LeakyReLU between layers, D ends in a logit, G in tanh or in nothing."""

    name: str
    G: tuple[int, ...]
    D: tuple[int, ...]
    batch: int
    tanh: bool
    turn: int  # pairs of updates that are timed as one
    slope: float = 0.2
    lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    eps: float = 1e-8

    @property
    def n_z(self):
        return self.G[0]

    def data(self, dtype="float32"):
        """x (n, n_x), whole batches only: eight modes on a ring, or points of a smooth surface in pixel space."""
        rng = np.random.default_rng(0)
        n = 10240 // self.batch * self.batch
        if not self.tanh:
            angle = np.pi / 4 * rng.integers(8, size=(n, 1))
            x = np.hstack([np.cos(angle), np.sin(angle)]) + 0.02 * rng.standard_normal((n, 2))
        else:
            x = np.tanh(rng.standard_normal((n, 10), "float32") @ rng.standard_normal((10, self.D[0]), "float32"))
        return x.astype(dtype)

    def weights(self, dtype="float32"):
        """(G, D), each a list of (W (n_in, n_out), b (n_out,)); every peer begins with these."""
        rng = np.random.default_rng(1)
        return tuple([_layer(rng, *shape, dtype) for shape in pairwise(sizes)] for sizes in (self.G, self.D))

    def inputs(self, seed, dtype="float64"):
        """x, z for D's step and z for G's: one pair of updates that the peers can be compared on."""
        rng = np.random.default_rng([2, seed])
        shapes = (self.batch, self.D[0]), (self.batch, self.n_z), (self.batch, self.n_z)
        return tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)

    @property
    def flops(self):
        """Of the matrix products of one pair of updates. A product (m, k) @ (k, n) is 2mkn, and per layer a pass
        forward, dW and dx are one product each; no dx for a first layer, and no dW of D in G's step."""
        g, g_first = _products(self.G, self.batch)
        d, d_first = _products(self.D, self.batch)
        d_step = g + 2 * d + 2 * d + 2 * (d - d_first)  # G(z); D on x and on G(z); dW; dx
        g_step = g + d + d + g + (g - g_first)  # G(z); D(G(z)); dx through D; dW; dx
        return d_step + g_step


def _layer(rng, n_in, n_out, dtype):
    W = rng.standard_normal((n_in, n_out)) * (2 / n_in) ** 0.5
    return W.astype(dtype), np.zeros(n_out, dtype)


def _products(sizes, m):
    """FLOPs of one pass through every layer, and through the first one."""
    flops = [2 * m * n_in * n_out for n_in, n_out in pairwise(sizes)]
    return sum(flops), flops[0]


WORKLOADS = {
    w.name: w
    for w in (
        Workload("toy", (2, 64, 64, 2), (2, 64, 64, 1), batch=256, tanh=False, turn=400),
        Workload("ring", (2, 128, 128, 2), (2, 128, 128, 1), batch=512, tanh=False, turn=120),
        Workload("digits", (100, 256, 512, 1024, 784), (784, 512, 256, 1), batch=128, tanh=True, turn=16),
        Workload("wide", (100, 1200, 1200, 784), (784, 1200, 1200, 1), batch=100, tanh=True, turn=10),
    )
}
