"""Layers that show D several rows at once, so that it sees when samples are alike: the cures of mode collapse."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError
from numgan.layers.base import Layer, check_sizes


@dataclass(eq=False)
class Pack(Layer):
    """k rows side by side as one: (m, n) → (m/k, k·n). dx is dy in the shape of x.

    D then judges k samples at once, and sees when they are alike. Lin et al. 2018, "PacGAN", §2. The logits are m/k.
    """

    k: int
    rowwise = False
    keeps_width = False
    axes_out = 1

    def __post_init__(self) -> None:
        check_sizes(self, k=self.k)

    @classmethod
    def example(cls) -> Pack:
        return cls(2)

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.k * math.prod(x_shape),)

    def forward(
        self, x: Array, train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, tuple[int, ...]]:
        if len(x) % self.k:
            raise InputError(f"Pack puts {self.k} rows together: it needs a multiple of {self.k} rows, got {len(x)}")
        return x.reshape(len(x) // self.k, -1), x.shape

    def dx(self, dy: Array, x_shape: tuple[int, ...]) -> Array:
        return dy.reshape(x_shape)

    def calibrate(self, x: Array) -> Array:
        return self(x[: len(x) // self.k * self.k])


@dataclass(eq=False)
class MinibatchStd(Layer):
    """One more feature, the same for every row: y = [x, s], (m, n) → (m, n + 1). Karras et al. 2018, §3.

    s = 1/n Σ_j σ_j with σ_j² = 1/m Σ_i (x_ij − μ_j)² + 10⁻⁸: how far the rows of a batch are apart.
    ∂s/∂x_ij = (x_ij − μ_j) / (m n σ_j), so dx = dy[:, :n] + (Σ_i dy[i, n]) · ∂s/∂x.
    """

    n: int
    rowwise = False
    axes_in = axes_out = 1

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n)

    @classmethod
    def example(cls) -> MinibatchStd:
        return cls(4)

    @property
    def n_in(self) -> int:
        return self.n

    @property
    def n_out(self) -> int:
        return self.n + 1

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Array]:
        xp = array_module(x)
        centred = x - x.mean(axis=0)
        std = xp.sqrt((centred * centred).mean(axis=0) + 1e-8)
        s = xp.broadcast_to(std.mean(), (len(x), 1)).astype(x.dtype)
        return xp.concatenate([x, s], axis=1), centred / (std * x.size)

    def dx(self, dy: Array, ds_dx: Array) -> Array:
        return dy[:, : self.n] + dy[:, self.n].sum() * ds_dx
