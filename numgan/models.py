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
    """A pair of networks for a data set, and how to train it. Fields after `optimizer` are `Training`'s."""

    about: str
    networks: Networks
    optimizer: Optimizer
    steps: int
    batch: int
    loss: str = "nonsaturating"
    ema: float | None = None
    noise: str = "normal"
    range: tuple[float, float] = (-1.0, 1.0)  # what black and white become

    def optimizers(self, for_g: dict[str, float], for_d: dict[str, float]) -> tuple[Optimizer, Optimizer]:
        """New optimisers (for G, for D) with some of their settings replaced."""
        known = {f.name for f in fields(self.optimizer) if f.init}
        for name in {*for_g, *for_d} - known:
            optimizer = type(self.optimizer).__name__
            raise InputError(f"this model trains with {optimizer}, which has no {name}: leave it out")
        return replace(self.optimizer, **for_g), replace(self.optimizer, **for_d)  # type: ignore[arg-type]


def images(data: Data, seed: int, xp: Any = np) -> Pair:
    """A small pair for images in [−1, 1]."""
    n_x = data.x.shape[1]
    G = [Linear(64, 256), LeakyReLU(0.2), Linear(256, 512), LeakyReLU(0.2), Linear(512, n_x), Tanh()]
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
        about="small MLPs for images: 64-256-512-n and n-512-256-1",
        networks=images,
        optimizer=Adam(lr=1e-3, beta1=0.5, beta2=0.999),
        steps=4000,
        batch=64,
        ema=0.999,
    ),
    "points": Model(
        about="small MLPs for points: 2-128-128-n and n-128-128-1",
        networks=points,
        optimizer=Adam(lr=1e-3, beta1=0.5, beta2=0.999),
        steps=4000,
        batch=256,
    ),
    "goodfellow2014": Model(
        about="the 2014 paper's MNIST model: maxout and dropout in D, SGD with momentum; about 1 s per 10 steps",
        networks=goodfellow2014,
        optimizer=SGD(lr=Decay(0.1, 1.000004, 1e-6), momentum=Ramp(0.5, 0.7, 0, 250 * 500)),
        steps=5000,
        batch=100,
        noise="uniform",
        range=(0.0, 1.0),
    ),
}
