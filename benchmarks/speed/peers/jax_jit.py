"""JAX: gather, noise, D's step, G's step and Adam under one `jit`, the state's buffers donated.

`Jit` calls it once per pair of updates, as training loops do. `Loop` puts all the pairs between two looks at the
run into one call, which small networks gain from. Pytrees beat a raveled vector here, which costs copies.
"""

import os
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.nn import softplus

from benchmarks.speed import networks as neutral

AXES = ("NHWC", "HWIO", "NHWC")  # of x, of a kernel, of y


def forward(specs, theta, x):
    """theta: the arrays of each layer. Images are (m, h, w, c)."""
    for spec, arrays in zip(specs, theta, strict=True):
        x = layer(spec, arrays, x)
    return x


def layer(spec, arrays, x):
    match spec:
        case neutral.Dense(_, y):
            return plus_b(x.reshape(len(x), -1) @ arrays[0], arrays).reshape(len(x), *y)
        case neutral.ConvTranspose():
            return plus_b(transposed(x, arrays[0], spec), arrays)
        case neutral.Conv():
            return plus_b(convolved(x, arrays[0], spec), arrays)
        case neutral.BatchNorm(_, eps):
            return batch_norm(x, *arrays, eps)
        case neutral.LeakyReLU(slope):
            return jnp.maximum(x, slope * x)
        case neutral.Reshape(shape):
            return x.reshape(len(x), *shape)
    return {neutral.ReLU: jax.nn.relu, neutral.Tanh: jnp.tanh}[type(spec)](x)


def plus_b(y, arrays):
    return y + arrays[1] if len(arrays) > 1 else y


def convolved(x, W, spec):
    """W (k, k, n_in, n_out)."""
    edges = [(spec.padding, spec.padding)] * 2
    return lax.conv_general_dilated(x, W, (spec.stride,) * 2, edges, dimension_numbers=AXES)


def transposed(x, W, spec):
    """W (n_in, k, k, n_out): the kernel turned round, over x with stride − 1 zeros between its pixels."""
    edges = [(spec.kernel - 1 - spec.padding,) * 2] * 2
    kernel = W.transpose(1, 2, 0, 3)[::-1, ::-1]
    return lax.conv_general_dilated(x, kernel, (1, 1), edges, (spec.stride,) * 2, dimension_numbers=AXES)


def batch_norm(x, gamma, beta, eps):
    axes = tuple(range(x.ndim - 1))
    return gamma * (x - x.mean(axes)) * lax.rsqrt(x.var(axes) + eps) + beta


def loss_d(D, G, x, z, w):
    x_g = forward(w.G, G, z)
    if w.rowwise:
        a_x, a_g = jnp.split(forward(w.D, D, jnp.concatenate([x, x_g])), 2)
    else:
        a_x, a_g = forward(w.D, D, x), forward(w.D, D, x_g)
    return softplus(-a_x).mean() + softplus(a_g).mean()


def loss_g(G, D, z, w):
    return softplus(-forward(w.D, D, forward(w.G, G, z))).mean()


def adam(theta, grad, m, v, t, w):
    m = jax.tree.map(lambda m, g: w.beta1 * m + (1 - w.beta1) * g, m, grad)
    v = jax.tree.map(lambda v, g: w.beta2 * v + (1 - w.beta2) * g * g, v, grad)
    scale_m, scale_v = 1 / (1 - w.beta1**t), 1 / (1 - w.beta2**t)
    theta = jax.tree.map(lambda p, m, v: p - w.lr * (scale_m * m) / (jnp.sqrt(scale_v * v) + w.eps), theta, m, v)
    return theta, m, v


def pair(state, x, z_d, z_g, w):
    """state: G's (θ, m, v), D's (θ, m, v), t."""
    G, D, t = state
    t = t + 1
    D = adam(D[0], jax.grad(loss_d)(D[0], G[0], x, z_d, w), *D[1:], t, w)
    G = adam(G[0], jax.grad(loss_g)(G[0], D[0], z_g, w), *G[1:], t, w)
    return G, D, t


def step(state, data, order, i, key, w):
    """The i-th minibatch of this epoch's order, noise of step t."""
    x = data[jax.lax.dynamic_slice(order, (i * w.batch,), (w.batch,))]
    z_d, z_g = jax.random.normal(jax.random.fold_in(key, state[2].astype(int)), (2, w.batch, w.n_z), data.dtype)
    return pair(state, x, z_d, z_g, w)


def loop(state, data, order, i, n, key, w):
    return jax.lax.fori_loop(i, i + n, lambda i, state: step(state, data, order, i, key, w), state)


def compiled(f, w):
    return jax.jit(partial(f, w=w), donate_argnums=0)


class Jit:
    def __init__(self, workload, dtype="float32", threads=None):
        jax.config.update("jax_enable_x64", dtype == "float64")
        self.threads = threads or os.cpu_count()  # XLA reads them from NPROC, which the driver sets
        self.state = *map(self.begin, workload.weights(dtype)), jnp.zeros((), dtype)
        self.data, self.key = jnp.asarray(workload.data(dtype)), jax.random.key(0, impl="unsafe_rbg")
        self.per_epoch, self.i, self.rng = len(self.data) // workload.batch, 0, np.random.default_rng(0)
        self.step, self.loop, self.once = (compiled(f, workload) for f in (step, loop, pair))

    def begin(self, layers):
        theta = [tuple(map(jnp.array, arrays)) for arrays in layers]
        return theta, *(jax.tree.map(jnp.zeros_like, theta) for _ in range(2))

    def steps(self, n):
        while n > 0:
            done = min(n, self.per_epoch - self.i)
            self.advance(self.shuffled(), done)
            n, self.i = n - done, (self.i + done) % self.per_epoch
        jax.block_until_ready(self.state)

    def advance(self, order, n):
        for i in range(self.i, self.i + n):
            self.state = self.step(self.state, self.data, order, i, self.key)

    def shuffled(self):
        if self.i == 0:
            self.order = jnp.asarray(self.rng.permutation(len(self.data)))
        return self.order

    def pair(self, x, z_d, z_g):
        self.state = self.once(self.state, x, z_d, z_g)

    def parameters(self):
        return [np.asarray(array) for player in self.state[:2] for layer in player[0] for array in layer]

    def about(self):
        return {"jax": jax.__version__, "numpy": np.__version__, "threads": self.threads}


class Loop(Jit):
    def advance(self, order, n):
        self.state = self.loop(self.state, self.data, order, self.i, n, self.key)
