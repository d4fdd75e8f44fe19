"""The theory of §4 of Goodfellow et al. 2014 for densities on a line, by quadrature: numbers to hold a run against.

A density is given by its logarithm, as a function of an array x. The integrals are sums over an even grid, which for
smooth densities that are 0 at its ends converge faster than any power of the spacing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from numgan.backend import Array, RandomGenerator
from numgan.gan import gradient_on_rows
from numgan.losses import Loss, minimax, sigmoid, softplus
from numgan.network import Network
from numgan.optim import Adam, Optimizer
from numgan.schedules import Ramp

LogDensity = Callable[[np.ndarray], np.ndarray]

REACH, POINTS = 50.0, 20_001


@dataclass(frozen=True)
class Normal:
    """log p(x) for N(mean, std²)."""

    mean: float = 0.0
    std: float = 1.0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return -0.5 * ((x - self.mean) / self.std) ** 2 - math.log(self.std * math.sqrt(2 * math.pi))


@dataclass(frozen=True)
class Mixture:
    """log p(x) for normals with equal weights."""

    parts: Sequence[Normal]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.logaddexp.reduce([part(x) for part in self.parts]) - math.log(len(self.parts))


def optimal_logit(p_d: LogDensity, p_g: LogDensity, x: np.ndarray) -> np.ndarray:
    """The logit of D*(x) = p_d(x) / (p_d(x) + p_g(x)), Proposition 1: a* = log p_d(x) − log p_g(x)."""
    return p_d(x) - p_g(x)


def optimal_discriminator(p_d: LogDensity, p_g: LogDensity, x: np.ndarray) -> np.ndarray:
    """D*(x)."""
    return sigmoid(optimal_logit(p_d, p_g, x))


def jensen_shannon(p_d: LogDensity, p_g: LogDensity) -> float:
    """JSD = ½ KL(p_d ‖ m) + ½ KL(p_g ‖ m) with m = ½ (p_d + p_g), in nats: from 0 to log 2."""
    x = _grid()
    log_m = np.logaddexp(p_d(x), p_g(x)) - math.log(2)
    return sum(_mean(p, p(x) - log_m) for p in (p_d, p_g)) / 2


def virtual_value(p_d: LogDensity, p_g: LogDensity) -> float:
    """C(G) = max_D V(D, G) = E_d log D*(x) + E_g log(1 − D*(x)), eq. 4. Theorem 1: it equals −log 4 + 2 JSD."""
    a = optimal_logit(p_d, p_g, _grid())
    return _mean(p_d, -softplus(-a)) + _mean(p_g, -softplus(a))


def slopes(a: Array) -> tuple[Array, Array]:
    """|∂L_G/∂a| at a logit a: σ(a) where G descends log(1 − D), 1 − σ(a) = σ(−a) where it descends −log D."""
    return sigmoid(a), sigmoid(-a)


def mean_slopes(p_d: LogDensity, p_g: LogDensity) -> tuple[float, float]:
    """The means of `slopes` over p_g where D is optimal: what G has left to learn from."""
    saturating, non_saturating = slopes(optimal_logit(p_d, p_g, _grid()))
    return _mean(p_g, saturating), _mean(p_g, non_saturating)


def bayes_accuracy(p_d: LogDensity, p_g: LogDensity) -> float:
    """How often the best judge is right on as many real as generated rows: ½ ∫ max(p_d, p_g)."""
    x = _grid()
    return float(np.exp(np.maximum(p_d(x), p_g(x))).sum() * _spacing() / 2)


def best_response(
    D: Network,
    x: Array,
    x_g: Array,
    steps: int,
    loss: Loss = minimax,
    optimizer: Optimizer | None = None,
    rng: RandomGenerator | None = None,
) -> Network:
    """Trains D alone, on all rows x and x_g at every step: the inner loop of Algorithm 1 with k without bound."""
    optimizer = optimizer or Adam(Ramp(0.1, 1e-3, 0, steps), beta1=0.9)
    for _ in range(steps):
        gradient_on_rows(D, x, x_g, loss, rng)
        optimizer.step(D.theta, D.grad)
    return D


def _grid() -> np.ndarray:
    return np.linspace(-REACH, REACH, POINTS)


def _spacing() -> float:
    return 2 * REACH / (POINTS - 1)


def _mean(p: LogDensity, f: np.ndarray) -> float:
    """E_p f, where f holds a function's values on the grid. Where p is 0 to the last bit, f does not count."""
    density = np.exp(p(_grid()))
    return float((density * np.where(density > 0, f, 0)).sum() * _spacing())
