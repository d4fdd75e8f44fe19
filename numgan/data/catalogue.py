"""Data by name."""

import os
from collections.abc import Callable
from pathlib import Path

from numgan.data.base import Data, Range, check_range
from numgan.data.files import read
from numgan.data.toy import gaussian, grid, mixture, ring
from numgan.errors import InputError, check_path, guess

NAMES: dict[str, Path | Callable[[], Data]] = {
    "digits": Path(__file__).with_name("digits.npz"),  # 5,000 of MNIST; DIGITS.md says where they come from
    "gaussian": gaussian,
    "mixture": mixture,
    "ring": ring,
    "grid": grid,
}


def load(name_or_path: str | os.PathLike[str], range: Range = (-1.0, 1.0), split: str = "train") -> Data:
    """A data set by its name in NAMES, or from a .npz or .npy file (see `files.read`).

    range   (lo, hi), what black and white become; toy data and vectors keep their own units
    split   "train", or "test" for the x_test of a file in Keras' layout

    Raises InputError: one line that says what is wrong and what to do.
    """
    if split not in ("train", "test"):
        raise InputError(f"split is {split!r}, expected 'train' or 'test'; use one of these")
    name = check_path("data", name_or_path, f" ({', '.join(NAMES)}, or a file)")
    check_range(range)
    source = NAMES.get(name, Path(name))
    if isinstance(source, Path):
        _check_known(name)
        return read(source, range, split, name if name in NAMES else source.stem)
    if split == "test":
        raise InputError(f"split is 'test', but {name!r} is drawn, not split; use another seed for a test set")
    return source()


def _check_known(name: str) -> None:
    """InputError unless `name` is a name, a file, or meant to be a file."""
    if name in NAMES or name.endswith((".npz", ".npy")) or os.path.exists(name):
        return
    meant = f"{guess(name.lower(), NAMES)} expected".lstrip()
    raise InputError(f"no data called {name!r}; {meant} one of {', '.join(NAMES)}, or a .npz or .npy file")
