"""What a hypothesis about a wrong gradient is tested on: analytic and numerical gradients, here and in variations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numgan.check.differences import Jacobian, jacobian
from numgan.check.pairs import Gradients, Pair, gradient_name
from numgan.check.simple import rel_error

NONE = np.zeros((0, 0, 0, 0))  # in place of a gradient that backward does not return: no tensor's shape


@dataclass(frozen=True)
class Evidence:
    """The analytic and the numerical gradient of the tensor `name`, for one dy."""

    pair: Pair
    name: str
    dy: np.ndarray
    y: np.ndarray
    magnitude: float
    grads: Gradients
    jacobians: dict[str, Jacobian]

    @property
    def tensor(self) -> np.ndarray:
        return self.pair.tensors[self.name]

    @property
    def dname(self) -> str:
        """The name of the gradient: dW for W."""
        return gradient_name(self.name)

    @property
    def returned(self) -> bool:
        """Does backward return a gradient for this tensor?"""
        return self.grads.get(self.name) is not None

    @property
    def analytic(self) -> np.ndarray:
        """The gradient that backward returns, or NONE."""
        g = self.grads.get(self.name)
        return NONE if g is None else g

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
        """Does backward return a gradient of the tensor's shape?"""
        return self.analytic.shape == self.tensor.shape

    def correct(self, candidate: np.ndarray | None) -> bool:
        """Does the candidate agree with the numerical gradient?"""
        if candidate is None or np.shape(candidate) != self.tensor.shape:
            return False
        J = self.jacobians[self.name]
        return close(np.reshape(candidate, -1)[J.at], J.vjp(self.dy))

    def is_analytic(self, candidate: np.ndarray | None) -> bool:
        """Is the candidate, which some mistake would produce, what backward returns? NaN stands for unknown."""
        return candidate is not None and close(candidate, self.analytic)

    def numeric(self, dy: np.ndarray) -> np.ndarray:
        """The numerical gradient for this dy, NaN in entries that were not measured."""
        J = self.jacobians[self.name]
        out = np.full(self.tensor.shape, np.nan)
        out.flat[J.at] = J.vjp(dy)
        return out

    def of(self, name: str) -> Evidence:
        """The evidence on another tensor."""
        return replace(self, name=name)

    def numeric_at(self, x: np.ndarray) -> np.ndarray | None:
        """The numerical gradient at another x, or None where forward does not accept that x."""
        pair, at = replace(self.pair, x=x), self.jacobians[self.name].at
        try:
            if pair.y().shape != self.y.shape or len(at) < self.tensor.size:
                return None
            J = jacobian(pair.y, pair.tensors[self.name], self.dy, self.magnitude, at)
            return J.vjp(self.dy).reshape(self.tensor.shape)
        except Exception:  # a student's function may fail at an x that is not its own with any exception
            return None

    def with_cache(self, old: np.ndarray, new: np.ndarray) -> np.ndarray | None:
        """What backward returns where `new` replaces `old` in its cache; None if `old` is not in it."""
        _, cache = self.pair.run_forward(self.pair.x)
        replaced, hits = _replaced(cache, old, new)
        return self.pair.run_backward(self.dy.copy(), replaced).get(self.name) if hits else None

    def last_inputs(self) -> Iterator[np.ndarray]:
        """Possible inputs of an activation that comes last: x itself, or x W (+ b)."""
        x = self.pair.x
        if x is None:
            return
        if x.shape == self.y.shape:
            yield x
        biases = [0.0, *(b for b in self.pair.params.values() if b.ndim == 1 and b.shape == self.y.shape[-1:])]
        for W in self.matrices():
            if x.ndim == 2 and x.shape[1] == len(W) and (len(x), W.shape[1]) == self.y.shape:
                yield from (x @ W + b for b in biases)

    def first_inputs(self) -> Iterator[tuple[str, np.ndarray]]:
        """Possible inputs of the first activation, whatever comes after it, with a name: x itself, or x W (+ b)."""
        x = self.pair.x
        if x is not None:
            yield "x", x
        for W in self.matrices() if x is not None and x.ndim == 2 else ():
            if x is not None and x.shape[1] == len(W):
                biases = [b for b in self.pair.params.values() if b.shape == W.shape[1:]]
                yield from ((name, x @ W + b) for name, b in [("x W", 0.0), *(("x W + b", b) for b in biases)])

    def backpropagated(self, dh: np.ndarray) -> Iterator[np.ndarray]:
        """What dx, dW or db would be if ∂L/∂h were dh: backward through the matrices of the pair, last one first."""
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


def close(u: np.ndarray | None, v: np.ndarray) -> bool:
    """Equal up to 10⁻⁵ where u is known, and not all zero."""
    u, v = np.asarray(u, dtype=float), np.asarray(v, dtype=float)  # None becomes NaN
    if u.shape != v.shape or not v.any():
        return False
    known = ~np.isnan(u)
    return bool(known.any()) and rel_error(u[known], v[known]) <= 1e-5


def _replaced(cache: Any, old: np.ndarray, new: np.ndarray) -> tuple[Any, int]:
    """The cache with each array that equals `old` replaced, and how many there were."""
    if isinstance(cache, np.ndarray):
        return (new, 1) if np.array_equal(cache, old) else (cache, 0)
    if isinstance(cache, dict):
        values, hits = _replaced(list(cache.values()), old, new)
        return dict(zip(cache, values, strict=True)), hits
    if type(cache) in (list, tuple):
        parts = [_replaced(v, old, new) for v in cache]
        return type(cache)(v for v, _ in parts), sum(hits for _, hits in parts)
    return cache, 0
