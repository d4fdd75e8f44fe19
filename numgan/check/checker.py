"""The check itself: first the conduct of the two functions, then their numbers, then, where these differ, the cause.

With a random dy, L = ⟨dy, y⟩ is a scalar, and the claimed gradient of each tensor is compared with the slope of L:
along one random direction, and, where that disagrees, entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from numgan.backend import Array
from numgan.check import arguments
from numgan.check.compare import Judge, Point, uncompared
from numgan.check.contract import conduct, d, other_batch
from numgan.check.diagnosis import cause, explain
from numgan.check.differences import columns, kept, peak, scale
from numgan.check.evidence import Evidence
from numgan.check.pairs import Pair, of_functions, of_layer, of_loss, of_value
from numgan.check.report import Comparison, Report, joined
from numgan.errors import InputError, check_number, check_whole
from numgan.layers.base import Layer
from numgan.losses import Loss

DRAWS = 0x64726177  # beside the seed, so that dy is not a person's own x = default_rng(seed): then dy f′(dy) would pass
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
        raise InputError(f"gradcheck takes one thing: {arguments.FORMS}")
    check_whole("seed", seed, 0)
    check_number("tolerance", tolerance, "(0, inf)")
    rng = np.random.default_rng([seed, DRAWS])
    if forward is not None:
        pairs = [of_functions(forward, backward, x, params)]
    elif value is not None:
        pairs = [of_value(value, grad, at, parts)]
    elif isinstance(obj, Loss):
        pairs = of_loss(obj, x, rng)
    elif isinstance(obj, Layer):
        pairs = of_layer(obj, x, rng, seed)
    else:
        raise arguments.unknown(obj)
    judge = Judge(rng, tolerance)
    return joined([_check(pair, judge, entries) for pair in pairs])


def _check(pair: Pair, judge: Judge, entries: bool) -> Report:
    with kept(pair.tensors.values()):
        if pair.x is not None:
            pair.run(other_batch(pair.x))  # whoever keeps the first batch now keeps a wrong one
        y = pair.y()
    dy = judge.rng.standard_normal(y.shape) if y.ndim else np.array(1.0)
    with kept(pair.tensors.values()):
        fault = conduct(pair, dy)
    if not fault and not np.isfinite(y).all():
        fault = "forward is not finite: y holds inf or nan, so there is nothing to differentiate"
    if fault:
        return Report(pair.title, [uncompared(pair, name, "not compared") for name in pair.tensors], fault)
    with kept(pair.tensors.values()):
        return _numbers(pair, dy, judge, entries)


def _numbers(pair: Pair, dy: Array, judge: Judge, entries: bool) -> Report:
    """The comparison, away from kinks: a claim at a kink is only held to be between the slopes on its two sides."""
    point = Point(pair, dy, judge)
    here = nearby = point.compare(entries)
    for _ in range(MOVES):
        if any(c.kink for c in nearby):
            _move(pair, judge)
            point = Point(pair, dy, judge)
            nearby = point.compare(entries)
    report = Report(pair.title, nearby, notes=[_kink_note(c) for c in here if c.kink])
    report.notes += [f"{c.name}: y has few digits here; equal up to the differences' error" for c in nearby if c.rough]
    if all(c.analytic.size and max(peak(c.analytic), peak(c.numeric)) < point.least(c.name) for c in nearby):
        report.notes.append("every gradient is as good as 0 here, so this says little: try another x")
    wrong = [c for c in nearby if c.verdict != "ok"]
    report.diagnosis = _diagnosis(point, wrong) if wrong else _at_kinks(here, nearby)
    return report


def _move(pair: Pair, judge: Judge) -> None:
    """A little away from here, in every tensor."""
    for a in pair.tensors.values():
        a += 0.01 * scale(a) * judge.rng.standard_normal(a.shape)


def _kink_note(c: Comparison) -> str:
    where = "" if c.where == "direction" else f" at {c.where}"
    return f"{c.name} lies on or near a kink{where}, where there is no derivative: compared at a point nearby"


def _at_kinks(here: list[Comparison], nearby: list[Comparison]) -> str:
    """The diagnosis of claims that fail at the kinks alone."""
    for old, new in zip(here, nearby, strict=True):
        new.verdict = "wrong at kinks" if old.beyond else new.verdict
    return "\n".join(c.beyond for c in here if c.beyond)


def _diagnosis(point: Point, wrong: list[Comparison]) -> str:
    """A line for each tensor that is wrong; its verdict becomes the cause."""
    pair, dy, size, judge = point.pair, point.dy, point.size, point.judge
    measured = {name: columns(pair.y, a, dy, size, judge.sample(a)) for name, a in pair.tensors.items()}
    weights = [dy, judge.rng.standard_normal(dy.shape)] if dy.ndim else [dy]
    claims = [(w, pair.gradients(w)) for w in weights]
    lines = []
    for c in wrong:
        text = explain([Evidence(pair, c.name, w, pair.y(), size, grads, measured) for w, grads in claims])
        c.verdict = cause(text)
        lines.append(f"{c.name}: {text}{_example(c)}")
    return "\n".join(lines)


def _example(c: Comparison) -> str:
    if not c.analytic.size:
        return ""
    a, n = c.analytic.flat[c.worst], c.numeric.flat[c.worst]
    return f". {d(c.name)}{c.where} is {a:.6g}, the differences say {n:.6g}"
