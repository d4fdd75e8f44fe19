"""cupy.fuse: a formula written down once for each kind of arguments, then carried out as one kernel.

It does what CuPy's first fusion does and refuses the rest. The real one falls back without a word on a second fusion,
whose kernels wait for each other on the device, or calculates two numbers in half precision.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from standin.arrays import ndarray, wrap
from standin.device import check_mix, device

NUMBERS = bool | int | float | complex | np.generic


class _Trace:
    """What a formula does, as a list: (function, where its operands are, where its result goes)."""

    def __init__(self) -> None:
        self.count = 0
        self.operations: list[tuple[Callable[..., Any], list[Any], int, bool]] = []

    def variable(self, value: Any) -> Variable:
        self.count += 1
        return Variable(self, self.count - 1, value)

    def apply(self, function: Callable[..., Any], *operands: Any, out: Any = None) -> Variable:
        for operand in operands:
            if not isinstance(operand, Variable | NUMBERS):
                raise TypeError(f"Unsupported type {type(operand)} in a fused formula: pass arrays as its arguments")
        values = [operand.value if isinstance(operand, Variable) else operand for operand in operands]
        if not any(isinstance(value, np.ndarray) for value in values):
            raise TypeError("a fused formula calculates two numbers in half precision: pass their result in")
        check_mix(*(value.dtype for value in values if isinstance(value, np.ndarray | np.generic)))
        made = function(*values)
        if out is None:
            out, fresh = self.variable(made), True
        elif not isinstance(out, Variable) or not isinstance(out.value, np.ndarray) or out.ndim < made.ndim:
            raise TypeError("return arrays must be of ArrayType")
        else:
            np.can_cast(made.dtype, out.dtype, "same_kind") or _refuse(f"{made.dtype} into {out.dtype}")
            fresh = False
        self.operations.append((function, [_Place(o.place) if isinstance(o, Variable) else o for o in operands],
                                out.place, fresh))  # fmt: skip
        return out


class _Place(int):
    """Of a variable."""


def _refuse(what: str) -> None:
    raise TypeError(f"a fused formula cannot write {what}")


class Variable:
    """An array or a number while a formula is written down. Its entries and its shape are not known."""

    __module__ = "cupy._core.fusion"
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, trace: _Trace, place: int, value: Any) -> None:
        self.trace, self.place, self.value = trace, place, value

    dtype = property(lambda self: np.asarray(self.value).dtype)
    ndim = property(lambda self: self.value.ndim)

    def astype(self, dtype: Any) -> Variable:
        return self.trace.apply(_Cast(dtype), self)

    def __setitem__(self, index: Any, value: Any) -> None:
        if index is not Ellipsis and index != slice(None):
            raise ValueError("The fusion supports `[...]` or `[:]`.")
        self.trace.apply(np.positive, value, out=self)

    def __bool__(self) -> bool:
        raise TypeError("Can't cast to bool")

    def __array_ufunc__(self, ufunc: np.ufunc, *args: Any, **how: Any) -> Any:
        raise TypeError(f"np.{ufunc.__name__} met a CuPy array that is being fused")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"an array that is being fused has no attribute {name!r}")


class _Cast:
    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)

    def __call__(self, a: np.ndarray) -> np.ndarray:
        return a.astype(self.dtype)


def _define(name: str, function: Callable[..., Any]) -> None:
    def forward(self: Variable, other: Any) -> Variable:
        return self.trace.apply(function, self, other)

    def reflected(self: Variable, other: Any) -> Variable:
        return self.trace.apply(function, other, self)

    def in_place(self: Variable, other: Any) -> Variable:
        return self.trace.apply(function, self, other, out=self)

    setattr(Variable, f"__{name}__", forward)
    if function not in COMPARISONS:
        setattr(Variable, f"__r{name}__", reflected)
        setattr(Variable, f"__i{name}__", in_place)


COMPARISONS = {operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne}
for _function in COMPARISONS:
    _define(_function.__name__, _function)
for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "pow": np.power,
}.items():  # fmt: skip
    _define(_name, _ufunc)
Variable.__neg__ = lambda self: self.trace.apply(np.negative, self)  # type: ignore[attr-defined]


def call_ufunc(ufunc: np.ufunc, args: tuple[Any, ...], how: dict[str, Any]) -> Variable:
    """cupy.ufunc where an argument is being fused."""
    out = how.pop("out", None)
    if how:
        raise TypeError(f"Wrong arguments {how}")
    trace = next(a.trace for a in (*args, out) if isinstance(a, Variable))
    return trace.apply(ufunc, *args, out=out)


class Fusion:
    """A formula, and what it was found to do with arguments of each kind."""

    def __init__(self, formula: Callable[..., Any]) -> None:
        self.formula = formula
        self.traces: dict[Any, tuple[_Trace, Any]] = {}

    def __call__(self, *args: Any) -> Any:
        if any(isinstance(a, Variable) for a in args) or not any(isinstance(a, ndarray) for a in args):
            return self.formula(*args)  # inside another fused formula, or without a device array
        for a in args:
            if not isinstance(a, ndarray | NUMBERS):
                raise TypeError(f"Invalid argument type for '{self.formula}': {type(a)}")
        kinds = tuple((a.dtype, a.ndim) if isinstance(a, ndarray) else type(a) for a in args)
        if kinds not in self.traces:
            self.traces[kinds] = self._written_down(args)
        trace, returned = self.traces[kinds]
        values = [a._a if isinstance(a, ndarray) else a for a in args] + [None] * (trace.count - len(args))
        _carry_out(trace, values)
        device.launch()
        if isinstance(returned, tuple):
            return tuple(wrap(np.array(values[variable.place])) for variable in returned)
        return None if returned is None else wrap(np.array(values[returned.place]))

    def _written_down(self, args: tuple[Any, ...]) -> tuple[_Trace, Any]:
        trace = _Trace()
        empty = [np.empty((0,) * a.ndim, a.dtype) if isinstance(a, ndarray) else type(a)(1) for a in args]
        return trace, self.formula(*map(trace.variable, empty))


def _carry_out(trace: _Trace, values: list[Any]) -> None:
    for function, operands, place, fresh in trace.operations:
        made = function(*(values[o] if isinstance(o, _Place) else o for o in operands))
        if fresh:
            values[place] = device.rounded(made)
            device.check_new(made.dtype, asked=isinstance(function, _Cast))
        else:
            values[place][...] = device.rounded(made)


def fuse(*args: Any, kernel_name: str | None = None) -> Any:
    return Fusion(args[0]) if args else Fusion
