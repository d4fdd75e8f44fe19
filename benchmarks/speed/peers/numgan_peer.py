"""numgan as its users run it: `Training.steps`, a record every 50 steps, nothing for the benchmark's sake."""

from math import prod

import numpy as np

import numgan as ng
from benchmarks.speed import networks as neutral
from numgan.backend import asnumpy

ACTIVATIONS = {neutral.ReLU: ng.ReLU, neutral.Tanh: ng.Tanh}


def translated(spec):
    """A layer as one or more of numgan's."""
    match spec:
        case neutral.Dense(x, y):
            linear = ng.Linear(prod(x), prod(y))
            return [*reshaped(x, (prod(x),)), linear, *reshaped((prod(y),), y)]
        case neutral.ConvTranspose(n_in, n_out, kernel, stride, padding, bias):
            return [ng.ConvTranspose2d(n_in, n_out, kernel, stride, padding, bias)]
        case neutral.Conv(n_in, n_out, kernel, stride, padding, bias):
            return [ng.Conv2d(n_in, n_out, kernel, stride, padding, bias)]
        case neutral.BatchNorm(n, eps):
            return [ng.BatchNorm(n, eps)]
        case neutral.LeakyReLU(slope):
            return [ng.LeakyReLU(slope)]
        case neutral.Reshape(shape):
            return [ng.Reshape(shape)]
    return [ACTIVATIONS[type(spec)]()]


def reshaped(before, after):
    return [] if before == after else [ng.Reshape(after)]


def network(specs, weights, dtype, xp, first=(), last=()):
    layers = [layer for spec in specs for layer in translated(spec)]
    net = ng.Network([*first, *layers, *last], dtype=dtype, xp=xp)
    net.theta[...] = xp.asarray(np.concatenate([array.ravel() for arrays in weights for array in arrays]))
    return net


class Numgan:
    xp = np

    def __init__(self, workload, dtype="float32", threads=None):
        w, n_x = workload, (prod(workload.x_shape),)  # numgan's data are rows, images too
        g, d = w.weights(dtype)
        self.G = network(w.G, g, dtype, self.xp, last=reshaped(w.x_shape, n_x))
        self.D = network(w.D, d, dtype, self.xp, first=reshaped(n_x, w.x_shape))
        self.run = ng.Training(
            self.G,
            self.D,
            w.data().reshape(-1, *n_x),
            ng.losses.nonsaturating,
            w.batch,
            optimizers=tuple(ng.Adam(w.lr, w.beta1, w.beta2, w.eps) for _ in range(2)),
            n_z=w.n_z,
            threads=threads,
        )

    def steps(self, n):
        for _ in self.run.steps(n, every=50):
            pass

    def pair(self, x, z_d, z_g):
        """Through `Training` itself, made to draw the given arrays: its update 0 is D's, its update 1 is G's."""
        rows = x.reshape(len(x), -1)
        self.run._draw_data, self.run._draw_noise = (lambda j: rows), (z_d, z_g).__getitem__
        self.steps(1)

    def parameters(self):
        layers = [layer for net in (self.G, self.D) for layer in net.layers]
        return [asnumpy(getattr(layer, name)) for layer in layers for name in layer.shapes]

    def about(self):
        threads = self.run.threads  # of ours; the BLAS has one during a step
        return {"numgan": ng.__version__, "numpy": np.__version__, "threads": threads}
