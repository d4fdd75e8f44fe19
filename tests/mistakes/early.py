"""Wrong backward passes that were written before the first line of `numgan/check/diagnosis.py`."""

# Mistakes are the point here, so the linter's advice is not taken.
from __future__ import annotations

import numpy as np

import numgan as ng

from . import N_IN, N_OUT, M, draw, wrong


@wrong("sign flipped", "W")
def linear_with_the_sign_of_dW_flipped():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def forward(x):
        return x @ W + b, x

    def backward(dy, x):
        return dy @ W.T, {"W": -x.T @ dy, "b": dy.sum(axis=0)}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


@wrong("off by a constant factor", "x", "m = 6")
def cross_entropy_without_its_1_over_m():
    t = (draw(M, 1, seed=3) > 0) * 1.0

    def forward(a):
        return (np.logaddexp(0, a) - t * a).mean(), a

    def backward(dy, a):
        return dy * (1 / (1 + np.exp(-a)) - t)

    return dict(forward=forward, backward=backward, x=draw(M, 1))


@wrong("off by a constant factor", "x", "2")
def squared_error_with_a_2_that_the_half_takes_away():
    t = draw(M, 2, seed=3)

    def forward(y):
        return 0.5 * ((y - t) ** 2).sum(), y

    def backward(dy, y):
        return dy * 2 * (y - t)

    return dict(forward=forward, backward=backward, x=draw(M, 2))


@wrong("transposed", "x")
def linear_with_W_where_W_transposed_belongs():
    W = draw(N_IN, N_IN)

    def forward(x):
        return x @ W, x

    def backward(dy, x):
        return dy @ W, {"W": x.T @ dy}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W})


@wrong("transposed", "W")
def linear_with_dW_transposed():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def forward(x):
        return x @ W + b, x

    def backward(dy, x):
        return dy @ W.T, {"W": dy.T @ x, "b": dy.sum(axis=0)}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


@wrong("not summed over the batch", "b")
def linear_with_db_not_summed():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def forward(x):
        return x @ W + b, x

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy, "b": dy}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


@wrong("averaged over the batch instead of summed", "b")
def linear_with_db_averaged():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def forward(x):
        return x @ W + b, x

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy, "b": dy.mean(axis=0)}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


@wrong("bias gradient missing", "b")
def linear_that_forgets_its_bias():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def forward(x):
        return x @ W + b, x

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


@wrong("derivative taken at the input instead of the output", "x")
def tanh_with_1_minus_x_squared():
    def forward(x):
        return np.tanh(x), x

    def backward(dy, x):
        return dy * (1 - x**2)

    return dict(forward=forward, backward=backward, x=draw(M, N_IN))


@wrong("derivative taken at the output instead of the input", "x")
def sigmoid_of_the_sigmoid():
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def forward(x):
        y = sigmoid(x)
        return y, y

    def backward(dy, y):
        return dy * sigmoid(y) * (1 - sigmoid(y))

    return dict(forward=forward, backward=backward, x=draw(M, N_IN))


@wrong("activation's derivative forgotten", "x")
def dense_tanh_without_1_minus_y_squared():
    W, b = draw(N_IN, N_OUT), draw(N_OUT)

    def forward(x):
        return np.tanh(x @ W + b), x

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy, "b": dy.sum(axis=0)}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W, "b": b})


@wrong("gradient of another argument returned", "x")
def square_linear_that_swaps_dx_and_dW():
    W = draw(N_IN, N_IN, seed=1)

    def forward(x):
        return x @ W, x

    def backward(dy, x):
        return x.T @ dy, {"W": dy @ W.T}

    return dict(forward=forward, backward=backward, x=draw(N_IN, N_IN), params={"W": W})


@wrong("accumulation doubled on a second call", "W")
def linear_that_adds_to_a_dW_nobody_clears():
    W = draw(N_IN, N_OUT)
    dW = np.zeros_like(W)

    def forward(x):
        return x @ W, x

    def backward(dy, x):
        nonlocal dW
        dW += x.T @ dy
        return dy @ W.T, {"W": dW}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W})


@wrong("input modified in place", "x")
def relu_that_overwrites_its_input():
    def forward(x):
        x[x < 0] = 0
        return x, x

    def backward(dy, x):
        return dy * (x > 0)

    return dict(forward=forward, backward=backward, x=draw(M, N_IN))


@wrong("stale cache")
def linear_that_remembers_only_the_last_batch():
    W = draw(N_IN, N_OUT)
    seen = {}

    def forward(x):
        seen["x"] = x.copy()
        return x @ W, None

    def backward(dy, _):
        return dy @ W.T, {"W": seen["x"].T @ dy}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W})


@wrong("(m,) against (m, 1) broadcast", "x")
def squared_error_of_a_column_and_a_row():
    t = draw(M)  # (m,), and a is (m, 1): their difference is (m, m)

    def forward(a):
        return ((a - t) ** 2).mean(), a

    def backward(dy, a):
        return dy * 2 * (a - t[:, None]) / len(a)

    return dict(forward=forward, backward=backward, x=draw(M, 1))


@wrong("wrong dtype")
def linear_in_single_precision():
    W = draw(N_IN, N_OUT)

    def forward(x):
        return (x.astype(np.float32) @ W.astype(np.float32)), x

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy}

    return dict(forward=forward, backward=backward, x=draw(M, N_IN), params={"W": W})


@wrong("non-deterministic forward")
def dropout_that_draws_anew_each_time():
    rng = np.random.default_rng(0)

    def forward(x):
        mask = (rng.random(x.shape) < 0.5) / 0.5
        return x * mask, mask

    def backward(dy, mask):
        return dy * mask

    return dict(forward=forward, backward=backward, x=draw(M, N_IN))


@wrong("correct everywhere but at kinks", "x")
def absolute_value_that_is_lost_at_zero():
    x = draw(M, N_IN)
    x[2, 1] = 0

    def forward(x):
        return np.abs(x), x

    def backward(dy, x):
        return dy * np.where(x == 0, 3, np.sign(x))

    return dict(forward=forward, backward=backward, x=x)


class Forgetful(ng.Linear):
    """Writes over dW and db, whatever `add` says."""

    def backward(self, dy, x, params=True, inputs=True, add=True):
        if params:
            self.dW[...] = x.T @ dy
            self.db[...] = dy.sum(axis=0)
        return dy @ self.W.T if inputs else None


@wrong("accumulation overwritten", "W")
def layer_that_never_adds():
    return dict(obj=Forgetful(N_IN, N_OUT), x=draw(M, N_IN))
