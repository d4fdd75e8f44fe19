"""Every gradient in the package against differences: each layer, loss and penalty, and both players' whole steps.

`numgan gradcheck` prints it. Layers, losses and penalties come from their tables (`numgan.layers.ALL`,
`numgan.losses.BY_NAME`, `numgan.penalty.BY_NAME`), so a new one is checked as soon as it has its entry there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from numgan import layers, losses, penalty
from numgan.backend import Array, RandomGenerator
from numgan.check import Report, gradcheck
from numgan.conditional import Conditional
from numgan.gan import discriminator_gradient, generator_gradient
from numgan.layers import (
    BatchNorm,
    Condition,
    Dropout,
    InstanceNoise,
    Label,
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
from numgan.losses import Loss, Minimax
from numgan.network import Network
from numgan.penalty import Penalty
from numgan.reconstruction import Distance, absolute, cycle_gradient, reconstruction_gradient, squared

ROWS, N_Z, N_X, CLASSES = 8, 3, 4, 3  # 8 rows, so that G and then D may each pack them in twos


def survey() -> Iterator[tuple[str, Report]]:
    """The name and the report of each check, as they are made."""
    for layer in layers.ALL:
        yield layer.__name__, gradcheck(layer.example(), rows(*layer.example_row))
    yield "Network", gradcheck(nested())
    yield "Label", gradcheck(Label.example(), (rows(4), labels()))
    yield "Condition", gradcheck(Condition.example(), (rows(4), rows(2)))
    yield "Conditional", gradcheck(told()[1], (rows(N_X), labels()))
    for loss in all_losses():
        yield repr(loss), gradcheck(loss)
    for name, (G, D) in players().items():
        for loss in all_losses():
            yield from both_steps(G, D, loss, name)
    for layer in layers.ALL:
        G, D = around(layer, N_Z, N_X, seed=1), around(layer, N_X, 1, seed=3)
        yield from both_steps(G, D, losses.least_squares, f"around {layer.__name__}")
    for name, D in critics().items():
        for kind in penalty.BY_NAME.values():
            yield f"{kind()} {name}", penalty_step(D, rows(N_X), kind())
    for distance in (absolute, squared):
        yield from reconstruction_steps(distance)


def both_steps(G: Network, D: Network, loss: Loss, name: str) -> Iterator[tuple[str, Report]]:
    x, z = batch()
    if isinstance(D, Conditional):
        x, z = (x, labels()), (z, labels())
    yield f"discriminator_gradient {loss} {name}", discriminator_step(G, D, x, z, loss)
    yield f"generator_gradient {loss} {name}", generator_step(G, D, z, loss)


def all_losses() -> list[Loss]:
    """Those of the table, and again with a smoothed label where a loss has one."""
    table = list(losses.BY_NAME.values())
    return [*table, *(replace(loss, smooth=0.9) for loss in table if isinstance(loss, Minimax))]


def players() -> dict[str, tuple[Network, Network]]:
    """G and D: smooth ones without frills, ones with all layers of a common network, ones that are told a label, and a
    D with every cure."""
    cures = [InstanceNoise(0.3), Pack(2), Linear(8, 6), Tanh(), MinibatchStd(6)]
    return {
        "smooth": (
            Network([Linear(N_Z, 6), Tanh(), Linear(6, N_X)], seed=1),
            Network([Linear(N_X, 6), Tanh(), Linear(6, 1)], seed=2),
        ),
        "full": (
            Network([Linear(N_Z, 6), BatchNorm(6), ReLU(), Linear(6, N_X), Sigmoid(), Reshape((N_X,))], seed=1),
            Network([Maxout(N_X, 6, pieces=2), Dropout(0.3), BatchNorm(6), LeakyReLU(0.2), Linear(6, 1)], seed=2),
        ),
        "told": told(),
        "cured": (Network([Linear(N_Z, N_X)], seed=1), Network([*cures, Linear(7, 1)], seed=2)),
    }


def told() -> tuple[Conditional, Conditional]:
    """G and D that are given a label: G beside z, D beside what its first layer makes of the row."""
    G = [Label(N_Z, CLASSES), Linear(N_Z + CLASSES, 6), Tanh(), Linear(6, N_X)]
    D = [Linear(N_X, 5), Tanh(), Label(5, CLASSES), Linear(5 + CLASSES, 6), Tanh(), Linear(6, 1)]
    return Conditional(G, seed=1), Conditional(D, seed=2)


def critics() -> dict[str, Network]:
    """D for the penalties: a curved one, a piecewise linear one, and one around each layer with a tangent rule."""
    inner = Network([Linear(6, 6), Sigmoid()])
    bends = [Maxout(N_X, 6, 2), Dropout(0.3), Linear(6, 6), LeakyReLU(0.2), Linear(6, 6), ReLU()]
    return {
        "curved": Network([Linear(N_X, 6), Tanh(), inner, Linear(6, 1)], seed=3),
        "told": told()[1],
        "bent": Network([Reshape((N_X,)), InstanceNoise(0.3), *bends, Linear(6, 1)], seed=4),
        **{f"around {layer.__name__}": around(layer, N_X, 1, seed=5) for layer in layers.ALL if has_tangent(layer)},
    }


def has_tangent(layer: type[Layer]) -> bool:
    """May this layer stand in a D with a gradient penalty?"""
    return layer.tangent is not Layer.tangent


def around(layer: type[Layer], n_in: int, n_out: int, seed: int) -> Network:
    """A network from width n_in to n_out with the layer's example in it, a curved layer below and another above it."""
    row = layer.example_row
    lower = Network([Linear(n_in, math.prod(row)), Tanh(), Reshape(row), layer.example()], seed=seed)
    n = math.prod(lower(np.zeros((ROWS, n_in))).shape[1:])  # what the example makes of a row
    return Network([lower, Reshape((n,)), Linear(n, 3), Tanh(), Linear(3, n_out)], seed=seed + 1)


def nested() -> Network:
    """A network inside a network."""
    return Network([Linear(6, 5), Network([BatchNorm(5), Tanh()]), Dropout(0.3), Linear(5, 2)])


def rows(*shape: int) -> Array:
    """ROWS standard normal rows of this shape."""
    return np.random.default_rng(0).standard_normal((ROWS, *shape))


def batch() -> tuple[Array, Array]:
    """x (ROWS, N_X) and z (ROWS, N_Z)."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((ROWS, N_X)), rng.standard_normal((ROWS, N_Z))


def labels() -> Array:
    """(ROWS,) of each class, as many as possible of each."""
    return np.arange(ROWS) % CLASSES


def discriminator_step(G: Network, D: Network, x: Array, z: Array, loss: Loss, seed: int = 0) -> Report:
    """The gradient that D's step writes against differences of what D descends, as a function of θ_d."""
    G = _float64(G)
    return _step(D, lambda D, rng: discriminator_gradient(G, D, x, z, loss, rng).value, seed)


def generator_step(G: Network, D: Network, z: Array, loss: Loss, seed: int = 0) -> Report:
    """The gradient that G's step writes against differences of what G descends, through D, as a function of θ_g."""
    D = _float64(D)
    return _step(G, lambda G, rng: generator_gradient(G, D, z, loss, rng).value, seed)


def penalty_step(D: Network, x: Array, penalty: Penalty, seed: int = 0) -> Report:
    """The gradient that a penalty adds to D's against differences of the penalty, as a function of θ_d."""
    x_g = np.tanh(x[::-1])
    if isinstance(D, Conditional):
        x = x, labels()

    def step(D: Network, rng: RandomGenerator) -> Array:
        D.grad[...] = 0
        return penalty(D, x, x_g, rng)

    return _step(D, step, seed)


def reconstruction_steps(distance: Distance) -> Iterator[tuple[str, Report]]:
    """What a distance to an answer adds to G's gradient, and one there and back to G's and to F's."""
    G = Network([Linear(N_Z, 6), Tanh(), Linear(6, N_X)], seed=1)
    F = Network([Linear(N_X, 6), Tanh(), Linear(6, N_Z)], seed=2)
    (b, a), name = batch(), distance.__name__

    def there(G: Network, rng: RandomGenerator) -> Array:
        G.grad[...] = 0
        return reconstruction_gradient(G, a, b, 3.0, distance, rng)

    def and_back(G: Network, F: Network, rng: RandomGenerator) -> Array:
        G.grad[...] = F.grad[...] = 0
        return cycle_gradient(G, F, a, 3.0, distance, rng)

    yield f"reconstruction_gradient {name}", _step(G, there, 0)
    yield f"cycle_gradient {name}, G", _step(G, lambda G, rng: and_back(G, _float64(F), rng), 0)
    yield f"cycle_gradient {name}, F", _step(F, lambda F, rng: and_back(_float64(G), F, rng), 0)


def _step(player: Network, step: Callable[[Network, RandomGenerator], Array], seed: int) -> Report:
    """The step as a scalar function of the player's θ, with the same random numbers in every call."""
    net = _float64(player)

    def value(theta: Array) -> Array:
        net.theta[...] = theta
        return step(net, np.random.default_rng(seed))

    def grad(theta: Array) -> Array:
        value(theta)
        return net.grad

    return gradcheck(value=value, grad=grad, at=net.theta, parts=net.slices)


def _float64(net: Network) -> Network:
    return net.copy(xp=np, dtype="float64")
