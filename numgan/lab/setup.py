"""One experiment in two dimensions as a handful of settings: what a recipe of the gallery changes, and what a cure does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from numgan.activations import LeakyReLU
from numgan.cures import InstanceNoise, MinibatchStd, Pack
from numgan.data import Data, ring
from numgan.layers import Linear
from numgan.losses import Loss, nonsaturating
from numgan.network import Network
from numgan.optim import Adam, Optimizer
from numgan.penalty import Penalty
from numgan.protocol import Layer
from numgan.schedules import Ramp
from numgan.training import Training


@dataclass(frozen=True)
class Setup:
    """A pair of small networks, and how they are trained. With decay, both rates fall to 0 over the second half."""

    data: Callable[[], Data] = ring
    loss: Loss = nonsaturating
    steps: int = 4000
    batch: int = 128
    lr_g: float = 1e-3
    lr_d: float = 1e-3
    beta1: float = 0.5
    decay: bool = True
    k: int = 1
    n_z: int = 16
    width: int = 128
    noise: float = 0.0  # instance noise
    pack: int = 1  # rows that D sees at once
    stddev: bool = False  # minibatch standard deviation
    penalty: Penalty | None = None
    clip: float | None = None

    def training(self, seed: int) -> Training:
        """A run, not yet begun."""
        data = self.data()
        n_x = data.x.shape[1]
        front: list[Layer] = [InstanceNoise(self.noise)] if self.noise else []
        front += [MinibatchStd(n_x)] if self.stddev else []
        front += [Pack(self.pack)] if self.pack > 1 else []
        return Training(
            Network(self._hidden(self.n_z, n_x), seed=2 * seed),
            Network([*front, *self._hidden((n_x + self.stddev) * self.pack, 1)], seed=2 * seed + 1),
            data,
            loss=self.loss,
            batch=self.batch,
            k=self.k,
            seed=seed,
            optimizers=(self._adam(self.lr_g, self.steps), self._adam(self.lr_d, self.steps * self.k)),
            penalty=self.penalty,
            clip=self.clip,
            threads=1,
        )

    def _hidden(self, n_in: int, n_out: int) -> list[Layer]:
        """Two hidden layers."""
        n = self.width
        return [Linear(n_in, n), LeakyReLU(0.2), Linear(n, n), LeakyReLU(0.2), Linear(n, n_out)]

    def _adam(self, lr: float, updates: int) -> Optimizer:
        return Adam(Ramp(lr, 0.0, updates // 2, updates) if self.decay else lr, self.beta1)
