"""The data that a command is asked for, or that a run was trained on."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numgan.errors import InputError

if TYPE_CHECKING:
    from numgan.data import Data


def load(source: str, range: tuple[float, float], size: int | None, hold_out: int | None) -> Data:
    """The data. What was left out of a folder is said on stderr, as a message of this program."""
    from numgan import data

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        x = data.load(source, range=range, size=size, hold_out=hold_out or 0)
    for warning in said:
        print(f"numgan: {warning.message}", file=sys.stderr)
    return x


def of_a_run(about: dict[str, Any], moved_to: str | None) -> tuple[str, Data]:
    """What run.json names, or what took its place: its name or path, and the data."""
    from numgan import models
    from numgan.errors import lookup

    model = lookup("model", about["model"], models.BY_NAME)
    source = about["data"] if moved_to is None else lasting(moved_to)
    try:
        return source, load(source, model.range, about["size"], about["hold_out"])
    except InputError as error:
        advice = "" if moved_to else "; if the file or folder has moved, say where it is with --data"
        raise InputError(f"{error}{advice}") from error


def lasting(source: str) -> str:
    """A name of data as it is, a path from the root: a run may be taken up again from another directory."""
    from numgan import data

    return source if source in data.NAMES else str(Path(source).resolve())
