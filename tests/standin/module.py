"""The module cupy: every name from the manifest, with NumPy's effect behind CuPy's signature."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from standin.arrays import compute, launched, ndarray, poisoned, uploaded, wrap
from standin.device import check_mix, device
from standin.fusion import Variable, call_ufunc, fuse
from standin.generators import RANDOM
from standin.manifest import MANIFEST, bind, has

WAITS = {"nonzero", "argwhere", "unique", "allclose", "array_equal", "sort", "argsort", "shares_memory"}
MODELLED = {
    *("sum", "mean", "var", "std", "max", "min", "amax", "amin", "argmax", "argmin", "prod", "all", "any", "cumsum"),
    *("where", "clip", "take", "dot", "tensordot", "outer", "einsum", "broadcast_to", "reshape", "transpose", "ravel"),
    *("concatenate", "stack", "vstack", "hstack", "tile", "repeat", "roll", "pad", "expand_dims", "squeeze", "split"),
    *("zeros_like", "ones_like", "full_like", "ascontiguousarray", "sort", "argsort", "count_nonzero", "diff"),
    *("allclose", "array_equal", "isclose", "may_share_memory", "shares_memory", "nonzero", "argwhere", "unique"),
    *("zeros", "ones", "full", "arange", "linspace", "eye", "identity", "tri", "tril", "triu"),
}
VIEWS = {"broadcast_to", "reshape", "transpose", "ravel", "expand_dims", "squeeze", "split"}
INQUIRIES = {"shares_memory", "may_share_memory"}


class Space(ModuleType):
    """cupy, or a module inside it."""

    def __init__(self, name: str, **own: Any) -> None:
        super().__init__(name)
        self.__dict__.update(own)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        dotted = f"{self.__name__}.{name}".partition(".")[2]
        if not has(dotted):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        made = _made(dotted, _numpy(dotted))
        setattr(self, name, made)
        return made


def _numpy(dotted: str) -> Any:
    found: Any = np
    for name in dotted.split("."):
        found = getattr(found, name, None)
    return found


def _made(name: str, ours: Any) -> Any:
    """The stand-in for cupy.name."""
    if MANIFEST["names"][name] is None and ours is not None and not callable(ours):
        return ours  # a constant, such as newaxis or pi
    if isinstance(ours, type) and issubclass(ours, np.generic | np.dtype):
        return ours
    if isinstance(ours, np.ufunc):
        return _ufunc(name, ours)
    if name in MODELLED or name == "linalg.norm":
        return _function(name, ours)
    raise NotImplementedError(f"cupy.{name} exists, but the stand-in has no model of it yet: write one")


def _ufunc(name: str, ours: np.ufunc) -> Any:
    def ufunc(*args: Any, **how: Any) -> Any:
        bound = bind(name, *args, **how)
        if name != "matmul":
            args = tuple(value for key, value in bound.items() if key in ("x", "x1", "x2"))
            how = {key: value for key, value in bound.items() if key in ("out", "dtype", "casting")}
        if any(isinstance(value, Variable) for value in (*args, how.get("out"))):
            return call_ufunc(ours, args, how)
        return compute(ours, *args, **how)

    ufunc.__name__ = name
    ufunc.at = _unordered  # type: ignore[attr-defined]
    return ufunc


def _unordered(*args: Any) -> None:
    raise TypeError("ufunc.at adds in no fixed order on a device: the same sum has other last digits in another run")


def _function(name: str, ours: Any) -> Any:
    """CuPy's signature, then NumPy's function on what is behind the device arrays. (clip is a ufunc there.)"""

    def function(*args: Any, **how: Any) -> Any:
        asked = "dtype" in bind(name, *args, **how) or name.endswith("_like")
        if name == "clip" and any(isinstance(value, Variable) for value in args):
            return call_ufunc(ours, args, how)
        out = how.pop("out", None)
        own, dtypes = _own(args), [a.dtype for a in _arrays((*args, *how.values()))]
        check_mix(*dtypes)
        if name in WAITS:
            device.wait()
        own_how = {key: _own((value,))[0] for key, value in how.items()}
        if out is not None:
            return compute(lambda **k: ours(*own, **own_how, **k), out=out)
        result = ours(*own, **own_how)
        if name in INQUIRIES:
            return bool(result)
        if name in ("concatenate", "stack", "vstack", "hstack"):
            device.total.kernels += len(own[0]) - 1  # CuPy copies one array at a time, if there are no more than eight
        if name in VIEWS:
            return [wrap(part) for part in result] if isinstance(result, list) else wrap(result)
        return launched(result, asked)

    function.__name__ = name
    return function


def _own(values: Any) -> tuple[Any, ...]:
    """What is behind device arrays, inside lists too; host arrays do not belong here."""
    return tuple(map(_one, values))


def _one(value: Any) -> Any:
    if isinstance(value, ndarray):
        return value._a
    if isinstance(value, Variable):
        raise TypeError("only ufuncs and operators can be fused")
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, list | tuple):
        return type(value)(map(_one, value))
    return value


def _arrays(values: Any) -> list[ndarray]:
    found = []
    for value in values:
        found += [value] if isinstance(value, ndarray) else _arrays(value) if isinstance(value, list | tuple) else []
    return found


# What differs from NumPy in more than its signature.


def array(obj: Any, *args: Any, **how: Any) -> ndarray:
    """From the host: one transfer. From device arrays: a kernel."""
    bound = bind("array", obj, *args, **how)
    dtype = bound.get("dtype")
    if isinstance(obj, ndarray):
        return launched(np.array(obj._a, dtype), asked=True)
    if _arrays([obj]):
        return launched(np.array(_one(obj), dtype), asked=dtype is not None)
    return uploaded(np.array(obj, dtype), asked=dtype is not None)


def asarray(a: Any, *args: Any, **how: Any) -> ndarray:
    bound = bind("asarray", a, *args, **how)
    if isinstance(a, ndarray) and bound.get("dtype") in (None, a.dtype):
        return a
    return array(a, bound.get("dtype"))


def asnumpy(a: Any, *args: Any, **how: Any) -> np.ndarray:
    bind("asnumpy", a, *args, **how)
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def empty(*args: Any, **how: Any) -> ndarray:
    bound = bind("empty", *args, **how)
    a = poisoned(np.empty(bound["shape"], bound.get("dtype", float)))
    device.check_new(a.dtype, asked="dtype" in bound)
    return wrap(a)


def empty_like(*args: Any, **how: Any) -> ndarray:
    bound = bind("empty_like", *args, **how)
    return wrap(poisoned(np.empty_like(bound["prototype"]._a, dtype=bound.get("dtype"))))


def as_strided(*args: Any, **how: Any) -> ndarray:
    """A view. The real one checks no bounds: where it would reach beyond the memory of x, this one raises."""
    bound = bind("lib.stride_tricks.as_strided", *args, **how)
    a = bound["x"]._a
    shape, strides = bound.get("shape", a.shape), bound.get("strides", a.strides)
    reach = sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True)) + a.itemsize
    if min(strides, default=0) < 0 or min(shape, default=1) < 0 or reach > room(a):
        raise ValueError(f"as_strided reaches {reach} bytes far, beyond the memory of its array")
    return wrap(np.lib.stride_tricks.as_strided(a, shape, strides))


def room(a: np.ndarray) -> int:
    """Bytes from the first entry of `a` to the end of the memory that it is a view of."""
    whole = a
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    return address(whole) + whole.nbytes - address(a)


def address(a: np.ndarray) -> int:
    return a.__array_interface__["data"][0]


class CUDARuntimeError(RuntimeError):
    """What every call raises where there is no GPU."""


RUNTIME = Space(
    "cupy.cuda.runtime",
    CUDARuntimeError=CUDARuntimeError,
    getDeviceCount=lambda: 1,
    getDeviceProperties=lambda device: {"name": b"stand-in, no GPU"},
    runtimeGetVersion=lambda: 0,
    driverGetVersion=lambda: 0,
)
CUDA = Space(
    "cupy.cuda",
    runtime=RUNTIME,
    is_available=lambda: True,
    Device=lambda *i: SimpleNamespace(synchronize=device.wait),
)
cupy = Space(
    "cupy",
    __version__=MANIFEST["version"],
    ndarray=ndarray,
    array=array,
    asarray=asarray,
    asnumpy=asnumpy,
    empty=empty,
    empty_like=empty_like,
    cuda=CUDA,
    fuse=fuse,
    random=Space("cupy.random", **RANDOM),
    linalg=Space("cupy.linalg"),
    lib=Space("cupy.lib", stride_tricks=Space("cupy.lib.stride_tricks", as_strided=as_strided)),
    newaxis=None,
)


def install(monkeypatch: Any) -> ModuleType:
    """Puts the stand-in where `import cupy` finds it, until the test is over."""
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return cupy
