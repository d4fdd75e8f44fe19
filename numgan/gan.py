"""The gradient of the game for each player: the two backward passes at the heart of Algorithm 1.

Both functions are pure in their arrays: they write the gradient of the player they are named after, and nothing else.
They draw no random number of their own; `rng` is handed to the layers that need one (Dropout).
"""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator
from numgan.layers.arguments import check_game, check_rows
from numgan.layers.base import Player, rows_of, stacked
from numgan.losses import Loss, game_value, sigmoid


@dataclass(frozen=True)
class Info:
    """What a step saw. `value` is what its player descended; the figures below are worked out when asked for."""

    value: Array  # ()
    a_g: Array  # (m, 1) D's logits on generated rows
    x_g: Array  # (m, n_x) the generated rows
    a_x: Array | None = None  # (m, 1) D's logits on data; only D's step sees data

    @property
    def D_Gz(self) -> Array:
        """The mean of D(G(z))."""
        return sigmoid(self.a_g).mean()

    @property
    def D_x(self) -> Array:
        """The mean of D(x)."""
        return sigmoid(self._a_x).mean()

    @property
    def V(self) -> Array:
        """V(D, G) of eq. 1, from the logits, whatever the loss."""
        return game_value(self._a_x, self.a_g)

    @property
    def _a_x(self) -> Array:
        if self.a_x is not None:
            return self.a_x
        raise AttributeError("the generator's step sees no data: V and D_x belong to the discriminator's step")


def discriminator_gradient(
    G: Player, D: Player, x: Array, z: Array, loss: Loss, rng: RandomGenerator | None = None
) -> Info:
    """Writes ∂L_D/∂θ_d to D.grad: two backward passes through D, one for each of the two terms of L_D.

    x (m, n_x) data, z (m, n_z) noise; with labels c (m,): (x, c), (z, c). G is only run forward: G(z) is a constant.
    """
    check_game(G, D, loss)
    x_g, _ = G.forward(z, train=True, rng=rng)
    return gradient_on_rows(D, x, seen(D, x_g, z), loss, rng)


def seen(D: Player, x_g: Array, z: Array) -> Array:
    """What D is given of the rows G(z): where it takes labels, each row with the label that G was asked for."""
    return (x_g, z[1]) if isinstance(z, tuple) and getattr(D, "conditional", False) else x_g


def gradient_on_rows(D: Player, x: Array, x_g: Array, loss: Loss, rng: RandomGenerator | None = None) -> Info:
    """D's step on data x and generated rows x_g: where D looks at each row alone, both go through it as one batch."""
    if getattr(D, "rowwise", False):
        return _both_in_one_batch(D, x, x_g, loss, rng)
    a_x, tape_x = D.forward(x, train=True, rng=rng)
    a_g, tape_g = D.forward(x_g, train=True, rng=rng)
    value, da_x, da_g = loss.discriminator(a_x, a_g)
    D.backward(da_x, tape_x, inputs=False, add=False)
    D.backward(da_g, tape_g, inputs=False, add=True)
    return Info(value, a_g, rows_of(x_g), a_x)


def generator_gradient(G: Player, D: Player, z: Array, loss: Loss, rng: RandomGenerator | None = None) -> Info:
    """Writes ∂L_G/∂θ_g to G.grad: back through D to ∂L_G/∂x_g, then on through G.

    z (m, n_z) noise, or (z, c). D is held fixed: it carries the gradient to its input, and its own parameters get none.
    """
    check_game(G, D, loss)
    x_g, tape_G = G.forward(z, train=True, rng=rng)
    a_g, tape_D = D.forward(seen(D, x_g, z), train=True, rng=rng)
    value, da_g = loss.generator(a_g)
    dx_g = D.backward(da_g, tape_D, params=False)
    G.backward(dx_g, tape_G, inputs=False, add=False)
    return Info(value, a_g, rows_of(x_g))


def _both_in_one_batch(D: Player, x: Array, x_g: Array, loss: Loss, rng: RandomGenerator | None) -> Info:
    """The same gradient by one pass over 2m rows: larger products are faster."""
    check_rows(x, x_g)
    a, tape = D.forward(stacked(x, x_g), train=True, rng=rng)
    m = len(rows_of(x))
    a_x, a_g = a[:m], a[m:]
    value, da_x, da_g = loss.discriminator(a_x, a_g)
    D.backward(stacked(da_x, da_g), tape, inputs=False, add=False)
    return Info(value, a_g, rows_of(x_g), a_x)
