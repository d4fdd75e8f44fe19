"""The user's own arrays: what a file holds decides what it means, and nothing is guessed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from numgan.data.base import Array, Data, Range, check_finite, check_range
from numgan.data.npz import MAGIC, Npz, read_npy
from numgan.errors import InputError

MUCH = 1 << 30  # bytes that any archive may unpack to
RATIO = 100  # and beyond that, so many times its own size: images of handwriting reach 5, blank ones 1000


def read(path: str | os.PathLike[str], range: Range, split: str, name: str) -> Data:
    """The images or vectors in a .npz or .npy file.

    A .npz holds x_train, y_train, x_test, y_test (Keras' layout), or x with y or labels, or one array alone.
    uint8 (n, h, w) or (n, h, w, c), and floats of these shapes in [0, 1], are images: scaled to `range`.
    Floats (n, n_x) are vectors: kept as they are. Raises InputError for all else; pickles are never opened.
    """
    try:
        x, labels = arrays(path, split)
        return from_array(x, labels, range, name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error.__cause__


def arrays(path: str | os.PathLike[str], split: str) -> tuple[Array, Array | None]:
    """x and its labels, as they stand in the file. Raises InputError, without the path, where that cannot be told."""
    if Path(path).exists() and not Path(path).is_file():
        raise InputError("is a directory, a device or a pipe, expected a file; save it to one")
    try:
        with open(path, "rb") as file:
            head = file.read(6)
            _check_magic(head)
            return _choose({"x": read_npy(path)} if head == MAGIC else Npz(file, _most(file)), split)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError("no such file, expected a .npz or .npy; check the path") from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error}); check the file and its permissions") from error
    except Exception as error:  # on foreign bytes the parsers of NumPy, zipfile and zlib raise a dozen kinds
        raise InputError(_diagnosis(error)) from error


def _check_magic(head: bytes) -> None:
    if not head:
        raise InputError("is empty (0 bytes), expected a .npz or .npy; save it again")
    if not head.startswith((MAGIC, b"PK\x03\x04", b"PK\x05\x06")):
        raise InputError("is neither a .npz nor a .npy file (pickles are refused); save it with np.savez(path, x=x)")


def _most(file: IO[bytes]) -> int:
    """How many bytes a .npz may unpack to: MUCH, or RATIO times its own size where that is more."""
    return max(MUCH, RATIO * os.fstat(file.fileno()).st_size)


def _diagnosis(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "is damaged, or does not fit into memory; save it again, or save fewer rows"
    return f"is truncated or damaged ({type(error).__name__}), expected a whole .npz or .npy; copy or save it again"


def _choose(arrays: Mapping[str, Array], split: str) -> tuple[Array, Array | None]:
    """The pair (x, labels or None) that `split` means among the arrays of a file."""
    names = list(arrays)
    keras = "x_train" in names or "x_test" in names
    if split != "train" and not keras:
        raise InputError(f"split is {split!r}, but there is no x_test among its arrays {names}; use split='train'")
    key = f"x_{split}" if keras else names[0] if len(names) == 1 else "x"
    if key not in names:
        raise InputError(f"holds the arrays {names}, expected {key}; save it with np.savez(path, {key}=x)")
    answers = [f"y_{split}"] if keras else ["y", "labels"]
    labels = next((arrays[name] for name in answers if name in names and name != key), None)
    return arrays[key], labels


def from_array(x: Array, labels: Array | None, range: Range, name: str) -> Data:
    """Images scaled to `range`, or vectors as they are. x becomes read-only."""
    problem = _problem(x)
    if problem:
        raise InputError(problem)
    if labels is not None and labels.shape == (len(x), 1):  # Keras' CIFAR-10
        labels = labels[:, 0]
    if x.ndim == 2:
        x.flags.writeable = False
        return Data(x, labels, name=name)
    lo, hi = check_range(range)
    unit = _unit(x)
    unit *= hi - lo
    unit += lo
    unit.flags.writeable = False  # nobody else holds it: no copy is needed
    return Data(unit, labels, image_shape=x.shape[1:], range=(lo, hi), name=name)


def _problem(x: Array) -> str:
    """Why x is neither images nor vectors; the empty string if it is."""
    found, floating = f"x is {x.shape} of {x.dtype}", np.issubdtype(x.dtype, np.floating)
    if x.size == 0:
        return f"{found}, which is empty; expected at least one row"
    if x.ndim == 1 and floating:
        return f"{found}, expected rows; save x.reshape(-1, 1) if each number is an example"
    if x.ndim == 2 and np.issubdtype(x.dtype, np.integer):
        return f"{found}: images or vectors? Save uint8 x.reshape(-1, h, w) for images, x.astype('float32') for vectors"
    if x.ndim in (3, 4) and not floating and x.dtype != np.uint8:
        return f"{found}, expected images as uint8 in 0..255 or floats in [0, 1]; save x.astype('uint8') or floats"
    if x.ndim not in (2, 3, 4) or not (floating or x.dtype == np.uint8):
        return f"{found}, expected images (n, h, w) or (n, h, w, c), or float vectors (n, n_x); reshape or convert it"
    if x.ndim == 4 and x.shape[3] > 4:
        return f"{found}, expected images (n, h, w, c) with c ≤ 4; save x.transpose(0, 2, 3, 1) if channels come first"
    return ""


def _unit(x: Array) -> Array:
    """Images (n, ...) as a new (n, n_x) float32 array in [0, 1]."""
    flat = x.reshape(len(x), -1)
    with np.errstate(over="ignore"):  # beyond float32: inf, reported below
        unit = flat.astype(np.float32)
    if x.dtype == np.uint8:
        if x.max() == 1:
            raise InputError("x is uint8 from 0 to 1, expected 0 to 255; save x * 255, or x.astype('float32')")
        unit /= 255
        return unit
    check_finite(unit)
    lo, hi = flat.min(), flat.max()
    if lo < 0 or hi > 1:
        fix = "(x + 1) / 2" if lo >= -1 and hi <= 1 else "x / 255" if lo >= 0 and hi <= 255 else "them rescaled"
        raise InputError(f"x goes from {lo:g} to {hi:g}, expected images of floats in [0, 1]; save {fix}")
    return unit
