"""The exponential moving average of a parameter vector, whose samples are steadier than those of the last weights."""

from __future__ import annotations

from numgan.backend import Array, fused
from numgan.parallel import each_span


def average_in(total: Array, theta: Array, decay: float) -> None:
    """total ← decay · total + θ, in place: Σᵢ decay^(t−i) θᵢ after t updates."""
    each_span(len(total), lambda span: _average_in(total[span], theta[span], decay))


@fused
def _average_in(total: Array, theta: Array, decay: float) -> None:
    total *= decay
    total += theta


def mean_weights(total: Array, theta: Array, decay: float | None, t: int) -> Array:
    """The weighted mean of θ₁ … θ_t: total divided by the sum of its weights, (1 − decayᵗ) / (1 − decay).

    As in Adam, the start at zero leaves no trace. Without averaging, or before the first update, it is θ itself.
    """
    return theta if decay is None or t == 0 else total * ((1 - decay) / (1 - decay**t))
