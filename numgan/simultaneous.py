"""Both players' gradients at once, from the same samples: what the published code of 2014 does, unlike Algorithm 1.

In Algorithm 1, G's step meets a D that has just learned, on noise of its own. Here each player answers what the other
was before, on the same G(z), with the same random numbers in D's layers (Dropout).
"""

from __future__ import annotations

from numgan.backend import Array, RandomGenerator
from numgan.gan import Info, seen
from numgan.layers.arguments import check_game
from numgan.layers.base import Player, rows_of
from numgan.losses import Loss


def simultaneous_gradients(
    G: Player, D: Player, x: Array, z: Array, loss: Loss, rng: RandomGenerator | None = None
) -> tuple[Info, Info]:
    """Writes ∂L_D/∂θ_d to D.grad and ∂L_G/∂θ_g to G.grad. Returns what D's step saw, and what G's did.

    x (m, n_x) data, z (m, n_z) noise, or (x, c), (z, c). One pass forward through G, and one through D for each of x
    and G(z); the tape of D(G(z)) is played twice, for ∂L_D/∂θ_d and for ∂L_G/∂x_g.
    """
    check_game(G, D, loss)
    x_g, tape_G = G.forward(z, train=True, rng=rng)
    a_x, tape_x = D.forward(x, train=True, rng=rng)
    a_g, tape_g = D.forward(seen(D, x_g, z), train=True, rng=rng)
    value, da_x, da_g = loss.discriminator(a_x, a_g)
    D.backward(da_x, tape_x, inputs=False, add=False)
    D.backward(da_g, tape_g, inputs=False, add=True)
    value_g, da_g = loss.generator(a_g)
    G.backward(D.backward(da_g, tape_g, params=False), tape_G, inputs=False, add=False)
    return Info(value, a_g, rows_of(x_g), a_x), Info(value_g, a_g, rows_of(x_g))
