"""What a generator descends beside the game, where it is known what it should make: a distance to an answer.

Like the penalties of D, these add to a gradient that is there already: the game's, written by `generator_gradient`.

    pix2pix   L_G + λ mean |G(a) − b|                                 Isola et al. 2017, eqs. 3-4
    CycleGAN  L_G + L_F + λ (mean |F(G(a)) − a| + mean |G(F(b)) − b|)  Zhu et al. 2017, eqs. 2-3
"""

from __future__ import annotations

from collections.abc import Callable

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError
from numgan.layers.base import Player

Distance = Callable[[Array, Array], tuple[Array, Array]]  # of y and what is wanted: the value, and ∂/∂y


def absolute(y: Array, wanted: Array) -> tuple[Array, Array]:
    """L1 = mean |y − wanted| over all numbers, ∂/∂y = sign(y − wanted) / N. Least at the median of what is wanted."""
    off = _off(y, wanted)
    return abs(off).mean(), array_module(off).sign(off) / off.size


def squared(y: Array, wanted: Array) -> tuple[Array, Array]:
    """Mean (y − wanted)² over all numbers, ∂/∂y = 2 (y − wanted) / N. Least at the mean of what is wanted."""
    off = _off(y, wanted)
    return (off * off).mean(), off * (2 / off.size)


def reconstruction_gradient(
    G: Player, a: Array, b: Array, weight: float, distance: Distance = absolute, rng: RandomGenerator | None = None
) -> Array:
    """weight · distance(G(a), b); its gradient is added to G.grad. a: what G is given (m, …), b: the answers (m, …)."""
    y, tape = G.forward(a, train=True, rng=rng)
    value, dy = distance(y, b)
    G.backward(weight * dy, tape, inputs=False, add=True)
    return weight * value


def cycle_gradient(
    G: Player, F: Player, a: Array, weight: float, distance: Distance = absolute, rng: RandomGenerator | None = None
) -> Array:
    """weight · distance(F(G(a)), a): there and back. Its gradient is added to F.grad, and through F to G.grad."""
    b, tape_G = G.forward(a, train=True, rng=rng)
    y, tape_F = F.forward(b, train=True, rng=rng)
    value, dy = distance(y, a)
    db = F.backward(weight * dy, tape_F, add=True)
    G.backward(db, tape_G, inputs=False, add=True)
    return weight * value


def _off(y: Array, wanted: Array) -> Array:
    if y.shape != wanted.shape:
        raise InputError(f"what is made has shape {y.shape}, and what is wanted {wanted.shape}: give an answer a row")
    return y - wanted
