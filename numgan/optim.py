"""Optimisers: a few lines on one flat vector θ and its gradient, in place.

A learning rate or momentum is a number, or a function of t, the number of updates made before this one. `Ramp` and
`Decay` are two such functions which a checkpoint can store.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from numgan.backend import Array, array_module
from numgan.errors import InputError

Schedule = float | Callable[[int], float]

BLOCK = 32_768  # numbers per block: θ, its gradient, two moments and a scratch block then stay in cache together


@dataclass(frozen=True)
class Ramp:
    """From `start` to `end` in a straight line between updates `begin` and `finish`, constant outside."""

    start: float
    end: float
    begin: int
    finish: int

    def __call__(self, t: int) -> float:
        done = min(max((t - self.begin) / (self.finish - self.begin), 0.0), 1.0)
        return self.start + (self.end - self.start) * done


@dataclass(frozen=True)
class Decay:
    """start / factorᵗ, but never below `floor`."""

    start: float
    factor: float
    floor: float = 0.0

    def __call__(self, t: int) -> float:
        return max(self.start * math.exp(-t * math.log(self.factor)), self.floor)


@dataclass(eq=False)
class Optimizer:
    """Counts the updates, keeps the state vectors, and refuses a θ that is not the one it began with."""

    lr: Schedule
    t: int = field(default=0, init=False)
    state: dict[str, Array] = field(default_factory=dict, init=False, repr=False)
    state_names = ()

    def step(self, theta: Array, grad: Array) -> None:
        """One update of theta, in place. grad is only read."""
        if theta.shape != grad.shape or theta.dtype != grad.dtype or theta.ndim != 1:
            raise InputError(
                f"theta and grad must be flat vectors alike, got {theta.dtype}{theta.shape} and {grad.dtype}{grad.shape}"
            )
        if not self.state:
            self.begin(theta)
        for vector in self.state.values():
            if vector.shape != theta.shape:
                raise InputError(
                    f"this {type(self).__name__} began with {len(vector)} parameters and was given {len(theta)}: "
                    "each network needs an optimiser of its own"
                )
        self.update(theta, grad)
        self.t += 1

    def begin(self, theta: Array) -> None:
        """State vectors of zeros, as before the first update."""
        zeros_like = array_module(theta).zeros_like
        self.state = {name: zeros_like(theta) for name in self.state_names}

    def update(self, theta: Array, grad: Array) -> None:
        raise NotImplementedError


@dataclass(eq=False)
class SGD(Optimizer):
    """v ← μ v − lr · g;  θ ← θ + v, with μ the momentum. Sutskever et al. 2013, eqs. 1-2."""

    momentum: Schedule = 0.0
    state_names = ("v",)

    def __post_init__(self) -> None:
        _check_schedule("lr", self.lr, low=0.0)
        _check_schedule("momentum", self.momentum, low=0.0, high=1.0)

    def update(self, theta: Array, grad: Array) -> None:
        lr, momentum = _at(self.lr, self.t), _at(self.momentum, self.t)
        for th, g, v in _blocks(theta, grad, self.state["v"]):
            v *= momentum
            v -= lr * g
            th += v


@dataclass(eq=False)
class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  θ ← θ − lr · m̂ / (√v̂ + eps),

    with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ) and t = 1 at the first update. Kingma & Ba 2015, Algorithm 1.

    The state holds m / (1 − β₁) and v / (1 − β₂): then one multiply and one add advance each, and all the constants
    fold into two numbers, α and ε, outside the loop:  θ ← θ − α · m / (√v + ε).
    """

    lr: Schedule = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    eps: float = 1e-8
    state_names = ("m", "v")

    def __post_init__(self) -> None:
        _check_schedule("lr", self.lr, low=0.0)
        for name, beta in (("beta1", self.beta1), ("beta2", self.beta2)):
            _check_schedule(name, beta, low=0.0, high=1.0)
        if not self.eps > 0:
            raise InputError(f"Adam's eps must be positive, got {self.eps!r}")

    def update(self, theta: Array, grad: Array) -> None:
        t = self.t + 1
        root = math.sqrt((1 - self.beta2) / (1 - self.beta2**t))  # √v̂ = root · √v
        alpha = _at(self.lr, self.t) * (1 - self.beta1) / (1 - self.beta1**t) / root
        eps = self.eps / root
        xp = array_module(theta)
        for th, g, m, v in _blocks(theta, grad, self.state["m"], self.state["v"]):
            m *= self.beta1
            m += g
            v *= self.beta2
            s = g * g
            v += s
            xp.sqrt(v, out=s)
            s += eps
            xp.divide(m, s, out=s)
            s *= alpha
            th -= s


def _blocks(*vectors: Array) -> Iterator[tuple[Array, ...]]:
    """The same block of each vector in turn: every operation of an update then finds its numbers in the cache."""
    for i in range(0, len(vectors[0]), BLOCK):
        yield tuple(vector[i : i + BLOCK] for vector in vectors)


def _at(value: Schedule, t: int) -> float:
    return value(t) if callable(value) else value


def _check_schedule(name: str, value: Schedule, low: float, high: float = math.inf) -> None:
    if not callable(value) and not low <= value < high:
        raise InputError(f"{name} must be a number in [{low}, {high}) or a function of the update count, got {value!r}")
