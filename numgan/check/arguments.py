"""Wrong arguments, and wrong return values of the functions under test: each is refused in one line.

The line says what is expected. Without it a person would read a TypeError from inside the checker.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

import numpy as np

from numgan.backend import Array, asnumpy
from numgan.errors import InputError
from numgan.layers.base import Layer
from numgan.network import Network

FORMS = (
    "an object (a layer, a network or a loss), or forward=, backward= and x= (two functions), "
    "or value=, grad= and at= (a scalar function of a vector)"
)
FORWARD = "forward(self, x, train=False, rng=None)"
BACKWARD = "backward(self, dy, cache, params=True, inputs=True, add=True)"


def unknown_object(obj: object) -> InputError:
    """For an object that is none of the three forms, with advice."""
    return InputError(f"gradcheck takes {FORMS}; got {obj!r}{_advice(obj)}")


def _advice(obj: object) -> str:
    if isinstance(obj, type):
        return f": call the class, as in {obj.__name__}()"
    if hasattr(obj, "forward") and hasattr(obj, "backward"):
        return ": pass its forward=, its backward= and an x=, or derive its class from ng.Layer"
    return ": pass it as forward=, with a backward= and an x=" if callable(obj) else ""


def float64(name: str, a: object) -> np.ndarray:
    """A float64 copy on the host; InputError unless it is one array of real numbers, and not empty."""
    array = _on_host(a)
    if array is None or array.dtype.kind not in "fiub":
        raise InputError(f"{name} must be one array of numbers, got {_describe(a if array is None else array)}")
    if not array.size:
        lack = "has 0 rows" if len(array) == 0 else "is empty"
        raise InputError(f"{name} {lack} (shape {array.shape}), so there is nothing to compare: pass at least one row")
    return array.astype(np.float64)


def float64_rows(name: str, a: object) -> np.ndarray:
    """The same for the batch of a layer or a network, which take floating-point numbers alone."""
    array = _on_host(a)
    if array is not None and array.dtype.kind in "iub":
        raise InputError(f"{name} must hold floating-point numbers, got {array.dtype}: pass {name}.astype(float)")
    if array is not None and array.ndim == 0:
        raise InputError(f"{name} must be a batch of rows, of shape (m, …), got one number")
    return float64(name, a)


def _on_host(a: object) -> np.ndarray | None:
    """a on the host, or None where it is not one array."""
    try:
        return np.asarray(a) if isinstance(a, list | float | int) else asnumpy(a)
    except (TypeError, ValueError):  # a tuple, no array at all, or rows of different lengths
        return None


def require_functions(forward: object, backward: object, params: object) -> None:
    """InputError unless these can be called, and the parameters be modified, as `gradcheck` does."""
    _require_signature("forward", forward, 1, "forward(x), which reads the arrays in params by itself")
    if not takes_dy_alone(backward):
        _require_signature("backward", backward, 2, "backward(dy, cache) or backward(dy)")
    if not isinstance(params, Mapping):
        raise InputError(f"params must be a dict such as {{'W': W}}, got {_describe(params)}")
    for name, a in params.items():
        if not isinstance(a, np.ndarray):
            raise InputError(f"params[{name!r}] must be the NumPy array that forward reads, got {_describe(a)}")


def require_layer(layer: Layer) -> None:
    """InputError unless a layer has both methods, with all the arguments that a network passes by position."""
    for inner in layer.layers if isinstance(layer, Network) else ():
        require_layer(inner)
    kind = type(layer)
    if kind.forward is Layer.forward:
        raise InputError(f"{kind.__name__}.forward is missing: a layer needs {FORWARD}")
    if kind.backward is Layer.backward and (layer.shapes or kind.dx is Layer.dx):
        raise InputError(f"{kind.__name__}.backward is missing: a layer needs {BACKWARD}")
    for name, n, form in (("forward", 3, FORWARD), ("backward", 5, BACKWARD)):
        _require_signature(f"{kind.__name__}.{name}", getattr(layer, name), n, form)


def require_y_and_cache(layer: Layer, returned: object) -> None:
    """A layer's forward returns (y, cache), even where the cache is None."""
    if not isinstance(returned, tuple) or len(returned) != 2 or not _is_numeric(returned[0]):
        raise InputError(f"{type(layer).__name__}.forward returned {_describe(returned)}, expected y, cache")


def takes_dy_alone(backward: object) -> bool:
    """Is this backward(dy), which reads what the last forward pass left behind?"""
    signature = _signature(backward) if callable(backward) else None
    kinds = [parameter.kind for parameter in signature.parameters.values()] if signature else []
    return len(kinds) == 1 and kinds[0] is not inspect.Parameter.VAR_POSITIONAL


def y_and_cache(returned: object, x: Array) -> tuple[Array, object]:
    """What forward returned, taken apart; x is the cache where it returned y alone."""
    y, cache = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, x)
    if isinstance(y, tuple) or not _is_numeric(y):
        raise InputError(f"forward returned {_describe(y)}, expected y or (y, cache)")
    return y, cache


def gradients(returned: object, params: Mapping[str, Array]) -> dict[str, Array]:
    """What backward returned, by tensor. A missing gradient is no wrong argument: the diagnosis names it."""
    dx, grads = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, {})
    if wrong := _wrong_return(returned, dx, grads, params):
        raise InputError(f"backward returned {wrong}, expected {_form(params)}")
    return {"x": dx, **grads}


def require_numbers(name: str, returned: object, expected: str) -> Array:
    """`returned`, if it consists of numbers."""
    if isinstance(returned, tuple) or not _is_numeric(returned):
        raise InputError(f"{name} returned {_describe(returned)}, expected {expected}")
    return returned


def _form(params: Mapping[str, Array]) -> str:
    grads = ", ".join(f"{name!r}: d{name}" for name in params)
    return f"dx, {{{grads}}}" if params else "dx alone, for params= is empty"


def _wrong_return(returned: object, dx: object, grads: object, params: Mapping[str, Array]) -> str:
    """What is wrong with the return value of a backward function, or ''."""
    if returned is None or isinstance(dx, tuple) or not (dx is None or _is_numeric(dx)):
        return _describe(returned if returned is None else dx)
    if not isinstance(grads, Mapping):
        return f"dx and {_describe(grads)}"
    unknown = [f"{name!r}" for name in grads if name not in params]
    no_array = [f"{_describe(g)} for {name}" for name, g in grads.items() if not (g is None or _is_numeric(g))]
    return ", ".join(unknown or no_array)


def _require_signature(name: str, f: object, n: int, form: str) -> None:
    """InputError unless f can be called with n arguments by position."""
    if not callable(f):
        raise InputError(f"{name} must be a function, got {_describe(f)}: expected {form}")
    signature = _signature(f)
    try:
        _ = signature and signature.bind(*range(n))
    except TypeError:
        raise InputError(f"{name}{signature} has the wrong arguments: expected {form}") from None


def _signature(f: Callable[..., object]) -> inspect.Signature | None:
    """None where Python does not know it, as for some functions written in C."""
    try:
        return inspect.signature(f)
    except (TypeError, ValueError):
        return None


def _is_numeric(a: object) -> bool:
    try:
        return np.asarray(a).dtype.kind in "fiub"
    except (TypeError, ValueError):  # rows of different lengths, say
        return False


def _describe(a: object) -> str:
    """What it is, in a few words."""
    if a is None:
        return "None (is a return missing?)"
    if isinstance(a, tuple):
        return f"{len(a)} values"
    if isinstance(a, np.ndarray):
        return f"an array of shape {a.shape}" if a.dtype.kind in "fiub" else f"an array of {a.dtype}"
    return f"a {type(a).__name__}"
