"""All that a hypothesis about a wrong gradient may look at, and the ways in which it may look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numgan.check.differences import Columns, columns, rel_error
from numgan.check.pairs import Pair


@dataclass(frozen=True)
class Evidence:
    """What backward claims, for one dy, and what was measured, about the tensor `name`."""

    pair: Pair
    name: str
    dy: np.ndarray
    y: np.ndarray
    size: float
    grads: dict[str, Any]
    columns: dict[str, Columns]

    @property
    def tensor(self) -> np.ndarray:
        return self.pair.tensors[self.name]

    @property
    def claim(self) -> Any:
        return self.grads.get(self.name)

    @property
    def is_x(self) -> bool:
        return self.name == self.pair.x_name

    @property
    def m(self) -> int:
        """Rows in the batch."""
        rows = self.tensor if self.pair.x is None else self.pair.x
        return len(rows) if rows.ndim else 1

    @property
    def fits(self) -> bool:
        """Is there a claim, in the tensor's shape?"""
        return self.claim is not None and self.claim.shape == self.tensor.shape

    def right(self, candidate: Any) -> bool:
        """Does the candidate agree with the differences?"""
        if candidate is None or np.shape(candidate) != self.tensor.shape:
            return False
        measured = self.columns[self.name]
        return close(np.reshape(candidate, -1)[measured.at], measured.weighed(self.dy))

    def claimed(self, candidate: Any) -> bool:
        """Is the candidate, which a mistake would produce, what backward returned? NaN stands for "not known"."""
        return candidate is not None and self.claim is not None and close(candidate, self.claim)

    def measured(self, weights: np.ndarray) -> np.ndarray:
        """The true gradient if dy were `weights`, NaN where it was not measured."""
        out = np.full(self.tensor.shape, np.nan)
        out.flat[self.columns[self.name].at] = self.columns[self.name].weighed(weights)
        return out

    def about(self, name: str) -> Evidence:
        return replace(self, name=name)

    def elsewhere(self, x: np.ndarray) -> np.ndarray | None:
        """The true gradient at another x, in the tensor's shape, or None where forward refuses that x."""
        pair, at = replace(self.pair, x=x), self.columns[self.name].at
        try:
            if pair.y().shape != self.y.shape or len(at) < self.tensor.size:
                return None
            there = columns(pair.y, pair.tensors[self.name], self.dy, self.size, at)
            return there.weighed(self.dy).reshape(self.tensor.shape)
        except Exception:  # a student's function may refuse an x that is not its own in any way it likes
            return None

    def with_cache(self, old: np.ndarray, new: np.ndarray) -> Any:
        """What backward returns when `new` stands for `old` in its cache; None where `old` is not in it."""
        _, cache = self.pair.run(self.pair.x)
        swapped, hits = _exchange(cache, old, new)
        return self.pair.back(self.dy.copy(), swapped).get(self.name) if hits else None

    def inputs(self) -> Iterator[np.ndarray]:
        """What the last activation may have been given: x itself, or x W (+ b)."""
        x = self.pair.x
        if x is None:
            return
        if x.shape == self.y.shape:
            yield x
        biases = [0.0, *(b for b in self.pair.params.values() if b.ndim == 1 and b.shape == self.y.shape[-1:])]
        for W in self.matrices():
            if x.ndim == 2 and x.shape[1] == len(W) and (len(x), W.shape[1]) == self.y.shape:
                yield from (x @ W + b for b in biases)

    def hidden(self) -> Iterator[tuple[str, np.ndarray]]:
        """What any first activation may have been given, whatever comes after it: x itself, or x W (+ b)."""
        x = self.pair.x
        if x is not None:
            yield "x", x
        for W in self.matrices() if x is not None and x.ndim == 2 else ():
            if x is not None and x.shape[1] == len(W):
                biases = [b for b in self.pair.params.values() if b.shape == W.shape[1:]]
                yield from ((name, x @ W + b) for name, b in [("x W", 0.0), *(("x W + b", b) for b in biases)])

    def through(self, dh: np.ndarray) -> Iterator[np.ndarray]:
        """What dx, dW or db would be if ∂L/∂h were dh: back through the matrices of the pair, last one first."""
        signals = [dh]
        for W in self.matrices()[::-1]:
            if dh.ndim == 2 and signals[-1].shape[1] == W.shape[1]:
                signals.append(signals[-1] @ W.T)
        for s in signals:
            yield s
            if self.pair.x is not None and self.pair.x.ndim == s.ndim == 2 and len(s) == self.m:
                yield from (self.pair.x.T @ s, s.sum(axis=0))

    def matrices(self) -> list[np.ndarray]:
        return [W for W in self.pair.params.values() if W.ndim == 2]


def close(u: Any, v: Any) -> bool:
    """Alike up to 10⁻⁵ where u is known, and not all zero."""
    u, v = np.asarray(u, dtype=float), np.asarray(v, dtype=float)
    if u.shape != v.shape or not v.any():
        return False
    known = ~np.isnan(u)
    return bool(known.any()) and rel_error(u[known], v[known]) <= 1e-5


def _exchange(cache: Any, old: np.ndarray, new: np.ndarray) -> tuple[Any, int]:
    """The cache with each array that equals `old` replaced, and how many there were."""
    if isinstance(cache, np.ndarray):
        return (new, 1) if np.array_equal(cache, old) else (cache, 0)
    if isinstance(cache, dict):
        values, hits = _exchange(list(cache.values()), old, new)
        return dict(zip(cache, values, strict=True)), hits
    if type(cache) in (list, tuple):
        parts = [_exchange(v, old, new) for v in cache]
        return type(cache)(v for v, _ in parts), sum(hits for _, hits in parts)
    return cache, 0
