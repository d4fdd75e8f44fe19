"""The gradient check in its shortest form: read this first.

    ∂f/∂x_i ≈ (f(x + h e_i) − f(x − h e_i)) / 2h

A gradient derived by hand is compared with central differences, which use no chain rule and so cannot contain the same
mistake. For a layer, f is the sum of its outputs, each times a random number dy; then ∂f/∂x is what backward returns:

    y, cache = layer.forward(x)
    gradient_error(lambda x: (dy * layer.forward(x)[0]).sum(), x, layer.backward(dy, cache))  # about 1e-11

The error of a wrong backward pass is mostly between 0.01 and 2.

`gradcheck` compares the same two gradients. It adds random directions (so that a large tensor needs two evaluations,
not two for each entry), a choice of the step size with an estimate of the error, care at kinks such as 0 in ReLU, the
contract of forward and backward that no number shows, and the cause where the gradients differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def gradient_error(f: Callable[[np.ndarray], float], x: np.ndarray, gradient: np.ndarray, h: float = 1e-5) -> float:
    """The relative error of `gradient` as ∂f/∂x, x and gradient of the same shape, float64."""
    numeric = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        numeric[i] = (f(x + step) - f(x - step)) / (2 * h)
    return rel_error(gradient, numeric, floor=1e-8)


def rel_error(a: np.ndarray, n: np.ndarray, floor: float = 0.0) -> float:
    """max|a − n| / max(|a|∞, |n|∞, floor): one number per tensor; 0 where both are 0, ∞ where one is not finite.

    Not entry by entry: where a gradient is exactly 0, such as that of a bias before BatchNorm, that has no meaning.
    """
    largest = max(max_abs(a), max_abs(n), floor)
    if math.isinf(largest):
        return math.inf
    return max_abs(a - n) / largest if largest else 0.0


def max_abs(a: np.ndarray) -> float:
    """|a|∞, and ∞ where an entry is NaN."""
    largest = float(np.max(np.abs(a), initial=0.0))
    return math.inf if math.isnan(largest) else largest
