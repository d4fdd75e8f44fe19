"""Where a gradient is wrong: on one side of a bend, beyond some x, in some rows or columns.

A student who knows that only the entries with x < 0 are wrong has found the line to look at.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from numgan.check.differences import peak
from numgan.check.evidence import Evidence

FEW = 2  # so many entries at least on each side, or else a border between them may be chance
Slopes = tuple[float, float]


def slopes_about_0(e: Evidence) -> str | None:
    """Of an activation with a slope on each side of 0, as LeakyReLU: which of the two is wrong."""
    if not e.fits:
        return None
    for claimed, true, name in _slopes(e):
        wrong = [not np.isclose(c, t, rtol=1e-5, atol=1e-6) for c, t in zip(claimed, true, strict=True)]
        if all(wrong) and np.allclose(claimed, true[::-1], rtol=1e-5, atol=1e-6):
            return f"mask flipped: the slope for {name} > 0 is taken where {name} < 0, and the reverse"
        if any(wrong):
            return _slopes_text(name, claimed, true, wrong)
    return None


def region(e: Evidence) -> str:
    """For a mistake that nothing explains: the entries that it touches, and their factor if it is one."""
    true = e.measured(e.dy)
    known = np.isfinite(true)
    off = known & (np.abs(e.claim - true) > 1e-5 * peak(true[known]))
    place = next((p for p in (_beyond(e, off, known & ~off), _lines(off)) if p), "")
    if place:
        return f"wrong {place} alone: {_factor(e.claim[off], true[off])}"
    return f"no known mistake explains it: {_count(off, int(known.sum()))}"


def _slopes(e: Evidence) -> Iterator[tuple[Slopes, Slopes, str]]:
    """Claimed and true slopes below and above 0, for each input that an activation may have had, if both have some."""
    for name, h, dy in _activations(e):
        for low, high in zip(e.through(dy * (h < 0)), e.through(dy * (h >= 0)), strict=True):
            claimed, true = (_fit(v, low, high) for v in (e.claim, e.measured(e.dy)))
            if claimed and true:
                yield claimed, true, name


def _activations(e: Evidence) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """What an activation may have been given, x or x W + b, and the signal that may come back to it."""
    signals = [s for s in e.through(e.dy) if s.ndim == 2 or s.shape == e.y.shape]
    for name, h in e.hidden():
        yield from ((name, h, s) for s in signals if s.shape == h.shape)


def _fit(v: np.ndarray, low: np.ndarray, high: np.ndarray) -> Slopes | None:
    """v = c low + d high, if that holds and is no coincidence: three numbers do not fit two by chance."""
    known = np.isfinite(v)
    if v.shape != low.shape or known.sum() < 3:
        return None
    sides = np.stack([low[known], high[known]], axis=1)
    found = np.linalg.lstsq(sides, v[known], rcond=None)[0]
    fits = sides.any() and peak(sides @ found - v[known]) <= 1e-6 * max(peak(v[known]), peak(sides))
    return (float(found[0]), float(found[1])) if fits else None


def _slopes_text(name: str, claimed: Slopes, true: Slopes, wrong: list[bool]) -> str:
    sides = [f"{name} < 0", f"{name} > 0"]
    at = [f"where {s} the slope is {c:.4g}, must be {t:.4g}" for s, c, t in zip(sides, claimed, true, strict=True)]
    if all(wrong):
        return f"wrong on both sides of 0: {', '.join(at)}"
    i = wrong.index(True)
    ratio = claimed[i] / true[i] if abs(true[i]) > 1e-6 else 0.0
    factor = f"off by the factor {ratio:.6g} there, " if abs(ratio) > 1e-6 else ""
    return f"wrong where {sides[i]} alone: {factor}the slope is {_plain(claimed[i])}, must be {_plain(true[i])}"


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
    """Do the entries of x (or their sizes) that are wrong lie on one side of those that are right?"""
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


def _factor(claim: np.ndarray, true: np.ndarray) -> str:
    c = float(np.vdot(true, claim) / (np.vdot(true, true) or 1))
    alike = peak(claim - c * true) <= 1e-5 * peak(claim)
    return f"off by the factor {c:.6g} there" if c and claim.size > 1 and alike else "no known mistake explains it"


def _count(off: np.ndarray, n: int) -> str:
    if off.sum() == n:
        return f"all {n} entries are wrong"
    first = ", ".join(str(where.tolist()) for where in np.argwhere(off)[:3])
    return f"{off.sum()} of {n} entries are wrong, at {first}{' …' if off.sum() > 3 else ''}"
