"""The arrays of .npz and .npy files, each compared with its size in the file before any memory is taken for it.

A .npy file is a header, which says what shape and dtype the array has, and then its numbers. A .npz file is a ZIP
archive of such files. Both may claim anything: a header a thousand terabytes, an archive that a few bytes unpack to
gigabytes. So nothing is read unless the header's claim is what the file holds, and the sizes add up to what is allowed.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from numgan.errors import InputError

MAGIC = np.lib.format.MAGIC_PREFIX
HEADERS: dict[Any, Any] = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Npz(Mapping[str, NDArray[Any]]):
    """The arrays of an open .npz by name, each read when it is asked for.

    most: how many bytes they may take unpacked, all together. Every array is checked against the archive's own sum.
    """

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._archive = zipfile.ZipFile(file)
        members = self._archive.infolist()
        unpacked = sum(info.file_size for info in members)
        if unpacked > most:
            raise InputError(f"unpacks to {unpacked} bytes, expected at most {most}; save it with np.savez")
        self._members = {info.filename.removesuffix(".npy"): info for info in members}
        if len(self._members) < len(members):
            raise InputError("holds two arrays of one name; save it again")

    def __getitem__(self, name: str) -> NDArray[Any]:
        info = self._members[name]
        return read_array(lambda: self._archive.open(info), info.file_size)

    def size(self, name: str) -> int:
        """Bytes of an array, its header included."""
        return self._members[name].file_size

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def check_directory(file: IO[bytes], most: int) -> None:
    """InputError where the list of what is in an archive, which is read as a whole, has more than `most` bytes.

    It stands at the end, before a record of 22 bytes that says how long it is; a larger record, for archives beyond
    4 GiB, would have its locator right before that.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 42))
    locator, end = file.read(42 - 22), file.read()
    if end[:4] != b"PK\x05\x06" or (locator[:4] == b"PK\x06\x07" and size < 1 << 32):
        raise InputError("is no archive that ends as it should, it may be cut short; use another")
    if (length := int.from_bytes(end[12:16], "little")) > most:
        raise InputError(f"lists its contents in {length} bytes, expected at most {most}; use another")


def read_npy(path: str | os.PathLike[str]) -> NDArray[Any]:
    """The array in a .npy file."""
    return read_array(lambda: open(path, "rb"), os.path.getsize(path))


def read_array(opened: Callable[[], IO[bytes]], size: int) -> NDArray[Any]:
    """The array in a stream of `size` bytes in .npy format. It is opened twice: for the header, then for everything."""
    with opened() as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise InputError("holds something that is no array; save it with np.savez(path, x=x)")
        shape, _, dtype = HEADERS[tuple(file.read(2))](file)
        header = file.tell()
    if dtype.hasobject:
        raise InputError("holds Python objects (a pickle: refused, it could run code); save numbers instead")
    if not dtype.itemsize or header + math.prod(shape) * dtype.itemsize != size:
        raise InputError(f"is damaged: an array {shape} of {dtype} is not what its {size} bytes hold; save it again")
    with opened() as file:
        return np.lib.format.read_array(file, allow_pickle=False)
