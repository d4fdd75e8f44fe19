"""The pair of the paper that began it."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np

from numgan.data import Data
from numgan.layers import Dropout, Linear, Maxout, ReLU, Sigmoid
from numgan.models.recipe import Model, Players
from numgan.network import Network
from numgan.optim import SGD
from numgan.schedules import Decay, Ramp


def goodfellow2014(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """The pair of the 2014 paper's MNIST experiment, from its published configuration. Images in [0, 1]."""
    n_x = data.x.shape[1]
    G = Network(
        [Linear(100, 1200, 0.05), ReLU(), Linear(1200, 1200, 0.05), ReLU(), Linear(1200, n_x, 0.05), Sigmoid()],
        seed=2 * seed,
        xp=xp,
    )
    marginals = data.x.mean(axis=0).clip(1e-3, 1 - 1e-3)  # the mean image, through the inverse of the sigmoid
    G.layers[-2].b[...] = xp.asarray(np.log(marginals / (1 - marginals)))
    D = [
        *(Dropout(0.2), Maxout(n_x, 240, 5, 0.005)),
        *(Dropout(0.5), Maxout(240, 240, 5, 0.005)),
        *(Dropout(0.5), Linear(240, 1, 0.005)),
    ]
    return G, Network(D, seed=2 * seed + 1, xp=xp)


HALF = Decay(0.05, 1.000004, 5e-7)  # there, D descends the mean of its two cross-entropies at 0.1; here, their sum


def _in_epochs(model: Model, n: int) -> Model:
    """The momentum rises at the beginning of each of the epochs 2 to 250, of as many updates as n rows have batches."""
    epoch = max(n // max(model.batch, 1), 1)
    momentum = Ramp(0.5, 0.7, 0, 249 * epoch, every=epoch)
    return replace(model, opt_g=SGD(Decay(0.1, 1.000004, 1e-6), momentum), opt_d=SGD(HALF, momentum))


GOODFELLOW2014 = _in_epochs(
    Model(
        networks=goodfellow2014,
        opt_g=SGD(0.1),
        opt_d=SGD(0.05),
        steps=5000,
        batch=100,
        noise="uniform",
        together=True,
        range=(0.0, 1.0),
        by_rows=_in_epochs,
    ),
    50_000,
)
