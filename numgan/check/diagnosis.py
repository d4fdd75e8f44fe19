"""What went wrong in a backward pass: small hypotheses, tried on the numbers; the first that explains them is named.

A hypothesis looks at one tensor's evidence and returns a sentence that opens with the cause, or nothing. It must hold
for two different dy, so that a coincidence is not taken for a cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from numgan.check.conduct import Verdict, d, other_batch
from numgan.check.differences import moved
from numgan.check.evidence import Evidence, close

OUTPUT = "derivative taken at the output instead of the input"
INPUT = "derivative taken at the input instead of the output"
BROADCAST = "(m,) against (m, 1) broadcast"


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
    if e.claim is None or e.claim.ndim != e.tensor.ndim + 1 or not e.right(e.claim.sum(axis=0)):
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
            if any(e.claimed(c) for c in e.through(e.dy * df(h))):
                return f"{INPUT}: {rule} must be worked out from y = f(x)"
    return None


def derivative_forgotten(e: Evidence) -> Verdict:
    if not any(e.claimed(c) for c in e.through(e.dy)):
        return None
    return f"activation's derivative forgotten: {d(e.name)} is what it would be if f′ were 1; multiply dy by f′(x)"


def dy_ignored(e: Evidence) -> Verdict:
    if not e.y.ndim or not close(e.pair.gradients(2 * e.dy).get(e.name), e.claim):
        return None
    return f"dy left out: {d(e.name)} is the same whatever dy is: the chain rule multiplies by dy"


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
    statistics_held,
    first_batch,
]

IN_Y: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # derivatives that are written in y
    "1 − y²": lambda y: 1 - y * y,
    "y (1 − y)": lambda y: y * (1 - y),
    "y": lambda y: y,
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
    true = e.measured(e.dy)
    off = np.abs(e.claim - true) > 1e-5 * np.nanmax(np.abs(true))
    for axis, word in enumerate(("row", "column") if off.ndim == 2 else ()):
        lines = np.flatnonzero(off.any(axis=1 - axis))
        if len(lines) == 1 and off.shape[axis] > 1:
            return f"wrong in {word} {lines[0]} alone: no known mistake explains it"
    return f"no known mistake explains it: {off.sum()} of {np.isfinite(true).sum()} entries are wrong"


def _x_is_off_alike(e: Evidence) -> bool:
    """Is dx too a factor 1/m off? Then the factor is in all of backward, not in a sum over rows."""
    x = e.about(e.pair.x_name)
    return e.pair.x is not None and x.fits and x.right(e.m * x.claim)


def _factors(e: Evidence) -> Iterator[tuple[str, float]]:
    """Factors that have a name, then whatever factor fits best."""
    m, n = e.m, (e.y if e.y.ndim else e.tensor).shape[-1]
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
