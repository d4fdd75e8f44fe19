"""Unpaired translation: two generators, there and back, that must bring every row home."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from numgan.backend import Array
from numgan.errors import InputError
from numgan.gan import discriminator_gradient, generator_gradient
from numgan.losses import Loss, nonsaturating
from numgan.network import Network
from numgan.optim import Optimizer
from numgan.reconstruction import cycle_gradient
from numgan.uses.game import Game, Values

PLAYERS = "G", "F", "D_A", "D_B"


class Cycle(Game):
    """Zhu et al. 2017 (CycleGAN), eqs. 1-3: two games, of G: A → B against D_B and of F: B → A against D_A, and

        L = L_GAN(G, D_B) + L_GAN(F, D_A) + weight · (mean |F(G(a)) − a| + mean |G(F(b)) − b|).

    a (n, n_a) and b (k, n_b) are rows of two domains, of which no row belongs with any other: each domain has
    minibatches in an order of its own. The two games alone ask only that G(a) be distributed as b, and F(b) as a: any
    two maps that do so will do, and F need not undo G. The last term asks for that, which costs most where different a
    are sent to the same b. It does not say which a belongs with which b: any one-to-one map from one distribution to
    the other makes L as small. Which one is learnt is up to the networks: their shape, and their first weights.

    weight=0 leaves the way back out: two games that know nothing of each other.
    Not as in the paper: its D see some of the last 50 images that were generated, here those of this update alone; its
    loss is least squares, here that of `loss`.
    """

    def __init__(
        self,
        players: Mapping[str, tuple[Network, Optimizer]],
        a: Array,
        b: Array,
        weight: float,
        batch: int,
        loss: Loss = nonsaturating,
        seed: int = 0,
        ema: float | None = None,
        threads: int | None = None,
    ) -> None:
        if set(players) != set(PLAYERS):
            raise InputError(f"a cycle has the players {', '.join(PLAYERS)}, got {', '.join(players)}")
        super().__init__(players, batch, seed, ema, threads)
        self.weight, self.loss = weight, loss
        self.a, self.b = self.minibatches(a, stream=0), self.minibatches(b, stream=1)

    def update(self) -> Values:
        G, F, D_A, D_B = (self.nets[name] for name in PLAYERS)
        a, b = self.a(2 * self.step), self.b(2 * self.step)
        values = {
            "D_B": discriminator_gradient(G, D_B, b, a, self.loss, self.rng(0)).value,
            "D_A": discriminator_gradient(F, D_A, a, b, self.loss, self.rng(1)).value,
        }
        self.follow("D_B")
        self.follow("D_A")
        a, b = self.a(2 * self.step + 1), self.b(2 * self.step + 1)
        values["G"] = generator_gradient(G, D_B, a, self.loss, self.rng(2)).value
        values["F"] = generator_gradient(F, D_A, b, self.loss, self.rng(3)).value
        if self.weight:
            values["cycle"] = cycle_gradient(G, F, a, self.weight, rng=self.rng(4))
            values["cycle"] += cycle_gradient(F, G, b, self.weight, rng=self.rng(4))
        self.follow("G")
        self.follow("F")
        return values

    def there_and_back(self, a: Array) -> tuple[np.ndarray, np.ndarray]:
        """G(a) and F(G(a))."""
        return self._both("G", "F", a)

    def back_and_there(self, b: Array) -> tuple[np.ndarray, np.ndarray]:
        """F(b) and G(F(b))."""
        return self._both("F", "G", b)

    def _both(self, first: str, second: str, x: Array) -> tuple[np.ndarray, np.ndarray]:
        y = self.apply(first, x)
        return y, self.apply(second, y)
