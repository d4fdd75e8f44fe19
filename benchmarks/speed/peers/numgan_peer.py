"""numgan as its users run it: `Training.steps`, a record every 50 steps, nothing for the benchmark's sake."""

from math import prod

import numpy as np

import numgan as ng
from benchmarks.speed import networks as neutral
from numgan.backend import asnumpy

ACTIVATIONS = {neutral.ReLU: ng.ReLU, neutral.Tanh: ng.Tanh}


def translated(spec):
    """A layer as one or more of numgan's. A Linear has a b even before a BatchNorm, where it stays at 0."""
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


class Player:
    """A network, and those of its arrays that the workload gives first values to."""

    def __init__(self, specs, weights, dtype, xp, first=(), last=()):
        layers = [translated(spec) for spec in specs]
        flat = [layer for some in layers for layer in some]
        self.net, self.arrays = ng.Network([*first, *flat, *last], dtype=dtype, xp=xp), []
        for some, values in zip(layers, weights, strict=True):
            arrays = [getattr(layer, name) for layer in some for name in layer.shapes]
            for array, value in zip(arrays, values, strict=False):  # not for the b of a Linear before a BatchNorm
                array[...] = xp.asarray(value)
                self.arrays.append(array)


class Numgan:
    xp = np

    def __init__(self, workload, dtype="float32", threads=None):
        w, n_x = workload, (prod(workload.x_shape),)  # numgan's data are rows, images too
        g, d = w.weights(dtype)
        self.G = Player(w.G, g, dtype, self.xp, last=reshaped(w.x_shape, n_x))
        self.D = Player(w.D, d, dtype, self.xp, first=reshaped(n_x, w.x_shape))
        optimizers = tuple(ng.Adam(w.lr, w.beta1, w.beta2, w.eps) for _ in range(2))
        data, loss = w.data().reshape(-1, *n_x), ng.losses.nonsaturating
        self.run = ng.Training(self.G.net, self.D.net, data, loss, w.batch, optimizers=optimizers, threads=threads)

    def steps(self, n):
        for _ in self.run.steps(n, every=50):
            pass

    def pair(self, x, z_d, z_g):
        """Through `Training` itself, made to draw the given arrays: its update 0 is D's, its update 1 is G's."""
        rows = x.reshape(len(x), -1)
        self.run._draw_data, self.run._draw_noise = (lambda j: rows), (z_d, z_g).__getitem__
        self.steps(1)

    def parameters(self):
        return [asnumpy(array) for player in (self.G, self.D) for array in player.arrays]

    def about(self):
        threads = self.run.threads  # of ours; the BLAS has one during a step
        return {"numgan": ng.__version__, "numpy": np.__version__, "threads": threads}
