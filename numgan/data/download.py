"""MNIST brought into the cache: from a mirror on the network, by pooch, or from files that are at hand.

A file takes its name in the cache only once it is whole and its content is known to be right. So it does not matter
when this is broken off, or if two processes do it at once.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numgan.data import files, idx, mnist
from numgan.data.base import Array
from numgan.data.mnist import File
from numgan.errors import InputError
from numgan.run.output import atomic

MIRRORS = (  # torchvision's and TensorFlow's
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
PATIENCE = 30  # seconds without a byte
ELSEWHERE = f"set {mnist.FOLDER} to another folder"
AT_HAND = "or give files that are at hand: numgan data mnist --from DIR"


def download(wanted: Mapping[str, File], folder: Path) -> None:
    """Each file from the first mirror that has it.

    Raises InputError without pooch, and where nothing can be written; ConnectionError where no mirror has a file, and
    OSError on a full disk; each is one line.
    """
    try:
        import pooch
    except ImportError as error:
        raise InputError(f"downloads need pooch: pip install pooch, {AT_HAND}") from error
    pooch.get_logger().setLevel("ERROR")  # what there is to say is said here
    _check_writable(folder)
    for file in wanted.values():
        with _room_for(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".") as room:
            _store(folder, file, _from_a_mirror(file, Path(room)))  # a copy: pooch's own is for its owner alone


def _from_a_mirror(file: File, room: Path) -> bytes:
    failed = {}
    for mirror in MIRRORS:
        try:
            return _get(mirror, file, room)
        except ConnectionError as error:
            failed[mirror] = error
    told = "; ".join(f"{mirror} {error}" for mirror, error in failed.items())
    raise ConnectionError(f"no mirror gave {file.name}.gz ({told}): try again later, {AT_HAND}")


def _get(mirror: str, file: File, room: Path) -> bytes:
    """The file from one mirror; ConnectionError, which says why in a few words, where it does not give it."""
    import pooch
    import requests
    from tqdm import tqdm

    name = f"{file.name}.gz"
    look: dict[str, Any] = {"desc": name, "unit": "B", "unit_scale": True, "disable": None, "leave": False}
    try:
        with tqdm(total=1, **look) as bar, contextlib.ExitStack() as answers:  # pooch sets the total
            close = {"response": lambda answer, **_: answers.enter_context(answer)}  # pooch leaves failed ones open
            get = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=PATIENCE, hooks=close)
            path = pooch.retrieve(mirror + name, f"sha256:{file.sha256_gz}", name, room, downloader=get)
        return Path(path).read_bytes()
    except requests.RequestException as error:
        raise ConnectionError(_why(error)) from error
    except ValueError as error:  # pooch's, of a hash
        raise ConnectionError("sent something else") from error


def _why(error: Any) -> str:
    """A failed request in a few words."""
    from requests import exceptions as kinds

    if error.response is not None:
        return f"answered {error.response.status_code}"
    if isinstance(error, kinds.Timeout):
        return f"was silent for {PATIENCE} s"
    if isinstance(error, kinds.ChunkedEncodingError | kinds.ContentDecodingError):
        return "broke off"
    return "has no valid certificate" if isinstance(error, kinds.SSLError) else "could not be reached, or fell silent"


def take(source: Path, wanted: Mapping[str, File], folder: Path) -> None:
    """The files from a folder, packed or not, or from a .npz in Keras' layout. InputError if one is not MNIST's, and
    then none is taken."""
    if os.path.isfile(source):
        packed = {file: idx.pack(_of_npz(source, key)) for key, file in wanted.items()}
    else:
        packed = {file: _packed(_at_hand(source, file), file) for file in wanted.values()}
    _check_writable(folder)
    with _room_for(folder):
        for file, content in packed.items():
            _store(folder, file, content)


def _at_hand(source: Path, file: File) -> Path:
    """The file in a folder, under one of the names by which it goes."""
    names = [name + end for name in (file.name, file.name.replace("-idx", ".idx")) for end in (".gz", "")]
    for name in names:
        if os.path.exists(source / name):
            return source / name
    expected = "expected the folder of MNIST's four files, packed or not, or Keras' mnist.npz"
    raise InputError(f"--from {source}: there is no {names[0]}; {expected}")


def _packed(path: Path, file: File) -> bytes:
    x, content = mnist.read(path, file), path.read_bytes()
    return content if content.startswith(idx.GZIP) else idx.pack(x)


def _of_npz(path: Path, key: str) -> Array:
    which, _, split = key.partition("_")
    try:
        x, labels = files.arrays(path, split)
        return mnist.checked(x if which == "x" or labels is None else labels, mnist.FILES[key])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        why = f"nothing can be written there ({error.strerror or error})"
        raise InputError(f"{folder}: {why}; {ELSEWHERE}") from error


@contextlib.contextmanager
def _room_for(folder: Path) -> Iterator[None]:
    """Errors of the disk, with what to do; those of the network are passed on."""
    try:
        yield
    except ConnectionError:
        raise
    except OSError as error:
        why = f"could not be written ({error.strerror or error})"
        raise OSError(f"{folder}: {why}: make room there, or {ELSEWHERE}") from error


def _store(folder: Path, file: File, content: bytes) -> None:
    with atomic(folder / f"{file.name}.gz") as out:
        out.write(content)
