"""What a person did that cannot work, in one line: the value, what was expected, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral
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
    if name in table:
        return table[name]
    choices = f"choose from {', '.join(table)}"
    raise InputError(f"unknown {kind} {name!r}: {guess(name, table) or choices}")


def guess(name: str, table: Iterable[str]) -> str:
    """What a person may have meant, as a question; the empty string where nothing is near."""
    near = difflib.get_close_matches(name, table, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def reason(error: OSError) -> str:
    """What the operating system said, with the file it was about."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said


def check_whole(name: str, value: object, least: int) -> None:
    """InputError unless value is a whole number of `least` or more."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number of {least} or more, got {value!r}")


class Lazy(Iterator[Any]):
    """Items that are made as they are asked for. Its repr says so to whoever asks for none."""

    def __init__(self, items: Iterator[Any], advice: str) -> None:
        self._items, self._advice = items, advice

    def __next__(self) -> Any:
        return next(self._items)

    def __repr__(self) -> str:
        return f"<{self._advice}>"
