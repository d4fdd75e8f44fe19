"""What went wrong in a backward pass: small hypotheses, tried on the numbers; the first that explains them is named.

A hypothesis looks at one tensor's evidence and returns a sentence that opens with the cause, or nothing. It must hold
for two different dy, so that a coincidence is not taken for a cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from numgan.check.contract import Verdict, d, other_batch
from numgan.check.differences import moved, rel_error, scale
from numgan.check.evidence import Evidence, close
from numgan.check.regions import region, slopes_about_0

OUTPUT = "derivative taken at the output instead of the input"
INPUT = "derivative taken at the input instead of the output"
BROADCAST = "(m,) against (m, 1) broadcast"


def not_read(e: Evidence) -> Verdict:
    """A dead ReLU has a slope of 0 too, so y must stay the same however far the tensor moves."""
    slopes = e.columns[e.name].slopes
    if not slopes or any(s.middle.any() for s in slopes) or not _unmoved(e):
        return None
    what = e.name if e.is_x else f"params[{e.name!r}]" if e.pair.x is not None else f"its argument ({e.name})"
    claim = "not" if e.claim is not None else "missing"
    advice = "let it read that array itself, no copy of it"
    return f"forward does not read {what}: its slope is 0 everywhere while the gradient is {claim}; {advice}"


def missing(e: Evidence) -> Verdict:
    if e.claim is not None and e.claim.any():
        return None
    got = "nothing" if e.claim is None else "zeros"
    if e.is_x or e.tensor.ndim != 1:
        return f"gradient missing: backward returns {got} for {e.name}, but y depends on it"
    return f"bias gradient missing: backward returns {got} for {e.name}; where y = x W + b, db = Σ_rows dy"


def not_finite(e: Evidence) -> Verdict:
    if not e.fits or np.isfinite(e.claim).all():
        return None
    where = np.argwhere(~np.isfinite(e.claim))[0].tolist()
    return f"not finite: {d(e.name)}{where} is {e.claim[tuple(where)]}: look for a division by 0 or a log of it"


def broadcast_backward(e: Evidence) -> Verdict:
    if e.m == 1 or e.tensor.shape not in ((e.m,), (e.m, 1)) or e.claim is None or e.claim.shape != (e.m, e.m):
        return None
    return f"{BROADCAST}: {d(e.name)} came out as (m, m) = {e.claim.shape}; {e.name} is {e.tensor.shape}"


def broadcast_forward(e: Evidence) -> Verdict:
    if not e.is_x or e.m == 1 or e.tensor.shape not in ((e.m,), (e.m, 1)) or e.y.ndim:
        return None
    turned = e.tensor.reshape((e.m, 1) if e.tensor.ndim == 1 else (e.m,))
    if not e.claimed(e.elsewhere(turned)):
        return None
    return f"{BROADCAST}: forward mixes the two and makes (m, m) of them; with x of shape {turned.shape} all agrees"


def sign_flipped(e: Evidence) -> Verdict:
    return f"sign flipped: −{d(e.name)} is right" if e.fits and e.right(-e.claim) else None


def averaged(e: Evidence) -> Verdict:
    if e.is_x or e.m == 1 or not e.fits or not e.right(e.m * e.claim) or _x_is_off_alike(e):
        return None
    return f"averaged over the batch instead of summed: {d(e.name)} is a sum over rows; any 1/m (m = {e.m}) is in dy"


def constant_factor(e: Evidence) -> Verdict:
    for name, c in _factors(e):
        if e.fits and e.right(e.claim / c):
            return f"off by a constant factor: {d(e.name)} is {name} times the right one"
    return None


def transposed(e: Evidence) -> Verdict:
    return f"transposed: {d(e.name)}ᵀ is right" if e.claim is not None and e.right(e.claim.T) else None


def weight_transposed(e: Evidence) -> Verdict:
    for name, W in e.pair.params.items():
        if W.ndim == 2 and W.shape[0] == W.shape[1]:
            _, cache = e.pair.run(e.pair.x)
            with moved(W, W.T - W):
                claim = e.pair.back(e.dy.copy(), cache).get(e.name)
            if e.right(claim):
                return f"transposed: {d(e.name)} is right with {name}ᵀ in the place of {name}: dx = dy Wᵀ where y = x W"
    return None


def jacobian_transposed(e: Evidence) -> Verdict:
    """Row by row dx_r = dy_r J, with J (n, n) = ∂y_r/∂x_r."""
    if not e.is_x or e.y.ndim != 2 or e.y.shape != e.tensor.shape or len(e.columns[e.name].at) < e.tensor.size:
        return None
    J = np.array([s.middle for s in e.columns[e.name].slopes]).reshape(*e.tensor.shape, *e.y.shape)  # (m, n, m, n)
    wrong = np.array([e.dy[r] @ J[r, :, r, :] for r in range(e.m)])
    return "transposed: dx is dy Jᵀ, with J = ∂y/∂x for one row; it must be dy J" if e.claimed(wrong) else None


def not_summed(e: Evidence) -> Verdict:
    if e.claim is None or e.claim.ndim != e.tensor.ndim + 1 or len(e.claim) != e.m or not e.right(e.claim.sum(axis=0)):
        return None
    return f"not summed over the batch: {d(e.name)} is {e.claim.shape}, a row per example; its sum over rows is right"


def one_row_alone(e: Evidence) -> Verdict:
    for r in range(e.m if e.m > 1 and e.y.shape[:1] == (e.m,) else 0):
        row = np.zeros(e.y.shape)
        row[r] = e.dy[r]
        if e.claimed(e.measured(row)):
            return f"not summed over the batch: {d(e.name)} holds the part of row {r} alone"
    return None


def another_argument(e: Evidence) -> Verdict:
    for name in e.columns:
        if name != e.name and e.about(name).right(e.claim):
            return f"gradient of another argument returned: what backward returns as {d(e.name)} is {d(name)}"
    return None


def at_the_output(e: Evidence) -> Verdict:
    if any(e.right(e.with_cache(e.y, h)) for h in e.inputs()):
        return f"{OUTPUT}: f′ is written in x, but the cache holds y = f(x)"
    if e.is_x and e.y.shape == e.tensor.shape and e.claimed(e.elsewhere(e.y)):
        return f"{OUTPUT}: dx is dy f′(y), it must be dy f′(x)"
    return None


def at_the_input(e: Evidence) -> Verdict:
    for h in e.inputs():
        if e.right(e.with_cache(h, e.y)):
            return f"{INPUT}: f′ is written in y = f(x), but the cache holds x"
        for rule, df in IN_Y.items():
            if e.fits and any(e.claimed(c) for c in e.through(e.dy * df(h))):
                return f"{INPUT}: {rule} must be worked out from y = f(x)"
    return None


def derivative_forgotten(e: Evidence) -> Verdict:
    if not e.fits or not any(e.claimed(c) for c in e.through(e.dy)):
        return None
    return f"activation's derivative forgotten: {d(e.name)} is what it would be if f′ were 1; multiply dy by f′(x)"


def dy_ignored(e: Evidence) -> Verdict:
    if not e.y.ndim or not e.fits or not close(e.pair.gradients(2 * e.dy).get(e.name), e.claim):
        return None
    return f"dy left out: {d(e.name)} is the same whatever dy is: the chain rule multiplies by dy"


def not_linear_in_dy(e: Evidence) -> Verdict:
    """Whoever writes dy for x somewhere gets a gradient that no longer grows as dy does."""
    if not e.fits or all(_grows(e, k) for k in (2.0, -1.0)):
        return None
    if e.is_x and e.dy.shape == e.tensor.shape and e.claimed(e.elsewhere(e.dy)):
        return f"derivative taken at dy instead of x: {d(e.name)} is dy f′(dy), it must be dy f′(x)"
    return f"not linear in dy: backward(2 dy) is not 2 backward(dy), or backward(−dy) not −backward(dy), in {d(e.name)}"


def squashing_forgotten(e: Evidence) -> Verdict:
    """The derivative of a cross-entropy of logits is σ(x) − t (or softmax(x) − t), not x − t."""
    if not _of_an_input(e) or e.dy.shape not in ((), e.tensor.shape, e.tensor.shape[:1]):
        return None
    true, dy = e.measured(e.dy), e.dy.reshape(e.dy.shape + (1,) * (e.tensor.ndim - e.dy.ndim) * (e.dy.ndim > 0))
    for name, f in SQUASHING.items():
        for share in (1, e.m, e.tensor.size):  # of a sum, or of a mean
            due = dy / share * e.tensor - dy / share * f(e.tensor) + true  # dy / share (x − t)
            c = _multiple(e.claim, due)
            if close(c * due, e.claim):
                too = "" if abs(c - 1) < 1e-5 else f", and a factor of {c:.6g} beside it"
                return f"{name} forgotten: {d(e.name)} is written as x − t, must be {name}(x) − t{too}"
    return None


def one_factor_too_many(e: Evidence) -> Verdict:
    for name, factor in _derivatives(e):
        if e.claimed(e.measured(e.dy) * factor):
            return f"one factor f′ too many: {d(e.name)} is {name} times the right one (with logits it cancels)"
    return None


def one_factor_forgotten(e: Evidence) -> Verdict:
    for name, factor in _derivatives(e):
        if e.right(e.claim * factor):
            return f"activation's derivative forgotten: {d(e.name)} times {name} is right"
    return None


def statistics_held(e: Evidence) -> Verdict:
    if not e.is_x or e.m == 1 or e.tensor.shape != e.y.shape:
        return None
    with np.errstate(all="ignore"):
        slope = e.y.std(axis=0) / e.tensor.std(axis=0)  # γ / √(σ² + eps), if this is a normalisation
    for what, dx in (("mean and variance", e.dy * slope), ("variance", (e.dy - e.dy.mean(axis=0)) * slope)):
        if e.claimed(dx):
            return f"batch statistics held constant: {d(e.name)} leaves out the way through the batch's {what}"
    return None


def first_batch(e: Evidence) -> Verdict:
    if e.pair.x is None or not e.claimed(e.elsewhere(other_batch(e.pair.x))):
        return None
    return f"stale cache: {d(e.name)} is right for a batch seen before, not for this one"


HYPOTHESES: list[Callable[[Evidence], Verdict]] = [
    not_read,
    missing,
    not_finite,
    broadcast_backward,
    broadcast_forward,
    sign_flipped,
    averaged,
    constant_factor,
    transposed,
    weight_transposed,
    jacobian_transposed,
    not_summed,
    one_row_alone,
    another_argument,
    at_the_output,
    at_the_input,
    derivative_forgotten,
    dy_ignored,
    not_linear_in_dy,
    one_factor_too_many,
    one_factor_forgotten,
    squashing_forgotten,
    statistics_held,
    first_batch,
    slopes_about_0,
]

IN_Y: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # derivatives that are written in y
    "1 − y²": lambda y: 1 - y * y,
    "y (1 − y)": lambda y: y * (1 - y),
    "y": lambda y: y,
}
SQUASHING: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "σ": lambda x: np.exp(-np.logaddexp(0, -x)),
    "softmax": lambda x: np.exp(x - x.max(axis=-1, keepdims=True)) / _total(np.exp(x - x.max(axis=-1, keepdims=True))),
}


def explain(evidence: list[Evidence]) -> str:
    """The first hypothesis that holds in all of the evidence (one tensor, several dy), or else where it is wrong."""
    for hypothesis in HYPOTHESES:
        found = [hypothesis(e) or "" for e in evidence]
        if all(found) and len(set(map(cause, found))) == 1:
            return found[0]
    return _unexplained(evidence[0])


def cause(text: str) -> str:
    """What stands before the first colon."""
    return text.partition(":")[0]


def _unexplained(e: Evidence) -> str:
    if not e.fits:
        return f"wrong shape: {d(e.name)} must have the shape of {e.name}, {e.tensor.shape}; got {np.shape(e.claim)}"
    return region(e)


def _unmoved(e: Evidence) -> bool:
    """Is y the same to the last bit, far away too?"""
    far = 100 * scale(e.tensor)
    return all(_same_y(e, move) for move in (-2 * e.tensor, far, -far))


def _same_y(e: Evidence, move: np.ndarray | float) -> bool:
    with moved(e.tensor, move):
        return np.array_equal(e.pair.y(), e.y, equal_nan=True)


def _grows(e: Evidence, k: float) -> bool:
    grown = e.pair.gradients(k * e.dy).get(e.name)
    return grown is not None and np.shape(grown) == e.claim.shape and rel_error(grown, k * e.claim) <= 1e-6


def _multiple(u: np.ndarray, v: np.ndarray) -> float:
    """The c for which c v is nearest to u, where v is known."""
    known = np.isfinite(v)
    return float(np.vdot(v[known], u[known]) / (np.vdot(v[known], v[known]) or 1))


def _of_an_input(e: Evidence) -> bool:
    """Is this the gradient of what the function was given, with entries enough to tell?"""
    return (e.is_x or e.pair.x is None) and e.fits and e.tensor.size >= 3


def _total(p: np.ndarray) -> np.ndarray:
    return p.sum(axis=-1, keepdims=True)


def _derivatives(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    """f′(x) of the usual activations, for a gradient that has the shape of x."""
    if _of_an_input(e):
        y = SQUASHING["σ"](e.tensor)
        yield from (("σ′(x)", y * (1 - y)), ("tanh′(x)", 1 - np.tanh(e.tensor) ** 2))


def _x_is_off_alike(e: Evidence) -> bool:
    """Is dx too a factor 1/m off? Then the factor is in all of backward, not in a sum over rows."""
    x = e.about(e.pair.x_name)
    return e.pair.x is not None and x.fits and x.right(e.m * x.claim)


def _factors(e: Evidence) -> Iterator[tuple[str, float]]:
    """Factors that have a name, then whatever factor fits best."""
    m, n = e.m, ((e.y if e.y.ndim else e.tensor).shape or (1,))[-1]
    if m > 1:
        yield from ((f"m = {m}", m), (f"1/m = 1/{m}", 1 / m))
    yield from (("2", 2), ("½", 1 / 2), (f"n = {n}", n), (f"1/n = 1/{n}", 1 / n))
    yield from ((f"m n = {m * n}", m * n), (f"1/(m n) = 1/{m * n}", 1 / (m * n)))
    if e.fits and e.tensor.size > 1:
        at = e.columns[e.name].at
        true, got = e.columns[e.name].weighed(e.dy), np.reshape(e.claim, -1)[at]
        c = float(np.vdot(true, got) / (np.vdot(true, true) or 1))
        if c:
            yield f"{c:.6g}", c
