"""Where a gradient is wrong: on one side of a kink, beyond some x, or in some rows or columns.

A student who knows that only the entries with x < 0 are wrong has found the line to look at.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from numgan.check.evidence import Evidence
from numgan.check.simple import max_abs, rel_error

UNKNOWN = "no known mistake explains it"
FEW = 2  # at least so many entries on each side, or else a border between them may be chance
Slopes = tuple[float, float]  # of an activation, below and above 0


def slopes_about_0(e: Evidence) -> str | None:
    """For an activation with a slope on each side of 0, such as LeakyReLU: which of the two is wrong."""
    if not e.fits:
        return None
    for analytic, numeric, name in _slopes(e):
        wrong = [not np.isclose(a, n, rtol=1e-5, atol=1e-6) for a, n in zip(analytic, numeric, strict=True)]
        if all(wrong) and np.allclose(analytic, numeric[::-1], rtol=1e-5, atol=1e-6):
            return f"mask flipped: the slope for {name} > 0 is used where {name} < 0, and vice versa"
        if any(wrong):
            return _slopes_text(name, analytic, numeric, wrong)
    return None


def region(e: Evidence) -> str:
    """For a mistake that no hypothesis explains: the entries that are wrong, and their factor if it is one."""
    numeric = e.numeric(e.dy)
    known = np.isfinite(numeric)
    off = known & (np.abs(e.analytic - numeric) > 1e-5 * max_abs(numeric[known]))
    place = next((p for p in (_beyond(e, off, known & ~off), _lines(off)) if p), "")
    if place:
        return f"wrong only {place}: {_factor(e.analytic[off], numeric[off])}"
    return f"{UNKNOWN}: {_count(off, int(known.sum()))}"


def nearly_right(e: Evidence) -> str | None:
    """For entries that agree to five digits where the gradient is wrong all the same."""
    if not e.correct(e.analytic):
        return None
    numeric = e.numeric(e.dy)
    n = int(np.isfinite(numeric).sum())
    if n < e.tensor.size:
        return f"{UNKNOWN}: the {n} entries that were measured one by one are right, but others are not"
    error = f"{rel_error(e.analytic, numeric):.1e}"
    return f"wrong after the fifth digit: {e.dname} is off by {error} of its largest entry, as by a rounded constant"


def _slopes(e: Evidence) -> Iterator[tuple[Slopes, Slopes, str]]:
    """Analytic and numerical slopes below and above 0, for each possible input of an activation that has both."""
    for name, h, dy in _activations(e):
        for low, high in zip(e.backpropagated(dy * (h < 0)), e.backpropagated(dy * (h >= 0)), strict=True):
            analytic, numeric = (_fit(g, low, high) for g in (e.analytic, e.numeric(e.dy)))
            if analytic and numeric:
                yield analytic, numeric, name


def _activations(e: Evidence) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Possible inputs of an activation, x or x W + b, and the gradients that may be backpropagated to its output."""
    signals = [s for s in e.backpropagated(e.dy) if s.ndim == 2 or s.shape == e.y.shape]
    for name, h in e.first_inputs():
        yield from ((name, h, s) for s in signals if s.shape == h.shape)


def _fit(g: np.ndarray, low: np.ndarray, high: np.ndarray) -> Slopes | None:
    """g = c low + d high, if that holds and is no coincidence: three numbers do not fit two by chance."""
    known = np.isfinite(g)
    if g.shape != low.shape or known.sum() < 3:
        return None
    sides = np.stack([low[known], high[known]], axis=1)
    found = np.linalg.lstsq(sides, g[known], rcond=None)[0]
    fits = sides.any() and max_abs(sides @ found - g[known]) <= 1e-6 * max(max_abs(g[known]), max_abs(sides))
    return (float(found[0]), float(found[1])) if fits else None


def _slopes_text(name: str, analytic: Slopes, numeric: Slopes, wrong: list[bool]) -> str:
    sides = [f"{name} < 0", f"{name} > 0"]
    at = [f"where {s} the slope is {a:.4g}, must be {n:.4g}" for s, a, n in zip(sides, analytic, numeric, strict=True)]
    if all(wrong):
        return f"wrong on both sides of 0: {', '.join(at)}"
    i = wrong.index(True)
    ratio = analytic[i] / numeric[i] if abs(numeric[i]) > 1e-6 else 0.0
    factor = f"off by the factor {ratio:.6g} there, " if abs(ratio) > 1e-6 else ""
    return f"wrong only where {sides[i]}: {factor}the slope is {_plain(analytic[i])}, must be {_plain(numeric[i])}"


def _plain(slope: float) -> str:
    return f"{round(slope, 6) + 0.0:.6g}"


def _lines(off: np.ndarray) -> str:
    """The rows or columns that hold all wrong entries, if they are few: at most half of them."""
    for axis, word in enumerate(("row", "column") if off.ndim == 2 else ()):
        lines = np.flatnonzero(off.any(axis=1 - axis))
        if 0 < len(lines) <= off.shape[axis] // 2 and off.take(lines, axis).mean() > 0.5:
            return f"in {word}{'s' * (len(lines) > 1)} {', '.join(map(str, lines))}"
    return ""


def _beyond(e: Evidence, off: np.ndarray, right: np.ndarray) -> str:
    """Do the wrong entries of x (or their absolute values) lie on one side of the right ones?"""
    if not e.is_x or min(off.sum(), right.sum()) < FEW or off.sum() + right.sum() < 4 * FEW:
        return ""
    for name, a in (("x", e.tensor), ("|x|", np.abs(e.tensor))):
        for sign, below, above in (("<", a[off], a[right]), (">", a[right], a[off])):
            if below.max() < above.min():
                return f"where {name} {sign} {_border(below.max(), above.min())}"
    return ""


def _border(below: float, above: float) -> str:
    """0 if it lies between the two, or else their middle."""
    return "0" if below < 0 < above else f"{(below + above) / 2:.3g}"


def _factor(analytic: np.ndarray, numeric: np.ndarray) -> str:
    c = float(np.vdot(numeric, analytic) / (np.vdot(numeric, numeric) or 1))
    proportional = max_abs(analytic - c * numeric) <= 1e-5 * max_abs(analytic)
    if c and analytic.size > 1 and proportional:
        return f"off by the factor {c:.6g} there"
    return UNKNOWN


def _count(off: np.ndarray, n: int) -> str:
    if off.sum() == n:
        return f"all {n} entries are wrong"
    first = ", ".join(str(where.tolist()) for where in np.argwhere(off)[:3])
    return f"{off.sum()} of {n} entries are wrong, at {first}{' …' if off.sum() > 3 else ''}"
