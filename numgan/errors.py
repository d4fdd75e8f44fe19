"""What a person did that cannot work, in one line: the value, what was expected, what to do."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from numbers import Integral, Real
from typing import Any, TypeVar

T = TypeVar("T")


class InputError(ValueError):
    """Bad input. The command line prints its message alone and exits with status 2."""


class TornError(RuntimeError):
    """A run was broken off in the middle of an update. Its parameters belong to no step: not to be used or saved."""


class DivergedError(ArithmeticError):
    """Training met a value that is not finite. The parameters are no longer worth saving."""


def lookup(kind: str, name: str, table: Mapping[str, T]) -> T:
    """table[name]; InputError with the nearest name where there is none."""
    choices = f"choose from {', '.join(table)}"
    if not isinstance(name, str):
        raise InputError(f"{kind} is given by its name, got {name!r}: {choices}")
    if name in table:
        return table[name]
    raise InputError(f"unknown {kind} {name!r}: {guess(name, table) or choices}")


def guess(name: str, table: Iterable[str]) -> str:
    """What a person may have meant, as a question; the empty string where nothing is near."""
    near = difflib.get_close_matches(name, table, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def reason(error: OSError) -> str:
    """What the operating system said, with the file it was about."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said


def check_whole(name: str, value: object, least: int) -> int:
    """value as an int; InputError unless it is a whole number of `least` or more."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number of {least} or more, got {value!r}")
    return int(value)


def check_path(name: str, value: object, advice: str = "") -> str:
    """A path as text; InputError where it is none (a number would be taken for a file that is open already)."""
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str) or not os.fspath(value):
        raise InputError(f"{name} is given by a name or a path{advice}, got {value!r}")
    return os.fspath(value)


def check_number(name: str, value: object, interval: str = "(-inf, inf)", advice: str = "") -> float:
    """value as a float of Python's (a NumPy float64 would turn a float32 run into float64).

    InputError unless it is a finite number in the interval, written as in "[0, 1)" or "(0, inf)".
    """
    low, high = map(float, interval[1:-1].split(","))
    number = _real(value)
    inside = low < number < high or (number == low and "[" in interval) or (number == high and "]" in interval)
    if not inside:
        raise InputError(f"{name} must be a number in {interval}, got {value!r}{advice and f': {advice}'}")
    return number


def _real(value: object) -> float:
    """A real number as a float; nan for all else, truth values too, and inf beyond its range."""
    try:
        return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.inf


def remade(thing: Any, name: str, value: object) -> Any:
    """A dataclass made again with another value of the field `name`, which is refused where the class refuses it.

    None where it cannot be made again: there is no such field, or a subclass has an __init__ of its own.
    """
    if name not in {field.name for field in fields(thing) if field.init}:
        return None
    try:
        return replace(thing, **{name: value})
    except TypeError:
        return None


class Lazy(Iterator[Any]):
    """Items that are made as they are asked for. Its repr says so to whoever asks for none."""

    def __init__(self, items: Iterator[Any], advice: str) -> None:
        self._items, self._advice = items, advice

    def __next__(self) -> Any:
        return next(self._items)

    def __repr__(self) -> str:
        return f"<{self._advice}>"
