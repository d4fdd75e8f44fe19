"""Whatever is to be checked, in one form: a forward function y, cache = f(x), and its backward function."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numgan.backend import Array, asnumpy
from numgan.check import arguments
from numgan.conditional import Conditional
from numgan.errors import InputError
from numgan.layers.base import Layer
from numgan.layers.label import Conditioning
from numgan.losses import Loss
from numgan.network import Network, Tape

LAYER_KEY = 0x6D61736B  # beside the seed, so that a layer's noise is not a person's x = default_rng(seed)

Gradients = dict[str, np.ndarray | None]  # of each tensor; None where backward returns none


@dataclass
class Pair:
    """A forward and a backward function, and the arrays they depend on, which a check modifies and restores."""

    title: str
    forward: Callable[[Array], tuple[Array, Any]]  # x -> y, cache
    backward: Callable[[Array, Any], dict[str, Array]]  # dy, cache -> the gradient of each tensor
    x: np.ndarray | None = None
    params: dict[str, np.ndarray] = field(default_factory=dict)
    x_name: str = "x"
    keeps_state: bool = False  # backward takes dy alone, and reads what the last forward pass left behind

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        return self.params if self.x is None else {self.x_name: self.x, **self.params}

    def run_forward(self, x: np.ndarray | None) -> tuple[Array, Any]:
        """y, cache, without the warnings that a step into an overflow may raise."""
        with np.errstate(all="ignore"):
            return self.forward(x)

    def run_backward(self, dy: np.ndarray, cache: object) -> Gradients:
        """What backward returns, copied before a later call can change it. A scalar's dy is a Python number."""
        with np.errstate(all="ignore"):
            grads = self.backward(dy if dy.ndim else float(dy), cache)
        return {name: None if g is None else np.array(g) for name, g in grads.items()}

    def y(self) -> np.ndarray:
        """A copy of y, float64."""
        return np.array(self.run_forward(self.x)[0], dtype=np.float64)

    def gradients(self, dy: np.ndarray) -> Gradients:
        """What backward returns right after a forward pass."""
        return self.run_backward(dy.copy(), self.run_forward(self.x)[1])


@dataclass
class NetworkPair(Pair):
    """The pair of a network; `named` splits a vector such as theta into named arrays."""

    net: Network = field(kw_only=True)
    named: Callable[[Array], dict[str, Array]] = field(kw_only=True)
    train: bool = field(kw_only=True)


def gradient_name(name: str) -> str:
    """dW for W, 0.dW for 0.W."""
    head, dot, tail = name.rpartition(".")
    return f"{head}{dot}d{tail}"


def pair_of_functions(
    forward: Callable[..., object],
    backward: Callable[..., object] | None,
    x: Array,
    params: Mapping[str, Array] | None,
) -> Pair:
    """A student's two functions. Where forward returns y alone, x serves as the cache."""
    if backward is None or x is None:
        raise InputError("a pair of functions needs all of forward=, backward= and x=")
    tensors = {} if params is None else params
    arguments.require_functions(forward, backward, tensors)
    dy_alone = arguments.takes_dy_alone(backward)

    def run_forward(x: Array) -> tuple[Array, object]:
        return arguments.y_and_cache(forward(x), x)

    def run_backward(dy: Array, cache: object) -> dict[str, Array]:
        return arguments.gradients(backward(dy) if dy_alone else backward(dy, cache), tensors)

    name = getattr(forward, "__name__", "forward")
    return Pair(name, run_forward, run_backward, arguments.float64("x", x), dict(tensors), keeps_state=dy_alone)


def pair_of_value(
    value: Callable[[Array], object],
    grad: Callable[[Array], object] | None,
    at: Array,
    parts: Mapping[str, slice] | None,
) -> Pair:
    """A scalar function of a flat vector θ, and its gradient."""
    if grad is None or at is None:
        raise InputError("a scalar function needs all of value=, grad= and at=")
    theta = arguments.float64("at", at)
    if not theta.ndim:
        raise InputError(f"at must be a vector, got one number: pass np.array([{at}])")
    spans = dict(parts or {"theta": slice(None)})

    def run_forward(_: Array) -> tuple[Array, None]:
        return arguments.require_numbers("value", value(theta), "a number"), None

    def run_backward(dy: Array, _: None) -> dict[str, Array]:
        g = np.atleast_1d(arguments.require_numbers("grad", grad(theta), f"an array of shape {theta.shape}"))
        return {name: dy * g[span] for name, span in spans.items()}

    params = {name: theta[span] for name, span in spans.items()}
    return Pair(getattr(value, "__name__", "value"), run_forward, run_backward, params=params)


def pairs_of_loss(loss: Loss, x: Array | tuple[Array, Array] | None, rng: np.random.Generator) -> list[Pair]:
    """A loss, for either player, at logits x = (a_x, a_g)."""
    if x is None:
        x = 2 * rng.standard_normal((5, 1)), 2 * rng.standard_normal((4, 1))
    if isinstance(x, tuple) and len(x) != 2:
        raise InputError(f"the x of a loss is one column of logits, or two, (a_x, a_g); got {len(x)}")
    logits = x if isinstance(x, tuple) else (x, x)
    a_x, a_g = (arguments.float64("x", a) for a in logits)

    def forward_d(_: Array) -> tuple[Array, list[Array]]:
        value, *da = loss.discriminator(a_x, a_g)
        return value, da

    def backward_d(dy: Array, da: list[Array]) -> dict[str, Array]:
        return {"D: a_x": dy * da[0], "D: a_g": dy * da[1]}

    def forward_g(_: Array) -> tuple[Array, Array]:
        return loss.generator(a_g)

    def backward_g(dy: Array, da: Array) -> dict[str, Array]:
        return {"G: a_g": dy * da}

    return [
        Pair(repr(loss), forward_d, backward_d, params={"D: a_x": a_x, "D: a_g": a_g}),
        Pair(repr(loss), forward_g, backward_g, params={"G: a_g": a_g}),
    ]


def pairs_of_layer(
    layer: Layer, x: Array | tuple[Array, Array] | None, rng: np.random.Generator, seed: int
) -> list[Pair]:
    """A float64 copy with slightly random parameters: initial values such as b = 0 or γ = 1 would hide mistakes.

    One pair in training mode, and one in evaluation mode where the two differ. Of a network that is told
    something of each row, x is (x, c), and c stays as it is.
    """
    arguments.require_layer(layer)
    is_network = isinstance(layer, Network)
    kind = Conditional if isinstance(layer, Conditioning) else Network
    net = layer.copy(xp=np, dtype="float64") if is_network else kind([copy.deepcopy(layer)], dtype="float64")
    given, c = x is not None, None
    if isinstance(layer, Conditional | Conditioning):
        x, c = _rows_and_c(layer, x)
    x = arguments.float64_rows("x", rng.standard_normal((5, net.n_in or 4)) if x is None else x)
    if layer.bound and not is_network:
        for name in (*layer.shapes, *layer.buffer_shapes):
            getattr(net.layers[0], name)[...] = asnumpy(getattr(layer, name))
    net.theta += 0.1 * rng.standard_normal(net.size)
    returned = _first_forward(net if is_network else net.layers[0], x, c, seed, given)
    if not is_network:
        arguments.require_y_and_cache(layer, returned)
        net.calibrate(_with(x + rng.standard_normal(x.shape), c))
    modes = (True, False) if net.stochastic or net.buffer_size else (True,)
    return [_pair_of_network(net, x, c, train, repr(layer), "" if is_network else "0.", seed) for train in modes]


def _rows_and_c(layer: Conditional | Conditioning, x: object) -> tuple[Any, np.ndarray]:
    """The rows, None where none were given, and what the layer is told of each."""
    conditioning = layer.conditioning if isinstance(layer, Conditional) else layer
    if x is not None and not (isinstance(x, tuple) and len(x) == 2):
        raise InputError(f"{type(layer).__name__} takes rows and their {conditioning.told}: pass x=(x, c)")
    rows, c = (None, conditioning.example_c(5)) if x is None else x
    return rows, asnumpy(c)


def _with(x: np.ndarray, c: np.ndarray | None) -> Any:
    """What a layer is given: the rows, with what it is told of them, if anything."""
    return x if c is None else (x, c[: len(x)])


def _first_forward(layer: Layer, x: np.ndarray, c: np.ndarray | None, seed: int, given: bool) -> object:
    """What forward returns; InputError where x does not fit."""
    n_in = getattr(layer, "n_in", None)
    if n_in not in (None, x.shape[-1]):
        raise InputError(f"x must have shape (m, {n_in}) for {layer!r}, got {x.shape}")
    try:
        return layer.forward(_with(x, c), True, np.random.default_rng([seed, LAYER_KEY]))
    except InputError:
        raise
    except (ValueError, IndexError) as error:
        advice = "" if given else "; this x was drawn at random: pass one that fits"
        raise InputError(f"{type(layer).__name__} does not accept x of shape {x.shape}: {error}{advice}") from error


def _pair_of_network(
    net: Network, x: np.ndarray, c: np.ndarray | None, train: bool, title: str, prefix: str, seed: int
) -> NetworkPair:
    spans, shapes, suffix = net.slices, net.shapes, "" if train else " (evaluation)"
    x_name = "x" + suffix

    def named(vector: Array) -> dict[str, Array]:
        return {n.removeprefix(prefix) + suffix: vector[span].reshape(shapes[n]) for n, span in spans.items()}

    def run_forward(x: Array) -> tuple[Array, object]:
        return net.forward(_with(x, c), train=train, rng=np.random.default_rng([seed, LAYER_KEY]))

    def run_backward(dy: Array, tape: Tape) -> dict[str, Array]:
        dx = net.backward(dy, tape, add=False)
        return {x_name: dx, **named(net.grad)}

    return NetworkPair(title, run_forward, run_backward, x, named(net.theta), x_name, net=net, named=named, train=train)
