"""Runs that fail on purpose, each for one reason, and runs that differ from them by one cure.

Every run is fixed by its recipe and a seed. `numgan lab` lists them; `numgan lab NAME` runs one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from numgan.data import Data, grid
from numgan.lab.setup import Setup
from numgan.losses import minimax, nonsaturating, wasserstein
from numgan.penalty import R1, WGANGP


@dataclass(frozen=True)
class Recipe:
    """A run that fails, why, the name that the health line should give it, and what cures it."""

    story: str
    expect: str
    setup: Setup
    cures: Mapping[str, Setup]


def far_away() -> Data:
    """N((6, 6), ½² I): nothing that a fresh G makes is near it."""
    return Data(6 + 0.5 * _normal(4000), name="far away")


def normal() -> Data:
    """N(0, I), enough of it."""
    return Data(_normal(4000), name="normal")


def sixteen() -> Data:
    """16 rows of N(0, I)."""
    return Data(_normal(4000)[:16], name="sixteen rows")


def _normal(n: int) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((n, 2))


_vanishing = Setup(
    data=far_away, loss=minimax, steps=800, lr_g=0.05, sgd=True, decay=False, head_start=1000, width=64
)
_ring = Setup()
_grid = Setup(data=grid, steps=1000, lr_g=2e-2, decay=False)
_diverging = Setup(loss=wasserstein, steps=600, lr_d=1e-2, k=5, decay=False)
_bounded = replace(_diverging, lr_d=1e-3)
_idle = Setup(steps=600, lr_d=1e-7, decay=False)
_copying = Setup(data=sixteen, batch=16, steps=2500)

GALLERY = {
    "vanishing": Recipe(
        "D had a head start and is sure; G descends log(1 − D), whose slope σ(a) is nearly 0, by plain SGD",
        "vanishing gradient",
        _vanishing,
        {
            "non-saturating loss": replace(_vanishing, loss=nonsaturating),
            "R1": replace(_vanishing, penalty=R1(1.0)),
            "instance noise": replace(_vanishing, instance_noise=2.0),
        },
    ),
    "collapse-ring": Recipe(
        "eight modes on a circle; D looks at one row at a time and never sees that all rows are alike",
        "mode collapse",
        _ring,
        {
            "PacGAN2": replace(_ring, pack=2),
            "minibatch stddev": replace(_ring, stddev=True),
            "R1": replace(_ring, penalty=R1(0.1)),
        },
    ),
    "collapse-grid": Recipe(
        "25 modes; G learns 20 times as fast as D and runs from mode to mode ahead of it",
        "mode collapse",
        _grid,
        {
            "two time scales": replace(_grid, lr_g=1e-3, lr_d=2e-3),
            "PacGAN4": replace(_grid, pack=4, lr_g=5e-3),
            "minibatch stddev": replace(_grid, stddev=True, lr_g=5e-3),
        },
    ),
    "diverging": Recipe(
        "the Wasserstein loss with nothing that bounds the slope of D, which grows and grows",
        "diverging",
        _diverging,
        {"clipping": replace(_bounded, clip=0.05), "WGAN-GP": replace(_bounded, penalty=WGANGP(1.0))},
    ),
    "idle": Recipe(
        "D's learning rate is so small that it stays as it began; G runs off to where D happens to be large",
        "D learns nothing",
        _idle,
        {"two time scales": replace(_idle, lr_d=2e-3)},
    ),
    "copying": Recipe(
        "16 rows of data, which D learns by heart, so that G is asked for these 16 and no others",
        "memorising",
        _copying,
        {
            "more data": replace(_copying, data=normal),
            "instance noise": replace(_copying, instance_noise=0.5),
        },
    ),
}
