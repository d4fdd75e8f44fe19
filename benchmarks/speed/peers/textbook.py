"""A GAN as a textbook writes it in NumPy: a class per layer, an optimiser per weight, nothing deliberately slow.

Real and generated rows go through D one after the other, and backward computes every gradient, needed or not:
that is how the genre does it. Images are (m, c, h, w); a convolution is a product of patches, gathered and put back
(im2col, col2im) by the indices of their numbers.
"""

from functools import partial

import numpy as np

from benchmarks.speed import networks as neutral
from benchmarks.speed.peers.channels_first import channels_first, channels_last


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


class Layer:
    """forward keeps what backward needs, and backward adds to the gradient of every weight."""

    def __init__(self, spec, weights, adam):
        self.spec, self.weights = spec, weights
        self.optimizers = [adam() for _ in weights]

    def zero_grad(self):
        self.grads = [0] * len(self.weights)

    def add(self, *grads):
        self.grads = [old + new for old, new in zip(self.grads, grads, strict=False)]  # without b: not for the last

    def update(self):
        for optimizer, w, g in zip(self.optimizers, self.weights, self.grads, strict=True):
            optimizer.update(w, g)


class Dense(Layer):
    def forward(self, x):
        self.x, self.x_shape = x.reshape(len(x), -1), x.shape
        y = self.x @ self.weights[0] + self.weights[1]
        return y.reshape(len(x), *channels_first_shape(self.spec.y))

    def backward(self, dy):
        dy = dy.reshape(len(dy), -1)
        self.add(self.x.T @ dy, dy.sum(axis=0))
        return (dy @ self.weights[0].T).reshape(self.x_shape)


class Conv(Layer):
    """W (n_out, n_in, k, k)."""

    def forward(self, x):
        n, self.x_shape = self.spec.n_out, x.shape
        h, w, _ = self.spec.y_shape(x.shape[2:])
        self.patches = im2col(x, self.spec)
        y = self.weights[0].reshape(n, -1) @ self.patches
        if self.spec.bias:
            y = y + self.weights[1][:, None]
        return y.reshape(n, h, w, len(x)).transpose(3, 0, 1, 2)

    def backward(self, dy):
        W, dy = self.weights[0], dy.transpose(1, 2, 3, 0).reshape(self.spec.n_out, -1)
        self.add((dy @ self.patches.T).reshape(W.shape), dy.sum(axis=1))
        return col2im(W.reshape(len(W), -1).T @ dy, self.x_shape, self.spec)


class ConvTranspose(Layer):
    """W (n_in, n_out, k, k). Forward is the way back of a convolution, and the other way round."""

    def forward(self, x):
        n, (h, w, c) = self.spec.n_in, self.spec.y_shape(x.shape[2:])
        self.x, self.x_shape = x.transpose(1, 2, 3, 0).reshape(n, -1), x.shape
        y = col2im(self.weights[0].reshape(n, -1).T @ self.x, (len(x), c, h, w), self.spec)
        return y + self.weights[1][:, None, None] if self.spec.bias else y

    def backward(self, dy):
        W, patches, (m, n, h, w) = self.weights[0], im2col(dy, self.spec), self.x_shape
        self.add((self.x @ patches.T).reshape(W.shape), dy.sum(axis=(0, 2, 3)))
        return (W.reshape(n, -1) @ patches).reshape(n, h, w, m).transpose(3, 0, 1, 2)


class BatchNorm(Layer):
    def forward(self, x):
        gamma, beta = (w[:, None, None] for w in self.weights)
        self.std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + self.spec.eps)
        self.x_hat = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / self.std
        return gamma * self.x_hat + beta

    def backward(self, dy):
        axes, d = (0, 2, 3), dy * self.weights[0][:, None, None]
        self.add((dy * self.x_hat).sum(axis=axes), dy.sum(axis=axes))
        along = self.x_hat * (d * self.x_hat).mean(axis=axes, keepdims=True)
        return (d - d.mean(axis=axes, keepdims=True) - along) / self.std


class LeakyReLU(Layer):
    def forward(self, x):
        self.y = np.maximum(x, self.spec.slope * x)
        return self.y

    def backward(self, dy):
        return dy * np.maximum(np.sign(self.y), self.spec.slope)  # np.where takes four times as long


class ReLU(Layer):
    def forward(self, x):
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, dy):
        return dy * (self.y > 0)


class Tanh(Layer):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y * self.y)


class Reshape(Layer):
    def forward(self, x):
        self.x_shape = x.shape
        return x.reshape(len(x), *channels_first_shape(self.spec.shape))

    def backward(self, dy):
        return dy.reshape(self.x_shape)


def channels_first_shape(shape):
    return (shape[2], *shape[:2]) if len(shape) == 3 else shape


def indices(c, h, w, spec):
    """Channel, row and column of every number of every patch: (c · k · k, 1), then (c · k · k, h' · w') twice."""
    k = spec.kernel
    rows, columns = ((n + 2 * spec.padding - k) // spec.stride + 1 for n in (h, w))
    channel, i, j = np.indices((c, k, k)).reshape(3, -1, 1)
    top, left = spec.stride * np.indices((rows, columns)).reshape(2, 1, -1)
    return channel, i + top, j + left


def im2col(x, spec):
    """Images (m, c, h, w) -> patches (c · k · k, h' · w' · m)."""
    p, (c, h, w) = spec.padding, x.shape[1:]
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    columns = padded[(slice(None), *indices(c, h, w, spec))]
    return columns.transpose(1, 2, 0).reshape(c * spec.kernel**2, -1)


def col2im(columns, shape, spec):
    """Adds every patch up at its place in images of this shape."""
    m, c, h, w = shape
    p = spec.padding
    padded = np.zeros((m, c, h + 2 * p, w + 2 * p), columns.dtype)
    columns = columns.reshape(c * spec.kernel**2, -1, m).transpose(2, 0, 1)
    np.add.at(padded, (slice(None), *indices(c, h, w, spec)), columns)
    return padded[:, :, p : p + h, p : p + w]


MOST = 1e10  # FLOPs of a pair of updates: dcgan64 would take it some twenty seconds, at its rate on dcgan28

KINDS = {getattr(neutral, kind.__name__): kind for kind in Layer.__subclasses__()}


class Net:
    def __init__(self, specs, weights, adam):
        self.layers = []
        for spec, arrays in zip(specs, weights, strict=True):
            self.layers.append(KINDS[type(spec)](spec, channels_first(spec, arrays), adam))

    def zero_grad(self):
        for layer in self.layers:
            layer.zero_grad()

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def update(self):
        for layer in self.layers:
            layer.update()


def images_first(x):
    """(m, h, w, c) -> (m, c, h, w); rows stay as they are."""
    return x if x.ndim == 2 else np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class Textbook:
    def __init__(self, workload, dtype="float32", threads=None):
        w = workload
        if w.flops > MOST:
            raise ValueError(f"a pair of updates of {w.flops / 1e9:.0f} GFLOP would take it too long")
        adam = partial(Adam, w.lr, w.beta1, w.beta2, w.eps)
        g, d = w.weights(dtype)
        self.G, self.D = Net(w.G, g, adam), Net(w.D, d, adam)
        self.x, self.shape, self.rng = images_first(w.data(dtype)), (w.batch, w.n_z), np.random.default_rng(0)
        self.batches = self.shuffled()

    def shuffled(self):
        while True:
            for index in self.rng.permutation(len(self.x)).reshape(-1, self.shape[0]):
                yield self.x[index]

    def noise(self):
        return self.rng.standard_normal(self.shape, self.x.dtype)

    def steps(self, n):
        for _ in range(n):
            self.step(next(self.batches), self.noise(), self.noise())

    def pair(self, x, z_d, z_g):
        self.step(images_first(x), z_d, z_g)

    def step(self, x, z_d, z_g):
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
        layers = [layer for net in (self.G, self.D) for layer in net.layers]
        return [array for layer in layers for array in channels_last(layer.spec, layer.weights)]

    def about(self):
        return {"numpy": np.__version__}
