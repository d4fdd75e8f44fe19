"""Right backward passes, most of them with something that could raise a false alarm."""

from __future__ import annotations

import numpy as np

import numgan as ng

from . import N_IN, N_OUT, M, draw, right


@right
def linear():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy, "b": dy.sum(axis=0)}

    return dict(forward=lambda x: (x @ W + b, x), backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


@right
def linear_of_a_symmetric_matrix():
    W = draw(N_IN, N_IN)
    W = W + W.T

    def backward(dy, x):
        return dy @ W, {"W": x.T @ dy}

    return dict(forward=lambda x: x @ W, backward=backward, x=draw(M, N_IN), params={"W": W})


@right
def relu_exactly_at_its_kink():
    x = draw(M, N_IN)
    x[0] = 0
    return dict(forward=lambda x: np.maximum(x, 0), backward=lambda dy, x: dy * (x > 0), x=x)


@right
def absolute_value_with_sign_zero_at_zero():
    x = draw(M, N_IN)
    x[2, 2] = 0
    return dict(forward=np.abs, backward=lambda dy, x: dy * np.sign(x), x=x)


@right
def largest_of_a_row_with_a_tie():
    x = draw(M, N_IN)
    x[:, 1] = x[:, 0] = 5

    def backward(dy, x):
        return dy[:, None] * (np.arange(N_IN) == x.argmax(axis=1)[:, None])

    return dict(forward=lambda x: x.max(axis=1), backward=backward, x=x)


@right
def softmax_cross_entropy():
    t = np.eye(N_IN)[np.arange(M) % N_IN]

    def forward(a):
        p = np.exp(a - a.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return -(t * np.log(p)).sum() / M, p

    return dict(forward=forward, backward=lambda dy, p: dy * (p - t) / M, x=draw(M, N_IN))


@right
def normalisation_whose_bias_has_no_gradient():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def forward(x):
        h = x @ W + b
        s = 1 / np.sqrt(h.var(axis=0) + 1e-5)
        h_hat = (h - h.mean(axis=0)) * s
        return h_hat, (x, h_hat, s)

    def backward(dy, cache):
        x, h_hat, s = cache
        dh = (dy - dy.mean(axis=0) - h_hat * (dy * h_hat).mean(axis=0)) * s
        return dh @ W.T, {"W": x.T @ dh, "b": dh.sum(axis=0)}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


@right
def softmax_summed_to_a_constant():
    def forward(x):
        return (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)).sum(axis=1)

    return dict(forward=forward, backward=lambda dy, x: np.zeros_like(x), x=draw(M, N_IN))


@right
def dropout_with_its_mask_in_the_cache():
    def forward(x):
        mask = (np.random.default_rng(7).random(x.shape) < 0.5) / 0.5
        return x * mask, mask

    return dict(forward=forward, backward=lambda dy, mask: dy * mask, x=draw(M, N_IN))


class Remembering:
    """Keeps its input on self, as many tutorials do; used one batch at a time that is right."""

    def __init__(self):
        self.W = draw(N_IN, N_OUT)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        return dy @ self.W.T, {"W": self.x.T @ dy}


@right
def layer_that_keeps_its_input():
    layer = Remembering()
    return dict(forward=layer.forward, backward=layer.backward, x=draw(M, N_IN), params={"W": layer.W})


@right
def weights_used_twice():
    W = draw(N_IN, N_IN)

    def forward(x):
        h = np.tanh(x @ W)
        return h @ W, (x, h)

    def backward(dy, cache):
        x, h = cache
        dh = (dy @ W.T) * (1 - h * h)
        return dh @ W.T, {"W": x.T @ dh + h.T @ dy}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W})


@right
def recurrent_network():
    W, U = draw(N_IN, N_OUT), draw(N_OUT, N_OUT)

    def forward(x):
        h = [np.zeros(N_OUT)]
        for row in x:
            h.append(np.tanh(row @ W + h[-1] @ U))
        return np.array(h[1:]), (x, np.array(h))

    def backward(dy, cache):
        x, h = cache
        dx, dW, dU, dh = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros(N_OUT)
        for t in reversed(range(len(x))):
            da = (dy[t] + dh) * (1 - h[t + 1] ** 2)
            dx[t], dh = W @ da, U @ da
            dW += np.outer(x[t], da)
            dU += np.outer(h[t], da)
        return dx, {"W": dW, "U": dU}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "U": U})


@right
def convolution_of_a_signal():
    k = draw(3)

    def forward(x):
        return np.array([np.convolve(row, k, "valid") for row in x]), x

    def backward(dy, x):
        dx = np.array([np.convolve(g, k[::-1], "full") for g in dy])
        dk = sum(np.array([row[2 - j : 8 - j] @ g for j in range(3)]) for row, g in zip(x, dy, strict=True))
        return dx, {"k": dk}

    return dict(forward=forward, backward=backward, x=draw(M, 8), params={"k": k})


@right
def one_row_and_one_column():
    w = draw(1, 1)

    def backward(dy, x):
        return dy @ w.T, {"w": x.T @ dy}

    return dict(forward=lambda x: x @ w, backward=backward, x=draw(1, 1), params={"w": w})


@right
def squares_of_large_numbers():
    return dict(forward=lambda x: x**2, backward=lambda dy, x: 2 * dy * x, x=1e4 * draw(M, N_IN))


@right
def logarithms_of_small_numbers():
    return dict(forward=np.log, backward=lambda dy, x: dy / x, x=1e-6 * (1.1 + np.tanh(draw(M, N_IN))))


@right
def saturated_sigmoid():
    def forward(x):
        y = np.exp(-np.logaddexp(0, -x))
        return y, y

    return dict(forward=forward, backward=lambda dy, y: dy * y * (1 - y), x=draw(M, N_IN) - 20)


@right
def two_leaky_layers_with_biases_of_zero():
    D = ng.Network([ng.Linear(N_IN, 16), ng.LeakyReLU(0.2), ng.Linear(16, 16), ng.ReLU(), ng.Linear(16, 1)])
    x = draw(M, N_IN)
    x[0] = 0
    return dict(obj=D, x=x)


@right
def network_with_everything():
    inner = ng.Network([ng.Linear(8, 6), ng.BatchNorm(6), ng.Tanh()])
    outer = [ng.Linear(N_IN, 8), ng.ReLU(), ng.Dropout(0.3), inner, ng.Maxout(6, 5, 3), ng.Sigmoid()]
    return dict(obj=ng.Network([*outer, ng.Reshape((5, 1))]), x=draw(M, N_IN))


@right
def scalar_function_of_a_vector():
    A = draw(5, 5)
    return dict(value=lambda w: w @ A @ w, grad=lambda w: (A + A.T) @ w, at=draw(5))


@right
def table_of_embeddings():
    E, rows = draw(7, N_IN), np.array([0, 3, 3, 6, 1, 0])

    def forward(x):
        return x + E[rows], None

    def backward(dy, _):
        dE = np.zeros_like(E)
        np.add.at(dE, rows, dy)
        return dy, {"E": dE}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"E": E})


@right
def step_whose_slope_is_zero():
    return dict(forward=np.sign, backward=lambda dy, x: np.zeros_like(x), x=draw(M, N_IN))
