"""What a person did that cannot work, in one line: the value, what was expected, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from numbers import Integral
from typing import Any, TypeVar

T = TypeVar("T")


class InputError(ValueError):
    """Bad input. The command line prints its message alone and exits with status 2."""


class DivergedError(ArithmeticError):
    """Training met a value that is not finite. The parameters are no longer worth saving."""


def lookup(kind: str, name: str, table: Mapping[str, T]) -> T:
    """table[name]; InputError with the nearest name where there is none."""
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(table)}"
    raise InputError(f"unknown {kind} {name!r}: {hint}")


def check_whole(name: str, value: Any, least: int) -> None:
    """InputError unless value is a whole number of `least` or more."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number of {least} or more, got {value!r}")
