"""What a run consists of: the arguments of `Training`, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numgan.backend import Array
from numgan.layers.base import Player
from numgan.losses import Loss
from numgan.network import Network
from numgan.optim import Optimizer
from numgan.penalty import Penalty


@dataclass(frozen=True)
class Settings:
    """The arguments of `Training` that are plain values."""

    batch: int
    k: int
    seed: int
    ema: float | None
    noise: str
    n_z: int
    threads: int
    clip: float | None
    conditional: bool = False
    together: bool = False


@dataclass(frozen=True)
class Parts:
    """The arguments of `Training` that are objects, except the data."""

    G: Player
    D: Player
    loss: Loss
    penalty: Penalty | None
    optimizers: tuple[Optimizer, Optimizer]  # for G, for D
    view: Network | None = None


@dataclass(frozen=True)
class Origin:
    """The data that a run was trained on, without its rows."""

    name: str
    fingerprint: str
    image_shape: tuple[int, ...] | None
    range: tuple[float, float] | None
    label_fingerprint: str | None = None


@dataclass(frozen=True)
class State:
    """Where a run stands."""

    step: int
    updates: tuple[int, int]  # of G's optimiser and of D's
    vectors: dict[str, Array]  # by name: parameters, buffers, the average, the optimisers' state; not copied
    history: np.ndarray  # (records, figures)
