"""cupy.random: NumPy's streams behind CuPy's smaller interface, so that a run on either is the same bit for bit.

(The real CuPy draws other numbers from the same seed.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from standin.arrays import launched, ndarray
from standin.device import device
from standin.manifest import bind, has


class BitGenerator:
    """Philox4x3210 or XORWOW: here no more than a seed. Which numbers come from it depends on how many states it has,
    and that, unless it is said, on the model of GPU."""

    def __init__(self, seed: Any = None, *, size: int = -1) -> None:
        self.seed = seed.get() if isinstance(seed, ndarray) else seed
        if size < 0:
            self.seed = [self.seed, 8 * 256 * device.multiprocessors]
        elif size % 256:
            raise ValueError(f"{size} states: threads come in blocks of 256, and the last would write past the states")
        device.launch()


class Generator:
    __module__ = "cupy.random"

    def __init__(self, bit_generator: BitGenerator) -> None:
        self._rng = np.random.default_rng(bit_generator.seed)

    def __getattr__(self, name: str) -> Any:
        dotted = f"random.Generator.{name}"
        if name.startswith("_") or not has(dotted):
            raise AttributeError(f"'cupy.random.Generator' object has no attribute {name!r}")

        def draw(*args: Any, **how: Any) -> ndarray:
            bound = bind(dotted, *args, **how)
            if any(isinstance(value, np.ndarray) for value in bound.values()):
                device.upload()
            return launched(getattr(self._rng, name)(**bound), asked="dtype" in bound)

        return draw


def default_rng(seed: Any = None) -> Generator:
    return seed if isinstance(seed, Generator) else Generator(BitGenerator(seed))


RANDOM = {
    "Generator": Generator,
    "default_rng": default_rng,
    "Philox4x3210": BitGenerator,
    "XORWOW": BitGenerator,
    "BitGenerator": BitGenerator,
}
