"""Instance noise, for a D that is too sure too soon."""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator
from numgan.errors import InputError
from numgan.layers.base import Layer, diagonal_tangent


@dataclass(eq=False)
class InstanceNoise(Layer):
    """In training y = x + std · ε, ε ~ N(0, I); else y = x. dx = dy. As D's first layer it blurs all rows alike.

    Then p_d and p_g overlap, and D* is not constant where the samples are. Sønderby et al. 2017, "Amortised MAP
    Inference", §3.3; Arjovsky & Bottou 2017, §3.1.
    """

    std: float = 0.1
    stochastic = True

    def __post_init__(self) -> None:
        if not self.std >= 0:
            raise InputError(f"InstanceNoise's std must be 0 or more, got {self.std!r}")

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, None]:
        if not train:
            return x, None
        if rng is None:
            raise InputError("InstanceNoise in training draws noise: pass rng=np.random.default_rng(seed) to forward")
        return x + self.std * rng.standard_normal(x.shape, dtype=x.dtype), None

    def dx(self, dy: Array, cache: None) -> Array:
        return dy

    tangent = diagonal_tangent
