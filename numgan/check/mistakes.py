"""Common mistakes in any backward pass, as hypotheses that are tested on the numbers.

A hypothesis looks at the evidence on one tensor and returns a sentence that opens with the cause, up to its first
colon, or None.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from numgan.check.contract import Finding, other_batch
from numgan.check.differences import perturbed, rms
from numgan.check.evidence import Evidence, close
from numgan.check.pairs import gradient_name
from numgan.check.simple import rel_error

BROADCAST = "(m,) against (m, 1) broadcast"


def not_read(e: Evidence) -> Finding:
    """The derivative of a dead ReLU is 0 too, so y must be the same however far the tensor moves."""
    if any(c.central.any() for c in e.jacobians[e.name].columns) or not _y_is_constant(e):  # far moves come last
        return None
    what = e.name if e.is_x else f"params[{e.name!r}]" if e.pair.x is not None else f"its argument ({e.name})"
    got = "the gradient is not" if e.returned else "backward returns no gradient"
    return f"forward does not read {what}: its derivative is 0 everywhere while {got}; use that array itself, no copy"


def missing(e: Evidence) -> Finding:
    if e.returned and (e.analytic.any() or not e.analytic.size):
        return None
    got = "zeros" if e.returned else "nothing"
    if e.pair.x is None or e.is_x or e.tensor.ndim != 1:
        return f"gradient missing: backward returns {got} for {e.name}, but y depends on it"
    return f"bias gradient missing: backward returns {got} for {e.name}; where y = x W + b, db = Σ_rows dy"


def not_finite(e: Evidence) -> Finding:
    if not e.fits or np.isfinite(e.analytic).all():
        return None
    where = np.argwhere(~np.isfinite(e.analytic))[0].tolist()
    value = e.analytic[tuple(where)]
    return f"not finite: {e.dname}{where} is {value}: look for a division by 0 or the log of 0"


def broadcast_backward(e: Evidence) -> Finding:
    if e.m == 1 or e.tensor.shape not in ((e.m,), (e.m, 1)) or e.analytic.shape != (e.m, e.m):
        return None
    return f"{BROADCAST}: {e.dname} has the shape (m, m) = {e.analytic.shape}; {e.name} has {e.tensor.shape}"


def broadcast_forward(e: Evidence) -> Finding:
    if not e.is_x or e.m == 1 or e.tensor.shape not in ((e.m,), (e.m, 1)) or e.y.ndim:
        return None
    reshaped = e.tensor.reshape((e.m, 1) if e.tensor.ndim == 1 else (e.m,))
    if not e.is_analytic(e.numeric_at(reshaped)):
        return None
    return f"{BROADCAST}: forward makes an array (m, m); with x of shape {reshaped.shape} the gradient is correct"


def sign_flipped(e: Evidence) -> Finding:
    return f"sign flipped: −{e.dname} is correct" if e.fits and e.correct(-e.analytic) else None


def averaged(e: Evidence) -> Finding:
    if e.pair.x is None or e.is_x or e.m == 1 or not e.fits:
        return None
    if not e.correct(e.m * e.analytic) or _dx_is_averaged_too(e):
        return None
    return f"averaged over the batch instead of summed: {e.dname} is a sum over rows; any 1/m (m = {e.m}) is in dy"


def constant_factor(e: Evidence) -> Finding:
    """The same factor for any dy. A scalar's dy, which is 1, may be left out."""
    for name, c in _factors(e):
        if e.fits and e.correct(e.analytic / c) and (not e.y.ndim or _is_homogeneous(e, 2.0)):
            return f"off by a constant factor: {e.dname} is {name} times the correct one"
    return None


def transposed(e: Evidence) -> Finding:
    return f"transposed: {e.dname}ᵀ is correct" if e.correct(e.analytic.T) else None


def weight_transposed(e: Evidence) -> Finding:
    for name, W in e.pair.params.items():
        if W.ndim == 2 and W.shape[0] == W.shape[1]:
            _, cache = e.pair.run_forward(e.pair.x)
            with perturbed(W, W.T - W):
                g = e.pair.run_backward(e.dy.copy(), cache).get(e.name)
            if e.correct(g):
                return f"transposed: {e.dname} with {name}ᵀ for {name} is correct: dx = dy Wᵀ where y = x W"
    return None


def jacobian_transposed(e: Evidence) -> Finding:
    """Row by row dx_r = dy_r J, with J (n, n) = ∂y_r/∂x_r."""
    if not e.is_x or e.y.ndim != 2 or e.y.shape != e.tensor.shape or len(e.jacobians[e.name].at) < e.tensor.size:
        return None
    J = np.array([c.central for c in e.jacobians[e.name].columns]).reshape(*e.tensor.shape, *e.y.shape)  # (m, n, m, n)
    wrong = np.array([e.dy[r] @ J[r, :, r, :] for r in range(e.m)])
    return "transposed: dx is dy Jᵀ, with J = ∂y/∂x for one row; it must be dy J" if e.is_analytic(wrong) else None


def not_summed(e: Evidence) -> Finding:
    a = e.analytic
    if a.ndim != e.tensor.ndim + 1 or len(a) != e.m or not e.correct(a.sum(axis=0)):
        return None
    return f"not summed over the batch: {e.dname} {a.shape} has a row per example; its sum over rows is correct"


def one_row_only(e: Evidence) -> Finding:
    for r in range(e.m if e.m > 1 and e.y.shape[:1] == (e.m,) else 0):
        row = np.zeros(e.y.shape)
        row[r] = e.dy[r]
        if e.is_analytic(e.numeric(row)):
            return f"not summed over the batch: {e.dname} contains only the contribution of row {r}"
    return None


def another_argument(e: Evidence) -> Finding:
    for name in e.jacobians:
        if name != e.name and e.of(name).correct(e.analytic):
            return f"gradient of another argument returned: backward returns {gradient_name(name)} as {e.dname}"
    return None


def dy_ignored(e: Evidence) -> Finding:
    if not e.y.ndim or not e.fits or not close(e.pair.gradients(2 * e.dy).get(e.name), e.analytic):
        return None
    return f"dy left out: {e.dname} is the same for any dy: the chain rule multiplies by dy, the upstream gradient"


def not_linear_in_dy(e: Evidence) -> Finding:
    """Where dy stands for x somewhere, the gradient is not proportional to dy."""
    if not e.fits or all(_is_homogeneous(e, k) for k in (2.0, -1.0)):
        return None
    if e.is_x and e.dy.shape == e.tensor.shape and e.is_analytic(e.numeric_at(e.dy)):
        return f"derivative taken at dy instead of x: {e.dname} is dy f′(dy), it must be dy f′(x)"
    return f"not linear in dy: backward(2 dy) is not 2 backward(dy), or backward(−dy) not −backward(dy), in {e.dname}"


def first_batch(e: Evidence) -> Finding:
    if e.pair.x is None or not e.is_analytic(e.numeric_at(other_batch(e.pair.x))):
        return None
    return f"stale cache: {e.dname} is correct for an earlier batch, not for this one: state is kept between calls"


def _y_is_constant(e: Evidence) -> bool:
    """Is y the same to the last bit, far away too?"""
    far = 100 * rms(e.tensor)
    return all(_same_y(e, delta) for delta in (-2 * e.tensor, far, -far))


def _same_y(e: Evidence, delta: np.ndarray | float) -> bool:
    with perturbed(e.tensor, delta):
        return np.array_equal(e.pair.y(), e.y, equal_nan=True)


def _is_homogeneous(e: Evidence, k: float) -> bool:
    """Is backward(k dy) = k backward(dy)?"""
    g = e.pair.gradients(k * e.dy).get(e.name)
    return g is not None and np.shape(g) == e.analytic.shape and rel_error(g, k * e.analytic) <= 1e-6


def _dx_is_averaged_too(e: Evidence) -> bool:
    """Then the factor 1/m is in all of backward, not in a sum over rows."""
    x = e.of(e.pair.x_name)
    return x.fits and x.correct(x.m * x.analytic)


def _factors(e: Evidence) -> Iterator[tuple[str, float]]:
    """Factors that have a name, then the factor that fits best."""
    m, n = e.m, ((e.y if e.y.ndim else e.tensor).shape or (1,))[-1]
    if m > 1:
        yield from ((f"m = {m}", m), (f"1/m = 1/{m}", 1 / m))
    yield from (("2", 2), ("½", 1 / 2), (f"n = {n}", n), (f"1/n = 1/{n}", 1 / n))
    yield from ((f"m n = {m * n}", m * n), (f"1/(m n) = 1/{m * n}", 1 / (m * n)))
    if e.fits and e.tensor.size > 1:
        J = e.jacobians[e.name]
        numeric, analytic = J.vjp(e.dy), np.reshape(e.analytic, -1)[J.at]
        c = float(np.vdot(numeric, analytic) / (np.vdot(numeric, numeric) or 1))
        if c:
            yield f"{c:.6g}", c
