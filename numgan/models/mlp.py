"""Small pairs of multilayer perceptrons, with the settings of today: for images, and for points."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from numgan.data import Data
from numgan.layers import LeakyReLU, Linear, Tanh
from numgan.models.recipe import Model, Players
from numgan.network import Network
from numgan.optim import Adam
from numgan.schedules import Ramp


def images(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """A small pair for images in [−1, 1]."""
    n_x = data.x.shape[1]
    G = [Linear(32, 256), LeakyReLU(0.2), Linear(256, 512), LeakyReLU(0.2), Linear(512, n_x), Tanh()]
    D = [Linear(n_x, 512), LeakyReLU(0.2), Linear(512, 256), LeakyReLU(0.2), Linear(256, 1)]
    return Network(G, seed=2 * seed, xp=xp), Network(D, seed=2 * seed + 1, xp=xp)


def points(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """A small pair for points in a space of few dimensions, in units of their own."""
    n_x = data.x.shape[1]
    G = [Linear(2, 128), LeakyReLU(0.2), Linear(128, 128), LeakyReLU(0.2), Linear(128, n_x)]
    D = [Linear(n_x, 128), LeakyReLU(0.2), Linear(128, 128), LeakyReLU(0.2), Linear(128, 1)]
    return Network(G, seed=2 * seed, xp=xp), Network(D, seed=2 * seed + 1, xp=xp)


def _over(steps: int) -> dict[str, Any]:
    """Fast at first, when there is much to learn; slow at the end, where D would learn 5,000 images by heart."""
    rates = Ramp(3e-3, 7.5e-5, 0, steps), Ramp(1e-3, 2.5e-5, 0, steps)
    return {"opt_g": Adam(rates[0], beta1=0.5), "opt_d": Adam(rates[1], beta1=0.5), "steps": steps}


def _longer_for_many(model: Model, n: int) -> Model:
    return replace(model, **_over(15_000)) if n >= MANY else model


MANY = 20_000  # rows: there is more to learn from them, and they are not soon known by heart
IMAGES = Model(networks=images, batch=64, ema=0.999, by_rows=_longer_for_many, **_over(5000))

POINTS = Model(
    networks=points,
    opt_g=Adam(1e-3, beta1=0.5),
    opt_d=Adam(1e-3, beta1=0.5),
    steps=4000,
    batch=256,
)
