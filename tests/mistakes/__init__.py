"""Backward passes as students write them: wrong ones, each with the cause that must be named, and right ones.

Each case is a function that returns the keyword arguments of `gradcheck`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

M, N_IN, N_OUT = 6, 4, 3


@dataclass(frozen=True)
class Case:
    """make() gives gradcheck's arguments; `cause` must open the diagnosis of `tensor`; `says` must stand in it too."""

    name: str
    make: Callable[[], dict[str, Any]]
    cause: str = ""
    tensor: str = ""
    says: str = ""


WRONG: list[Case] = []
RIGHT: list[Case] = []


def wrong(cause: str, tensor: str = "", says: str = "") -> Callable[..., Any]:
    def add(make: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        WRONG.append(Case(make.__name__, make, cause, tensor, says))
        return make

    return add


def right(make: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    RIGHT.append(Case(make.__name__, make))
    return make


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    """Standard normal numbers, other ones for each shape and seed."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)
