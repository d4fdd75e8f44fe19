"""Claims against slopes at one point: along a random direction, or entry by entry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from numgan.check.contract import d
from numgan.check.differences import Slope, columns, floor, peak, rel_error, resolution, scale, slope
from numgan.check.pairs import Pair
from numgan.check.report import Comparison

ENTRIES = 400  # how many entries of a tensor are checked one by one, at most


@dataclass(frozen=True)
class Judge:
    """When two numbers count as equal."""

    rng: np.random.Generator
    tolerance: float

    def verdict(self, error: float, rough: bool) -> str:
        return "ok" if error <= self.tolerance or rough else "wrong"

    def rough(self, error: float, claimed: np.ndarray, found: np.ndarray, errors: np.ndarray) -> bool:
        """Are the differences in doubt, not the claim, because y has too few digits here?"""
        near = bool(np.all(np.abs(claimed - found) <= 10 * errors))
        return error > self.tolerance and near and peak(errors) <= 0.01 * max(peak(claimed), peak(found))

    def sample(self, a: np.ndarray) -> np.ndarray:
        """Flat positions in a: all of them, or as many as are checked, drawn at random."""
        return np.arange(a.size) if a.size <= ENTRIES else self.rng.choice(a.size, ENTRIES, replace=False)


class Point:
    """The pair where its arrays now stand: what backward claims there, and how well differences can tell."""

    def __init__(self, pair: Pair, dy: np.ndarray, judge: Judge) -> None:
        self.pair, self.dy, self.judge = pair, dy, judge
        self.grads = pair.gradients(dy)
        changes = [peak(g) * scale(pair.tensors[name]) for name, g in self.grads.items() if g is not None]
        self.size = max(resolution(pair.y, pair.tensors.values(), dy, judge.rng), *filter(math.isfinite, changes), 0.0)

    def compare(self, entries: bool) -> list[Comparison]:
        return [self._compare(name, entries) for name in self.pair.tensors]

    def least(self, name: str) -> float:
        """A gradient below this cannot be told from 0."""
        return self.judge.tolerance * floor(self.pair.tensors[name], self.size)

    def _compare(self, name: str, entries: bool) -> Comparison:
        g = self.grads.get(name)
        if g is None or g.shape != self.pair.tensors[name].shape:
            return uncompared(self.pair, name, "missing" if g is None else f"shape {g.shape}")
        c = self.along_a_direction(name, g)
        return self.by_entry(name, g, c) if entries or c.kink or c.verdict != "ok" else c

    def along_a_direction(self, name: str, g: np.ndarray) -> Comparison:
        """⟨g, v⟩ against the slope of L along a random v, no entry of which is small."""
        a = self.pair.tensors[name]
        v = self.judge.rng.choice([-1.0, 1.0], a.shape) * self.judge.rng.uniform(0.5, 1.5, a.shape)
        s = self._slope(a, v)
        claimed, found = np.array(np.vdot(g, v)), np.array(np.vdot(self.dy, s.middle))
        least = max(peak(g), peak(found) / float(np.abs(v).sum()), floor(a, self.size))
        error = rel_error(claimed, found, least)
        rough = self.judge.rough(error, claimed, found, np.array(s.error))
        verdict = self.judge.verdict(error, rough)
        kink = s.kink or (verdict != "ok" and s.error > 0.1 * self.judge.tolerance * least)
        return Comparison(name, a.shape, "direction", claimed, found, error, verdict, rough=rough, kink=kink)

    def by_entry(self, name: str, g: np.ndarray, direction: Comparison) -> Comparison:
        """∂L/∂(entry), one by one; one at a kink has no derivative, and is judged by the slopes on its two sides."""
        a, at = self.pair.tensors[name], self.judge.sample(self.pair.tensors[name])
        if direction.verdict != "ok" and a.size > len(at):
            at = np.append(at, self._culprit(a, g))
        measured = columns(self.pair.y, a, self.dy, self.size, at)
        claimed, found, kinks = g.reshape(-1)[at], measured.weighed(self.dy), measured.kinks
        low, high = measured.bounds(self.dy)
        slack = 1e-3 * max(peak(low), peak(high))
        outside = kinks & ~((low - slack <= claimed) & (claimed <= high + slack))
        worst = int(np.argmax(kinks * (1.0 + outside) if kinks.any() else np.abs(claimed - found)))
        error = rel_error(claimed[~kinks], found[~kinks], floor(a, self.size))
        rough = self.judge.rough(error, claimed[~kinks], found[~kinks], measured.errors[~kinks])
        c = Comparison(name, a.shape, _position(a, at[worst]), claimed, found, error, self.judge.verdict(error, rough))
        c.worst, c.rough, c.kink = worst, rough, direction.kink or bool(kinks.any())
        if outside.any():
            c.beyond = _beyond(c, low[worst], high[worst])
        return c

    def _culprit(self, a: np.ndarray, g: np.ndarray) -> int:
        """The flat position of a wrong entry: the direction that is further off is halved until one entry is left."""
        at = np.arange(a.size)
        while len(at) > 1:
            at = max(np.array_split(at, 2), key=lambda part: self._gap(a, g, part))
        return int(at[0])

    def _gap(self, a: np.ndarray, g: np.ndarray, part: np.ndarray) -> float:
        v = np.zeros(a.shape)
        v.flat[part] = self.judge.rng.uniform(0.5, 1.5, len(part))
        return abs(float(np.vdot(g, v) - np.vdot(self.dy, self._slope(a, v).middle)))

    def _slope(self, a: np.ndarray, v: np.ndarray) -> Slope:
        return slope(self.pair.y, a, v, self.dy, self.size)


def uncompared(pair: Pair, name: str, verdict: str) -> Comparison:
    """The row of a tensor whose numbers were not looked at."""
    return Comparison(name, pair.tensors[name].shape, "-", np.zeros(0), np.zeros(0), math.inf, verdict)


def _beyond(c: Comparison, low: Any, high: Any) -> str:
    return (
        f"{c.name}: correct everywhere but at kinks: {d(c.name)}{c.where} is {c.analytic[c.worst]:.6g}, "
        f"the slopes on the two sides are {low:.6g} and {high:.6g}"
    )


def _position(a: np.ndarray, i: int) -> str:
    return str([int(k) for k in np.unravel_index(i, a.shape)])
