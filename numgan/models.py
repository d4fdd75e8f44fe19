"""The named pairs (G, D), each with the settings it trains well with."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np

from numgan.activations import LeakyReLU, ReLU, Sigmoid, Tanh
from numgan.data import Data
from numgan.errors import InputError
from numgan.layers import Linear
from numgan.maxout import Dropout, Maxout
from numgan.network import Network
from numgan.optim import SGD, Adam, Optimizer
from numgan.schedules import Decay, Ramp

Pair = tuple[Network, Network]


class Networks(Protocol):
    def __call__(self, data: Data, seed: int, xp: Any = np) -> Pair: ...


@dataclass(frozen=True)
class Model:
    """A pair of networks for a data set, and how to train it. The fields after `steps` are `Training`'s."""

    networks: Networks
    opt_g: Optimizer
    opt_d: Optimizer
    steps: int
    batch: int
    loss: str = "nonsaturating"
    ema: float | None = None
    noise: str = "normal"
    range: tuple[float, float] = (-1.0, 1.0)  # what black and white become

    def optimizers(self, for_g: dict[str, float], for_d: dict[str, float]) -> tuple[Optimizer, Optimizer]:
        """New optimisers (for G, for D) with some of their settings replaced."""
        return _replaced(self.opt_g, for_g), _replaced(self.opt_d, for_d)


def _replaced(optimizer: Optimizer, settings: dict[str, float]) -> Optimizer:
    for name in settings.keys() - {f.name for f in fields(optimizer) if f.init}:
        kind = type(optimizer).__name__
        raise InputError(f"this model trains with {kind}, which has no {name}: leave it out")
    return replace(optimizer, **settings)  # type: ignore[arg-type]


def images(data: Data, seed: int, xp: Any = np) -> Pair:
    """A small pair for images in [−1, 1]."""
    n_x = data.x.shape[1]
    G = [Linear(32, 256), LeakyReLU(0.2), Linear(256, 512), LeakyReLU(0.2), Linear(512, n_x), Tanh()]
    D = [Linear(n_x, 512), LeakyReLU(0.2), Linear(512, 256), LeakyReLU(0.2), Linear(256, 1)]
    return Network(G, seed=2 * seed, xp=xp), Network(D, seed=2 * seed + 1, xp=xp)


def points(data: Data, seed: int, xp: Any = np) -> Pair:
    """A small pair for points in a space of few dimensions, in units of their own."""
    n_x = data.x.shape[1]
    G = [Linear(2, 128), LeakyReLU(0.2), Linear(128, 128), LeakyReLU(0.2), Linear(128, n_x)]
    D = [Linear(n_x, 128), LeakyReLU(0.2), Linear(128, 128), LeakyReLU(0.2), Linear(128, 1)]
    return Network(G, seed=2 * seed, xp=xp), Network(D, seed=2 * seed + 1, xp=xp)


def goodfellow2014(data: Data, seed: int, xp: Any = np) -> Pair:
    """The pair of the 2014 paper's MNIST experiment, from its published configuration. Images in [0, 1]."""
    n_x = data.x.shape[1]
    G = Network(
        [Linear(100, 1200, 0.05), ReLU(), Linear(1200, 1200, 0.05), ReLU(), Linear(1200, n_x, 0.05), Sigmoid()],
        seed=2 * seed,
        xp=xp,
    )
    marginals = data.x.mean(axis=0).clip(1e-3, 1 - 1e-3)  # the mean image, through the inverse of the sigmoid
    G.layers[-2].b[...] = xp.asarray(np.log(marginals / (1 - marginals)), dtype=G.theta.dtype)
    D = [
        *(Dropout(0.2), Maxout(n_x, 240, 5, 0.005)),
        *(Dropout(0.5), Maxout(240, 240, 5, 0.005)),
        *(Dropout(0.5), Linear(240, 1, 0.005)),
    ]
    return G, Network(D, seed=2 * seed + 1, xp=xp)


BY_NAME = {
    "images": Model(
        networks=images,
        # Fast at first, when there is much to learn; slow at the end, where D would learn 5,000 images by heart.
        opt_g=Adam(Ramp(3e-3, 7.5e-5, 0, 5000), beta1=0.5),
        opt_d=Adam(Ramp(1e-3, 2.5e-5, 0, 5000), beta1=0.5),
        steps=5000,
        batch=64,
        ema=0.999,
    ),
    "points": Model(
        networks=points,
        opt_g=Adam(1e-3, beta1=0.5),
        opt_d=Adam(1e-3, beta1=0.5),
        steps=4000,
        batch=256,
    ),
    "goodfellow2014": Model(
        networks=goodfellow2014,
        opt_g=SGD(Decay(0.1, 1.000004, 1e-6), Ramp(0.5, 0.7, 0, 250 * 500)),  # 250 epochs of 500 updates
        opt_d=SGD(Decay(0.1, 1.000004, 1e-6), Ramp(0.5, 0.7, 0, 250 * 500)),
        steps=5000,
        batch=100,
        noise="uniform",
        range=(0.0, 1.0),
    ),
}
