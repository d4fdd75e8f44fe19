"""A model: a pair (G, D) for a data set, and how to train it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from types import ModuleType
from typing import Protocol

import numpy as np

from numgan.data import Data
from numgan.errors import InputError
from numgan.losses import Loss, nonsaturating
from numgan.network import Network
from numgan.optim import Optimizer
from numgan.penalty import Penalty

Players = tuple[Network, Network]  # G, D


class Networks(Protocol):
    def __call__(self, data: Data, seed: int, xp: ModuleType = np) -> Players: ...


@dataclass(frozen=True)
class Model:
    """A pair of networks for a data set, and how to train it. The fields from `loss` to `penalty` are `Training`'s.

    view: makes `Training`'s, for the data on a backend.
    by_rows: what else is to be set for so many rows, if anything is.
    """

    networks: Networks
    opt_g: Optimizer
    opt_d: Optimizer
    steps: int
    batch: int
    loss: Loss = nonsaturating
    ema: float | None = None
    noise: str = "normal"
    conditional: bool = False
    together: bool = False
    penalty: Penalty | None = None
    view: Callable[[Data, ModuleType], Network] | None = None
    range: tuple[float, float] = (-1.0, 1.0)  # what black and white become
    by_rows: Callable[[Model, int], Model] | None = None

    def for_rows(self, n: int) -> Model:
        """The same for data of n rows, of whose number steps and rates may depend."""
        return self if self.by_rows is None else self.by_rows(self, n)

    def optimizers(self, for_g: dict[str, float], for_d: dict[str, float]) -> tuple[Optimizer, Optimizer]:
        """New optimisers (for G, for D) with some of their settings replaced."""
        return _replaced(self.opt_g, for_g), _replaced(self.opt_d, for_d)


def _replaced(optimizer: Optimizer, settings: dict[str, float]) -> Optimizer:
    for name in settings.keys() - {f.name for f in fields(optimizer) if f.init}:
        kind = type(optimizer).__name__
        raise InputError(f"this model trains with {kind}, which has no {name}: leave it out")
    return replace(optimizer, **settings)  # type: ignore[arg-type]
