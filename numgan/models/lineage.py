"""What changed from each model of the line to the next: read off the models themselves, so that it is true of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, NamedTuple

from numgan.data import Data
from numgan.layers.base import Layer
from numgan.models.recipe import Model
from numgan.network import Network

LINE = ("goodfellow2014", "dcgan", "cogan", "progan", "stylegan")  # of 2014, 2015, 2016, 2017, 2018
SETTINGS = ("loss", "penalty", "ema", "noise", "together", "batch", "steps")  # of a Model


class Changes(NamedTuple):
    """G and D: (kinds of layers that came, kinds that went). settings: name -> (before, after), where they differ."""

    G: tuple[list[str], list[str]]
    D: tuple[list[str], list[str]]
    settings: dict[str, tuple[str, str]]


def changes(old: tuple[Model, Data], new: tuple[Model, Data]) -> Changes:
    """From one model to another, each with data that it takes: kinds of layers, and settings."""
    players = zip(*(model.networks(data, 0) for model, data in (old, new)), strict=True)
    G, D = (_came_and_went(kinds(before), kinds(after)) for before, after in players)
    before, after = settings(old[0]), settings(new[0])
    return Changes(G, D, {name: (before[name], after[name]) for name in before if before[name] != after[name]})


def kinds(layer: Layer) -> set[str]:
    """The kinds of the layers inside, those of layers inside these too."""
    return {type(one).__name__ for one in _inside(layer)}


def settings(model: Model) -> dict[str, str]:
    """As texts: the optimisers of G and of D with all that they are told, and the rest of what a run is told."""
    told = {"opt_g": model.opt_g, "opt_d": model.opt_d} | {name: getattr(model, name) for name in SETTINGS}
    return {name: _text(value) for name, value in told.items()}


def _inside(layer: Layer) -> Iterator[Layer]:
    """All layers that are no networks, of whatever holds layers: a `Network`, `Concat`, `Fade`, …"""
    if not isinstance(layer, Network):
        yield layer
    for inner in layer.layers:
        yield from _inside(inner)


def _came_and_went(before: set[str], after: set[str]) -> tuple[list[str], list[str]]:
    return sorted(after - before), sorted(before - after)


def _text(value: Any) -> str:
    """A dataclass by its name and what was set of its fields: a number that every Adam has says nothing."""
    if not is_dataclass(value):
        return str(value)
    given = [(field, getattr(value, field.name)) for field in fields(value) if field.init]
    told = [
        ("" if field.default is MISSING else f"{field.name}=") + _text(one)
        for field, one in given
        if one != field.default
    ]
    return f"{type(value).__name__}({', '.join(told)})"
