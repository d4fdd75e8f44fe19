"""Optimisers: a few lines on one flat vector θ and its gradient, in place.

A learning rate or momentum is a number, or a function of t, the number of updates made before this one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from numgan.backend import Array, array_module, check_alike, fused
from numgan.errors import InputError, check_number
from numgan.parallel import blocks, each_span
from numgan.schedules import Schedule, at, check_schedule


@dataclass(eq=False)
class Optimizer:
    """Counts the updates and keeps the state vectors. Belongs to one θ, until `reset`.

    A rate may be changed between updates: opt.lr = 1e-4.
    """

    lr: Schedule
    t: int = field(default=0, init=False)
    state: dict[str, Array] = field(default_factory=dict, init=False, repr=False)
    state_names: ClassVar[tuple[str, ...]] = ()

    def step(self, theta: Array, grad: Array) -> None:
        """One update of theta, in place. grad is only read."""
        if not self.state or type(grad) is not type(theta) or theta.shape != grad.shape or theta.dtype != grad.dtype:
            check_alike(theta, grad)
            self.begin(theta)
        first = next(iter(self.state.values()), theta)
        if first.shape != theta.shape:
            sizes = f"began with {len(first)} parameters and was given {len(theta)}"
            raise InputError(f"this {type(self).__name__} {sizes}: each network needs an optimiser of its own")
        vectors = (theta, grad, *self.state.values())
        each_span(len(theta), lambda span: self.update(*(vector[span] for vector in vectors)))
        self.t += 1

    def begin(self, theta: Array) -> None:
        """State vectors of zeros, unless there are some."""
        if not self.state:
            self.state = {name: array_module(theta).zeros_like(theta) for name in self.state_names}

    def reset(self) -> None:
        """As it was made: no updates and no state, for another θ."""
        self.t, self.state = 0, {}

    def update(self, theta: Array, grad: Array, *state: Array) -> None:
        """Update number t + 1 of a span of θ."""
        raise NotImplementedError


@dataclass(eq=False)
class SGD(Optimizer):
    """v ← μ v − lr · g;  θ ← θ + v, with μ the momentum. Sutskever et al. 2013, eqs. 1-2."""

    momentum: Schedule = 0.0
    state_names = ("v",)

    def __post_init__(self) -> None:
        check_schedule("lr", self.lr)
        check_schedule("momentum", self.momentum, "[0, 1)")

    def update(self, theta: Array, grad: Array, *state: Array) -> None:
        lr, momentum = at(self.lr, self.t), at(self.momentum, self.t, below=1.0)
        for th, g, v in blocks(theta, grad, *state):
            _sgd(th, g, v, lr, momentum)


@fused
def _sgd(theta: Array, g: Array, v: Array, lr: float, momentum: float) -> None:
    v *= momentum
    v -= lr * g
    theta += v


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
        check_schedule("lr", self.lr)
        self.beta1 = check_number("beta1", self.beta1, "[0, 1)")
        self.beta2 = check_number("beta2", self.beta2, "[0, 1)")
        self.eps = check_number("Adam's eps", self.eps, "(0, inf)")

    def update(self, theta: Array, grad: Array, *state: Array) -> None:
        t = self.t + 1
        root = math.sqrt((1 - self.beta2) / (1 - self.beta2**t))  # √v̂ = root · √v
        alpha = at(self.lr, self.t) * (1 - self.beta1) / (1 - self.beta1**t) / root
        eps = self.eps / root
        for th, g, m, v in blocks(theta, grad, *state):
            _adam(th, g, m, v, self.beta1, self.beta2, alpha, eps)


@fused
def _adam(theta: Array, g: Array, m: Array, v: Array, beta1: float, beta2: float, alpha: float, eps: float) -> None:
    xp = array_module(theta)
    m *= beta1
    m += g
    v *= beta2
    s = g * g
    v += s
    xp.sqrt(v, out=s)
    s += eps
    xp.divide(m, s, out=s)
    s *= alpha
    theta -= s


BY_NAME = {"adam": Adam, "sgd": SGD}
