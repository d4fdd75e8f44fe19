"""An experiment on points as a handful of settings: a recipe of the gallery chooses some, and a cure changes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numgan.data import Data, ring
from numgan.lab.theory import best_response
from numgan.layers import InstanceNoise, Layer, LeakyReLU, Linear, MinibatchStd, Pack
from numgan.losses import Loss, nonsaturating
from numgan.network import Network
from numgan.optim import SGD, Adam, Optimizer
from numgan.penalty import Penalty
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
    sgd: bool = False  # plain SGD for G, which takes a gradient for what it is; Adam would scale it up
    head_start: int = 0  # updates of D on 1,000 rows before the run begins
    k: int = 1
    n_z: int = 16
    width: int = 128
    instance_noise: float = 0.0  # its standard deviation
    pack: int = 1  # rows that D sees at once
    stddev: bool = False  # minibatch standard deviation
    penalty: Penalty | None = None
    clip: float | None = None

    def training(self, seed: int) -> Training:
        """A run, not yet begun."""
        data = self.data()
        n_x = data.x.shape[1]
        front: list[Layer] = [InstanceNoise(self.instance_noise)] if self.instance_noise else []
        front += [MinibatchStd(n_x)] if self.stddev else []
        front += [Pack(self.pack)] if self.pack > 1 else []
        G = Network(self._hidden(self.n_z, n_x), seed=2 * seed)
        D = Network([*front, *self._hidden((n_x + self.stddev) * self.pack, 1)], seed=2 * seed + 1)
        if self.head_start:
            rng = np.random.default_rng(seed)
            x, x_g = data.x[:1000], G(rng.standard_normal((1000, self.n_z)))
            best_response(D, x, x_g, self.head_start, self.loss, Adam(1e-3), rng)
        return Training(
            G,
            D,
            data,
            loss=self.loss,
            batch=self.batch,
            k=self.k,
            seed=seed,
            optimizers=(SGD(self.lr_g) if self.sgd else self._adam(self.lr_g, 1), self._adam(self.lr_d, self.k)),
            penalty=self.penalty,
            clip=self.clip,
            threads=1,
        )

    def _hidden(self, n_in: int, n_out: int) -> list[Layer]:
        """Two hidden layers."""
        n = self.width
        return [Linear(n_in, n), LeakyReLU(0.2), Linear(n, n), LeakyReLU(0.2), Linear(n, n_out)]

    def _adam(self, lr: float, k: int) -> Optimizer:
        updates = self.steps * k
        return Adam(Ramp(lr, 0.0, updates // 2, updates) if self.decay else lr, self.beta1)
