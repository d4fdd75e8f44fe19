"""The tests' own central differences: every entry, two evaluations each, float64. Shares no code with numgan.check."""

import numpy as np

from numgan.backend import asnumpy


def numeric_gradient(f, theta, h=1e-5):
    """∂f/∂theta, on the host, for a function f() of the array theta, which is moved in place and put back."""
    grad = np.empty(theta.shape, theta.dtype)
    for i in np.ndindex(theta.shape):
        kept = float(theta[i])
        theta[i] = kept + h
        above = float(f())
        theta[i] = kept - h
        below = float(f())
        theta[i] = kept
        grad[i] = (above - below) / (2 * h)
    return grad


def rel_error(a, n, floor=1e-8):
    """max|a − n| / max(|a|∞, |n|∞, floor)."""
    a, n = asnumpy(a), asnumpy(n)
    assert a.shape == n.shape
    return np.max(np.abs(a - n)) / max(np.max(np.abs(a)), np.max(np.abs(n)), floor)
