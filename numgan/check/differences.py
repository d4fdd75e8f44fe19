"""Numerical derivatives: central differences with an adapted step size, an error estimate and detection of kinks.

A kink is a point where a function has no derivative, but one on each side: 0 for ReLU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

EPS = float(np.finfo(np.float64).eps)
STEPS = (1e-4, 1e-5, 1e-6, 1e-7, 1e-3, 1e-2)  # relative to the array's rms, in the order in which they are tried
LEAST = 1e-3  # intermediate results of a function are mostly of order 1, however small its y

Function = Callable[[], np.ndarray]  # takes no argument: it reads arrays, which are modified in place and restored


@dataclass(frozen=True)
class Derivative:
    """The derivative of an array y along one direction, with its estimated quality.

    y′ (shape of y) is kept whole, so that one set of evaluations serves every dy: ∂L/∂t = ⟨dy, y′⟩.
    """

    central: np.ndarray  # central difference, extrapolated from two step sizes
    left: np.ndarray  # the one-sided derivatives, which differ at a kink
    right: np.ndarray
    error: float  # of ⟨dy, central⟩, estimated
    kink: bool


@dataclass(frozen=True)
class Jacobian:
    """Columns of the Jacobian: the derivatives of y in single entries of a tensor, `at` their flat positions."""

    at: np.ndarray
    columns: list[Derivative]

    def vjp(self, dy: np.ndarray) -> np.ndarray:
        """The vector-Jacobian product: ∂L/∂(each entry) = ⟨dy, y′⟩."""
        return np.array([np.vdot(dy, column.central) for column in self.columns])

    @property
    def errors(self) -> np.ndarray:
        return np.array([column.error for column in self.columns])

    @property
    def kinks(self) -> np.ndarray:
        return np.array([column.kink for column in self.columns], dtype=bool)

    def bounds(self, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest ⟨dy, y′⟩ between the one-sided derivatives (at a kink: the subderivatives)."""
        sides = [(dy * column.left, dy * column.right) for column in self.columns]
        low = [np.minimum(left, right).sum() for left, right in sides]
        high = [np.maximum(left, right).sum() for left, right in sides]
        return np.array(low), np.array(high)


def directional_derivative(f: Function, a: np.ndarray, v: np.ndarray, dy: np.ndarray, magnitude: float) -> Derivative:
    """y′ = ∂f/∂t at a + t v, t = 0, by the first step size whose error is small enough, or else by the best.

    magnitude: of the terms of which L = ⟨dy, y⟩ is the sum, so that EPS · magnitude is its rounding error.
    """
    y = f()
    tried: list[Derivative] = []
    for step in STEPS:
        tried.append(_central_difference(f, a, v, dy, y, magnitude, step * rms(a)))
        best = min(tried, key=lambda d: d.error)
        if best.error <= 1e-8 * max(abs(np.vdot(dy, best.central)), gradient_floor(a, magnitude)):
            break
    return best


def jacobian(f: Function, a: np.ndarray, dy: np.ndarray, magnitude: float, at: np.ndarray) -> Jacobian:
    """The derivative in each of the entries `at`."""
    unit = np.zeros(a.shape)
    columns = []
    for i in at:
        unit.flat[i] = 1
        columns.append(directional_derivative(f, a, unit, dy, magnitude))
        unit.flat[i] = 0
    return Jacobian(at, columns)


def magnitude_of_terms(f: Function, arrays: Collection[np.ndarray], dy: np.ndarray, rng: np.random.Generator) -> float:
    """The magnitude of the terms of which L = ⟨dy, y⟩ is the sum: L's own, or what a change in the last bit shows.

    y may be a small difference of large numbers (cancellation), and then its rounding error is theirs. It may even be
    0 by such a difference everywhere (the Wasserstein loss of a constant D), so the result is LEAST or more.
    """
    y = f()
    magnitude = max(float(np.linalg.norm(dy * y)), LEAST)
    for _ in range(3):
        with restored(arrays):
            for a in arrays:
                a *= 1 + EPS * rng.choice([-1.0, 1.0], a.shape)
            magnitude = max(magnitude, float(np.linalg.norm(dy * (f() - y))) / EPS)
    return magnitude


def rms(a: np.ndarray) -> float:
    """The root mean square of a, or 1 where that is 0."""
    return float(np.sqrt(np.mean(np.square(a)))) or 1.0


def gradient_floor(a: np.ndarray, magnitude: float) -> float:
    """A gradient in a below this is negligible: 10⁻³ of the derivative that changes L by its whole magnitude."""
    return 1e-3 * magnitude / rms(a)


@contextmanager
def perturbed(a: np.ndarray, delta: np.ndarray | float) -> Iterator[None]:
    """Inside the block a is a + delta; afterwards it is, bit for bit, what it was."""
    saved = a.copy()
    a += delta
    try:
        yield
    finally:
        a[...] = saved


@contextmanager
def restored(arrays: Iterable[np.ndarray]) -> Iterator[None]:
    """Whatever the block does to the arrays, afterwards they are what they were."""
    with ExitStack() as stack:
        for a in arrays:
            stack.enter_context(perturbed(a, 0))
        yield


def _central_difference(
    f: Function, a: np.ndarray, v: np.ndarray, dy: np.ndarray, y: np.ndarray, magnitude: float, h: float
) -> Derivative:
    """Steps of h and h/2. Their central differences err by O(h²), so (4 fine − coarse) / 3 errs by O(h⁴)."""
    up, down, up_half, down_half = (_value_at(f, a, t * v) for t in (h, -h, h / 2, -h / 2))
    coarse, fine = (up - down) / (2 * h), (up_half - down_half) / h
    noise = EPS * magnitude / h
    error = float(np.linalg.norm(dy * (fine - coarse))) + noise
    # The one-sided derivatives differ by h y″ where y is smooth: half the step, half the gap. At a kink the gap stays.
    gap, gap_half = (np.abs(dy * (u - 2 * y + d)).sum() / t for u, d, t in ((up, down, h), (up_half, down_half, h / 2)))
    kink = gap_half > max(0.75 * gap, 1e3 * noise, 1e-6 * float(np.abs(dy * fine).sum()))
    left, right = (y - down_half) / (h / 2), (up_half - y) / (h / 2)
    return Derivative(fine + (fine - coarse) / 3, left, right, error if math.isfinite(error) else math.inf, bool(kink))


def _value_at(f: Function, a: np.ndarray, delta: np.ndarray) -> np.ndarray:
    with perturbed(a, delta):
        return f()
