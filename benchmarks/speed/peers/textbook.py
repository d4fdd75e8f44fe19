"""A GAN as a textbook writes it in NumPy: a dict per layer, an optimiser per weight, nothing deliberately slow.

Real and generated rows go through D one after the other, and backward computes every gradient, needed or not:
that is how the genre does it.
"""

from functools import partial

import numpy as np


class Adam:
    """One weight's optimiser: Kingma and Ba, Algorithm 1, line by line."""

    def __init__(self, lr, beta1, beta2, eps):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.m = self.v = self.t = 0

    def update(self, w, g):
        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g * g
        m_hat = self.m / (1 - self.beta1**self.t)
        v_hat = self.v / (1 - self.beta2**self.t)
        w -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


class MLP:
    """Layers {"W", "b", "act"}; forward keeps x and y of every layer in it, backward adds to "dW" and "db"."""

    def __init__(self, weights, slope, last, adam):
        self.slope = slope
        self.layers = [{"W": W, "b": b, "act": "leaky", "opt_W": adam(), "opt_b": adam()} for W, b in weights]
        self.layers[-1]["act"] = last

    def zero_grad(self):
        for layer in self.layers:
            layer["dW"] = layer["db"] = 0

    def forward(self, x):
        for layer in self.layers:
            layer["x"] = x
            y = x @ layer["W"] + layer["b"]
            if layer["act"] == "leaky":
                y = np.maximum(y, self.slope * y)
            elif layer["act"] == "tanh":
                y = np.tanh(y)
            layer["y"] = x = y
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            y = layer["y"]
            if layer["act"] == "leaky":
                dy = dy * np.maximum(np.sign(y), self.slope)  # np.where takes four times as long
            elif layer["act"] == "tanh":
                dy = dy * (1 - y * y)
            layer["dW"] = layer["dW"] + layer["x"].T @ dy
            layer["db"] = layer["db"] + dy.sum(axis=0)
            dy = dy @ layer["W"].T
        return dy

    def update(self):
        for layer in self.layers:
            layer["opt_W"].update(layer["W"], layer["dW"])
            layer["opt_b"].update(layer["b"], layer["db"])


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class Textbook:
    def __init__(self, workload, dtype="float32", threads=None):
        w = workload
        adam = partial(Adam, w.lr, w.beta1, w.beta2, w.eps)
        g, d = w.weights(dtype)
        self.G = MLP(g, w.slope, "tanh" if w.tanh else None, adam)
        self.D = MLP(d, w.slope, None, adam)
        self.x, self.shape, self.rng = w.data(dtype), (w.batch, w.n_z), np.random.default_rng(0)
        self.batches = self.shuffled()

    def shuffled(self):
        while True:
            for index in self.rng.permutation(len(self.x)).reshape(-1, self.shape[0]):
                yield self.x[index]

    def noise(self):
        return self.rng.standard_normal(self.shape, self.x.dtype)

    def steps(self, n):
        for _ in range(n):
            self.pair(next(self.batches), self.noise(), self.noise())

    def pair(self, x, z_d, z_g):
        m = len(x)
        self.D.zero_grad()
        self.D.backward((sigmoid(self.D.forward(x)) - 1) / m)  # -log D(x)
        self.D.backward(sigmoid(self.D.forward(self.G.forward(z_d))) / m)  # -log(1 - D(G(z)))
        self.D.update()
        self.G.zero_grad()
        dx = self.D.backward((sigmoid(self.D.forward(self.G.forward(z_g))) - 1) / m)  # -log D(G(z))
        self.G.backward(dx)
        self.G.update()

    def parameters(self):
        return [layer[name] for net in (self.G, self.D) for layer in net.layers for name in ("W", "b")]

    def about(self):
        return {"numpy": np.__version__}
