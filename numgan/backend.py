"""The array decides the backend: every function asks the array it was given which module made it.

This is the only file that names cupy, and it imports it only when a CuPy array or device is asked for.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from numgan.errors import InputError, lookup

Array = Any  # an ndarray of NumPy or of CuPy


def array_module(a: Array) -> ModuleType:
    """The module, numpy or cupy, that made the array `a`."""
    if isinstance(a, np.ndarray | np.generic):
        return np
    if type(a).__module__.partition(".")[0] == "cupy":
        import cupy

        return cupy
    raise TypeError(f"expected a NumPy or CuPy array, got {type(a).__name__}: convert it with np.asarray first")


def asnumpy(a: Array) -> np.ndarray:
    """`a` as a NumPy array on the host: one transfer from a device, none otherwise."""
    xp = array_module(a)
    return np.asarray(a) if xp is np else xp.asnumpy(a)


def backend(name: str) -> ModuleType:
    """The array module called `name`, once it is known to be usable.

    A successful `import cupy` does not mean that there is a GPU to use, so the device is asked too.
    """
    return lookup("backend", name, {"numpy": lambda: np, "cupy": _usable_cupy})()


def _usable_cupy() -> ModuleType:
    try:
        import cupy
    except ImportError as error:
        raise InputError(f"backend 'cupy' is not installed ({error}): pip install cupy-cuda12x") from error
    if not cupy.cuda.is_available():
        raise InputError("cupy is installed but finds no usable GPU: check nvidia-smi, or use --backend numpy")
    return cupy


def generator(xp: ModuleType, *key: int) -> Any:
    """A random generator of `xp` whose stream is fixed by the integers in `key`."""
    return xp.random.default_rng(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))
