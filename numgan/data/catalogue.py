"""Data by name."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from numgan.data import mnist
from numgan.data.base import Data, Range, check_range
from numgan.data.coupled import coupled, edges, negatives
from numgan.data.files import read
from numgan.data.toy import gaussian, grid, mixture, ring
from numgan.errors import InputError, check_path, check_whole, guess

DIGITS = Path(__file__).with_name("digits.npz")  # 5,000 of MNIST; DIGITS.md says where they come from
DIGITS_TEST = Path(__file__).with_name("digits_test.npz")  # 2,000 others, on which no run on digits trains

COUPLED = {"digits-edges": edges, "digits-negatives": negatives}  # the digits in a second domain, unpaired

NAMES: dict[str, Path | Callable[..., Data]] = {
    "digits": DIGITS,
    "mnist": mnist.load,  # all of it, once numgan data mnist has brought it here
    "gaussian": gaussian,
    "mixture": mixture,
    "ring": ring,
    "grid": grid,
    **dict.fromkeys(COUPLED, DIGITS),
}


def load(
    name_or_path: str | os.PathLike[str],
    range: Range = (-1.0, 1.0),
    split: str = "train",
    size: int | None = None,
    hold_out: int = 0,
) -> Data:
    """A data set by its name in NAMES, from a .npz or .npy file (see `files.read`), or the images in a folder (see
    `images.read`).

    range   (lo, hi), what black and white become; toy data and vectors keep their own units
    split   "train", or "test": 2,000 other digits, the other 10,000 of mnist, the x_test of a file in Keras' layout
    size    the side in pixels that the images of a folder get (64)
    hold_out  so many rows, the last, are set aside as `held_out`; of digits, those of "test" are, unless it is given

    Raises InputError: one line that says what is wrong and what to do.
    """
    if split not in ("train", "test"):
        raise InputError(f"split is {split!r}, expected 'train' or 'test'; use one of these")
    name = check_path("data", name_or_path, f" ({', '.join(NAMES)}, a file or a folder)")
    check_range(range)
    if not check_whole("hold_out", hold_out, 0):
        return _load(name, range, split, size)
    if os.path.isdir(name):
        raise InputError(f"hold_out is {hold_out}, but {name!r} is a folder: put the images to hold out into another")
    return _load(name, range, split, size).hold_out(hold_out)


def _load(name: str, range: Range, split: str, size: int | None) -> Data:
    source = NAMES.get(name, Path(name))
    if name not in NAMES and os.path.isdir(name):
        return _folder(name, range, split, size)
    if isinstance(source, Path):
        _check_known(name)
    if size is not None:
        raise InputError(f"size is {size!r}, but {name!r} is no folder of images, and nothing else is resized; drop it")
    if name == "digits":
        return _digits(range, split)
    if name in COUPLED:
        return coupled(_digits(range, split), COUPLED[name], name=name)
    if source is mnist.load:
        return mnist.load(range, split)
    if isinstance(source, Path):
        return read(source, range, split, name if name in NAMES else source.stem)
    if split == "test":
        raise InputError(f"split is 'test', but {name!r} is drawn, not split; use another seed for a test set")
    return source()


def _digits(range: Range, split: str) -> Data:
    train, test = (read(path, range, "train", "digits") for path in (DIGITS, DIGITS_TEST))
    return test if split == "test" else replace(train, held_out=test.x)


def _folder(name: str, range: Range, split: str, size: int | None) -> Data:
    from numgan.data import images  # Pillow, which takes a while to import, only where it is needed

    if split == "test":
        raise InputError(f"split is 'test', but {name!r} is a folder of images; name the folder of those to test with")
    return images.read(name, range, size, Path(name).resolve().name or "images")


def _check_known(name: str) -> None:
    """InputError unless `name` is a name, a file, or meant to be a file."""
    if name in NAMES or name.endswith((".npz", ".npy")) or os.path.exists(name):
        return
    meant = f"{guess(name.lower(), NAMES)} expected".lstrip()
    others = "a .npz or .npy file, or a folder of images"
    raise InputError(f"no data called {name!r}; {meant} one of {', '.join(NAMES)}, {others}")
