"""Learning rates and momenta as functions of t, the number of updates made so far; a checkpoint can store these."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numgan.errors import InputError


@dataclass(frozen=True)
class Ramp:
    """From `start` to `end` in a straight line between updates `begin` and `finish`, constant outside."""

    start: float
    end: float
    begin: int
    finish: int

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            _check_positive(f"Ramp's {name}", value)
        if not self.begin < self.finish:
            raise InputError(f"Ramp goes from update {self.begin!r} to {self.finish!r}: begin must come before finish")

    def __call__(self, t: int) -> float:
        done = min(max((t - self.begin) / (self.finish - self.begin), 0.0), 1.0)
        return self.start + (self.end - self.start) * done


@dataclass(frozen=True)
class Decay:
    """start / factorᵗ, but never below `floor`."""

    start: float
    factor: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_positive("Decay's start", self.start)
        _check_positive("Decay's floor", self.floor)
        if not self.factor > 0:
            raise InputError(f"Decay divides by factor at every update, a positive number; got {self.factor!r}")

    def __call__(self, t: int) -> float:
        power = min(-t * math.log(self.factor), 700.0)  # a factor below 1 makes it grow: beyond e⁷⁰⁰ is no float
        return max(self.start * math.exp(power), self.floor)


def _check_positive(name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise InputError(f"{name} must be a number of 0 or more, got {value!r}")


ALL = (Ramp, Decay)
