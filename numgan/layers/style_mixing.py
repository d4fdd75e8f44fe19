"""From z to a style for each level of a generator; in training, to levels of two z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numgan.backend import Array, RandomGenerator, array_module, check_generator
from numgan.errors import InputError, check_number, check_whole
from numgan.layers.arguments import separate
from numgan.layers.base import Layer
from numgan.layers.compound import Compound
from numgan.layers.linear import Linear


@dataclass(eq=False)
class StyleMixing(Compound):
    """w = mapping(z), z (m, n_z), for each of the levels of a generator: y (m, levels, n_w).

    In training a second z₂ ~ N(0, I) is drawn, and for each row, with probability p, a crossover from 1 … levels − 1:
    the levels below it have the style of z, and those from it on that of z₂. So neighbouring levels cannot rely on each
    other's style. Karras et al. 2019, §3.1 (whose code draws one crossover for all rows). In evaluation all are of z.

    dw is the sum of dy over the levels that have it; the gradient goes back through the mapping of both, and dx is that
    of z. mapping: a layer, or a `Network` of several.
    """

    mapping: Layer
    levels: int
    p: float = 0.9
    stochastic = True
    keeps_width = False
    axes_in, axes_out = 1, 2

    def __post_init__(self) -> None:
        if not isinstance(self.mapping, Layer):
            raise InputError(f"StyleMixing's mapping must be a layer, or a Network of several, got {self.mapping!r}")
        separate(self.layers)
        self.levels = check_whole("StyleMixing: levels", self.levels, 2)

    @classmethod
    def example(cls) -> StyleMixing:
        return cls(Linear(4, 3), levels=3)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "p":
            return super().__setattr__(name, value)
        value = check_number("StyleMixing's p, the probability of mixing,", value, "[0, 1]")
        self.__dict__[name] = value  # in a network too, whose mapping could not be taken into a second StyleMixing
        return None

    @property
    def layers(self) -> tuple[Layer, ...]:  # type: ignore[override]
        return (self.mapping,)

    @property
    def n_in(self) -> int | None:
        return getattr(self.mapping, "n_in", None)

    @property
    def n_out(self) -> int | None:
        return getattr(self.mapping, "n_out", None)

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.levels, *self.mapping.y_shape(x_shape))

    def inner_shapes(self, x_shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        return [x_shape]

    def forward(
        self, x: Array, train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, tuple[Any, Array | None]]:
        if not train:
            w, tape = self.mapping.forward(x)
            return self._at_every_level(w), (tape, None)
        rng = check_generator(rng, "integers", "StyleMixing in training draws a second z")
        xp, m = array_module(x), len(x)
        z = xp.concatenate([x, rng.standard_normal(x.shape, dtype=x.dtype)])
        w, tape = self.mapping.forward(z, train, rng)
        mixed, crossover = rng.random(m, dtype=x.dtype) < self.p, rng.integers(1, self.levels, m)
        of_z = xp.arange(self.levels) < xp.where(mixed, crossover, self.levels)[:, None]  # (m, levels)
        y = xp.where(of_z[:, :, None], self._at_every_level(w[:m]), self._at_every_level(w[m:]))
        return y, (tape, of_z)

    def backward(
        self,
        dy: Array,
        cache: tuple[Any, Array | None],
        params: bool = True,
        inputs: bool = True,
        add: bool = True,
    ) -> Array | None:
        tape, of_z = cache
        if of_z is None:
            return self.mapping.backward(dy.sum(axis=1), tape, params, inputs, add)
        of_z = of_z[:, :, None]
        dw = array_module(dy).concatenate([(dy * of_z).sum(axis=1), (dy * ~of_z).sum(axis=1)])
        dz = self.mapping.backward(dw, tape, params, inputs, add)
        return None if dz is None else dz[: len(dy)]

    def calibrate(self, x: Array) -> Array:
        return self._at_every_level(self.mapping.calibrate(x))

    def _at_every_level(self, w: Array) -> Array:
        """(m, n_w) → (m, levels, n_w), a view."""
        return array_module(w).broadcast_to(w[:, None], (len(w), self.levels, *w.shape[1:]))
