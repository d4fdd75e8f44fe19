"""Noise for every pixel, as much of it as each map has learned to take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numgan.backend import Array, RandomGenerator, array_module, check_generator
from numgan.errors import InputError
from numgan.layers.base import Layer, Shapes, check_sizes
from numgan.parallel import row_sum


@dataclass(eq=False)
class NoiseInput(Layer):
    """y = x + B ε, x and y images (m, h, w, n), ε (m, h, w, 1) one standard normal image a row, B (n,) learned.

    dB = Σ_pixels dy ε,  dx = dy. B starts at 0. Karras et al. 2019 ("StyleGAN"), §3.2: what is random in an image, such
    as where each hair lies, need not be drawn from z.

    In training each row has an ε of its own. In evaluation all have the same one, the buffer `noise`, so that an image
    follows from z alone: it is drawn with the first values and never written again.
    """

    n: int
    h: int
    w: int
    stochastic = True
    axes_in = axes_out = 3
    example_row = (3, 4, 2)

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n, h=self.h, w=self.w)

    @classmethod
    def example(cls) -> NoiseInput:
        return cls(2, 3, 4)

    @property
    def n_in(self) -> int:
        return self.n

    n_out = n_in

    @property
    def shapes(self) -> Shapes:
        return {"B": (self.n,)}

    @property
    def buffer_shapes(self) -> Shapes:
        return {"noise": (self.h, self.w, 1)}

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        if x_shape != (self.h, self.w, self.n):
            got = ", ".join(map(str, ("m", *x_shape)))
            raise InputError(f"{self} takes images (m, {self.h}, {self.w}, {self.n}), got ({got}): give it their sizes")
        return x_shape

    def init(self, rng: np.random.Generator) -> None:
        self.B[...] = 0
        noise = rng.standard_normal(self.noise.shape)
        self.noise[...] = array_module(self.noise).asarray(noise, dtype=self.noise.dtype)

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Array]:
        self.y_shape(x.shape[1:])
        if not train:
            return x + self.B * self.noise, self.noise
        rng = check_generator(rng, "standard_normal", "NoiseInput in training draws noise")
        noise = rng.standard_normal((*x.shape[:3], 1), dtype=x.dtype)
        return x + self.B * noise, noise

    def backward(
        self, dy: Array, noise: Array, params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        if params:
            row_sum(dy * noise, self.dB, add)
        return dy if inputs else None

    def tangent(self, v: Array, dy: Array, noise: Array) -> tuple[Array, None]:
        """J is the identity, and B is not in it."""
        return v, None
