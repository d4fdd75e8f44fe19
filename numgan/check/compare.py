"""The check itself: first the conduct of the two functions, then their numbers, then, where these differ, the cause.

With a random dy, L = ⟨dy, y⟩ is a scalar, and the claimed gradient of each tensor is compared with the slope of L:
along one random direction, and, where that disagrees, entry by entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from numgan.backend import Array
from numgan.check.conduct import conduct, d, other_batch
from numgan.check.diagnosis import cause, explain
from numgan.check.differences import columns, floor, kept, peak, rel_error, resolution, scale, slope
from numgan.check.evidence import Evidence
from numgan.check.pairs import Pair, of_functions, of_layer, of_loss, of_value
from numgan.check.report import Comparison, Report, joined
from numgan.errors import InputError
from numgan.losses import Loss
from numgan.protocol import Layer

ENTRIES = 400  # how many entries of a tensor are checked one by one, at most
MOVES = 3  # how often a point that lies on a kink is moved, at most


def gradcheck(
    obj: Any = None,
    x: Any = None,
    *,
    forward: Callable[..., Any] | None = None,
    backward: Callable[..., Any] | None = None,
    params: Mapping[str, Array] | None = None,
    value: Callable[[Array], Any] | None = None,
    grad: Callable[[Array], Array] | None = None,
    at: Array | None = None,
    parts: Mapping[str, slice] | None = None,
    entries: bool = False,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> Report:
    """Compares hand-written gradients with differences of the function, and says what is wrong where they differ.

    gradcheck(layer, x)     or a network or a loss: a copy in float64; x is drawn at random where it is left out
    gradcheck(forward=f, backward=b, x=x, params={"W": W})
        y, cache = f(x) and dx, {"W": dW} = b(dy, cache); f reads the arrays in params, which are moved and put back.
        Where f returns y alone, b is given x for a cache, or dy alone if it takes one argument.
    gradcheck(value=f, grad=g, at=theta)    a scalar function of a vector, and its gradient; parts names slices of it

    entries=True compares entry by entry (400 of a tensor, at most) even where a random direction agrees.
    """
    if (obj is not None) + (forward is not None) + (value is not None) != 1:
        raise InputError("gradcheck takes one thing: an object, or forward= and backward=, or value=, grad= and at=")
    how = _How(np.random.default_rng(seed), entries, tolerance)
    if forward is not None:
        pairs = [of_functions(forward, backward, x, params)]
    elif value is not None:
        pairs = [of_value(value, grad, at, parts)]
    elif isinstance(obj, Loss):
        pairs = of_loss(obj, x, how.rng)
    elif isinstance(obj, Layer):
        pairs = of_layer(obj, x, how.rng, seed)
    else:
        raise InputError(f"gradcheck knows layers, networks and losses, got {obj!r}: or pass forward= and backward=")
    return joined([_check(pair, how) for pair in pairs])


@dataclass(frozen=True)
class _How:
    rng: np.random.Generator
    entries: bool
    tolerance: float

    def rough(self, error: float, claimed: Array, found: Array, errors: Array) -> bool:
        """Is it the differences that are in doubt, because y has too few digits here?"""
        near = bool(np.all(np.abs(claimed - found) <= 10 * errors))
        return error > self.tolerance and near and peak(errors) <= 0.01 * max(peak(claimed), peak(found))

    def sample(self, a: Array) -> np.ndarray:
        """Flat positions in a: all of them, or as many as are checked, drawn at random."""
        return np.arange(a.size) if a.size <= ENTRIES else np.sort(self.rng.choice(a.size, ENTRIES, replace=False))


def _check(pair: Pair, how: _How) -> Report:
    with kept(pair.tensors.values()):
        if pair.x is not None:
            pair.run(other_batch(pair.x))  # whoever keeps the first batch now keeps a wrong one
        y = pair.y()
    dy = how.rng.standard_normal(y.shape) if y.ndim else np.array(1.0)
    with kept(pair.tensors.values()):
        fault = conduct(pair, dy)
    if not fault and not np.isfinite(y).all():
        fault = "forward is not finite: y holds inf or nan, so there is nothing to differentiate"
    if fault:
        return Report(pair.title, [_uncompared(n, a, "not compared") for n, a in pair.tensors.items()], fault)
    with kept(pair.tensors.values()):
        return _numbers(pair, dy, how)


def _numbers(pair: Pair, dy: Array, how: _How) -> Report:
    """The comparison, away from kinks: a claim at a kink is only held to be between the slopes on its two sides."""
    here = nearby = _compare(pair, dy, how)
    for _ in range(MOVES):
        if any(c.kink for c in nearby):
            _move(pair, how)
            nearby = _compare(pair, dy, how)
    report = Report(pair.title, nearby, notes=[_kink_note(c) for c in here if c.kink])
    report.notes += [f"{c.name}: y has few digits here; equal up to the error of differences" for c in nearby if c.rough]
    if any(c.verdict != "ok" for c in nearby):
        report.diagnosis = _diagnosis(pair, dy, nearby, how)
    else:
        report.diagnosis = _at_kinks(here, nearby)
    return report


def _compare(pair: Pair, dy: Array, how: _How) -> list[Comparison]:
    grads = pair.gradients(dy)
    size = _size(pair, grads, dy, how.rng)
    found = []
    for name, a in pair.tensors.items():
        g = grads.get(name)
        if g is None or g.shape != a.shape:
            found.append(_uncompared(name, a, "missing" if g is None else f"shape {g.shape}"))
            continue
        c = _along(pair, name, g, dy, size, how)
        if how.entries or c.kink or c.verdict != "ok":
            c = _by_entry(pair, name, g, dy, size, how, c.kink)
        found.append(c)
    return found


def _size(pair: Pair, grads: dict[str, Any], dy: Array, rng: np.random.Generator) -> float:
    """How large things are here: what L is made of, and how L changes when a tensor changes by its own scale."""
    changes = [peak(g) * scale(a) for name, a in pair.tensors.items() if (g := grads.get(name)) is not None]
    return max(resolution(pair.y, pair.tensors.values(), dy, rng), *filter(math.isfinite, changes), 0.0)


def _uncompared(name: str, a: Array, verdict: str) -> Comparison:
    return Comparison(name, a.shape, "-", np.zeros(0), np.zeros(0), math.inf, verdict)


def _along(pair: Pair, name: str, g: Array, dy: Array, size: float, how: _How) -> Comparison:
    """⟨g, v⟩ against the slope of L along a random v, no entry of which is small."""
    a = pair.tensors[name]
    v = how.rng.choice([-1.0, 1.0], a.shape) * how.rng.uniform(0.5, 1.5, a.shape)
    s = slope(pair.y, a, v, dy, size)
    claimed, found = np.array(np.vdot(g, v)), np.array(np.vdot(dy, s.middle))
    least = max(peak(g), peak(found) / float(np.abs(v).sum()), floor(a, size))
    error = rel_error(claimed, found, least)
    rough = how.rough(error, claimed, found, np.array(s.error))
    verdict = "ok" if error <= how.tolerance or rough else "wrong"
    kink = s.kink or (verdict != "ok" and s.error > 0.1 * how.tolerance * least)
    return Comparison(name, a.shape, "direction", claimed, found, error, verdict, rough=rough, kink=kink)


def _by_entry(pair: Pair, name: str, g: Array, dy: Array, size: float, how: _How, kink: bool) -> Comparison:
    """∂L/∂(entry), one by one; an entry at a kink has no derivative, and is judged by the slopes on its two sides."""
    a = pair.tensors[name]
    measured = columns(pair.y, a, dy, size, how.sample(a))
    claimed, found, kinks = g.reshape(-1)[measured.at], measured.weighed(dy), measured.kinks
    low, high = measured.bounds(dy)
    slack = 1e-3 * max(peak(low), peak(high))
    outside = kinks & ~((low - slack <= claimed) & (claimed <= high + slack))
    error = rel_error(claimed[~kinks], found[~kinks], floor(a, size))
    worst = int(np.argmax(kinks * (1.0 + outside) if kinks.any() else np.abs(claimed - found)))
    where = str([int(i) for i in np.unravel_index(measured.at[worst], a.shape)])
    rough = how.rough(error, claimed[~kinks], found[~kinks], measured.errors[~kinks])
    verdict = "ok" if error <= how.tolerance or rough else "wrong"
    c = Comparison(name, a.shape, where, claimed, found, error, verdict, worst, rough, kink or bool(kinks.any()))
    if outside.any():
        c.beyond = (
            f"{name}: correct everywhere but at kinks: {d(name)}{where} is {claimed[worst]:.6g}, "
            f"the slopes on the two sides are {low[worst]:.6g} and {high[worst]:.6g}"
        )
    return c


def _move(pair: Pair, how: _How) -> None:
    """A little away from here, in every tensor."""
    for a in pair.tensors.values():
        a += 0.01 * scale(a) * how.rng.standard_normal(a.shape)


def _kink_note(c: Comparison) -> str:
    where = "" if c.where == "direction" else f" at {c.where}"
    return f"{c.name} lies on or near a kink{where}, where there is no derivative: compared at a point nearby"


def _at_kinks(here: list[Comparison], nearby: list[Comparison]) -> str:
    """The diagnosis of claims that fail at the kinks alone."""
    for old, new in zip(here, nearby, strict=True):
        new.verdict = "wrong at kinks" if old.beyond else new.verdict
    return "\n".join(c.beyond for c in here if c.beyond)


def _diagnosis(pair: Pair, dy: Array, comparisons: list[Comparison], how: _How) -> str:
    """A line for each tensor that is wrong; its verdict becomes the cause."""
    size = resolution(pair.y, pair.tensors.values(), dy, how.rng)
    measured = {name: columns(pair.y, a, dy, size, how.sample(a)) for name, a in pair.tensors.items()}
    weights = [dy, how.rng.standard_normal(dy.shape)] if dy.ndim else [dy]
    claims = [(w, pair.gradients(w)) for w in weights]
    lines = []
    for c in (c for c in comparisons if c.verdict != "ok"):
        text = explain([Evidence(pair, c.name, w, pair.y(), size, grads, measured) for w, grads in claims])
        c.verdict = cause(text)
        lines.append(f"{c.name}: {text}{_example(c)}")
    return "\n".join(lines)


def _example(c: Comparison) -> str:
    if not c.analytic.size:
        return ""
    a, n = c.analytic.flat[c.worst], c.numeric.flat[c.worst]
    return f". {d(c.name)}{c.where} is {a:.6g}, the differences say {n:.6g}"
