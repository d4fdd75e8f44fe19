"""cupy.ndarray, as far as numgan and its tests reach: a NumPy array that is hidden, and a gate in front of it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from standin.device import check_mix, device
from standin.manifest import bind, has

IMPLICIT = (
    "Implicit conversion to a NumPy array is not allowed. "
    "Please use `.get()` to construct a NumPy array explicitly."
)
OLD_PROMOTION = int(np.__version__.partition(".")[0]) < 2  # 0-d arrays count as weak there, as in no CuPy 14


class ndarray:
    """Device memory, played by `_a` on the host."""

    __module__ = "cupy"
    __slots__ = ("_a",)
    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 100

    def __init__(self, shape: Any, dtype: Any = float, **other: Any) -> None:
        bind("empty", shape, dtype=dtype, **other)
        self._a = poisoned(np.empty(shape, dtype))

    # What the host may ask at no cost.

    shape = property(lambda self: self._a.shape)
    dtype = property(lambda self: self._a.dtype)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    nbytes = property(lambda self: self._a.nbytes)
    itemsize = property(lambda self: self._a.itemsize)
    strides = property(lambda self: self._a.strides)
    flags = property(lambda self: self._a.flags)
    device = property(lambda self: SimpleNamespace(id=0))
    T = property(lambda self: wrap(self._a.T))

    def __len__(self) -> int:
        return len(self._a)

    def __iter__(self) -> Iterator[ndarray]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # What makes the host wait.

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        device.download()
        return np.array(self._a, order=order)

    def item(self) -> Any:
        return self.get().item()

    def tolist(self) -> Any:
        return self.get().tolist()

    def __bool__(self) -> bool:
        return bool(self.get())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __repr__(self) -> str:
        return repr(self.get())

    def __format__(self, spec: str) -> str:
        return format(self.item() if not self.ndim else self.get(), spec)

    def __reduce__(self) -> tuple[Any, tuple[np.ndarray]]:
        return uploaded, (self.get(),)

    # What NumPy asks of arrays that are not its own.

    def __array__(self, *args: Any, **how: Any) -> np.ndarray:
        raise TypeError(IMPLICIT)

    def __array_ufunc__(self, ufunc: np.ufunc, *args: Any, **how: Any) -> Any:
        raise TypeError(f"np.{ufunc.__name__}, or an operator with a NumPy number on its left, met a CuPy array")

    def __array_function__(self, function: Callable[..., Any], *args: Any) -> Any:
        raise TypeError(f"np.{function.__name__} met a CuPy array")

    # Entries.

    def __getitem__(self, index: Any) -> ndarray:
        found, is_view = self._a[whole(host_index(index))], not isinstance(index, ndarray | list | np.ndarray)
        return wrap(found) if is_view else launched(found)

    def __setitem__(self, index: Any, value: Any) -> None:
        gathers = gathered(index)
        if not gathers and isinstance(value, np.ndarray) and value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        if not gathers and isinstance(value, list | tuple):
            raise TypeError(f"Unsupported type {type(value)}")
        if gathers and not isinstance(value, ndarray):
            device.upload()  # even a scalar: CuPy makes an array of it
        own = host_index(index)
        check_distinct([part for part in (own if isinstance(own, tuple) else (own,)) if not_mask(part)], self._a)
        device.launch()
        self._a[own] = value._a if isinstance(value, ndarray) else value

    def copy(self, order: str = "C") -> ndarray:
        return launched(self._a.copy(order))

    def __copy__(self) -> ndarray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()

    def fill(self, value: Any) -> None:
        self[...] = value

    def astype(self, *args: Any, **how: Any) -> ndarray:
        return launched(self._a.astype(bind("ndarray.astype", *args, **how)["dtype"]), asked=True)

    def sort(self, axis: int = -1, kind: Any = None) -> None:
        device.wait()  # CuPy sorts by Thrust, which waits for itself: issue 9126
        self._a.sort(axis)

    def argsort(self, axis: int = -1, kind: Any = None) -> ndarray:
        device.wait()
        return launched(self._a.argsort(axis, kind="stable"))

    def __getattr__(self, name: str) -> Any:
        if not has(f"ndarray.{name}"):
            raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")
        raise NotImplementedError(f"cupy.ndarray.{name} exists, but the stand-in has no model of it yet: write one")


def poisoned(a: np.ndarray) -> np.ndarray:
    """Memory that nobody has written yet."""
    a[...] = np.iinfo(a.dtype).min if a.dtype.kind in "iu" else np.nan
    return a


def wrap(a: Any) -> Any:
    """A host result as device memory: the same memory, so that views stay views."""
    made = object.__new__(ndarray)
    made._a = np.asarray(a)
    return made


def launched(result: Any, asked: bool = False) -> Any:
    """The result of a kernel."""
    device.launch()
    if isinstance(result, tuple | list):
        return type(result)(launched(part, asked) for part in result)
    result = np.asarray(result)
    device.check_new(result.dtype, asked)
    return wrap(device.rounded(result))


def uploaded(a: Any, asked: bool = True) -> ndarray:
    device.upload()
    a = np.array(a)
    device.check_new(a.dtype, asked)
    return wrap(a)


def operand(value: Any) -> Any:
    """What a kernel takes: device arrays, and scalars as arguments of the launch."""
    if isinstance(value, ndarray):
        return value._a
    if isinstance(value, bool | int | float | complex | np.generic) or value is None:
        return value
    if isinstance(value, np.ndarray) and not value.ndim:
        return value[()]
    raise TypeError(f"Unsupported type {type(value)}")


def compute(function: Callable[..., Any], *values: Any, out: ndarray | None = None, **how: Any) -> Any:
    """function of the operands, on the device."""
    if out is not None and not isinstance(out, ndarray):
        raise TypeError(f"return arrays must be of ArrayType, got {type(out)}")
    own = [operand(value) for value in values]
    strong = [value.dtype for value in (*own, operand(out)) if isinstance(value, np.ndarray | np.generic)]
    check_mix(*strong)
    if OLD_PROMOTION and not any(getattr(value, "ndim", 0) for value in own):
        own = [np.asarray(v, strong[0]) if isinstance(v, float | int) and strong[0].kind == "f" else v for v in own]
    if out is None:
        return launched(function(*own, **how), asked="dtype" in how)
    function(*own, out=out._a, **how)
    out._a[...] = device.rounded(out._a)
    device.launch()
    return out


def _operator(name: str) -> None:
    function = getattr(operator, name.strip("_") if name not in ("__and__", "__or__") else name)

    def forward(self: ndarray, other: Any) -> Any:
        return compute(function, self, other)

    def reflected(self: ndarray, other: Any) -> Any:
        return compute(function, other, self)

    setattr(ndarray, name, forward)
    if name not in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
        setattr(ndarray, f"__r{name[2:]}", reflected)


def _unary(name: str) -> None:
    setattr(ndarray, f"__{name}__", lambda self: compute(getattr(operator, name), self))


def _in_place(name: str, ufunc: np.ufunc) -> None:
    def update(self: ndarray, other: Any) -> ndarray:
        return compute(ufunc, self, other, out=self)

    setattr(ndarray, name, update)


def _method(name: str, launches: bool) -> None:
    """A method with CuPy's own signature and NumPy's effect."""

    def method(self: ndarray, *args: Any, **how: Any) -> Any:
        bind(f"ndarray.{name}", *args, **how)
        own = {key: value for key, value in how.items() if key != "out"}
        if not launches:
            return wrap(getattr(self._a, name)(*args, **own))
        return compute(lambda a, **k: getattr(a, name)(*map(operand_or_shape, args), **k), self, **how)

    setattr(ndarray, name, method)


def operand_or_shape(value: Any) -> Any:
    return value if isinstance(value, tuple | str | type | np.dtype) else operand(value)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_"):
    _operator(f"__{_name.rstrip('_')}__")
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _operator(f"__{_name}__")
for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "pow": np.power,
    "floordiv": np.floor_divide, "and": np.bitwise_and, "or": np.bitwise_or,
}.items():
    _in_place(f"__i{_name}__", _ufunc)
for _name in ("neg", "pos", "abs", "invert"):
    _unary(_name)
for _name in ("sum", "mean", "var", "std", "max", "min", "argmax", "argmin", "prod", "all", "any", "cumsum", "clip"):
    _method(_name, launches=True)
for _name in ("dot", "take", "round", "repeat", "trace", "flatten", "ptp"):
    _method(_name, launches=True)
for _name in ("reshape", "transpose", "swapaxes", "squeeze", "ravel", "view", "diagonal"):
    _method(_name, launches=False)


# Indices.


def gathered(index: Any) -> bool:
    """Whether some part of the index is an array or a list, so that entries are gathered and not viewed."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, ndarray | np.ndarray | list) for part in parts)


def host_index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(map(host_index, index))
    if isinstance(index, np.ndarray | list):
        device.upload()
        index = wrap(np.asarray(index))
    if isinstance(index, ndarray):
        if index.dtype == bool:
            device.wait()  # how many entries the mask picks is only known on the device
        return index._a
    return index


def whole(index: Any) -> Any:
    """The index with an ellipsis, so that NumPy returns a 0-d view and not a scalar."""
    parts = index if isinstance(index, tuple) else (index,)
    return parts if any(part is Ellipsis for part in parts) else (*parts, Ellipsis)


def not_mask(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype != bool


def check_distinct(indices: list[np.ndarray], a: np.ndarray) -> None:
    """An index that occurs twice is a race: which value stays is undefined on a device."""
    if not indices:
        return
    together = np.stack([i.ravel() for i in np.broadcast_arrays(*indices)])
    if len(indices) == 1:
        together = together % len(a)
    if np.unique(together, axis=1).shape[1] < together.shape[1]:
        raise ValueError("assignment to an index that occurs twice: undefined in CuPy")
