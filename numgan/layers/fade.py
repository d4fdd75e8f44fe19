"""From an old branch to a new one, little by little: how a network grows in the course of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numgan.backend import Array, RandomGenerator
from numgan.errors import InputError, check_number
from numgan.layers.base import Layer
from numgan.layers.branches import Branches
from numgan.layers.linear import Linear
from numgan.schedules import Schedule, at, check_schedule


@dataclass(eq=False, repr=False)
class Fade(Branches):
    """y = (1 − α) old(x) + α new(x), for layers = (old, new). Karras et al. 2018, §3, fig. 2.

    dx = ∂old/∂xᵀ (1 − α) dy + ∂new/∂xᵀ α dy.

    alpha: a number in [0, 1], or a function of the run's step, such as Ramp(0, 1, begin, finish). At α = 0 only old is
    computed, at α = 1 only new; the gradient of the other is 0 there, and its first values stay as they are.
    Both have parameters from the start, so that growing leaves θ, Adam's m and v and the average as they stand.
    """

    alpha: Schedule = 0.5
    step: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.layers) != 2:
            raise InputError(f"Fade takes two layers, (old, new), got {[*self.layers]}: make each a Network")

    @classmethod
    def example(cls) -> Fade:
        return cls((Linear(4, 3), Linear(4, 3)), 0.25)

    @property
    def n_in(self) -> int | None:
        return self._of_each("n_in")

    @property
    def n_out(self) -> int | None:
        return self._of_each("n_out")

    @property
    def shares(self) -> tuple[float, float]:
        """1 − α and α, at the step that the run has reached."""
        alpha = check_number(f"Fade's alpha (at step {self.step})", at(self.alpha, self.step), "[0, 1]")
        return 1 - alpha, alpha

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "alpha":
            return super().__setattr__(name, value)
        check_schedule("Fade's alpha", value, "[0, 1]")
        self.__dict__[name] = value  # in a network too, whose layers could not be taken into a second Fade
        return None

    def set_step(self, step: int) -> None:
        super().set_step(step)
        self.step = step

    def branch_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return x_shape

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return self._alike([layer.y_shape(x_shape) for layer in self.layers])

    def forward(
        self, x: Array, train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, list[tuple[float, Any]]]:
        """y, and for each branch its share with its cache."""
        ys, caches = [], []
        for share, layer in zip(self.shares, self.layers, strict=True):
            y, cache = layer.forward(x, train, rng) if share else (None, None)
            ys.append((share, y))
            caches.append((share, cache))
        return _mixed(ys), caches

    def backward(
        self,
        dy: Array,
        caches: list[tuple[float, Any]],
        params: bool = True,
        inputs: bool = True,
        add: bool = True,
    ) -> Array | None:
        dxs = []
        for layer, (share, cache) in zip(self.layers, caches, strict=True):
            if share:
                dxs.append((1.0, layer.backward(_times(dy, share), cache, params, inputs, add)))
            elif params and not add:
                _clear(layer)
        return _mixed(dxs) if inputs else None

    def tangent(self, v: Array, dy: Array, caches: list[tuple[float, Any]]) -> tuple[Array, Array | None]:
        """J v = (1 − α) J_old v + α J_new v. S has the same shares: they go to dy, and the bends add up."""
        Jvs, bends = [], []
        for layer, (share, cache) in zip(self.layers, caches, strict=True):
            if share:
                Jv, bend = layer.tangent(v, _times(dy, share), cache)
                Jvs.append((share, Jv))
                bends.append((1.0, bend))
        return _mixed(Jvs), _mixed(bends)

    def calibrate(self, x: Array) -> Array:
        each = zip(self.shares, self.layers, strict=True)
        return _mixed([(share, layer.calibrate(x) if share else None) for share, layer in each])

    def __repr__(self) -> str:
        return f"Fade([{', '.join(map(repr, self.layers))}], {self.alpha})"


def _times(a: Array, share: float) -> Array:
    return a if share == 1 else a * share


def _mixed(parts: list[tuple[float, Array | None]]) -> Array | None:
    """Σ share · array. What has the share 0, or is None, is left out: a share of 1 alone is that array bit for bit."""
    arrays = [_times(a, share) for share, a in parts if share and a is not None]
    return sum(arrays[1:], arrays[0]) if arrays else None


def _clear(layer: Layer) -> None:
    """Sets the gradient of a layer, or of all layers in it, to 0."""
    inner = layer.layers
    for one in inner:
        _clear(one)
    for name in () if inner else layer.shapes:
        getattr(layer, f"d{name}")[...] = 0
