"""Wrong backward passes that a reader wrote, which the checker once passed, misnamed or could not explain."""

from __future__ import annotations

import numpy as np

from . import N_IN, N_OUT, M, draw, wrong
from .late import dense


def own(*shape):
    """The x that most people draw: the checker must not draw the same numbers for dy."""
    return np.random.default_rng(0).standard_normal(shape)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def elementwise(f, backward, x=None):
    return dict(forward=f, backward=backward, x=draw(M, N_IN) if x is None else x)


# --- dy equal to x: all three were passed


@wrong("derivative taken at dy instead of x", "x")
def leaky_relu_with_its_mask_from_dy():
    return elementwise(leaky, lambda dy, x: np.where(dy > 0, 1, 0.2) * dy, own(M, N_IN))


@wrong("derivative taken at dy instead of x", "x")
def square_with_dy_squared():
    return elementwise(lambda x: x * x, lambda dy, x: 2 * dy * dy, own(M, N_IN))


@wrong("derivative taken at dy instead of x", "x")
def tanh_with_tanh_of_dy():
    return elementwise(np.tanh, lambda dy, x: dy * (1 - np.tanh(dy) ** 2), own(M, N_IN))


@wrong("not linear in dy", "W")
def dense_relu_with_its_mask_from_dy():
    return dense(lambda h: np.maximum(h, 0), lambda dy, h, y: dy * (dy > 0))


@wrong("not linear in dy", "x")
def gradient_clipped_inside_backward():
    return elementwise(lambda x: 3 * x, lambda dy, x: np.clip(3 * dy, -1, 1))


# --- misnamed


@wrong("wrong shape", "x", "(6, 4); got (4,)")
def doubled_and_summed_over_the_batch():
    return elementwise(lambda x: 2 * x, lambda dy, x: dy.sum(0))


@wrong("forward does not read params['W']", "W", "its derivative is 0 everywhere while the gradient is not")
def linear_that_reads_a_copy_of_W():
    W = draw(N_IN, N_OUT)
    mine = W.copy()

    def backward(dy, x):
        return dy @ mine.T, {"W": x.T @ dy}

    return dict(forward=lambda x: (x @ mine, x), backward=backward, x=draw(M, N_IN), params={"W": W})


@wrong("activation's derivative forgotten", "W")
def dense_relu_whose_units_are_dead():
    """A slope of 0 everywhere, but W is read: no reason to look for a copy."""
    W, b = draw(N_IN, N_OUT), np.full(N_OUT, -20.0)

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy, "b": dy.sum(axis=0)}

    return dict(
        forward=lambda x: (np.maximum(x @ W + b, 0), x), backward=backward, x=draw(M, N_IN), params={"W": W, "b": b}
    )


# --- not explained


@wrong("wrong only where x < 0", "x", "the slope is 0, must be 0.2")
def leaky_relu_without_its_leak():
    return elementwise(leaky, lambda dy, x: (x > 0) * dy)


@wrong("wrong only where x < 0", "x", "off by the factor 1.5 there, the slope is 0.3, must be 0.2")
def leaky_relu_with_another_slope():
    return elementwise(leaky, lambda dy, x: np.where(x > 0, 1, 0.3) * dy)


@wrong("wrong only where x > 0", "x", "off by the factor 2 there")
def leaky_relu_with_a_2_above_0():
    return elementwise(leaky, lambda dy, x: np.where(x > 0, 2, 0.2) * dy)


@wrong("mask flipped", "x")
def relu_with_its_mask_flipped():
    return elementwise(lambda x: np.maximum(x, 0), lambda dy, x: dy * (x < 0))


@wrong("mask flipped", "x")
def leaky_relu_with_its_mask_flipped():
    return elementwise(leaky, lambda dy, x: np.where(x < 0, 1, 0.2) * dy)


@wrong("wrong on both sides of 0", "x", "where x < 0 the slope is 0.1, must be 0.2")
def leaky_relu_with_two_other_slopes():
    return elementwise(leaky, lambda dy, x: np.where(x > 0, 3, 0.1) * dy)


@wrong("wrong only where x W + b < 0", "W", "the slope is 0, must be 0.2")
def dense_leaky_relu_without_its_leak():
    return dense(leaky, lambda dy, h, y: dy * (h > 0))


@wrong("wrong only where x W + b < 0", "W", "off by the factor 1.5 there, the slope is 0.3, must be 0.2")
def discriminator_whose_inner_slope_is_another():
    W, b, V = draw(N_IN, N_OUT), draw(N_OUT), draw(N_OUT, 1)

    def forward(x):
        h = x @ W + b
        return leaky(h) @ V, (x, h)

    def backward(dy, cache):
        x, h = cache
        g = dy @ V.T * np.where(h > 0, 1, 0.3)
        return g @ W.T, {"W": x.T @ g, "b": g.sum(axis=0), "V": leaky(h).T @ dy}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b, "V": V})


@wrong("wrong shape", "b", "got (1, 3)")
def linear_with_a_db_of_two_axes():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy, "b": dy.sum(axis=0, keepdims=True)}

    return dict(forward=lambda x: x @ W + b, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


@wrong("mask flipped", "b")
def dense_leaky_relu_with_its_mask_flipped():
    return dense(leaky, lambda dy, h, y: dy * np.where(h < 0, 1, 0.2))


@wrong("wrong only where x < 0", "x", "no known mistake")
def elu_with_a_square_below_0():
    return elementwise(lambda x: np.where(x > 0, x, np.expm1(x)), lambda dy, x: dy * np.where(x > 0, 1, x * x))


@wrong("wrong only where x < 0", "x", "off by the factor -1 there")
def softsign_whose_sign_is_lost_below_0():
    return elementwise(lambda x: x / (1 + np.abs(x)), lambda dy, x: dy * np.sign(x) / (1 + np.abs(x)) ** 2)


@wrong("wrong only where |x| > 0.867", "x")
def hard_tanh_whose_ends_are_not_flat():
    x = draw(M, N_IN)
    return elementwise(lambda x: np.clip(x, -0.9, 0.9) + x**3, lambda dy, x: dy * (1 + 3 * x**2), x)


@wrong("wrong only in rows 1, 2", "x")
def square_whose_second_and_third_rows_are_lost():
    keep = np.array([1, 0, 0, 1, 1, 1])[:, None]
    return elementwise(lambda x: x**2, lambda dy, x: 2 * dy * x * keep + dy * (1 - keep))


def binary_cross_entropy(dz, columns=1):
    """The mean over a batch, of logits z, with targets of 0 and 1."""
    t = (draw(M, columns, seed=3) > 0) * 1.0

    def forward(z):
        return (np.logaddexp(0, z) - t * z).mean()

    return elementwise(forward, lambda dy, z: dy * dz(z, t) / z.size, draw(M, columns))


@wrong("sigmoid forgotten", "x")
def cross_entropy_of_logits_without_its_sigma():
    return binary_cross_entropy(lambda z, t: z - t)


@wrong("sigmoid forgotten", "x", "a factor of 6")
def cross_entropy_of_logits_without_its_sigma_and_mean():
    return binary_cross_entropy(lambda z, t: (z - t) * len(z))


@wrong("sigmoid forgotten", "theta")
def scalar_function_without_its_sigma():
    return dict(value=lambda w: np.logaddexp(0, w).sum(), grad=lambda w: w.copy(), at=draw(5))


@wrong("one factor f′ too many", "x", "sigmoid′(x)")
def cross_entropy_of_logits_with_the_sigmoids_derivative():
    return binary_cross_entropy(lambda z, t: (sigmoid(z) - t) * sigmoid(z) * (1 - sigmoid(z)), columns=2)


@wrong("softmax forgotten", "x")
def softmax_cross_entropy_without_its_softmax():
    t = np.eye(N_IN)[np.arange(M) % N_IN]

    def forward(a):
        return np.log(np.exp(a).sum(axis=1)).sum() - (t * a).sum()

    return elementwise(forward, lambda dy, a: dy * (a - t))


@wrong("one factor f′ too many", "x", "tanh′(x)")
def tanh_with_its_derivative_twice():
    return elementwise(np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2) ** 2)


@wrong("activation's derivative forgotten", "x", "sigmoid′(x)")
def squared_error_behind_a_sigmoid():
    t = draw(M, 1, seed=3)
    return elementwise(
        lambda z: ((sigmoid(z) - t) ** 2).mean(), lambda dy, z: dy * 2 * (sigmoid(z) - t) / len(z), draw(M, 1)
    )
