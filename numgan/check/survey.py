"""Every gradient in the package against differences: each layer, loss and penalty, and both players' whole steps.

`numgan gradcheck` prints it, and a test fails where the package exports a gradient that is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from numgan.backend import Array
from numgan.check import Report, gradcheck
from numgan.gan import discriminator_gradient, generator_gradient
from numgan.layers import (
    BatchNorm,
    Dropout,
    InstanceNoise,
    Layer,
    LeakyReLU,
    Linear,
    Maxout,
    MinibatchStd,
    Pack,
    ReLU,
    Reshape,
    Sigmoid,
    Tanh,
)
from numgan.losses import Hinge, LeastSquares, Loss, Minimax, NonSaturating, Wasserstein
from numgan.network import Network
from numgan.penalty import R1, R2, WGANGP, Penalty

PENALTIES: list[Penalty] = [R1(), R2(), WGANGP()]
LOSSES: list[Loss] = [
    Minimax(),
    Minimax(smooth=0.9),
    NonSaturating(),
    NonSaturating(smooth=0.9),
    LeastSquares(),
    Wasserstein(),
    Hinge(),
]


def survey() -> Iterator[tuple[str, Report]]:
    """The name and the report of each check, as they are made."""
    for layer in layers():
        yield type(layer).__name__, gradcheck(layer)
    for loss in LOSSES:
        yield repr(loss), gradcheck(loss)
    for kind, (G, D) in players().items():
        for loss in LOSSES:
            yield f"discriminator_gradient {loss} {kind}", discriminator_step(G, D, *batch(), loss)
            yield f"generator_gradient {loss} {kind}", generator_step(G, D, batch()[1], loss)
    for kind, D in critics().items():
        for penalty in PENALTIES:
            yield f"{penalty} {kind}", penalty_step(D, batch()[0], penalty)


def layers() -> list[Layer]:
    """One of each kind, and a network inside a network."""
    return [
        Linear(5, 4),
        Maxout(5, 3, pieces=3),
        ReLU(),
        LeakyReLU(0.2),
        Tanh(),
        Sigmoid(),
        Dropout(0.4),
        Reshape((2, 2)),
        BatchNorm(4),
        InstanceNoise(0.3),
        MinibatchStd(4),
        Pack(5),
        Network([Linear(6, 5), Network([BatchNorm(5), Tanh()]), Dropout(0.3), Linear(5, 2)]),
    ]


def players() -> dict[str, tuple[Network, Network]]:
    """Smooth players without frills, players with all of them, and a D with every cure."""
    cures = [InstanceNoise(0.3), Pack(2), Linear(8, 6), Tanh(), MinibatchStd(6)]
    return {
        "smooth": (
            Network([Linear(3, 6), Tanh(), Linear(6, 4)], seed=1),
            Network([Linear(4, 6), Tanh(), Linear(6, 1)], seed=2),
        ),
        "full": (
            Network([Linear(3, 6), BatchNorm(6), ReLU(), Linear(6, 4), Sigmoid(), Reshape((4,))], seed=1),
            Network([Maxout(4, 6, pieces=2), Dropout(0.3), BatchNorm(6), LeakyReLU(0.2), Linear(6, 1)], seed=2),
        ),
        "cured": (Network([Linear(3, 4)], seed=1), Network([*cures, Linear(7, 1)], seed=2)),
    }


def critics() -> dict[str, Network]:
    """A curved D and a piecewise linear one, for the penalties, which take no BatchNorm."""
    inner = Network([Linear(6, 6), Sigmoid()])
    bends = [Maxout(4, 6, 2), Dropout(0.3), Linear(6, 6), LeakyReLU(0.2), Linear(6, 6), ReLU()]
    return {
        "curved": Network([Linear(4, 6), Tanh(), inner, Linear(6, 1)], seed=3),
        "bent": Network([Reshape((4,)), InstanceNoise(0.3), *bends, Linear(6, 1)], seed=4),
    }


def batch() -> tuple[Array, Array]:
    """x (6, 4) and z (6, 3)."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((6, 4)), rng.standard_normal((6, 3))


def discriminator_step(G: Network, D: Network, x: Array, z: Array, loss: Loss, seed: int = 0) -> Report:
    """The gradient that D's step writes against differences of what D descends, as a function of θ_d."""
    return _step(D, lambda D, rng: discriminator_gradient(_double(G), D, x, z, loss, rng).value, seed)


def generator_step(G: Network, D: Network, z: Array, loss: Loss, seed: int = 0) -> Report:
    """The gradient that G's step writes against differences of what G descends, through D, as a function of θ_g."""
    return _step(G, lambda G, rng: generator_gradient(G, _double(D), z, loss, rng).value, seed)


def penalty_step(D: Network, x: Array, penalty: Penalty, seed: int = 0) -> Report:
    """The gradient that a penalty adds to D's against differences of the penalty, as a function of θ_d."""
    x_g = np.tanh(x[::-1])

    def step(D: Network, rng: Any) -> Array:
        D.grad[...] = 0
        return penalty(D, x, x_g, rng)

    return _step(D, step, seed)


def _step(player: Network, step: Callable[[Network, Any], Array], seed: int) -> Report:
    """The step as a scalar function of the player's θ, with the same random numbers at every call."""
    net = _double(player)

    def value(theta: Array) -> Array:
        net.theta[...] = theta
        return step(net, np.random.default_rng(seed))

    def grad(theta: Array) -> Array:
        value(theta)
        return net.grad

    return gradcheck(value=value, grad=grad, at=net.theta, parts=net.slices)


def _double(net: Network) -> Network:
    return net.copy(xp=np, dtype="float64")
