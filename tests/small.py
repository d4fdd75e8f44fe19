"""A small network with most kinds of layers, rows for it, what must hold of its views; a small pair and its run."""

import numpy as np

import numgan as ng
from numgan.backend import array_module


def small(xp=np, seed=0, dtype="float64"):
    return ng.Network(
        [
            ng.Linear(3, 5),
            ng.BatchNorm(5),
            ng.LeakyReLU(0.2),
            ng.Maxout(5, 4, 2),
            ng.Network([ng.Linear(4, 4), ng.Tanh()], seed=9, dtype=dtype, xp=xp),
            ng.Linear(4, 2),
        ],
        seed=seed,
        dtype=dtype,
        xp=xp,
    )


def x_for(net, m=6, seed=1):
    x = np.random.default_rng(seed).standard_normal((m, 3))
    return array_module(net.theta).asarray(x, dtype=net.theta.dtype)


def assert_views(net):
    shared = array_module(net.theta).shares_memory
    assert sum(layer.size for layer in net.layers) == net.theta.size == net.grad.size
    for layer in net.leaves():
        for name in layer.shapes:
            assert shared(getattr(layer, name), net.theta)
            assert shared(getattr(layer, f"d{name}"), net.grad)
        for name in layer.buffer_shapes:
            assert shared(getattr(layer, name), net.buffers)


def rows(m=8, n=2):
    return np.random.default_rng(0).standard_normal((m, n)).astype("float32")


def networks(n_z=2, n_x=2, **how):
    G = ng.Network([ng.Linear(n_z, 4), ng.LeakyReLU(0.2), ng.Linear(4, n_x)], seed=0, **how)
    D = ng.Network([ng.Linear(n_x, 4), ng.LeakyReLU(0.2), ng.Linear(4, 1)], seed=1, **how)
    return G, D


def training(**settings):
    G, D = networks()
    return ng.Training(**{"G": G, "D": D, "data": rows(), "batch": 4, "threads": 1} | settings)
