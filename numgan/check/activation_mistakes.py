"""Common mistakes in the backward pass of an activation or a normalisation, as hypotheses (see `mistakes`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from numgan.check.contract import Finding
from numgan.check.evidence import Evidence, close

OUTPUT = "derivative taken at the output instead of the input"
INPUT = "derivative taken at the input instead of the output"


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))


def softmax(x: np.ndarray) -> np.ndarray:
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


IN_Y: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # derivatives that are written as functions of y
    "1 − y²": lambda y: 1 - y * y,
    "y (1 − y)": lambda y: y * (1 - y),
    "y": lambda y: y,
}


def at_the_output(e: Evidence) -> Finding:
    if any(e.correct(e.with_cache(e.y, h)) for h in e.last_inputs()):
        return f"{OUTPUT}: f′ is written in x, but the cache holds y = f(x)"
    if e.is_x and e.y.shape == e.tensor.shape and e.is_analytic(e.numeric_at(e.y)):
        return f"{OUTPUT}: dx is dy f′(y), it must be dy f′(x)"
    return None


def at_the_input(e: Evidence) -> Finding:
    for h in e.last_inputs():
        if e.correct(e.with_cache(h, e.y)):
            return f"{INPUT}: f′ is written in y = f(x), but the cache holds x"
        for formula, df in IN_Y.items():
            if e.fits and any(e.is_analytic(g) for g in e.backpropagated(e.dy * df(h))):
                return f"{INPUT}: {formula} must be computed from y = f(x)"
    return None


def derivative_forgotten(e: Evidence) -> Finding:
    if not e.fits or not any(e.is_analytic(g) for g in e.backpropagated(e.dy)):
        return None
    return f"activation's derivative forgotten: {e.dname} is what it would be if f′ were 1; multiply dy by f′(x)"


def one_factor_too_many(e: Evidence) -> Finding:
    for name, factor in _derivatives(e):
        if e.is_analytic(e.numeric(e.dy) * factor):
            return f"one factor f′ too many: {e.dname} is {name} times the correct one (with logits it cancels)"
    return None


def one_factor_forgotten(e: Evidence) -> Finding:
    for name, factor in _derivatives(e):
        if e.correct(e.analytic * factor):
            return f"activation's derivative forgotten: {e.dname} times {name} is correct"
    return None


def sigmoid_or_softmax_forgotten(e: Evidence) -> Finding:
    """The derivative of a cross-entropy of logits is sigmoid(x) − t (or softmax(x) − t), not x − t."""
    if not _of_an_input(e) or e.dy.shape not in ((), e.tensor.shape, e.tensor.shape[:1]):
        return None
    numeric, dy = e.numeric(e.dy), e.dy.reshape(e.dy.shape + (1,) * (e.tensor.ndim - e.dy.ndim) * (e.dy.ndim > 0))
    for f in (sigmoid, softmax):
        for n in (1, e.m, e.tensor.size):  # of a sum, or of a mean
            wrong = dy / n * e.tensor - dy / n * f(e.tensor) + numeric  # dy / n (x − t)
            c = _multiple(e.analytic, wrong)
            if close(c * wrong, e.analytic):
                name = f.__name__
                too = "" if abs(c - 1) < 1e-5 else f", and there is a factor of {c:.6g} too"
                return f"{name} forgotten: {e.dname} is written as x − t, must be {name}(x) − t{too}"
    return None


def statistics_held_constant(e: Evidence) -> Finding:
    if not e.is_x or e.m == 1 or e.tensor.shape != e.y.shape:
        return None
    with np.errstate(all="ignore"):
        s = e.y.std(axis=0) / e.tensor.std(axis=0)  # γ / √(σ² + eps), if this is a normalisation
    for what, dx in (("mean and variance", e.dy * s), ("variance", (e.dy - e.dy.mean(axis=0)) * s)):
        if e.is_analytic(dx):
            return f"batch statistics held constant: {e.dname} omits the derivative through the batch's {what}"
    return None


def _multiple(u: np.ndarray, v: np.ndarray) -> float:
    """The c for which c v is nearest to u, where v is known."""
    known = np.isfinite(v)
    return float(np.vdot(v[known], u[known]) / (np.vdot(v[known], v[known]) or 1))


def _of_an_input(e: Evidence) -> bool:
    """Is this the gradient of the function's input, with enough entries to tell?"""
    return (e.is_x or e.pair.x is None) and e.fits and e.tensor.size >= 3


def _derivatives(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    """f′(x) of the usual activations, for a gradient that has the shape of x."""
    if _of_an_input(e):
        y = sigmoid(e.tensor)
        yield from (("sigmoid′(x)", y * (1 - y)), ("tanh′(x)", 1 - np.tanh(e.tensor) ** 2))
