"""A folder of images: whatever their sizes and kinds, each becomes a square of `size` × `size` pixels.

Nothing is cached, so nothing can be out of date: a run that is resumed reads the files again. An image of 200 × 200
pixels takes less than 1 ms, a photo of 12 million pixels 30 ms.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from numgan.data.base import Array, Data, Range
from numgan.data.files import from_array
from numgan.errors import InputError, check_whole

SIZE = 64  # pixels along a side, unless asked otherwise
MOST = 1024
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # Pillow reads some others by starting a program
NO_WHITE = ("I", "F", "LAB")  # kinds of pixels of which Pillow does not know which number is white
NAMED = 1000  # files that were left out, at most, in a warning
RUN = "checkpoint.npz"  # in the folder of a run: the images there are samples


def read(folder: str, range: Range, size: int | None, name: str) -> Data:
    """The images in a folder and all folders below it, in the order of their paths, so the same rows on every machine.

    Each is turned upright (EXIF), cropped to the largest square in its middle, resized by Pillow's bilinear filter
    (which takes means, where images become smaller), and laid on white where it is transparent. Of an animation, the
    first image. Images are in colour, (size, size, 3), or grey, (size, size), if red = green = blue in all of them.

    labels count the folders right below this one, in the order of their names, if there is an image in two or more of
    these and none outside; otherwise they are None.

    A file that cannot be read is left out: a warning names it, and says why. Names that begin with a dot are passed
    over. InputError where no image is left.
    """
    from tqdm import tqdm

    size = _side(SIZE if size is None else size)
    left_out: dict[str, str] = {}  # why, by name
    images: dict[str, Array] = {}
    files = sorted(_files(folder, left_out))
    for file in tqdm(files, desc="reading images", unit="file", leave=False, disable=None, dynamic_ncols=True):
        try:
            images[file] = _pixels(os.path.join(folder, file), size)
        except Exception as error:  # on foreign bytes Pillow raises a dozen kinds
            left_out[file] = _reason(error)
    if not images:
        raise InputError(_no_image(folder, left_out))
    if left_out:
        message = f"{folder}: {len(images)} images read, {len(left_out)} left out:{_list(left_out)}"
        warnings.warn(message, stacklevel=5)
    x = np.stack([*images.values()])
    grey = (x == x[..., :1]).all()
    try:
        return from_array(x[..., 0] if grey else x, _labels([*images]), range, name)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error


def _side(size: int) -> int:
    if check_whole("size", size, 1) > MOST:
        raise InputError(f"size is {size}, expected {MOST} pixels or fewer: take 32 or 64, say")
    return size


def _files(folder: str, left_out: dict[str, str]) -> Iterator[str]:
    """The paths of all files within a folder, written with / on every system. Folders that are not entered go to
    left_out."""

    def unreadable(error: OSError) -> None:
        left_out[_within(folder, error.filename)] = _reason(error)

    for here, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if RUN in names:
            left_out[_within(folder, here)] = "the folder of a run"
            folders[:] = names[:] = []
        for path in (os.path.join(here, name) for name in folders):
            if os.path.islink(path):  # it may lead in a circle
                left_out[_within(folder, path)] = "a link to a folder"
        yield from (_within(folder, os.path.join(here, name)) for name in names if not name.startswith("."))


def _within(folder: str, path: str) -> str:
    return Path(path).relative_to(folder).as_posix()


def _pixels(path: str, size: int) -> Array:
    """The image in a file as (size, size, 3) uint8."""
    if not os.path.isfile(path):
        raise InputError("no file, or a link to none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path, formats=FORMATS) as image:
            image.draft(None, (4 * size, 4 * size))  # a JPEG is decoded smaller, but no smaller than this
            upright = _eight_bits(ImageOps.exif_transpose(image)).convert("RGBA")
    small = ImageOps.fit(upright, (size, size), Image.Resampling.BILINEAR)
    white = Image.new("RGBA", (size, size), "white")
    return np.asarray(Image.alpha_composite(white, small).convert("RGB"))


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in NO_WHITE:
        raise InputError(f"its pixels are of Pillow's mode {image.mode}: save it with 8 or 16 bits")
    return image


def _reason(error: Exception) -> str:
    """Why a file is left out, in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return f"not one of {', '.join(FORMATS)}, or damaged"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _list(left_out: dict[str, str]) -> str:
    """Each name with its reason, on a line of its own; repr, as a name may hold anything."""
    lines = [f"\n  {name!r}: {why}" for name, why in sorted(left_out.items())]
    more = len(lines) - NAMED
    return "".join(lines[:NAMED]) + (f"\n  and {more} more" if more > 0 else "")


def _no_image(folder: str, left_out: dict[str, str]) -> str:
    if not left_out:
        return f"{folder}: is an empty directory, expected images: add some, or name another"
    if arrays := [name for name in left_out if name.endswith((".npz", ".npy"))]:
        return f"{folder}: is a directory without images: name the file inside it, {min(arrays)!r}"
    name, why = min(left_out.items())
    return f"{folder}: none of the {len(left_out)} files can be read, expected images ({name!r}: {why}): name another"


def _labels(files: Sequence[str]) -> Array | None:
    """Which of the folders, counted in the order of their names, each file lies in."""
    folders = [file.split("/")[0] if "/" in file else None for file in files]
    names = sorted({name for name in folders if name is not None})
    if None in folders or len(names) < 2:
        return None
    return np.array([names.index(name) for name in folders if name is not None])
