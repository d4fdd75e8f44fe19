"""Analytic against numerical gradients at one point: along a random direction, or entry by entry."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from numgan.check.differences import (
    Derivative,
    directional_derivative,
    gradient_floor,
    jacobian,
    magnitude_of_terms,
    rms,
)
from numgan.check.pairs import Pair, gradient_name
from numgan.check.report import Comparison
from numgan.check.simple import max_abs, rel_error

ENTRIES = 400  # how many entries of a tensor are compared one by one, at most


@dataclass(frozen=True)
class Criterion:
    """When two numbers count as equal, and the random generator for directions and entries."""

    rng: np.random.Generator
    tolerance: float

    def verdict(self, error: float, rounding: bool) -> str:
        return "ok" if error <= self.tolerance or rounding else "wrong"

    def is_rounding(self, error: float, analytic: np.ndarray, numeric: np.ndarray, errors: np.ndarray) -> bool:
        """Is the error of the differences themselves the reason, because y has few significant digits here?"""
        near = bool(np.all(np.abs(analytic - numeric) <= 10 * errors))
        return error > self.tolerance and near and max_abs(errors) <= 0.01 * max(max_abs(analytic), max_abs(numeric))

    def sample_entries(self, a: np.ndarray) -> np.ndarray:
        """Flat positions in a: all of them, or ENTRIES of them, drawn at random."""
        return np.arange(a.size) if a.size <= ENTRIES else self.rng.choice(a.size, ENTRIES, replace=False)


class Point:
    """The pair at the present values of its arrays: what backward returns there, and how exact differences are."""

    def __init__(self, pair: Pair, dy: np.ndarray, criterion: Criterion) -> None:
        self.pair, self.dy, self.criterion = pair, dy, criterion
        self.grads = pair.gradients(dy)
        changes = [max_abs(g) * rms(pair.tensors[name]) for name, g in self.grads.items() if g is not None]
        terms = magnitude_of_terms(pair.y, pair.tensors.values(), dy, criterion.rng)
        self.magnitude = max(terms, *filter(math.isfinite, changes), 0.0)

    def compare(self, entries: bool) -> list[Comparison]:
        return [self._compare(name, entries) for name in self.pair.tensors]

    def negligible(self, name: str) -> float:
        """A gradient below this cannot be told from 0."""
        return self.criterion.tolerance * gradient_floor(self.pair.tensors[name], self.magnitude)

    def _compare(self, name: str, entries: bool) -> Comparison:
        g = self.grads.get(name)
        if g is None or g.shape != self.pair.tensors[name].shape:
            return not_compared(self.pair, name, "missing" if g is None else f"shape {g.shape}")
        c = self.along_a_direction(name, g)
        return self.entry_by_entry(name, g, c) if entries or c.kink or c.verdict != "ok" else c

    def along_a_direction(self, name: str, g: np.ndarray) -> Comparison:
        """⟨g, v⟩ against the derivative of L along a random v, no entry of which is small."""
        a, tolerance = self.pair.tensors[name], self.criterion.tolerance
        v = self.criterion.rng.choice([-1.0, 1.0], a.shape) * self.criterion.rng.uniform(0.5, 1.5, a.shape)
        d = self._derivative(a, v)
        analytic, numeric = np.array(np.vdot(g, v)), np.array(np.vdot(self.dy, d.central))
        floor = max(max_abs(g), max_abs(numeric) / float(np.abs(v).sum()), gradient_floor(a, self.magnitude))
        error = rel_error(analytic, numeric, floor)
        rounding = self.criterion.is_rounding(error, analytic, numeric, np.array(d.error))
        verdict = self.criterion.verdict(error, rounding)
        kink = d.kink or (verdict != "ok" and d.error > 0.1 * tolerance * floor)
        return Comparison(name, a.shape, "direction", analytic, numeric, error, verdict, rounding=rounding, kink=kink)

    def entry_by_entry(self, name: str, g: np.ndarray, direction: Comparison) -> Comparison:
        """∂L/∂(entry), one by one; at a kink any value between the two one-sided derivatives is accepted."""
        a, at = self.pair.tensors[name], self.criterion.sample_entries(self.pair.tensors[name])
        if direction.verdict != "ok" and a.size > len(at):
            at = np.append(at, self._wrong_entry(a, g))
        J = jacobian(self.pair.y, a, self.dy, self.magnitude, at)
        analytic, numeric, kinks = g.reshape(-1)[at], J.vjp(self.dy), J.kinks
        low, high = J.bounds(self.dy)
        slack = 1e-3 * max(max_abs(low), max_abs(high))
        outside = kinks & ~((low - slack <= analytic) & (analytic <= high + slack))
        worst = int(np.argmax(kinks * (1.0 + outside) if kinks.any() else np.abs(analytic - numeric)))
        error = rel_error(analytic[~kinks], numeric[~kinks], gradient_floor(a, self.magnitude))
        rounding = self.criterion.is_rounding(error, analytic[~kinks], numeric[~kinks], J.errors[~kinks])
        verdict, where = self.criterion.verdict(error, rounding), _index(a, at[worst])
        c = Comparison(name, a.shape, where, analytic, numeric, error, verdict, worst, rounding)
        c.kink = direction.kink or bool(kinks.any())
        c.kink_at = where if kinks.any() else ""
        if outside.any():
            c.kink_error = _kink_error(c, low[worst], high[worst])
        return c

    def _wrong_entry(self, a: np.ndarray, g: np.ndarray) -> int:
        """The flat position of a wrong entry, by bisection: keep the half whose directional derivative errs more."""
        at = np.arange(a.size)
        while len(at) > 1:
            at = max(np.array_split(at, 2), key=lambda part: self._error_along(a, g, part))
        return int(at[0])

    def _error_along(self, a: np.ndarray, g: np.ndarray, part: np.ndarray) -> float:
        v = np.zeros(a.shape)
        v.flat[part] = self.criterion.rng.uniform(0.5, 1.5, len(part))
        return abs(float(np.vdot(g, v) - np.vdot(self.dy, self._derivative(a, v).central)))

    def _derivative(self, a: np.ndarray, v: np.ndarray) -> Derivative:
        return directional_derivative(self.pair.y, a, v, self.dy, self.magnitude)


def not_compared(pair: Pair, name: str, verdict: str) -> Comparison:
    """The row of a tensor whose numbers were not compared."""
    return Comparison(name, pair.tensors[name].shape, "-", np.zeros(0), np.zeros(0), math.inf, verdict)


def _kink_error(c: Comparison, low: float, high: float) -> str:
    return (
        f"{c.name}: correct everywhere but at kinks: {gradient_name(c.name)}{c.where} is {c.analytic[c.worst]:.6g}, "
        f"the one-sided derivatives are {low:.6g} and {high:.6g}"
    )


def _index(a: np.ndarray, i: int) -> str:
    return str([int(k) for k in np.unravel_index(i, a.shape)])
