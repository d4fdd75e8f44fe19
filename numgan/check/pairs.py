"""Whatever is to be checked, in one form: y, cache = forward(x) and the gradients = backward(dy, cache)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numgan.backend import Array, asnumpy
from numgan.check import arguments
from numgan.errors import InputError
from numgan.layers.base import Layer
from numgan.losses import Loss
from numgan.network import Network

MASKS = 0x6D61736B  # beside the seed, so that a layer's masks and noise are not the x of a person's default_rng(seed)


@dataclass
class Pair:
    """A forward and a backward function, and the arrays they depend on, which a check moves and puts back."""

    title: str
    forward: Callable[[Any], tuple[Any, Any]]  # x -> y, cache
    backward: Callable[[Any, Any], dict[str, Any]]  # dy, cache -> the gradient of each tensor
    x: np.ndarray | None = None
    params: dict[str, np.ndarray] = field(default_factory=dict)
    x_name: str = "x"
    keeps_state: bool = False  # backward takes dy alone, and reads what the last forward left behind

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        return self.params if self.x is None else {self.x_name: self.x, **self.params}

    def run(self, x: np.ndarray | None) -> tuple[Any, Any]:
        """forward, without the warnings that a step too far may raise."""
        with np.errstate(all="ignore"):
            return self.forward(x)

    def back(self, dy: np.ndarray, cache: Any) -> dict[str, Any]:
        """What backward claims, copied before a later call can change it. A scalar's dy is a plain number."""
        with np.errstate(all="ignore"):
            grads = self.backward(dy if dy.ndim else float(dy), cache)
        return {name: None if g is None else np.array(g) for name, g in grads.items()}

    def y(self) -> np.ndarray:
        """y as an array of its own, float64."""
        return np.array(self.run(self.x)[0], dtype=np.float64)

    def gradients(self, dy: np.ndarray) -> dict[str, Any]:
        return self.back(dy.copy(), self.run(self.x)[1])


@dataclass
class NetworkPair(Pair):
    """The pair that is a network; `named` takes a vector like theta apart."""

    net: Network = field(kw_only=True)
    named: Callable[[Array], dict[str, Array]] = field(kw_only=True)
    train: bool = field(kw_only=True)


def of_functions(forward: Any, backward: Any, x: Any, params: Mapping[str, Array] | None) -> Pair:
    """A student's two functions. Where forward returns y alone, x serves as the cache."""
    if backward is None or x is None:
        raise InputError("a pair of functions needs all of forward=, backward= and x=")
    tensors = {} if params is None else params
    arguments.check_functions(forward, backward, tensors)
    alone = arguments.takes_dy_alone(backward)

    def run(x: Any) -> tuple[Any, Any]:
        return arguments.output(forward(x), x)

    def back(dy: Any, cache: Any) -> dict[str, Any]:
        return arguments.gradients(backward(dy) if alone else backward(dy, cache), tensors)

    return Pair(getattr(forward, "__name__", "forward"), run, back, _double(x), dict(tensors), keeps_state=alone)


def of_value(value: Any, grad: Any, at: Any, parts: Mapping[str, slice] | None) -> Pair:
    """A scalar function of a flat vector θ, and its gradient."""
    if grad is None or at is None:
        raise InputError("a scalar function needs all of value=, grad= and at=")
    theta = _double(at)
    spans = dict(parts or {"theta": slice(None)})

    def run(_: Any) -> tuple[Any, Any]:
        return arguments.numbers("value", value(theta), "a number"), None

    def back(dy: Any, _: Any) -> dict[str, Any]:
        g = np.atleast_1d(arguments.numbers("grad", grad(theta), f"an array of shape {theta.shape}"))
        return {name: dy * g[span] for name, span in spans.items()}

    return Pair(getattr(value, "__name__", "value"), run, back, params={n: theta[span] for n, span in spans.items()})


def of_loss(loss: Loss, x: Any, rng: np.random.Generator) -> list[Pair]:
    """A loss, for either player, at logits x = (a_x, a_g)."""
    if x is None:
        x = 2 * rng.standard_normal((5, 1)), 2 * rng.standard_normal((4, 1))
    a_x, a_g = map(_double, x if isinstance(x, tuple) else (x, x))

    def run_d(_: Any) -> tuple[Any, Any]:
        value, *da = loss.discriminator(a_x, a_g)
        return value, da

    def back_d(dy: Any, da: Any) -> dict[str, Any]:
        return {"D: a_x": dy * da[0], "D: a_g": dy * da[1]}

    def run_g(_: Any) -> tuple[Any, Any]:
        return loss.generator(a_g)

    def back_g(dy: Any, da: Any) -> dict[str, Any]:
        return {"G: a_g": dy * da}

    return [
        Pair(repr(loss), run_d, back_d, params={"D: a_x": a_x, "D: a_g": a_g}),
        Pair(repr(loss), run_g, back_g, params={"G: a_g": a_g}),
    ]


def of_layer(layer: Layer, x: Any, rng: np.random.Generator, seed: int) -> list[Pair]:
    """A copy in float64, with its parameters moved a little: a fresh b = 0 or γ = 1 would hide mistakes."""
    arguments.check_layer(layer)
    whole = isinstance(layer, Network)
    net = layer.copy(xp=np, dtype="float64") if whole else Network([copy.deepcopy(layer)], dtype="float64")
    x = _double(rng.standard_normal((5, getattr(layer, "n_in", None) or 4)) if x is None else x)
    if layer.bound and not whole:
        for name in (*layer.shapes, *layer.buffer_shapes):
            getattr(net.layers[0], name)[...] = asnumpy(getattr(layer, name))
    net.theta += 0.1 * rng.standard_normal(net.size)
    if not whole:
        arguments.check_pair(layer, net.layers[0].forward(x, True, np.random.default_rng([seed, MASKS])))
        net.calibrate(x + rng.standard_normal(x.shape))
    modes = (True, False) if net.stochastic or net.buffer_size else (True,)
    return [_of_network(net, x, train, repr(layer), "" if whole else "0.", seed) for train in modes]


def _of_network(net: Network, x: np.ndarray, train: bool, title: str, prefix: str, seed: int) -> NetworkPair:
    spans, shapes, suffix = net.slices, net.shapes, "" if train else " (evaluation)"
    x_name = "x" + suffix

    def named(vector: Array) -> dict[str, Array]:
        return {n.removeprefix(prefix) + suffix: vector[span].reshape(shapes[n]) for n, span in spans.items()}

    def run(x: Any) -> tuple[Any, Any]:
        return net.forward(x, train=train, rng=np.random.default_rng([seed, MASKS]))

    def back(dy: Any, tape: Any) -> dict[str, Any]:
        dx = net.backward(dy, tape, add=False)
        return {x_name: dx, **named(net.grad)}

    return NetworkPair(title, run, back, x, named(net.theta), x_name, net=net, named=named, train=train)


def _double(a: Any) -> np.ndarray:
    """A float64 copy on the host."""
    return np.array(a if isinstance(a, np.ndarray | list | tuple | float | int) else asnumpy(a), dtype=np.float64)
