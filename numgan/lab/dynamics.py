"""Two players with one number each: games small enough that the motion of both can be predicted.

The Dirac-GAN (Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", Definition 2.1): data is
one point at 0, G puts its one point at θ, and D is a line. Conventions: V = f(ψθ) + f(0) with f(t) = −log(1 + e⁻ᵗ), so
that D's logit at x is −ψx; θ descends V and ψ ascends it. The only equilibrium is θ = ψ = 0. In WGAN f(t) = t, which
makes V = ψθ, the bilinear game.

A game says how fast each player wants to move, θ̇ and ψ̇. A step of size h moves both at once ("simultaneous"), or θ
first and then ψ, which sees where θ has gone ("alternating").
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Speed = Callable[[float, float], float]  # of θ and ψ

F1, F2 = 0.5, -0.25  # f′(0) and f″(0)


def f1(t: float | np.ndarray) -> np.ndarray:
    """f′(t) = σ(−t) for f(t) = −log(1 + e⁻ᵗ)."""
    return np.exp(-np.logaddexp(t, 0))


@dataclass(frozen=True)
class Game:
    """θ̇ and ψ̇, and what is known of them where θ = ψ = 0: θ̇ ≈ −pull · ψ and ψ̇ ≈ pull · θ − damping · ψ."""

    name: str
    theta: Speed
    psi: Speed
    pull: float
    damping: float | None  # None where ψ̇ has a jump
    clip: float = math.inf  # |ψ| ≤ clip after every step

    def jacobian(self) -> np.ndarray:
        """∂(θ̇, ψ̇)/∂(θ, ψ) at the equilibrium."""
        damping = math.nan if self.damping is None else self.damping
        return np.array([[0.0, -self.pull], [self.pull, -damping]])

    def eigenvalues(self) -> np.ndarray:
        """Of the Jacobian: −damping/2 ± √(damping²/4 − pull²). Continuous time goes home where their real parts < 0."""
        return np.linalg.eigvals(self.jacobian())


def bilinear() -> Game:
    """V = ψθ."""
    return Game("bilinear", lambda theta, psi: -psi, lambda theta, psi: theta, 1.0, 0.0)


def gan(gamma: float = 0.0) -> Game:
    """V = f(ψθ) + f(0), less R1's γ/2 · ψ² for ψ (the slope of D is −ψ everywhere)."""
    name = f"GAN + R1, γ = {gamma:g}" if gamma else "GAN"
    return Game(
        name,
        lambda theta, psi: -float(f1(psi * theta)) * psi,
        lambda theta, psi: float(f1(psi * theta)) * theta - gamma * psi,
        F1,
        gamma,
    )


def nonsaturating() -> Game:
    """θ ascends f(−ψθ) instead: θ̇ = −f′(−ψθ) ψ."""
    return Game("non-saturating GAN", lambda theta, psi: -float(f1(-psi * theta)) * psi, gan().psi, F1, 0.0)


def wgan(clip: float = 1.0) -> Game:
    """V = ψθ with |ψ| ≤ clip."""
    return Game("WGAN, clipped", bilinear().theta, bilinear().psi, 1.0, 0.0, clip)


def wgan_gp(lam: float = 0.35) -> Game:
    """V = ψθ, less λ (|ψ| − 1)² for ψ: pushed away from 0, it cannot come to rest."""
    return Game(
        "WGAN-GP",
        bilinear().theta,
        lambda theta, psi: theta - 2 * lam * (abs(psi) - 1) * math.copysign(1, psi),
        1.0,
        None,
    )


def instance_noise(std: float = 1.0, nodes: int = 40) -> Game:
    """V = E f(ψ(θ + std·ε)) + E f(−ψ·std·ε), ε ~ N(0, 1): both points blurred before D sees them.

    The means are taken by Gauss-Hermite quadrature. Near the equilibrium it is R1 with γ = −2 f″(0) std² = std²/2.
    """
    eps, weight = np.polynomial.hermite_e.hermegauss(nodes)
    eps, weight = std * eps, weight / weight.sum()

    def theta_speed(theta: float, psi: float) -> float:
        return -float(weight @ f1(psi * (theta + eps))) * psi

    def psi_speed(theta: float, psi: float) -> float:
        return float(weight @ (f1(psi * (theta + eps)) * (theta + eps) - f1(-psi * eps) * eps))

    return Game("GAN + instance noise", theta_speed, psi_speed, F1, -2 * F2 * std**2)


def path(
    game: Game,
    start: tuple[float, float] = (1.0, 1.0),
    h: float = 0.2,
    steps: int = 500,
    alternating: bool = False,
) -> np.ndarray:
    """(steps + 1, 2): θ and ψ at the start and after each step."""
    points = np.empty((steps + 1, 2))
    points[0] = theta, psi = start
    for i in range(1, steps + 1):
        moved = theta + h * game.theta(theta, psi)
        psi = psi + h * game.psi(moved if alternating else theta, psi)
        theta, psi = moved, min(max(psi, -game.clip), game.clip)
        points[i] = theta, psi
    return points


def radius(points: np.ndarray) -> np.ndarray:
    """√(θ² + ψ²), the distance from the equilibrium."""
    return np.hypot(points[..., 0], points[..., 1])


def predicted_rate(game: Game, h: float = 0.2, alternating: bool = False) -> float:
    """By what factor a step near the equilibrium changes the radius in the long run.

    It is the largest |eigenvalue| of the step's own Jacobian: I + hJ when simultaneous, and with the rows of J one
    after the other when alternating. Less than 1: home at last. nan where ψ̇ jumps at the equilibrium.
    """
    if game.damping is None:
        return math.nan
    step, J = np.eye(2), h * game.jacobian()
    parts = [np.diag([1, 0]) @ J, np.diag([0, 1]) @ J] if alternating else [J]
    for part in parts:
        step = (np.eye(2) + part) @ step
    return float(np.abs(np.linalg.eigvals(step)).max())


def measured_rate(points: np.ndarray, last: int) -> float:
    """The mean factor of the radius over the last steps."""
    r = radius(points)
    return float((r[-1] / r[-1 - last]) ** (1 / last))


def conserved(points: np.ndarray, h: float) -> np.ndarray:
    """θ² + ψ² − hθψ, which alternating steps of the bilinear game leave as it is."""
    theta, psi = points[..., 0], points[..., 1]
    return theta**2 + psi**2 - h * theta * psi


def variants() -> list[Game]:
    """The games of the table, in its order."""
    return [gan(), nonsaturating(), wgan(), wgan_gp(), instance_noise(), gan(gamma=0.3), gan(gamma=1.0)]
