"""IDX files, in which MNIST is distributed: a header, then one byte for each pixel or label, the last axis first.

The header is 0, 0, 8 (bytes without sign), the number of axes, and the length of each axis as 32 bits, highest byte
first. A file may be packed by gzip.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from collections.abc import Sequence
from typing import IO

import numpy as np

from numgan.data.base import Array
from numgan.errors import InputError

GZIP = b"\x1f\x8b"  # how a packed file begins
LONGER = 1 << 16  # bytes by which packing may lengthen a file: a name in its header, what cannot be made shorter


def header(shape: Sequence[int]) -> bytes:
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)


def pack(x: Array) -> bytes:
    """An array of uint8 as an IDX file, packed by gzip."""
    return gzip.compress(header(x.shape) + x.tobytes(), compresslevel=1, mtime=0)  # level 9: 40 times as long


def read(path: str | os.PathLike[str], shape: Sequence[int]) -> Array:
    """The array (uint8, read-only) in an IDX file, packed or not, which must be of this shape.

    So no file decides how much memory is taken. Raises InputError, without the path, for all else.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError("is a directory, a device or a pipe, expected a file; get it again")
    try:
        with open(path, "rb") as file:
            return _read(file, shape)
    except FileNotFoundError as error:
        raise InputError("no such file; get it first") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError("is truncated or damaged; get it again") from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error}); check the file and its permissions") from error


def _read(file: IO[bytes], shape: Sequence[int]) -> Array:
    size, most = math.prod(shape), len(header(shape)) + math.prod(shape) + LONGER
    if (length := os.fstat(file.fileno()).st_size) > most:
        raise InputError(f"is {length} bytes long, expected at most {most}; get it again")
    packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    with gzip.GzipFile(fileobj=file) if packed else file as unpacked:
        found = unpacked.read(len(header(shape)))
        if found != header(shape):
            raise InputError(f"begins with {found.hex(' ')}, expected {header(shape).hex(' ')}; get it again")
        numbers = unpacked.read(size + 1)  # reading to the end compares gzip's own check sum too
    if len(numbers) != size:
        more = "more" if len(numbers) > size else "fewer"
        raise InputError(f"holds {more} bytes than its header says ({size}); get it again")
    return np.frombuffer(numbers, np.uint8).reshape(shape)
