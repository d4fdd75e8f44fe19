"""What may stand in a file of a run: how things are described in plain JSON values, checked, and built again.

The classes are the schema. A Linear is described as {"type": "Linear", "n_in": 3, "n_out": 4, "scale": null}, with
exactly the fields of its dataclass, and each value must be what the field's annotation says:

    int, float, str, None     a whole number, a finite number, a text, null; true and false are none of these
    tuple[int, int]           a list of two whole numbers; tuple[int, ...] is a list of any length
    Loss, Layer, Optimizer …  a description whose type is the name of such a class in KNOWN
    another dataclass         its fields, without a type
    A | B                     either

Ranges are left to the constructors: LeakyReLU says itself that 5 is no slope. The memory that networks take is bounded
by `Builder`: it builds none for which the file does not hold as many numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from reprlib import Repr
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from numgan import layers, losses, optim, penalty, schedules
from numgan.conditional import Conditional
from numgan.errors import InputError
from numgan.layers.base import Layer
from numgan.layers.compound import Compound
from numgan.network import Network

# Only these are ever built from a file: it holds names and numbers, never code.
_CLASSES: tuple[Any, ...] = (
    *(Network, *layers.ALL, Conditional, layers.Label, layers.Condition, layers.AdaIN),
    *map(type, losses.BY_NAME.values()),
    *optim.BY_NAME.values(),
    *penalty.BY_NAME.values(),
    *schedules.ALL,
)
KNOWN: dict[str, Any] = {cls.__name__: cls for cls in _CLASSES}

# Fields that a class got later, by its name: a file from before lacks them, and meant their defaults.
ADDED: dict[str, set[str]] = {
    "BatchNorm": {"std"},
    "Settings": {"conditional", "together"},
    "Description": {"view"},
    "MinibatchStd": {"group"},
    "R1": {"every"},
    "R2": {"every"},
    "WGANGP": {"every"},
    "Ramp": {"every"},
    "Origin": {"label_fingerprint"},
    "About": {"size", "hold_out"},
}

NESTED = 32  # levels of lists and objects: two for each network within a network
LARGEST = 1e30  # number: float32 holds it with room to spare
LARGEST_WHOLE = 2**128  # a seed may have 128 bits
LONGEST = 4096  # characters: the path of a file may have so many

# Values that are built as they are: how each kind is called, and whether a value is one.
PLAIN: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    Any: ("anything", lambda value: True),
    NoneType: ("null", lambda value: value is None),
    bool: ("true or false", lambda value: type(value) is bool),
    int: ("a whole number", lambda value: type(value) is int and abs(value) <= LARGEST_WHOLE),
    float: ("a number", lambda value: type(value) in (int, float) and abs(value) <= LARGEST),  # NaN is not
    str: ("a text", lambda value: type(value) is str and len(value) <= LONGEST),
}

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
shown = _SHORT.repr  # a value in one line, however long or deep it is


def describe(thing: Any) -> Any:
    """`thing` in plain JSON values. What the package does not know becomes its name alone, which is never built."""
    name = type(thing).__name__
    if KNOWN.get(name) is type(thing):
        return {"type": name} | {field: describe(_value(thing, field)) for field in fields_of(KNOWN[name])}
    if isinstance(thing, list | tuple):
        return [describe(item) for item in thing]
    if isinstance(thing, np.integer | np.floating):
        return int(thing) if isinstance(thing, np.integer) else float(thing)  # item() of a longdouble is one
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    return {"type": f"{type(thing).__module__}.{type(thing).__qualname__}", "foreign": True}


def parse(text: str) -> Any:
    """The JSON values in a text."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise InputError(f"its JSON cannot be read ({error}): use another file") from error


@cache
def fields_of(cls: Any) -> dict[str, Any]:
    """The fields of a class that a description holds, each with its kind."""
    if issubclass(cls, Network):
        return {"layers": tuple[Layer, ...], "dtype": Literal["float32", "float64"]}
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls) if field.init}


class Builder:
    """Builds what a file describes. All layers together may have so many parameters, and numbers in buffers."""

    def __init__(self, parameters: float = math.inf, buffers: float = math.inf) -> None:
        self._parameters, self._buffers = parameters, buffers  # that are left

    def __call__(self, value: Any, kind: Any, where: str = "it", levels: int = NESTED) -> Any:
        """What `value` describes, if that is of the kind; networks with first values in place of their weights.

        where: what the value is called in an error, such as G.layers[2].n_in.
        """
        if not levels:
            raise InputError(f"{where} stands within more than {NESTED} lists and objects: use another file")
        for choice in get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,):
            if _may_be(value, choice):
                return self._build(value, choice, where, levels - 1)
        raise InputError(f"{where} is {shown(value)}, expected {_words(kind)}: use another file")

    def _build(self, value: Any, kind: Any, where: str, levels: int) -> Any:
        if isinstance(value, list) and kind is not Any:
            pairs = zip(value, _each(kind, len(value)), strict=True)
            return tuple(self(item, one, f"{where}[{i}]", levels) for i, (item, one) in enumerate(pairs))
        if isinstance(value, dict) and kind is not Any:
            return self._thing(value, kind, where, levels)
        return value

    def _thing(self, value: dict[str, Any], kind: Any, where: str, levels: int) -> Any:
        """An object of the class that `value` names, or of the class `kind` if it names none."""
        known = _known(kind)
        cls = _named(value.get("type"), known, where) if known else kind
        given = {name: value[name] for name in value if not (known and name == "type")}
        expected = fields_of(cls)
        if not expected.keys() - ADDED.get(cls.__name__, set()) <= given.keys() <= expected.keys():
            raise InputError(f"{where} has the fields {shown([*given])}, expected {[*expected]}: use another file")
        made = cls(**{name: self(item, expected[name], f"{where}.{name}", levels) for name, item in given.items()})
        self._count(made, where)
        return made

    def _count(self, made: Any, where: str) -> None:
        """Takes a layer's numbers off what is left. Those of layers inside have been counted then."""
        if isinstance(made, Layer) and not isinstance(made, Network | Compound):
            self._parameters -= made.size
            self._buffers -= made.buffer_size
            if self._parameters < 0 or self._buffers < 0:
                raise InputError(f"{where} is {made}: the file does not hold numbers for so many: use another file")


def _may_be(value: Any, kind: Any) -> bool:
    """Whether a value is of a plain kind; for others, whether it is a list, or an object, as it must be."""
    if kind in PLAIN:
        return PLAIN[kind][1](value)
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        return isinstance(value, list) and len(_each(kind, len(value))) == len(value)
    return isinstance(value, dict)


def _each(kind: Any, n: int) -> tuple[Any, ...]:
    """The kinds of the n items of a tuple[A, ...], or of the items of a tuple[A, B]."""
    each = get_args(kind)
    return each[:1] * n if each[-1] is Ellipsis else each


def _words(kind: Any) -> str:
    """What a kind is called in an error."""
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(map(_words, get_args(kind)))
    if get_origin(kind) is tuple:
        return f"[{', '.join('…' if one is Ellipsis else _words(one) for one in get_args(kind))}]"
    return PLAIN[kind][0] if kind in PLAIN else " or ".join(_known(kind)) or "an object"


@cache
def _known(kind: Any) -> dict[str, Any]:
    """The known classes that may stand where the annotation is `kind`, by name."""
    if get_origin(kind) is Callable:
        return {cls.__name__: cls for cls in schedules.ALL}
    return {name: cls for name, cls in KNOWN.items() if issubclass(cls, kind)}


def _value(thing: Any, name: str) -> Any:
    return thing.theta.dtype.name if isinstance(thing, Network) and name == "dtype" else getattr(thing, name)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which no name stands twice."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError(f"a name stands twice among {shown([name for name, _ in pairs])}")
    return dict(pairs)


def _named(name: Any, known: dict[str, Any], where: str) -> Any:
    """The known class of this name."""
    if isinstance(name, str) and name in known:
        return known[name]
    if isinstance(name, str) and name not in KNOWN and len(name) <= LONGEST:
        argument = where.partition(".")[0].partition("[")[0]
        raise InputError(f"{where} is a {shown(name)}, which is not one of numgan's: pass it to load, as {argument}=")
    raise InputError(f"{where} is of the type {shown(name)}, expected {' or '.join(known)}: use another file")
