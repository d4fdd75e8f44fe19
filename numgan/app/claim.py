"""One process at a time writes in a run's folder: it is claimed when it is chosen, by a lock that dies with it."""

from __future__ import annotations

import os
import platform
import secrets
import time
from itertools import count
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from numgan.errors import InputError

LOCK, OWNER = ".lock", ".owner"  # the lock itself, and who has it, in words
NO_RUN_YET = {LOCK, OWNER, "run.json", "frames.npz"}  # what a first save that was cut off may leave behind


class InUse(InputError):
    """Another process writes in this folder now."""


class Claim:
    """The right to write in `folder`, which exists, until the end of a `with` block or of the process."""

    def __init__(self, folder: Path, made: bool = False) -> None:
        self.folder, self._made = folder, made
        self.place = folder.absolute()  # it stays where it is if this process changes its directory
        self._lock = FileLock(self.place / LOCK, timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise InUse(f"{folder} is in use by {_owner(folder)}: wait until that ends, or stop it") from None
        except OSError as error:
            raise InputError(f"{folder} cannot be written to: {error.strerror or error}") from error
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        self._mark = f"process {os.getpid()} on {platform.node()} since {since}\n{secrets.token_hex(8)}\n".encode()
        (self.place / OWNER).write_bytes(self._mark)
        for part in self.place.glob(".*.part"):  # what a process that was killed left half-written
            part.unlink()

    def check(self) -> None:
        """OSError if somebody has moved the folder away, put another in its place, or claimed it too."""
        if (self.place / OWNER).read_bytes() != self._mark:
            raise OSError(f"{self.folder} was taken over by {_owner(self.place)}")

    def release(self) -> None:
        """Lets others write here. A folder that was made for this run and holds nothing of it goes."""
        try:
            self.check()
            for name in (OWNER, LOCK):
                (self.place / name).unlink()
            if self._made and not any(self.place.iterdir()):
                self.place.rmdir()
        except OSError:
            pass  # it is no longer ours, or this is Windows, which does not remove a file that is open
        finally:
            self._lock.release()

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


class Reader:
    """In place of a claim, where another rank of the same run has it: the folder is read, and not written in."""

    def __init__(self, folder: Path) -> None:
        self.folder = self.place = folder

    def check(self) -> None: ...

    def release(self) -> None: ...

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None: ...


def claim_new(out: str | None, name: str, rank: int = 0) -> Claim | Reader:
    """`out`, if a run can begin there; without one, the first of runs/NAME-1, runs/NAME-2 … that can be made.

    Of several ranks, the first one claims it.
    """
    if rank:
        return Reader(Path(out or "runs"))
    if out is None:
        return _first_free(name)
    folder = Path(out)
    try:
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"--out {out!r} cannot be made ({why}): choose another folder") from error
    claim = Claim(folder, made)
    try:
        _check_empty(folder)
    except InputError:
        claim.release()
        raise
    return claim


def claim_run(folder: str | os.PathLike[str], rank: int = 0) -> Claim | Reader:
    """The folder of a run that is to go on; of several ranks, the first one claims it."""
    path = Path(folder)
    if not (path / "checkpoint.npz").is_file():
        begun = "begin one there with --out" if path.is_dir() else "give a folder that numgan train wrote"
        raise InputError(f"{folder} holds no run (no checkpoint.npz): {begun}")
    return Reader(path) if rank else Claim(path)


def _first_free(name: str) -> Claim:
    try:
        Path("runs").mkdir(exist_ok=True)
        for i in count(1):
            folder = Path("runs", f"{name}-{i}")
            try:
                folder.mkdir()  # fails where it is there already: of two processes, one gets it
            except FileExistsError:
                continue
            return Claim(folder, made=True)
    except OSError as error:
        raise InputError(f"no folder can be made in runs ({error.strerror}): choose one with --out") from error
    raise AssertionError("count ends never")


def _check_empty(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    if "checkpoint.npz" in names:
        raise InputError(f"--out {folder} holds another run: choose another folder, or go on with --resume {folder}")
    if names - NO_RUN_YET:
        raise InputError(f"--out {folder} is not empty: choose a new folder")


def _owner(folder: Path) -> str:
    try:
        return (folder / OWNER).read_text(encoding="utf-8").splitlines()[0]
    except (OSError, IndexError, UnicodeDecodeError):
        return "another process"
