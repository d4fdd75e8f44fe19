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
        if not self.factor > 0:
            raise InputError(f"Decay divides by factor at every update, a positive number; got {self.factor!r}")

    def __call__(self, t: int) -> float:
        return max(self.start * math.exp(-t * math.log(self.factor)), self.floor)


ALL = (Ramp, Decay)
