"""Where a run may write, said before any work is done; and files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from numgan.errors import InputError, reason


@contextlib.contextmanager
def atomic(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """A file that takes the name `path` only once it is whole and on disk; until then the old one stays."""
    path = Path(path)
    part = path.with_name(f".{secrets.token_hex(8)}.part")  # a name of its own: others may write to `path` too
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
    check_writable(path.parent, f"--out {out}")
    return path


def check_writable(folder: Path, name: str) -> None:
    """Raises InputError, about what is called `name`, where no file can be made in the folder."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f"{name}: nothing can be written there ({reason(error)})") from error
