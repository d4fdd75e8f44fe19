"""Learning rates and momenta as functions of t, the number of updates made so far; a checkpoint can store these."""

from __future__ import annotations

import math
from dataclasses import dataclass


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


ALL = (Ramp, Decay)
