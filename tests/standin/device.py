"""The device's books: what crossed the bus, what the host waited for, what was launched, which dtype may be born."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass
class Counts:
    h2d: int = 0  # transfers from the host
    d2h: int = 0  # transfers to the host
    syncs: int = 0  # the host waited for the device
    kernels: int = 0

    @property
    def transfers(self) -> int:
        return self.h2d + self.d2h

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(a - b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


class Device:
    """One GPU that is not there."""

    def __init__(self) -> None:
        self.total = Counts()
        self.multiprocessors = 108  # of another model, other
        self.dtype: np.dtype | None = None  # the only floating dtype that may come about by itself
        self.jitter: np.random.Generator | None = None
        self.ulps = 0

    def launch(self) -> None:
        self.total.kernels += 1

    def upload(self) -> None:
        self.total.h2d += 1

    def download(self) -> None:
        self.total.d2h += 1
        self.wait()

    def wait(self) -> None:
        self.total.syncs += 1

    @contextlib.contextmanager
    def counted(self) -> Iterator[Counts]:
        """Counts that fill as the block ends."""
        before, found = Counts(**vars(self.total)), Counts()
        yield found
        vars(found).update(vars(self.total - before))

    @contextlib.contextmanager
    def only(self, dtype: str) -> Iterator[None]:
        """Inside, a floating array of another dtype is an error unless its dtype was asked for by name."""
        self.dtype = np.dtype(dtype)
        try:
            yield
        finally:
            self.dtype = None

    @contextlib.contextmanager
    def other_rounding(self, seed: int, ulps: int = 1) -> Iterator[None]:
        """Inside, every result is off by up to so many units in the last place, as another machine's would be."""
        self.jitter, self.ulps = np.random.default_rng(seed), ulps
        try:
            yield
        finally:
            self.jitter = None

    def rounded(self, a: np.ndarray) -> np.ndarray:
        if self.jitter is None or a.dtype.kind != "f" or not a.size:
            return a
        off = self.jitter.integers(-self.ulps, self.ulps, a.shape, endpoint=True)
        return np.asarray(a + off * np.spacing(np.abs(a)) * (a != 0), dtype=a.dtype)

    def check_new(self, dtype: np.dtype, asked: bool) -> None:
        if not asked and self.dtype is not None and dtype.kind == "f" and dtype != self.dtype:
            raise TypeError(f"{dtype} creeps into a {self.dtype} run: nobody asked for it by dtype=")


device = Device()


def check_mix(*dtypes: np.dtype) -> None:
    """float32 meeting anything that turns it into float64: an array, or a NumPy scalar."""
    floats = {dtype for dtype in dtypes if dtype.kind == "f"}
    together = np.result_type(*dtypes) if dtypes else None
    if floats and together is not None and together.kind == "f" and floats != {together}:
        raise TypeError(f"{' and '.join(sorted(d.name for d in set(dtypes)))} make {together}: float64 creeps in")
