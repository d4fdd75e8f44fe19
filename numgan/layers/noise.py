"""Instance noise, for a D that is too sure too soon."""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator, check_generator
from numgan.errors import check_number
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
        self.std = check_number("InstanceNoise's std", self.std, "[0, inf)")

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, None]:
        if not train:
            return x, None
        rng = check_generator(rng, "standard_normal", "InstanceNoise in training draws noise")
        return x + self.std * rng.standard_normal(x.shape, dtype=x.dtype), None

    def dx(self, dy: Array, cache: None) -> Array:
        return dy

    tangent = diagonal_tangent
