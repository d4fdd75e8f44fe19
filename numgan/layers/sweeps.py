"""The sweeps of a gradient penalty through layers in a row that are a branch of another layer; see `penalty`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numgan.backend import Array
from numgan.layers.base import Layer


def tangent_through(
    layers: Sequence[Layer], caches: Sequence[Any], v: Array, dy: Array
) -> tuple[Array, Array | None]:
    """(J v, bend) of layers in a row, as of one: back for the deltas, forward with v, back again with the bends."""
    deltas, bends, e = [dy], [], None
    for layer, cache in zip(layers[:0:-1], caches[:0:-1], strict=True):
        deltas.append(layer.backward(deltas[-1], cache, params=False))  # type: ignore[arg-type]
    for layer, cache, delta in zip(layers, caches, deltas[::-1], strict=True):
        v, bend = layer.tangent(v, delta, cache)
        bends.append(bend)
    for layer, cache, bend in zip(layers[::-1], caches[::-1], bends[::-1], strict=True):
        e = None if e is None else layer.backward(e, cache)
        e = e if bend is None else bend if e is None else e + bend
    return v, e
