"""Numerical derivatives: central differences, a step chosen by scale, an estimate of the error, an eye for kinks."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

EPS = float(np.finfo(np.float64).eps)
STEPS = (1e-4, 1e-5, 1e-6, 1e-7, 1e-3, 1e-2)  # relative to the array's own scale, in the order in which they are tried
LEAST = 1e-3  # what goes on inside a function is mostly of order 1, however small its y

Function = Callable[[], np.ndarray]  # takes nothing: it reads arrays, which are changed in place and put back


@dataclass(frozen=True)
class Slope:
    """The derivative of an array y along one direction, and what is known about its quality.

    y′ (shape of y) is kept whole, so that one set of evaluations serves every dy: ∂L/∂t = ⟨dy, y′⟩.
    """

    middle: np.ndarray  # central difference, extrapolated from two steps
    left: np.ndarray  # the one-sided slopes, which differ at a kink
    right: np.ndarray
    error: float  # of ⟨dy, middle⟩, estimated
    kink: bool


@dataclass(frozen=True)
class Columns:
    """Slopes of y along single entries of a tensor, `at` their flat positions: columns of the Jacobian."""

    at: np.ndarray
    slopes: list[Slope]

    def weighed(self, dy: np.ndarray) -> np.ndarray:
        """∂L/∂(each entry) = ⟨dy, y′⟩."""
        return np.array([np.vdot(dy, s.middle) for s in self.slopes])

    @property
    def errors(self) -> np.ndarray:
        return np.array([s.error for s in self.slopes])

    @property
    def kinks(self) -> np.ndarray:
        return np.array([s.kink for s in self.slopes], dtype=bool)

    def bounds(self, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest ⟨dy, y′⟩ that one-sided slopes allow: at a kink, all between is a fair answer."""
        sides = [(dy * s.left, dy * s.right) for s in self.slopes]
        low = [np.minimum(left, right).sum() for left, right in sides]
        high = [np.maximum(left, right).sum() for left, right in sides]
        return np.array(low), np.array(high)


def rel_error(a: np.ndarray, n: np.ndarray, floor: float = 0.0) -> float:
    """max|a − n| / max(|a|∞, |n|∞, floor): one number per tensor."""
    size = max(peak(a), peak(n), floor)
    if math.isinf(size):
        return math.inf
    return peak(a - n) / size if size else 0.0


def slope(f: Function, a: np.ndarray, v: np.ndarray, dy: np.ndarray, size: float) -> Slope:
    """y′ = ∂f/∂t at a + t v, t = 0, by the first step size that is good enough, or else the best.

    size: how large the numbers are of which L is made, so that EPS · size is its rounding error.
    """
    y = f()
    tries: list[Slope] = []
    for step in STEPS:
        tries.append(_attempt(f, a, v, dy, y, size, step * scale(a)))
        best = min(tries, key=lambda s: s.error)
        if best.error <= 1e-8 * max(abs(np.vdot(dy, best.middle)), floor(a, size)):
            break
    return best


def columns(f: Function, a: np.ndarray, dy: np.ndarray, size: float, at: np.ndarray) -> Columns:
    """The slope along each of the entries `at`."""
    unit = np.zeros(a.shape)
    slopes = []
    for i in at:
        unit.flat[i] = 1
        slopes.append(slope(f, a, unit, dy, size))
        unit.flat[i] = 0
    return Columns(at, slopes)


def resolution(f: Function, arrays: Collection[np.ndarray], dy: np.ndarray, rng: np.random.Generator) -> float:
    """The size of the numbers of which L = ⟨dy, y⟩ is made: L itself, or what a change in the last bit says.

    y may be the small difference of large numbers, and then its rounding error is theirs. It may even be 0 by such
    a difference wherever one looks (a Wasserstein loss of a dead D), so the size is LEAST at least.
    """
    y = f()
    size = max(float(np.linalg.norm(dy * y)), LEAST)
    for _ in range(3):
        with kept(arrays):
            for a in arrays:
                a *= 1 + EPS * rng.choice([-1.0, 1.0], a.shape)
            size = max(size, float(np.linalg.norm(dy * (f() - y))) / EPS)
    return size


def scale(a: np.ndarray) -> float:
    """The root mean square of a, or 1 where that is 0."""
    return float(np.sqrt(np.mean(np.square(a)))) or 1.0


def floor(a: np.ndarray, size: float) -> float:
    """A gradient below this is as good as 0: 10⁻³ of the slope that changes a thing of this size by all of it."""
    return 1e-3 * size / scale(a)


def peak(a: np.ndarray) -> float:
    """|a|∞, and ∞ where an entry is not a number."""
    top = float(np.max(np.abs(a), initial=0.0))
    return math.inf if math.isnan(top) else top


@contextmanager
def moved(a: np.ndarray, delta: np.ndarray | float) -> Iterator[None]:
    """For a while a is a + delta; afterwards it is, bit for bit, what it was."""
    saved = a.copy()
    a += delta
    try:
        yield
    finally:
        a[...] = saved


@contextmanager
def kept(arrays: Iterable[np.ndarray]) -> Iterator[None]:
    """Whatever happens to the arrays meanwhile, afterwards they are what they were."""
    with ExitStack() as stack:
        for a in arrays:
            stack.enter_context(moved(a, 0))
        yield


def _attempt(
    f: Function, a: np.ndarray, v: np.ndarray, dy: np.ndarray, y: np.ndarray, size: float, h: float
) -> Slope:
    """One pair of steps, h and h/2. Their central differences err by O(h²), so (4 fine − coarse) / 3 errs by O(h⁴)."""
    up, down, up_half, down_half = (_at(f, a, t * v) for t in (h, -h, h / 2, -h / 2))
    coarse, fine = (up - down) / (2 * h), (up_half - down_half) / h
    noise = EPS * size / h
    error = float(np.linalg.norm(dy * (fine - coarse))) + noise
    # The two one-sided slopes differ by h y″ where y is smooth: half the step, half the gap. At a kink the gap stays.
    gap, gap_half = (np.abs(dy * (u - 2 * y + d)).sum() / t for u, d, t in ((up, down, h), (up_half, down_half, h / 2)))
    kink = gap_half > max(0.75 * gap, 1e3 * noise, 1e-6 * float(np.abs(dy * fine).sum()))
    left, right = (y - down_half) / (h / 2), (up_half - y) / (h / 2)
    return Slope(fine + (fine - coarse) / 3, left, right, error if math.isfinite(error) else math.inf, bool(kink))


def _at(f: Function, a: np.ndarray, delta: np.ndarray) -> np.ndarray:
    with moved(a, delta):
        return f()
