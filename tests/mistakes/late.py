"""Wrong backward passes that were written after the hypotheses, to see whether these had learnt causes or examples."""

from __future__ import annotations

import numpy as np

import numgan as ng

from . import N_IN, N_OUT, M, draw, wrong


def dense(act, dh):
    """A dense layer y = act(x W + b) whose ∂L/∂h is what dh(dy, h, y) says."""
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def forward(x):
        h = x @ W + b
        return act(h), (x, h, act(h))

    def backward(dy, cache):
        x, h, y = cache
        g = dh(dy, h, y)
        return g @ W.T, {"W": x.T @ g, "b": g.sum(axis=0)}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


def two_layers(d_h1, sign=1):
    """tanh between two matrices."""
    W1, b1, W2, b2 = draw(N_IN, 5), draw(5), draw(5, N_OUT), draw(N_OUT, seed=1)

    def forward(x):
        h = np.tanh(x @ W1 + b1)
        return h @ W2 + b2, (x, h)

    def backward(dy, cache):
        x, h = cache
        g = sign * d_h1(dy @ W2.T, h)
        return g @ W1.T, {"W1": x.T @ g, "b1": g.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W1": W1, "b1": b1, "W2": W2, "b2": b2})


@wrong("activation's derivative forgotten", "W1")
def two_layers_without_the_inner_derivative():
    return two_layers(lambda g, h: g)


@wrong("sign flipped", "b1")
def two_layers_with_the_inner_sign_flipped():
    return two_layers(lambda g, h: g * (h**2 - 1))


@wrong("derivative taken at the output instead of the input", "W")
def dense_softplus_with_sigma_of_y():
    return dense(lambda h: np.logaddexp(0, h), lambda dy, h, y: dy / (1 + np.exp(-y)))


@wrong("derivative taken at the input instead of the output", "W")
def dense_sigmoid_with_h_times_1_minus_h():
    return dense(lambda h: 1 / (1 + np.exp(-h)), lambda dy, h, y: dy * h * (1 - h))


class Remembering:
    """A layer in the style of many tutorials: what backward needs is kept on self."""

    def __init__(self):
        self.W, self.x = draw(N_IN, N_OUT), None

    def forward(self, x):
        if self.x is None:
            self.x = x
        return x @ self.W

    def backward(self, dy):
        return dy @ self.W.T, {"W": self.x.T @ dy}


@wrong("stale cache", "W")
def layer_that_keeps_the_first_batch_for_ever():
    layer = Remembering()
    return dict(forward=layer.forward, backward=layer.backward, x=draw(M, N_IN), params={"W": layer.W})


@wrong("not summed over the batch", "W")
def linear_in_a_loop_that_assigns():
    W = draw(N_IN, N_OUT)

    def forward(x):
        return x @ W, x

    def backward(dy, x):
        for row, g in zip(x, dy, strict=True):
            dW = np.outer(row, g)
        return dy @ W.T, {"W": dW}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W})


@wrong("averaged over the batch instead of summed", "W")
def linear_divided_by_m_in_each_gradient():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def forward(x):
        return x @ W + b, x

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy / len(x), "b": dy.sum(axis=0) / len(x)}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


@wrong("off by a constant factor", "x", "½")
def square_without_its_2():
    return dict(forward=lambda x: x**2, backward=lambda dy, x: dy * x, x=draw(M, N_IN))


@wrong("off by a constant factor", "x", "0.8")
def dropout_that_forgets_to_scale_back():
    mask = draw(M, N_IN) < 0.8

    def forward(x):
        return x * mask / 0.8

    return dict(forward=forward, backward=lambda dy, x: dy * mask, x=draw(M, N_IN, seed=2))


@wrong("dy left out", "x")
def tanh_that_returns_its_derivative_alone():
    return dict(forward=np.tanh, backward=lambda dy, x: 1 - np.tanh(x) ** 2, x=draw(M, N_IN))


def normalised(dx):
    eps = 1e-5

    def forward(x):
        s = 1 / np.sqrt(x.var(axis=0) + eps)
        x_hat = (x - x.mean(axis=0)) * s
        return x_hat, (x_hat, s)

    def backward(dy, cache):
        return dx(dy, *cache)

    return dict(forward=forward, backward=backward, x=draw(M, N_IN))


@wrong("batch statistics held constant", "x", "mean and variance")
def batchnorm_with_constant_statistics():
    return normalised(lambda dy, x_hat, s: dy * s)


@wrong("batch statistics held constant", "x", "variance")
def batchnorm_with_a_constant_variance():
    return normalised(lambda dy, x_hat, s: (dy - dy.mean(axis=0)) * s)


@wrong("(m,) against (m, 1) broadcast", "x")
def loss_whose_gradient_is_m_by_m():
    t = draw(M)

    def forward(a):
        return ((a[:, 0] - t) ** 2).mean(), a

    def backward(dy, a):
        return dy * 2 * (a - t) / len(a)

    return dict(forward=forward, backward=backward, x=draw(M, 1))


@wrong("(m,) against (m, 1) broadcast", "x")
def loss_of_a_row_against_a_column_of_targets():
    t = draw(M, 1, seed=3)

    def forward(a):
        return ((a - t) ** 2).mean(), a

    def backward(dy, a):
        return dy * 2 * (a - t[:, 0]) / len(a)

    return dict(forward=forward, backward=backward, x=draw(M))


@wrong("input modified in place")
def linear_that_scales_dy_in_place():
    W = draw(N_IN, N_OUT)

    def forward(x):
        return np.tanh(x @ W), (x, np.tanh(x @ W))

    def backward(dy, cache):
        x, y = cache
        dy *= 1 - y * y
        return dy @ W.T, {"W": x.T @ dy}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W})


@wrong("input modified in place")
def tanh_that_overwrites_its_cache():
    def forward(x):
        y = np.tanh(x)
        return y.copy(), y

    def backward(dy, y):
        np.multiply(y, y, out=y)
        np.subtract(1, y, out=y)
        return dy * y

    return dict(forward=forward, backward=backward, x=draw(M, N_IN))


@wrong("wrong dtype")
def gradient_kept_in_single_precision():
    W = draw(N_IN, N_OUT)

    def backward(dy, x):
        dW = np.zeros(W.shape, dtype="float32")
        dW += x.T @ dy
        return dy @ W.T, {"W": dW.astype(float)}

    return dict(forward=lambda x: (x @ W, x), backward=backward, x=draw(M, N_IN), params={"W": W})


@wrong("gradient of another argument returned", "gamma")
def scale_and_shift_that_swaps_its_two_gradients():
    gamma, beta = draw(N_IN), draw(N_IN, seed=1)

    def backward(dy, x):
        return dy * gamma, {"gamma": dy.sum(axis=0), "beta": (dy * x).sum(axis=0)}

    return dict(
        forward=lambda x: (gamma * x + beta, x),
        backward=backward,
        x=draw(M, N_IN),
        params={"gamma": gamma, "beta": beta},
    )


@wrong("bias gradient missing", "b")
def linear_with_a_db_of_zeros():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy, "b": np.zeros_like(b)}

    return dict(
        forward=lambda x: (x @ W + b, x), backward=backward, x=draw(M, N_IN), params={"W": W, "b": b}
    )


@wrong("correct everywhere but at kinks", "x")
def norm_whose_gradient_is_nan_at_zero():
    x = draw(M, 1)
    x[3] = 0
    return dict(forward=lambda x: np.sqrt(x * x), backward=lambda dy, x: dy * x / np.sqrt(x * x), x=x)


class Adding(ng.Linear):
    """Adds to dW and db, whatever `add` says."""

    def backward(self, dy, x, params=True, inputs=True, add=True):
        return super().backward(dy, x, params, inputs, add=True)


@wrong("accumulation doubled on a second call", "", "W")
def layer_that_always_adds():
    return dict(obj=Adding(N_IN, N_OUT), x=draw(M, N_IN))


class Unasked(ng.Linear):
    """Writes dW and db even in the generator's step, which asks for ∂L/∂x alone."""

    def backward(self, dy, x, params=True, inputs=True, add=True):
        return super().backward(dy, x, True, inputs, add)


@wrong("gradient written although params=False")
def layer_that_ignores_params_false():
    return dict(obj=Unasked(N_IN, N_OUT), x=draw(M, N_IN))


class Softplus(ng.Layer):
    """y = log(1 + eˣ), and a derivative that is σ(y)."""

    def forward(self, x, train=False, rng=None):
        y = np.logaddexp(0, x)
        return y, y

    def backward(self, dy, y, params=True, inputs=True, add=True):
        return dy / (1 + np.exp(-y))


@wrong("derivative taken at the output instead of the input", "x")
def layer_with_sigma_of_y():
    return dict(obj=ng.Network([Softplus()]), x=draw(M, N_IN))


@wrong("sign flipped", "theta")
def discriminator_step_that_ascends():
    x = draw(M, N_IN)

    def value(w):
        return np.logaddexp(0, -(x @ w)).mean()

    def grad(w):
        return x.T @ (1 / (1 + np.exp(x @ w))) / M

    return dict(value=value, grad=grad, at=draw(N_IN, seed=1))


@wrong("wrong only in column 1", "W")
def linear_whose_second_unit_gets_a_wrong_gradient():
    W = draw(N_IN, N_OUT)

    def backward(dy, x):
        dW = x.T @ dy
        dW[:, 1] = dW[:, 0]
        return dy @ W.T, {"W": dW}

    return dict(forward=lambda x: (x @ W, x), backward=backward, x=draw(M, N_IN), params={"W": W})


@wrong("transposed", "W2")
def two_square_layers_with_one_gradient_transposed():
    W1, W2 = draw(N_IN, N_IN), draw(N_IN, N_IN, seed=1)

    def backward(dy, cache):
        x, h = cache
        g = (dy @ W2.T) * (h > 0)
        return g @ W1.T, {"W1": x.T @ g, "W2": dy.T @ h}

    def forward(x):
        h = np.maximum(x @ W1, 0)
        return h @ W2, (x, h)

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W1": W1, "W2": W2})


@wrong("non-deterministic forward")
def noise_layer():
    noise = np.random.RandomState(1)

    def forward(x):
        return x + 0.1 * noise.normal(size=x.shape), x

    return dict(forward=forward, backward=lambda dy, x: dy, x=draw(M, 2))


@wrong("transposed", "x")
def attention_scores_with_a_transposed_product():
    K = draw(N_IN, N_IN)
    return dict(forward=lambda q: (q @ K.T, q), backward=lambda dy, q: dy @ K.T, x=draw(M, N_IN), params={})


@wrong("off by a constant factor", "x", "1/(m n) = 1/24")
def squared_error_summed_forward_and_averaged_back():
    t = draw(M, N_IN, seed=3)

    def backward(dy, y):
        return dy * 2 * (y - t) / y.size

    return dict(forward=lambda y: ((y - t) ** 2).sum(), backward=backward, x=draw(M, N_IN))
