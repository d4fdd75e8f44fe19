"""The gradient check: first the contract of the two functions, then their numbers, then, where these differ, the cause.

With a random dy, L = ⟨dy, y⟩ is a scalar, and the gradient of each tensor that backward returns is compared with
central differences of L: along one random direction, and, where that disagrees, entry by entry. The same in 20 lines,
to be read first: `numgan.check.simple`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from numgan.backend import Array
from numgan.check import arguments
from numgan.check.compare import Criterion, Point, not_compared
from numgan.check.contract import other_batch, violation
from numgan.check.diagnosis import cause, explain
from numgan.check.differences import jacobian, restored, rms
from numgan.check.evidence import Evidence
from numgan.check.pairs import (
    Pair,
    gradient_name,
    pair_of_functions,
    pair_of_value,
    pairs_of_layer,
    pairs_of_loss,
)
from numgan.check.report import Comparison, Report, joined
from numgan.check.simple import max_abs
from numgan.errors import InputError, check_number, check_whole
from numgan.layers.base import Layer
from numgan.losses import Loss

DY_KEY = 0x64726177  # beside the seed, so that dy is not a person's x = default_rng(seed): then dy f′(dy) would pass
MOVES = 3  # how often a point that lies on a kink is moved, at most


def gradcheck(
    obj: Layer | Loss | None = None,
    x: Array | tuple[Array, Array] | None = None,
    *,
    forward: Callable[..., object] | None = None,
    backward: Callable[..., object] | None = None,
    params: Mapping[str, Array] | None = None,
    value: Callable[[Array], object] | None = None,
    grad: Callable[[Array], object] | None = None,
    at: Array | None = None,
    parts: Mapping[str, slice] | None = None,
    entries: bool = False,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> Report:
    """Compares hand-written gradients with central differences, and names the mistake where they differ.

    How it works, in 20 lines: `numgan.check.simple`. What it takes:

    gradcheck(layer, x)     or a network or a loss: a copy in float64; x (m, …) is drawn at random where it is left out;
        x is (x, c) of a network that takes labels, and (a_x, a_g) of a loss
    gradcheck(forward=f, backward=b, x=x, params={"W": W})
        y, cache = f(x) and dx, {"W": dW} = b(dy, cache); f reads the arrays in params, which are modified and restored.
        Where f returns y alone, b is given x for a cache, or dy alone if it takes one argument.
    gradcheck(value=f, grad=g, at=theta)    a scalar function of a vector, and its gradient; parts names slices of it

    entries=True compares entry by entry (400 of a tensor, at most) even where a random direction agrees.
    What cannot be checked (no rows, integers for a layer, another width, a wrong signature) raises InputError.
    """
    if (obj is not None) + (forward is not None) + (value is not None) != 1:
        raise InputError(f"gradcheck takes one thing: {arguments.FORMS}")
    check_whole("seed", seed, 0)
    check_number("tolerance", tolerance, "(0, inf)")
    rng = np.random.default_rng([seed, DY_KEY])
    if forward is not None:
        pairs = [pair_of_functions(forward, backward, x, params)]
    elif value is not None:
        pairs = [pair_of_value(value, grad, at, parts)]
    elif isinstance(obj, Loss):
        pairs = pairs_of_loss(obj, x, rng)
    elif isinstance(obj, Layer):
        pairs = pairs_of_layer(obj, x, rng, seed)
    else:
        raise arguments.unknown_object(obj)
    criterion = Criterion(rng, tolerance)
    return joined([_check(pair, criterion, entries) for pair in pairs])


def _check(pair: Pair, criterion: Criterion, entries: bool) -> Report:
    with restored(pair.tensors.values()):
        if pair.x is not None:
            pair.run_forward(other_batch(pair.x))  # a function that keeps the first batch it sees now keeps a wrong one
        y = pair.y()
    dy = criterion.rng.standard_normal(y.shape) if y.ndim else np.array(1.0)
    with restored(pair.tensors.values()):
        violated = violation(pair, dy)
    if not violated and not np.isfinite(y).all():
        violated = "forward is not finite: y holds inf or nan, so it has no derivative here"
    if violated:
        return Report(pair.title, [not_compared(pair, name, "not compared") for name in pair.tensors], violated)
    with restored(pair.tensors.values()):
        return _compare_numbers(pair, dy, criterion, entries)


def _compare_numbers(pair: Pair, dy: Array, criterion: Criterion, entries: bool) -> Report:
    """The comparison, away from kinks. At a kink a gradient need only lie between the one-sided derivatives."""
    point = Point(pair, dy, criterion)
    here = nearby = point.compare(entries)
    for _ in range(MOVES):
        if any(c.kink for c in nearby):
            _move(pair, criterion)
            point = Point(pair, dy, criterion)
            nearby = point.compare(entries)
    report = Report(pair.title, nearby, notes=_notes(point, here, nearby))
    wrong = [c for c in nearby if c.verdict != "ok"]
    report.diagnosis = _diagnosis(point, wrong) if wrong else _kink_errors(here, nearby)
    return report


def _move(pair: Pair, criterion: Criterion) -> None:
    """To a point nearby, in every tensor."""
    for a in pair.tensors.values():
        a += 0.01 * rms(a) * criterion.rng.standard_normal(a.shape)


def _notes(point: Point, here: list[Comparison], nearby: list[Comparison]) -> list[str]:
    """What a person should know even where everything agrees."""
    notes = [_kink_note(c) for c in here if c.kink]
    notes += [
        f"{c.name}: y has few significant digits here; equal within the rounding error of the differences"
        for c in nearby
        if c.rounding
    ]
    if all(c.analytic.size and max(max_abs(c.analytic), max_abs(c.numeric)) < point.negligible(c.name) for c in nearby):
        notes.append("every gradient is 0 up to rounding here, so the comparison says little: try another x")
    return notes


def _kink_note(c: Comparison) -> str:
    where = f" at {c.kink_at}" if c.kink_at else ""
    return f"{c.name} lies on or near a kink{where}, where there is no derivative: compared at a point nearby"


def _kink_errors(here: list[Comparison], nearby: list[Comparison]) -> str:
    """The diagnosis of gradients that are wrong at kinks alone."""
    for old, new in zip(here, nearby, strict=True):
        new.verdict = "wrong at kinks" if old.kink_error else new.verdict
    return "\n".join(c.kink_error for c in here if c.kink_error)


def _diagnosis(point: Point, wrong: list[Comparison]) -> str:
    """A line for each tensor whose gradient is wrong; its verdict becomes the cause."""
    pair, dy, magnitude, criterion = point.pair, point.dy, point.magnitude, point.criterion
    jacobians = {
        name: jacobian(pair.y, a, dy, magnitude, criterion.sample_entries(a)) for name, a in pair.tensors.items()
    }
    weights = [dy, criterion.rng.standard_normal(dy.shape)] if dy.ndim else [dy]
    gradients = [(w, pair.gradients(w)) for w in weights]
    lines = []
    for c in wrong:
        text = explain([Evidence(pair, c.name, w, pair.y(), magnitude, grads, jacobians) for w, grads in gradients])
        c.verdict = cause(text)
        lines.append(f"{c.name}: {text}{_example(c)}")
    return "\n".join(lines)


def _example(c: Comparison) -> str:
    if not c.analytic.size:
        return ""
    a, n = c.analytic.flat[c.worst], c.numeric.flat[c.worst]
    return f". {gradient_name(c.name)}{c.where} is {a:.6g}, central differences give {n:.6g}"
