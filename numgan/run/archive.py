"""A file of a run is a few vectors and a JSON description in one .npz, written so that it is either whole or not there.

It is read as if a stranger had written it. In memory it takes at most twice its size and 32 MiB: what is not stored
uncompressed, or claims more than the file holds, is refused before it is read.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from numgan.data.npz import Npz, check_directory
from numgan.errors import InputError
from numgan.run.output import atomic
from numgan.run.schema import parse, shown

FORMAT = "numgan-1"
HEADER = 128  # bytes before an array's numbers, or somewhat fewer
LONGEST = 1 << 16  # characters of the description: networks of some six hundred layers


def write(path: str | os.PathLike[str], vectors: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Writes host arrays and a description to `path`, or leaves what was there."""
    text = json.dumps({"format": FORMAT, **about})
    if len(text) > LONGEST:
        raise InputError(f"{path}: its description has {len(text)} characters, more than {LONGEST}: use fewer layers")
    with atomic(path) as file:
        np.savez(file, about=np.array(text), **vectors)  # type: ignore[arg-type]


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The vectors and the description in `path`: float32 or float64, all finite; and what JSON may hold.

    InputError where it is not a whole file of ours.
    """
    with named(path):
        with _opened(Path(path)) as file:
            check_directory(file, most=LONGEST)
            arrays = Npz(file, most=os.fstat(file.fileno()).st_size)
            about = _about(arrays)
            vectors = {name: arrays[name] for name in arrays if name != "about"}
        for name, vector in vectors.items():
            if vector.dtype.kind != "f" or vector.dtype.itemsize not in (4, 8):
                raise InputError(f"{shown(name)} holds {vector.dtype}, expected float32 or float64: use another file")
            if not np.isfinite(vector).all():
                raise InputError(f"{shown(name)} holds numbers that are not finite: use an earlier file")
    return vectors, about


def read_json(path: str | os.PathLike[str]) -> Any:
    """The JSON values in a small text file."""
    with _opened(Path(path)) as file:
        text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise InputError(f"has more than {LONGEST} bytes: use another file")
        return parse(text.decode())


@contextlib.contextmanager
def named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Puts the path of a file before what an InputError says of it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error.__cause__


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file, with whatever goes wrong when it is opened and read said as an InputError."""
    try:
        if path.exists() and not path.is_file():
            raise InputError("is not a file: give a checkpoint.npz, or a folder that numgan train wrote")
        with open(path, "rb") as file:
            yield file
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError("no such file; give a checkpoint.npz, or a folder that numgan train wrote") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error}): check the file and its permissions") from error
    except Exception as error:  # on foreign bytes the parsers of zipfile and NumPy raise a dozen kinds
        what = "does not fit into memory" if isinstance(error, MemoryError) else "is not a numgan file, or is damaged"
        raise InputError(f"{what} ({type(error).__name__}): use another") from error


def _about(arrays: Npz) -> dict[str, Any]:
    """The description, of a format that is known."""
    if "about" not in arrays:
        raise InputError("is not a numgan file: it holds no description called about")
    if arrays.size("about") > 4 * LONGEST + HEADER:  # NumPy stores four bytes a character
        raise InputError(f"its description has more than {LONGEST} characters: use another file")
    text = arrays["about"]
    about: Any = parse(str(text)) if text.dtype.kind == "U" and not text.ndim else None
    found = about.pop("format", None) if isinstance(about, dict) else None
    if found != FORMAT:
        raise InputError(f"has the format {shown(found)}, not {FORMAT!r}: use the version that it is from")
    return about
