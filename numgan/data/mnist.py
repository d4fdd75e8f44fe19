"""MNIST in full: 60,000 digits to train on and 10,000 to test on, by Yann LeCun and Corinna Cortes (CC BY-SA 3.0).

It is not part of the package. `numgan data mnist` brings its four files into a folder, the cache; here they are read.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from numgan.data import idx
from numgan.data.base import Array, Data, Range
from numgan.data.files import from_array
from numgan.errors import InputError

FOLDER = "NUMGAN_DATA"  # the variable of the environment that names another cache, which a class may share


@dataclass(frozen=True)
class File:
    """One of the four, in the cache as NAME.gz. What it holds is known by its SHA-256, however it was packed."""

    name: str
    shape: tuple[int, ...]
    sha256: str  # of the IDX file
    sha256_gz: str  # of that file as it was packed when MNIST was published


FILES = {  # by Keras' names
    "x_train": File(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "y_train": File(
        "train-labels-idx1-ubyte",
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "x_test": File(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "y_test": File(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
}


def cache() -> Path:
    """The folder that NUMGAN_DATA names, or the user's own for such files, as pooch.os_cache would have it."""
    if given := os.environ.get(FOLDER):
        return Path(os.path.abspath(os.path.expanduser(given)))
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or os.path.expanduser("~"), "numgan", "numgan", "Cache")
    if sys.platform == "darwin":
        return Path(os.path.expanduser("~/Library/Caches"), "numgan")
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "numgan")


def load(range: Range, split: str) -> Data:
    """The images of a split ("train" or "test") and their labels. It only reads; InputError where there is no cache."""
    folder = cache()
    x, labels = (_cached(folder, FILES[f"{which}_{split}"]) for which in "xy")
    return from_array(x, labels, range, "mnist")


def _cached(folder: Path, file: File) -> Array:
    path = folder / f"{file.name}.gz"
    if not os.path.exists(path):
        get = f"numgan data mnist downloads it (12 MB); {FOLDER} names another folder"
        raise InputError(f"mnist is not in {folder}, there is no {path.name}: {get}")
    try:
        return read(path, file)
    except InputError as error:
        raise InputError(f"{error}; numgan data mnist replaces what is damaged") from error


def read(path: Path, file: File) -> Array:
    """What a file holds, if that is MNIST; InputError if not."""
    try:
        return checked(idx.read(path, file.shape), file)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def checked(x: Array, file: File) -> Array:
    """x as uint8, if it is the array of this file; InputError if not."""
    if x.dtype.kind not in "iu":
        raise InputError(f"is not MNIST's (an array of {x.dtype}, not of uint8); get it again")
    x = np.ascontiguousarray(x, np.uint8)
    found = hashlib.sha256(idx.header(x.shape))
    found.update(x.data)
    if found.hexdigest() != file.sha256:
        raise InputError(f"is not MNIST's (SHA-256 {found.hexdigest()[:8]}…, not {file.sha256[:8]}…); get it again")
    return x


def missing(folder: Path) -> dict[str, File]:
    """The files that are not in a folder, or are damaged there."""
    return {key: file for key, file in FILES.items() if not _whole(folder, file)}


def _whole(folder: Path, file: File) -> bool:
    try:
        read(folder / f"{file.name}.gz", file)
    except InputError:
        return False
    return True
