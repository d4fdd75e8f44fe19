"""Gradient penalties on D, by a backward pass through the backward pass, written out.

A penalty is P = Σ φ(‖g‖) over the rows, with g = ∇ₓ a the gradient of D's logit. Its gradient in θ is that of
S = Σ v · g with v = ∂P/∂g held fixed; and v · g is how fast a changes when x moves along v. So, with caches c of one
forward pass, three sweeps:

    back      dy, the ordinary deltas ∂a/∂y of each layer; at the bottom g, hence P and v
    forward   v from each layer to the next, v ← J v with J = ∂y/∂x; for Linear dW += vᵀ dy
    back      only below a curved layer (tanh, σ): there J itself depends on x, and S on all weights below it

Each layer's `tangent` is its part of the forward sweep. Drucker & LeCun 1992 ("double backpropagation"); the forward
sweep is Pearlmutter's R-operator (1994).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError, check_number, check_whole
from numgan.layers.base import Layer, Player, rows_of, with_rows
from numgan.network import Network

Leaves = list[tuple[Layer, Any]]  # layers that are no networks, in order, each with its cache


def r1(D: Player, x: Array, gamma: float = 10.0, rng: RandomGenerator | None = None) -> Array:
    """P = γ/2 · mean ‖∇ₓ a(x)‖² on data x (m, n_x), or (x, c) at fixed labels c. Mescheder et al. 2018, eq. 9.

    Adds ∂P/∂θ to D.grad and returns P, a 0-d array. With an rng, D is in training mode (Dropout draws a mask).
    """
    return _penalise(D, x, rng, lambda g: _square(g, gamma))


def r2(D: Player, x_g: Array, gamma: float = 10.0, rng: RandomGenerator | None = None) -> Array:
    """R1 on generated rows: P = γ/2 · mean ‖∇ₓ a(x_g)‖². Mescheder et al. 2018, eq. 10. x_g is a constant here."""
    return r1(D, x_g, gamma, rng)


def wgan_gp(
    D: Player, x: Array, x_g: Array, lam: float = 10.0, eps: Array | None = None, rng: RandomGenerator | None = None
) -> Array:
    """P = λ · mean (‖∇ₓ a(x̂)‖ − 1)² at x̂ = eps · x + (1 − eps) · x_g. Gulrajani et al. 2017, eq. 3.

    eps (m, 1), drawn uniformly on [0, 1] by the caller. Where ‖∇ₓ a‖ = 0 the gradient of P is taken as 0. Where x is
    (x, c), x̂ has the labels of x.
    Adds ∂P/∂θ to D.grad and returns P.
    """
    if eps is None:
        raise InputError("wgan_gp needs eps (m, 1), one number in [0, 1] per row: pass eps=rng.random((m, 1))")
    labelled, x = x, rows_of(x)
    same = array_module(x) is array_module(x_g) is array_module(eps)
    if not same or x.shape != x_g.shape or eps.shape[:1] != x.shape[:1] or eps.size != len(eps):
        raise InputError(f"x, x_g and eps must have as many rows, got {x.shape}, {x_g.shape} and {eps.shape}")
    eps = eps.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
    return _penalise(D, with_rows(labelled, eps * x + (1 - eps) * x_g), rng, lambda g: _distance_from_1(g, lam))


def _square(g: Array, gamma: float) -> tuple[Array, Array]:
    """γ/2 · mean ‖g‖² and its derivative γ g / m."""
    v = g * (check_number("gamma", gamma, "[0, inf)") / len(g))
    return (g * (v * 0.5)).sum(), v


def _distance_from_1(g: Array, lam: float) -> tuple[Array, Array]:
    """λ · mean (‖g‖ − 1)² and its derivative 2λ/m · (‖g‖ − 1) g / ‖g‖."""
    m, xp, lam = len(g), array_module(g), check_number("lam", lam, "[0, inf)")
    norm = xp.sqrt((g * g).reshape(m, -1).sum(axis=1)).reshape(-1, *[1] * (g.ndim - 1))
    safe = norm + (norm == 0)  # where g = 0, v = 0 follows from g
    return ((norm - 1) ** 2 * lam).mean(), g * ((norm - 1) / safe * (2 * lam / m))


def _penalise(
    player: Player, x: Array, rng: RandomGenerator | None, phi: Callable[[Array], tuple[Array, Array]]
) -> Array:
    """The three sweeps. phi(g) gives P and v = ∂P/∂g."""
    D = rowwise_network(player)
    a, tape = D.forward(x, train=rng is not None, rng=rng)
    if a.ndim != 2 or a.shape[1] != 1:
        raise InputError(f"a penalty needs logits of shape (m, 1), got {tuple(a.shape)}: end D in Linear(n, 1)")
    leaves = list(zip(D.leaves(), D.leaf_caches(tape), strict=True))
    g, deltas = _deltas(array_module(a).ones_like(a), leaves)
    value, v = phi(g)
    _descend(_tangents(v, leaves, deltas), leaves)
    return value


def _deltas(dy: Array, leaves: Leaves) -> tuple[Array, list[Array]]:
    """Back: ∂a/∂x, and ∂a/∂y of each leaf."""
    deltas = []
    for layer, cache in reversed(leaves):
        deltas.append(dy)
        dy = layer.backward(dy, cache, params=False)
    return dy, deltas[::-1]


def _tangents(v: Array, leaves: Leaves, deltas: list[Array]) -> list[Array | None]:
    """Forward: v through every leaf; what the curvature of each adds to ∂S/∂x."""
    bends = []
    for (layer, cache), dy in zip(leaves, deltas, strict=True):
        v, bend = layer.tangent(v, dy, cache)
        bends.append(bend)
    return bends


def _descend(bends: list[Array | None], leaves: Leaves) -> None:
    """Back again: an ordinary backward pass that begins at the topmost curved leaf and picks up each bend."""
    e = None
    for i in range(len(leaves) - 1, -1, -1):
        layer, cache = leaves[i]
        if e is not None:
            e = layer.backward(e, cache, inputs=i > 0)
        if bends[i] is not None:
            e = bends[i] if e is None else e + bends[i]


def clip_weights(theta: Array, c: float) -> None:
    """w ← clip(w, −c, c) in place, a cruder bound on D's slope. Arjovsky et al. 2017, Algorithm 1, line 7."""
    c = check_number("c", c, "(0, inf)")
    array_module(theta).clip(theta, -c, c, out=theta)


def rowwise_network(D: Player) -> Network:
    """D, which must be a network whose logits each depend on one row alone.

    But for MinibatchStd, which has a tangent rule: there g_i is the gradient of Σ a in row i, other rows' logits
    included, as in the code of Karras et al. 2018; its share in them is small.
    """
    if not isinstance(D, Network):
        raise InputError(f"a gradient penalty goes through D layer by layer: {type(D).__name__} is no numgan.Network")
    mixes = [layer for layer in D.leaves() if not layer.rowwise and type(layer).tangent is Layer.tangent]
    if mixes:
        raise InputError(f"a gradient penalty needs a D that looks at each row alone: leave {mixes[0]} out of it")
    return D


@dataclass(frozen=True)
class Penalty:
    """A penalty that `Training` adds to what D descends.

    every: only in each `every`-th update of D, from the first on, with `every` times its weight: about as strong, and
    cheaper. Karras et al. 2020 ("StyleGAN2"), §3.1, "lazy regularization", with 16.
    """

    stochastic: ClassVar[bool] = False  # draws eps
    every = 1

    def __post_init__(self) -> None:
        (name, weight), *_ = vars(self).items()
        object.__setattr__(self, name, check_number(f"{type(self).__name__}'s {name}", weight, "[0, inf)"))
        object.__setattr__(self, "every", check_whole(f"{type(self).__name__}'s every", self.every, 1))

    def __repr__(self) -> str:
        shown = [f"{name}={value}" for name, value in vars(self).items() if (name, value) != ("every", 1)]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __call__(self, D: Player, x: Array, x_g: Array, rng: RandomGenerator | None) -> Array:
        """Adds ∂P/∂θ to D.grad and returns P. rng: for eps, and as the layers of D need one.

        x (m, n_x) and x_g (m, n_x); where D takes labels x is (x, c), and x_g was asked for with the same labels.
        """
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class R1(Penalty):
    """γ/2 · mean ‖∇ₓ a(x)‖²; see `r1`."""

    gamma: float = 10.0
    every: int = 1

    def __call__(self, D: Player, x: Array, x_g: Array, rng: RandomGenerator | None) -> Array:
        return r1(D, x, self.gamma * self.every, rng)


@dataclass(frozen=True, repr=False)
class R2(Penalty):
    """γ/2 · mean ‖∇ₓ a(x_g)‖²; see `r2`."""

    gamma: float = 10.0
    every: int = 1

    def __call__(self, D: Player, x: Array, x_g: Array, rng: RandomGenerator | None) -> Array:
        return r2(D, with_rows(x, x_g), self.gamma * self.every, rng)


@dataclass(frozen=True, repr=False)
class WGANGP(Penalty):
    """λ · mean (‖∇ₓ a(x̂)‖ − 1)²; see `wgan_gp`."""

    lam: float = 10.0
    every: int = 1
    stochastic = True

    def __call__(self, D: Player, x: Array, x_g: Array, rng: RandomGenerator | None) -> Array:
        rows = rows_of(x)
        eps = None if rng is None else rng.random((len(rows), 1), dtype=rows.dtype)
        return wgan_gp(D, x, x_g, self.lam * self.every, eps, rng)


BY_NAME = {"r1": R1, "r2": R2, "wgan_gp": WGANGP}
