"""numgan as its users run it: `Training.steps`, a record every 50 steps, nothing for the benchmark's sake."""

import numpy as np

import numgan as ng
from numgan.backend import asnumpy


def network(weights, slope, tanh, dtype, xp):
    layers = [layer for W, _ in weights for layer in (ng.Linear(*W.shape), ng.LeakyReLU(slope))]
    net = ng.Network(layers[:-1] + [ng.Tanh()] * tanh, dtype=dtype, xp=xp)
    net.theta[...] = xp.asarray(np.concatenate([array.ravel() for layer in weights for array in layer]))
    return net


class Numgan:
    xp = np

    def __init__(self, workload, dtype="float32", threads=None):
        w = workload
        g, d = w.weights(dtype)
        self.G, self.D = network(g, w.slope, w.tanh, dtype, self.xp), network(d, w.slope, False, dtype, self.xp)
        optimizers = tuple(ng.Adam(w.lr, w.beta1, w.beta2, w.eps) for _ in range(2))
        loss = ng.losses.nonsaturating
        self.run = ng.Training(self.G, self.D, w.data(), loss, w.batch, optimizers=optimizers, threads=threads)

    def steps(self, n):
        for _ in self.run.steps(n, every=50):
            pass

    def pair(self, x, z_d, z_g):
        """Through `Training` itself, made to draw the given arrays: its update 0 is D's, its update 1 is G's."""
        self.run._draw_data, self.run._draw_noise = (lambda j: x), (z_d, z_g).__getitem__
        self.steps(1)

    def parameters(self):
        linear = [layer for net in (self.G, self.D) for layer in net.layers if isinstance(layer, ng.Linear)]
        return [asnumpy(array) for layer in linear for array in (layer.W, layer.b)]

    def about(self):
        threads = self.run.threads  # of ours; the BLAS has one during a step
        return {"numgan": ng.__version__, "numpy": np.__version__, "threads": threads}
