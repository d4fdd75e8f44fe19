"""The array decides the backend: every function asks the array it was given which module made it.

This is the only file that names cupy, and it imports it only when a CuPy array or device is asked for.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from numgan.errors import InputError, lookup

Array = Any  # an ndarray of NumPy or of CuPy


class RandomGenerator(Protocol):
    """What a layer, or a stream of noise, asks of a random generator: NumPy's and CuPy's have all three."""

    def standard_normal(self, size: Any, dtype: Any) -> Array: ...

    def random(self, size: Any, dtype: Any) -> Array: ...

    def integers(self, low: int, high: int, size: Any) -> Array: ...


_MODULES: dict[type, ModuleType] = {np.ndarray: np}  # of the types of arrays met so far


def array_module(a: Array) -> ModuleType:
    """The module, numpy or cupy, that made the array `a`."""
    try:
        return _MODULES[type(a)]
    except KeyError:
        return _MODULES.setdefault(type(a), _module_of(a))


def _module_of(a: Array) -> ModuleType:
    if isinstance(a, np.ndarray | np.generic):
        return np
    if type(a).__module__.partition(".")[0] == "cupy":
        import cupy

        return cupy
    raise InputError(f"expected a NumPy or CuPy array, got {type(a).__name__}: convert it with np.asarray first")


Formula = TypeVar("Formula", bound=Callable[..., Any])


def fused(formula: Formula) -> Formula:
    """`formula` itself on NumPy's arrays; on a device's, one kernel, which `cupy.fuse` compiles from it.

    To start a kernel takes microseconds, more than most of ours run. CuPy calls the formula once, with variables that
    write down what is done to them. So it may do arithmetic entry by entry, in place too, and call ufuncs (xp.sqrt) and
    astype; it may not sum, ask for a shape, or branch on an entry. Its arguments are arrays and numbers. Each operation
    needs an array on one side: two numbers that were passed in, CuPy would calculate in half precision. Of a method,
    the fields of its object (LeakyReLU's slope) are compiled in.
    """
    of_object = formula.__code__.co_varnames[:1] == ("self",)

    @functools.wraps(formula)
    def computed(*args: Any, **named: Any) -> Any:
        if named:
            args = inspect.signature(formula).bind(*args, **named).args
        xp = array_module(args[of_object])
        if xp is np:
            return formula(*args)
        return _kernel(xp, formula, *(_made_of(args[0]) if of_object else ()))(*args[of_object:])

    return cast(Formula, computed)


@functools.cache
def _kernel(xp: ModuleType, formula: Callable[..., Any], kind: Any = None, *fields: Any) -> Callable[..., Any]:
    name = "numgan_" + formula.__qualname__.replace(".", "_")  # without the first part it might be one of CUDA's own
    if kind is not None:
        owner = object.__new__(kind)  # of its own, which nobody changes
        owner.__dict__.update(fields)
        formula = functools.partial(formula, owner)
    return xp.fuse(kernel_name=name)(formula)


def _made_of(owner: Any) -> tuple[Any, ...]:
    """The class of an object, and its fields with their values."""
    return (type(owner), *((field.name, getattr(owner, field.name)) for field in dataclasses.fields(owner)))


def ones(n: int, like: Array) -> Array:
    """(n,) ones of the dtype of `like`, beside it on its device. Kept from call to call: not to be written into."""
    xp = array_module(like)
    return _ones(xp, n, like.dtype, None if xp is np else like.device.id)


@functools.lru_cache(maxsize=64)
def _ones(xp: ModuleType, n: int, dtype: Any, device: int | None) -> Array:
    return xp.ones(n, dtype=dtype)


def on_host(a: Array) -> bool:
    """Whether NumPy made `a`. What is tuned for a CPU (blocks, threads) asks this, and steps aside on a device."""
    return array_module(a) is np


def settled(a: Array) -> Array:
    """`a`, once all that a device was asked to compute is done: for a library that reads memory, not streams (MPI)."""
    xp = array_module(a)
    if xp is not np:
        xp.cuda.Device(a.device.id).synchronize()
    return a


def asnumpy(a: Array) -> np.ndarray:
    """`a` as a NumPy array on the host: one transfer from a device, none otherwise."""
    xp = array_module(a)
    return np.asarray(a) if xp is np else xp.asnumpy(a)


def asnumpy_all(*arrays: Array) -> list[np.ndarray]:
    """`asnumpy` of arrays on one device, in one transfer for all."""
    xp = array_module(arrays[0])
    if xp is np:
        return [np.asarray(a) for a in arrays]
    flat = asnumpy(xp.concatenate([a.ravel() for a in arrays]))
    ends = np.cumsum([a.size for a in arrays])[:-1]
    return [part.reshape(a.shape) for part, a in zip(np.split(flat, ends), arrays, strict=True)]


def host_array(name: str, a: Any) -> np.ndarray:
    """What a person gave as rows or numbers, as a NumPy array; InputError where it is none, or would lose its mask."""
    if np.ma.is_masked(a):
        raise InputError(f"{name} is a masked array, expected plain numbers; drop such rows, or fill them: x.filled(0)")
    try:
        return np.asarray(a)
    except Exception as error:  # for rows of several lengths, or from another library's conversion
        raise InputError(f"{name} is no array of numbers ({error}); use np.array(rows, dtype='float32')") from error


def host_numbers(name: str, a: Any) -> np.ndarray:
    """`host_array`, in float64, of real numbers that are all finite."""
    array = host_array(name, a)
    if array.dtype.kind not in "fiu":
        raise InputError(f"{name} must hold numbers, got {type(a).__name__} of {array.dtype}")
    array = array.astype(float)
    if not np.isfinite(array).all():
        raise InputError(f"{name} must be finite, and holds inf or nan: leave such rows out")
    return array


def backend(name: str) -> ModuleType:
    """The array module called `name`, once it is known to be usable."""
    return lookup("backend", name, BACKENDS)()


def check_module(xp: object) -> None:
    """InputError unless xp is an array module, which its name alone is not."""
    if not isinstance(xp, ModuleType) or xp.__name__ not in BACKENDS:
        raise InputError(f"xp must be an array module, numpy or cupy, got {xp!r}: import it, and pass the module")


def check_alike(theta: Array, grad: Array) -> None:
    """InputError unless both are flat vectors of floats, of one length and dtype."""
    alike = array_module(theta) is array_module(grad) and theta.shape == grad.shape and theta.dtype == grad.dtype
    if not alike or theta.ndim != 1 or theta.dtype.kind != "f":
        got = f"{theta.dtype}{theta.shape} and {grad.dtype}{grad.shape}"
        raise InputError(f"theta and grad must be flat vectors alike, of floats, got {got}")


def check_generator(rng: Any, method: str, why: str) -> RandomGenerator:
    """rng, if it is a generator with this method (NumPy's older ones differ); else an InputError, after `why`."""
    old = isinstance(rng, ModuleType | np.random.RandomState | random.Random)
    if old or not hasattr(rng, method):
        got = "" if rng is None else f", got {rng!r}"
        raise InputError(f"{why}: pass rng=np.random.default_rng(seed) to forward{got}")
    return rng


def _usable_cupy() -> ModuleType:
    """cupy, once it has computed something: it can be installed without a GPU, and find a GPU it cannot compile for."""
    try:
        import cupy
    except ModuleNotFoundError as error:
        raise InputError(f"backend 'cupy' is not installed ({error}): pip install 'cupy-cuda12x[ctk]'") from error
    except ImportError as error:
        raise InputError(f"cupy is installed but cannot be imported ({_last_line(error)}): install it again") from error
    if not cupy.cuda.is_available():
        raise InputError("cupy is installed but finds no usable GPU: check nvidia-smi, or use --backend numpy")
    try:
        (cupy.ones(2, dtype=np.float32) + 1).sum().item()
    except Exception as error:  # of the driver, the compiler or the CUDA libraries, each with classes of its own
        raise InputError(f"cupy finds a GPU but cannot compute on it ({_last_line(error)}): check CUDA") from error
    return cupy


BACKENDS: dict[str, Callable[[], ModuleType]] = {"numpy": lambda: np, "cupy": _usable_cupy}


def describe(xp: ModuleType) -> str:
    """Backend, version and device, for a report."""
    if xp is np:
        return f"numpy {np.__version__}"
    cuda = xp.cuda.runtime
    name = cuda.getDeviceProperties(0)["name"].decode()
    return f"cupy {xp.__version__}, {name}, CUDA {cuda.runtimeGetVersion()}, driver {cuda.driverGetVersion()}"


STATES = 16_384  # of a generator on a device; a multiple of 256, or CuPy's threads write past their end


def random_generator(xp: ModuleType, *key: int) -> RandomGenerator:
    """A random generator of `xp` whose stream is fixed by the integers in `key`.

    On a device it is Philox, whose states begin anywhere in its stream at once; those of CuPy's default must be skipped
    ahead. Number i comes from state i mod STATES: without that number CuPy takes as many as fit the model of GPU, and
    the same key draws other numbers on another one. CuPy keeps 32 bits of a seed: of n keys, any two draw the same with
    probability 2⁻³², and some two with about n² / 2³³ (1 in 950 for 3,000 keys).
    """
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
    if xp is np:
        return xp.random.default_rng(seed)
    return xp.random.Generator(xp.random.Philox4x3210(seed, size=STATES))


def _last_line(error: Exception) -> str:
    """What an error says, in one line; CuPy draws a box of many, with the cause at its end."""
    said = [line.strip() for line in str(error).splitlines() if line.strip(" =")]
    return said[-1] if said else type(error).__name__
