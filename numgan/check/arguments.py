"""Slips in what a person passes, or in what their functions return: each is refused in one line that says what fits.

Without it they would meet a TypeError from the inside of the checker.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from numgan.errors import InputError
from numgan.layers.base import Layer
from numgan.network import Network

FORMS = (
    "an object (a layer, a network or a loss), or forward=, backward= and x= (two functions), "
    "or value=, grad= and at= (a scalar function of a vector)"
)
FORWARD = "forward(self, x, train=False, rng=None)"
BACKWARD = "backward(self, dy, cache, params=True, inputs=True, add=True)"


def unknown(obj: Any) -> InputError:
    """For an object that is none of the three forms, with the nearest one."""
    return InputError(f"gradcheck takes {FORMS}; got {obj!r}{_hint(obj)}")


def _hint(obj: Any) -> str:
    if isinstance(obj, type):
        return f": call the class, as in {obj.__name__}()"
    if hasattr(obj, "forward") and hasattr(obj, "backward"):
        return ": pass its forward=, its backward= and an x=, or derive its class from ng.Layer"
    return ": pass it as forward=, with a backward= and an x=" if callable(obj) else ""


def check_functions(forward: Any, backward: Any, params: Any) -> None:
    _check_takes("forward", forward, 1, "forward(x), which reads the arrays in params by itself")
    if not takes_dy_alone(backward):
        _check_takes("backward", backward, 2, "backward(dy, cache) or backward(dy)")
    if not isinstance(params, Mapping):
        raise InputError(f"params must be a dict such as {{'W': W}}, got {_kind(params)}")
    for name, a in params.items():
        if not isinstance(a, np.ndarray):
            raise InputError(f"params[{name!r}] must be the NumPy array that forward reads, got {_kind(a)}")


def check_layer(layer: Layer) -> None:
    """A layer of one's own needs all that a network passes to it, by position."""
    for inner in layer.layers if isinstance(layer, Network) else ():
        check_layer(inner)
    kind = type(layer)
    if kind.forward is Layer.forward:
        raise InputError(f"{kind.__name__}.forward is missing: a layer needs {FORWARD}")
    if kind.backward is Layer.backward and (layer.shapes or kind.dx is Layer.dx):
        raise InputError(f"{kind.__name__}.backward is missing: a layer needs {BACKWARD}")
    for name, n, form in (("forward", 3, FORWARD), ("backward", 5, BACKWARD)):
        _check_takes(f"{kind.__name__}.{name}", getattr(layer, name), n, form)


def check_pair(layer: Layer, out: Any) -> None:
    """A layer's forward returns (y, cache), even where there is nothing to remember."""
    if not isinstance(out, tuple) or len(out) != 2 or not _numeric(out[0]):
        raise InputError(f"{type(layer).__name__}.forward returned {_kind(out)}, expected y, cache")


def takes_dy_alone(backward: Any) -> bool:
    signature = _signature(backward)
    return signature is not None and len(signature.parameters) == 1


def output(out: Any, x: Any) -> tuple[Any, Any]:
    """y and the cache of what forward returned; x is the cache where it returned y alone."""
    y, cache = out if isinstance(out, tuple) and len(out) == 2 else (out, x)
    if isinstance(y, tuple) or not _numeric(y):
        raise InputError(f"forward returned {_kind(y)}, expected y or (y, cache)")
    return y, cache


def gradients(out: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """What backward returned, by tensor. A gradient left out is the diagnosis's business, not a slip."""
    dx, grads = out if isinstance(out, tuple) and len(out) == 2 else (out, {})
    if slip := _slip(out, dx, grads, params):
        raise InputError(f"backward returned {slip}, expected {_form(params)}")
    return {"x": dx, **grads}


def _form(params: Mapping[str, Any]) -> str:
    grads = ", ".join(f"{name!r}: d{name}" for name in params)
    return f"dx, {{{grads}}}" if params else "dx alone, for params= is empty"


def numbers(name: str, out: Any, expected: str) -> Any:
    """`out`, if it is made of numbers."""
    if isinstance(out, tuple) or not _numeric(out):
        raise InputError(f"{name} returned {_kind(out)}, expected {expected}")
    return out


def _slip(out: Any, dx: Any, grads: Any, params: Mapping[str, Any]) -> str:
    if out is None or isinstance(dx, tuple) or not (dx is None or _numeric(dx)):
        return _kind(out if out is None else dx)
    if not isinstance(grads, Mapping):
        return f"dx and {_kind(grads)}"
    strange = [f"{name!r}" for name in grads if name not in params]
    odd = [f"{_kind(g)} for {name}" for name, g in grads.items() if not (g is None or _numeric(g))]
    return ", ".join(strange or odd)


def _check_takes(name: str, f: Any, n: int, form: str) -> None:
    """InputError unless f can be called with n arguments by position."""
    if not callable(f):
        raise InputError(f"{name} must be a function, got {_kind(f)}: expected {form}")
    signature = _signature(f)
    try:
        _ = signature and signature.bind(*range(n))
    except TypeError:
        raise InputError(f"{name}{signature} takes other arguments than it is given: expected {form}") from None


def _signature(f: Callable[..., Any]) -> inspect.Signature | None:
    """None where Python does not know it, as for some functions written in C."""
    try:
        return inspect.signature(f)
    except (TypeError, ValueError):
        return None


def _numeric(a: Any) -> bool:
    try:
        return np.asarray(a).dtype.kind in "fiub"
    except (TypeError, ValueError):  # rows of different lengths, say
        return False


def _kind(a: Any) -> str:
    """What it is, in a word or two."""
    if a is None:
        return "None (is a return missing?)"
    if isinstance(a, tuple):
        return f"{len(a)} values"
    return f"an array of shape {a.shape}" if isinstance(a, np.ndarray) else f"a {type(a).__name__}"
