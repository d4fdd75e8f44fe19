"""Where G is asked to move its samples."""

from __future__ import annotations

from numgan.backend import Array, RandomGenerator
from numgan.layers.base import Player
from numgan.losses import Loss


def pull(D: Player, x_g: Array, loss: Loss, rng: RandomGenerator | None = None) -> tuple[Array, Array]:
    """D's logits a_g on the samples x_g (m, n_x), or (x_g, c), and −m ∂L_G/∂x_g (m, n_x): where L_G falls fastest."""
    a_g, tape = D.forward(x_g, train=True, rng=rng)
    _, da_g = loss.generator(a_g)
    return a_g, D.backward(-len(a_g) * da_g, tape, params=False)
