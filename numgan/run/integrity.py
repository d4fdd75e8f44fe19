"""What must hold of a checkpoint for a run to go on from it, beyond what the schema says of each value alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from numgan.data.base import check_range
from numgan.errors import InputError
from numgan.layers.base import Layer
from numgan.layers.compound import Compound
from numgan.network import Network
from numgan.optim import Adam, Optimizer
from numgan.run.parts import Origin, State
from numgan.run.record import Record
from numgan.run.schema import shown

LAST_STEP = 2**53  # beyond it a step count is no float64
OTHER = "use another file"
WIDEST = 2**24  # numbers in a row of noise, or of what a layer makes of it


def check_origin(data: Origin) -> None:
    """The range and the shape of images, as `Data` has them."""
    if data.range is not None:
        check_range(data.range)
    shape = data.image_shape
    if shape is not None and not (len(shape) in (2, 3) and min(shape) > 0):
        raise InputError(f"data.image_shape is {shown(shape)}, expected (h, w) or (h, w, c): use another file")


def check_state(state: State, k: int) -> None:
    """The counts, the vectors that every run has, and the records, agree with each other."""
    step, (t_G, t_D) = state.step, state.updates
    if not 0 <= step <= LAST_STEP or not step <= t_G <= LAST_STEP or not k * step <= t_D <= k * LAST_STEP:
        raise InputError(f"{step} steps and {t_G} and {t_D} updates of G and D do not agree, with k = {k}: {OTHER}")
    for name in ("theta_G", "theta_D", "average"):
        if name not in state.vectors:
            raise InputError(f"has no {name}: {OTHER}")
    for name, vector in state.vectors.items():
        if vector.ndim != 1:
            raise InputError(f"{shown(name)} has the shape {vector.shape}, expected a flat vector: {OTHER}")
    _check_history(state.history, step)


def _check_history(history: np.ndarray, step: int) -> None:
    if history.shape != (0,) and history.shape[1:] != (len(Record._fields),):
        raise InputError(f"history has the shape {history.shape}, expected (records, {len(Record._fields)}): {OTHER}")
    steps = history.reshape(-1, len(Record._fields))[:, 0]
    if (steps % 1).any() or (np.diff(steps, prepend=0) <= 0).any() or (steps > step).any():
        raise InputError(f"history holds no growing numbers of steps from 1 to {step}: {OTHER}")


def check_rows(net: Network, shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """The shape of what a network makes of a row of this shape, if each of its layers can take what comes before."""
    for layer in net.leaves():
        shape = _check_row(layer, shape, name)
    return shape


def _check_row(layer: Layer, shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """The same of a layer, and of those inside it."""
    if isinstance(layer, Network):
        return check_rows(layer, shape, name)
    if isinstance(layer, Compound):
        for inner, its_shape in zip(layer.layers, layer.inner_shapes(shape), strict=True):
            _check_row(inner, its_shape, name)
    shape = layer.y_shape(shape)
    if math.prod(shape) > WIDEST:
        raise InputError(f"{name}: {layer} makes rows of {math.prod(shape)} numbers, at most {WIDEST}: {OTHER}")
    return shape


def check_optimizers(described: Sequence[Any], passed: Sequence[Optimizer]) -> None:
    """Optimisers of one's own must be of the kinds that the file holds the state of."""
    for player, saved, optimizer in zip("GD", described, passed, strict=True):
        kind = saved.get("type") if isinstance(saved, dict) else None
        if not isinstance(kind, str) or kind.rpartition(".")[2] != type(optimizer).__name__:
            mine = type(optimizer).__name__
            raise InputError(f"{player} was trained with {shown(kind)}, got {mine}: pass an optimiser of that kind")


def check_squares(optimizers: Sequence[Optimizer], state: State) -> None:
    """Adam's v is a mean of squares, of which it takes the root."""
    for player, optimizer in zip("GD", optimizers, strict=True):
        if isinstance(optimizer, Adam) and (state.vectors[f"v_{player}"] < 0).any():
            raise InputError(f"v_{player} is a mean of squares for Adam, and holds numbers below 0: {OTHER}")
