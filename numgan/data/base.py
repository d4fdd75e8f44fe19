"""A data set is rows of numbers, and what is needed to show them or to score samples against them."""

import math
import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numgan.backend import array_module, host_array
from numgan.errors import InputError, check_number, check_whole

Array = NDArray[Any]
Range = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Data:
    """n examples of n_x numbers each.

    x            (n, n_x) float32, C-contiguous, finite (other floats are converted), read-only: a copy of the rows
                 that were given, unless nobody can write to those, as in a memory map that was opened to read
    labels       (n,) int64, or None
    image_shape  (h, w) or (h, w, c) if a row is an image, else None
    range        (lo, hi), the values that black and white were mapped to; None if x is in units of its own
    centres      (modes, n_x) float32, the modes of a toy mixture, or None
    std          the standard deviation that all its modes share, or None
    held_out     (k, n_x) float32, rows of the same kind that no run trains on, or None: measures of copying need them
    domains      how many images make up a row, each of a domain of its own, one above another; 1 unless `coupled`

    Raises InputError if the fields contradict each other.
    """

    x: Array = field(repr=False)
    labels: Array | None = field(default=None, repr=False)
    image_shape: tuple[int, ...] | None = None
    range: Range | None = None
    name: str = "data"
    centres: Array | None = field(default=None, repr=False)
    std: float | None = None
    held_out: Array | None = field(default=None, repr=False)
    domains: int = field(default=1, repr=False)

    def __post_init__(self) -> None:
        x = rows(self.x)
        if not isinstance(self.name, str):
            raise InputError(f"name is {self.name!r}, expected a text; it stands in reports and file names")
        checked = {
            "x": x,
            "labels": _labels(self.labels, len(x)),
            "image_shape": _image_shape(self.image_shape, x.shape[1]),
            "range": None if self.range is None else check_range(self.range),
            "centres": _centres(self.centres, x.shape[1]),
            "std": _std(self.std),
            "held_out": _held_out(self.held_out, x.shape[1]),
            "domains": _domains(self.domains, self.image_shape),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # the way to set a field of a frozen dataclass

    def __len__(self) -> int:
        return len(self.x)

    def hold_out(self, n: int) -> "Data":
        """The same data without its last n rows, which are held out."""
        if not 0 < check_whole("hold_out", n, 0) < len(self):
            raise InputError(f"hold_out is {n}, but there are {len(self)} rows: hold out 1 to {len(self) - 1} of them")
        labels = self.labels if self.labels is None else self.labels[:-n]
        if self.labels is not None and labels is not None and (lost := np.setdiff1d(self.labels, labels)).size:
            whole = f"hold_out is {n}, and then no row of class {lost[0]} is left to train on"
            raise InputError(f"{whole}: shuffle the rows, if they are sorted by class, or hold out fewer")
        return replace(self, x=self.x[:-n], labels=labels, held_out=self.x[-n:])

    def restore(self, x: Array) -> Array:
        """Images (m, n_x) in `range` -> [0, 1], clipped; anything else is returned unchanged."""
        return restore(x, self.range)

    @cached_property
    def fingerprint(self) -> str:
        """Eight hex digits (CRC-32 of the shape and bytes of x), by which a checkpoint recognises its data."""
        return f"{zlib.crc32(self.x.data, zlib.crc32(repr(self.x.shape).encode())):08x}"

    @cached_property
    def label_fingerprint(self) -> str | None:
        """The same of the labels, where there are any."""
        return None if self.labels is None else f"{zlib.crc32(self.labels.data):08x}"

    @cached_property
    def classes(self) -> int:
        """How many classes there are; InputError unless labels go from 0 to classes − 1, and each has rows."""
        if self.labels is None:
            raise InputError(f"data {self.name!r} has no labels, one for each row; save them as y beside x")
        lowest, found = int(self.labels.min()), len(np.unique(self.labels))
        if lowest or found <= self.labels.max():
            missing = lowest if lowest < 0 else np.setdiff1d(np.arange(found), self.labels)[0]
            what = f"label {lowest} is below 0" if lowest < 0 else f"class {missing} has no rows"
            fix = "np.unique(labels, return_inverse=True)[1] numbers the classes from 0 without gaps"
            raise InputError(f"{what}, expected labels from 0 on with rows for each, up to {self.labels.max()}; {fix}")
        return found


def restore(x: Array, range: Range | None) -> Array:
    """Images in `range` -> [0, 1], clipped; unchanged where range is None."""
    array_module(x)  # refuses what is no array
    if range is None:
        return x
    lo, hi = check_range(range)
    return ((x - lo) / (hi - lo)).clip(0, 1)


def rows(x: Array) -> Array:
    """x as (n, n_x) float32, contiguous and read-only; InputError unless it is 2-D, floating, not empty and finite."""
    if isinstance(x, str):
        raise InputError(f"data is the text {x!r}, expected an array; load it first, with ng.data.load({x!r})")
    given, x = x, host_array("x", x)
    if x.ndim == 0:
        raise InputError(f"data is {given!r}, expected an array (n, n_x), one row each, or what ng.data.load gives")
    if x.ndim != 2:
        hint = "use x.reshape(-1, 1) for single numbers" if x.ndim == 1 else "use x.reshape(len(x), -1)"
        raise InputError(f"x has shape {x.shape}, expected (n, n_x), one row per example; {hint}")
    if x.size == 0:
        raise InputError(f"x is empty, shape {x.shape}; expected at least one row and one column")
    if not np.issubdtype(x.dtype, np.floating):
        kept = "np.asarray(x).astype('float32') to keep its numbers"
        fix = "x / 127.5 - 1 for images" if x.dtype == np.uint8 else kept
        raise InputError(f"x is of {x.dtype}, expected floats; use {fix}")
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, and is reported below
        x = np.ascontiguousarray(x, np.float32) if _is_fixed(x) else np.array(x, np.float32, order="C")
    check_finite(x)
    return _read_only(x)


def _read_only(a: Array) -> Array:
    a.flags.writeable = False
    return a


def _is_fixed(x: Any) -> bool:
    """Whether nobody can write to these numbers, through x or through an array that it is a view of."""
    return not isinstance(x, np.ndarray) or (not x.flags.writeable and _is_fixed(x.base))


def check_finite(x: Array) -> None:
    """InputError that names the first entry of x (n, n_x) which is not finite."""
    bad = ~np.isfinite(x)
    if bad.any():
        row, col = divmod(int(bad.argmax()), x.shape[1])
        raise InputError(f"x[{row}, {col}] is {x[row, col]}, expected finite float32 numbers; drop or fill such rows")


def check_range(range: Range) -> Range:
    """(lo, hi) as two floats; InputError unless both are finite and lo < hi."""
    try:
        lo, hi = map(float, range)
    except (TypeError, ValueError):
        lo = hi = math.nan
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi):
        raise InputError(f"range is {range!r}, expected two finite numbers lo < hi; use (-1, 1) or (0, 1)")
    return lo, hi


def _labels(labels: Array | None, n: int) -> Array | None:
    if labels is None:
        return None
    labels = host_array("labels", labels)
    if labels.shape != (n,):
        hint = "use labels.argmax(axis=1) if they are one-hot" if labels.ndim == 2 else "save one label per row of x"
        raise InputError(f"labels have shape {labels.shape}, expected ({n},); {hint}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"labels are of {labels.dtype}, expected integers; use labels.astype(int)")
    return _read_only(labels.astype(np.int64))


def _image_shape(shape: tuple[int, ...] | None, n_x: int) -> tuple[int, ...] | None:
    if shape is None:
        return None
    sides = isinstance(shape, tuple | list) and len(shape) in (2, 3) and all(isinstance(n, Integral) for n in shape)
    if not sides or math.prod(shape) != n_x:
        raise InputError(f"image_shape is {shape}, expected (h, w) or (h, w, c) with product n_x = {n_x}; correct it")
    return tuple(int(side) for side in shape)


def _centres(centres: Array | None, n_x: int) -> Array | None:
    if centres is None:
        return None
    centres = host_array("centres", centres)
    if centres.ndim != 2 or centres.shape[1] != n_x or centres.dtype.kind not in "fiu":
        shape = f"{centres.shape} of {centres.dtype}"
        raise InputError(f"centres have shape {shape}, expected (modes, {n_x}); give one row per mode")
    return _read_only(centres.astype(np.float32))


def _held_out(held_out: Array | None, n_x: int) -> Array | None:
    if held_out is None:
        return None
    held_out = rows(held_out)
    if held_out.shape[1] != n_x:
        raise InputError(f"held_out has rows of {held_out.shape[1]} numbers, but x has rows of {n_x}: give both alike")
    return held_out


def _domains(domains: int, shape: tuple[int, ...] | None) -> int:
    if check_whole("domains", domains, 1) > 1 and (shape is None or shape[0] % domains):
        raise InputError(f"domains is {domains}, but image_shape is {shape}: it must be {domains} images high")
    return domains


def _std(std: float | None) -> float | None:
    return None if std is None else check_number("std", std, "(0, inf)", "give each mode a width, a positive number")
