"""Where a run may write, said before any work is done; and files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO, Any

from numgan.errors import InputError


@contextlib.contextmanager
def atomic(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """A file that takes the name `path` only once it is whole and on disk; until then the old one stays."""
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def new_file(out: str | os.PathLike[str], suffixes: Sequence[str]) -> Path:
    """`out`, if a file of one of these kinds can be made there."""
    path = Path(out)
    if path.suffix not in suffixes:
        raise InputError(f"--out {out}: expected a name ending in {' or '.join(suffixes)}")
    if path.exists():
        raise InputError(f"--out {out} is there already: choose another name")
    if not path.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {path.parent}: make it first")
    return path


def new_folder(out: str | None, name: str) -> Path:
    """`out`, if it can be a run's folder; without one, the first of runs/NAME-1, runs/NAME-2 … that is not there."""
    if out is None:
        return next(p for i in count(1) if not (p := Path("runs", f"{name}-{i}")).exists())
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {out} is a file, expected a folder: choose another name")
    if (folder / "checkpoint.npz").exists():
        raise InputError(f"--out {out} holds another run: choose another folder, or go on with it by --resume {out}")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"--out {out} is not empty: choose a new folder")
    parent = next(p for p in folder.absolute().parents if p.exists())
    if not os.access(parent, os.W_OK):
        raise InputError(f"--out {out} cannot be made, {parent} is not writable: choose another folder")
    return folder
