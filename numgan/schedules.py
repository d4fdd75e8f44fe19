"""Learning rates and momenta as functions of t, the number of updates made so far; a checkpoint can store these."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from numgan.errors import InputError, check_number, check_whole

Schedule = float | Callable[[int], float]


def check_schedule(name: str, value: Schedule, interval: str = "[0, inf)") -> None:
    """InputError unless value is a number in the interval, or a function of t: what that returns, `at` checks."""
    if not callable(value) or isinstance(value, type):
        check_number(name, value, interval, "or give a function of the update count, such as ng.Ramp(…)")


def at(value: Schedule, t: int, below: float = math.inf) -> float:
    """The rate at t, as a float of Python's. InputError where it is none or not in [0, below): in mid-run too."""
    rate = value(t) if callable(value) else value
    if type(rate) is float and 0 <= rate < below:
        return rate
    return check_number(f"a rate (at t = {t})", rate, f"[0, {below})")


@dataclass(frozen=True)
class Ramp:
    """From `start` to `end` in a straight line between updates `begin` and `finish`, constant outside.

    It moves at every `every`-th update: at each one, or once in an epoch.
    """

    start: float
    end: float
    begin: int
    finish: int
    every: int = 1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            check_number(f"Ramp's {name}", value, "[0, inf)")
        check_whole("Ramp's every", self.every, 1)
        if not self.begin < self.finish:
            raise InputError(f"Ramp goes from update {self.begin!r} to {self.finish!r}: begin must come before finish")

    def __call__(self, t: int) -> float:
        t -= t % self.every
        done = min(max((t - self.begin) / (self.finish - self.begin), 0.0), 1.0)
        return self.start + (self.end - self.start) * done


@dataclass(frozen=True)
class Decay:
    """start / factorᵗ, but never below `floor`."""

    start: float
    factor: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        check_number("Decay's start", self.start, "[0, inf)")
        check_number("Decay's factor, by which it divides at every update,", self.factor, "(0, inf)")
        check_number("Decay's floor", self.floor, "[0, inf)")

    def __call__(self, t: int) -> float:
        power = min(-t * math.log(self.factor), 700.0)  # a factor below 1 makes it grow: beyond e⁷⁰⁰ is no float
        return max(self.start * math.exp(power), self.floor)


ALL = (Ramp, Decay)
