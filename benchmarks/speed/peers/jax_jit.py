"""JAX: gather, noise, D's step, G's step and Adam under one `jit`, the state's buffers donated.

`Jit` calls it once per pair of updates, as training loops do. `Loop` puts all the pairs between two looks at the
run into one call, which small networks gain from. Pytrees beat a raveled vector here, which costs copies.
"""

import os
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import softplus


def forward(layers, x, slope, tanh=False):
    *hidden, last = layers
    for W, b in hidden:
        y = x @ W + b
        x = jnp.maximum(y, slope * y)
    y = x @ last[0] + last[1]
    return jnp.tanh(y) if tanh else y


def loss_d(D, G, x, z, w):
    a = forward(D, jnp.concatenate([x, forward(G, z, w.slope, w.tanh)]), w.slope)
    return softplus(-a[: len(x)]).mean() + softplus(a[len(x) :]).mean()


def loss_g(G, D, z, w):
    return softplus(-forward(D, forward(G, z, w.slope, w.tanh), w.slope)).mean()


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
        theta = [(jnp.array(W), jnp.array(b)) for W, b in layers]
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
