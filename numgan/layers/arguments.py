"""What networks and the steps of the game are given: what cannot be right is refused in one line before it is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from numgan.backend import Array, array_module
from numgan.errors import InputError
from numgan.layers.base import Layer, rows_of
from numgan.losses import Loss


def chain(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Layers in a row: they must agree on the width between them."""
    layers = separate(layers)
    axes = n = None  # of the rows so far, where they are known
    for i, layer in enumerate(layers):
        _check_joint(f"layer {i}, {layer},", layer, axes, n)
        axes, n = _after(layer, layer.axes_out, axes), _after(layer, getattr(layer, "n_out", None), n)
    return layers


def separate(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Layers for a network, in a row or side by side: they must be layers, each its own, and new."""
    if not isinstance(layers, Iterable) or isinstance(layers, str | Set | Mapping):
        raise InputError(f"a network is made of a list of layers, such as [Linear(2, 1)], got {layers!r}")
    layers = tuple(layers)
    if not layers:
        raise InputError("a network needs at least one layer, got []")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise InputError(f"a network is made of layers, got {layer!r}: call the class, as in ReLU()")
        if layer.bound:
            raise InputError(f"{layer} already belongs to a network: make a new layer, or use copy.deepcopy(layer)")
    if len(set(map(id, layers))) < len(layers):
        raise InputError("the same layer object stands in the list twice: make a second one")
    return layers


def _check_joint(name: str, layer: Layer, axes: int | None, n: int | None) -> None:
    """What a layer takes must be what the layers before it give."""
    if None not in (layer.axes_in, axes) and layer.axes_in != axes:
        forms = f"takes {_form(layer.axes_in)}, but the layers before it give {_form(axes)}"
        raise InputError(f"{name} {forms}: put a Reshape between")
    wants = getattr(layer, "n_in", None)
    if None not in (wants, n) and wants != n:
        raise InputError(f"{name} takes {wants} features, but the layers before it give {n}")


def _after(layer: Layer, makes: int | None, given: int | None) -> int | None:
    return makes if makes is not None or not layer.keeps_width else given


def _form(axes: int | None) -> str:
    return {1: "vectors (m, n)", 3: "images (m, h, w, c)"}.get(axes or 0, f"arrays of {axes} axes beside the rows")


def check_game(G: object, D: object, loss: object) -> None:
    """InputError unless G and D are two players, and the loss is one."""
    if isinstance(G, Layer) and isinstance(D, Layer) and isinstance(loss, Loss) and G is not D:
        return  # in every step, so this comes first
    for name, net in (("G", G), ("D", D)):
        if isinstance(net, type) or not (hasattr(net, "forward") and hasattr(net, "backward")):
            raise InputError(f"{name} must be a network, such as ng.Network([…]), got {net!r}")
    if G is D:
        raise InputError("G and D are the same network: make one for each")
    if not isinstance(loss, Loss):
        raise InputError(f"loss={loss!r} is no loss: pass one, such as ng.losses.hinge or ng.losses.Minimax()")


def check_rows(x: Array, x_g: Array) -> None:
    """InputError unless data x and generated rows x_g, or the rows of (x, c) and (x_g, c), can stand in one batch."""
    if isinstance(x, tuple) is not isinstance(x_g, tuple):
        raise InputError("x and z must both come with labels, as (x, c) and (z, c), or neither: pass the same to both")
    x, x_g = rows_of(x), rows_of(x_g)
    if type(x) is type(x_g) and x.dtype == x_g.dtype and x.shape[1:] == x_g.shape[1:]:
        return
    if plain(x, x_g).shape[1:] != x_g.shape[1:]:
        raise InputError(f"x and G(z) must be rows of one width, got {x.shape} and {x_g.shape}")


def floating(dtype: DTypeLike) -> np.dtype:
    """dtype, if a network can be trained in it: float16 has too few digits and too small a range."""
    try:
        kind = np.dtype("void" if dtype is None else dtype)
    except (TypeError, ValueError, DeprecationWarning):  # NumPy deprecates some names
        raise InputError(f"dtype must be 'float32' or 'float64', got {dtype!r}") from None
    if kind not in (np.float32, np.float64):
        raise InputError(f"a network's dtype must be a floating type, 'float32' or 'float64', got {str(kind)!r}")
    return kind


def plain(x: Array, like: Array) -> Array:
    """x, of another class (a memory map, say) or dtype, as an array like `like`. InputError unless it holds floats, or
    if it would lose a mask."""
    ours, theirs = array_module(like), array_module(x)
    if ours is not theirs:
        names = f"a {ours.__name__} network was given a {theirs.__name__} array"
        raise InputError(f"{names}: move one (net.copy(xp=…)) or the other")
    if np.ma.isMaskedArray(x):
        raise InputError("x is a masked array, and its mask would be lost: fill it, x.filled(value), or drop such rows")
    if x.dtype.kind != "f":
        raise InputError(f"x must hold floating-point numbers, got {x.dtype.name}: scale it to the model's range")
    return ours.asarray(x, dtype=like.dtype)


def check_backward(dy: Array, tape: Any, theta: Array, n_out: int | None, layers: int) -> None:
    """InputError unless dy is an array like theta with rows that are n_out wide, for (m,) against (m, 1) would
    broadcast in silence, and tape holds a cache for each layer."""
    if type(dy) is not type(theta) or (n_out is not None and (dy.ndim < 2 or dy.shape[-1] != n_out)):
        wanted = "the shape of y" if n_out is None else f"shape (m, {n_out})"
        raise InputError(f"dy must be an array of {wanted}, got {getattr(dy, 'shape', dy)!r}")
    if not isinstance(tape, list) or len(tape) != layers:
        raise InputError("tape must be what this network's forward returned beside y: y, tape = net.forward(x)")


def check_kept(net: Any, name: str, value: object) -> None:
    """InputError where a finished network is to get other vectors or layers in the place of its own."""
    if name not in ("layers", "theta", "grad", "buffers") or "buffers" not in vars(net) or value is vars(net)[name]:
        return
    if name == "layers":
        raise InputError("the layers of a network are fixed: make a new one, Network([…])")
    raise InputError(f"the layers hold views into {name}: write into it, net.{name}[...] = a")
