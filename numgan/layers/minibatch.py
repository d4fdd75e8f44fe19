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
    """One more feature, how far the rows of a group are apart: y = [x, s], (m, …, n) → (m, …, n + 1).

    A group are `group` rows, m / group apart; None: all rows. Of each of the N numbers x_j of a row (every feature of
    every pixel), σ_j² = 1/group Σ_i (x_ij − μ_j)² + 10⁻⁸ over the group, and s = 1/N Σ_j σ_j, the same for all rows of
    the group and all their pixels. Karras et al. 2018, §3.

    With u_ij = (x_ij − μ_j) / σ_j:  ∂s/∂x_ij = u_ij / (group · N),  dx = dy[…, :n] + (Σ dy[…, n] of the group) · ∂s/∂x.
    """

    n: int
    group: int | None = None
    rowwise = False

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n, **({} if self.group is None else {"group": self.group}))

    @classmethod
    def example(cls) -> MinibatchStd:
        return cls(4)

    @property
    def n_in(self) -> int:
        return self.n

    @property
    def n_out(self) -> int:
        return self.n + 1

    def forward(
        self, x: Array, train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, tuple[Array, Array]]:
        xp, groups = array_module(x), self._groups(x)
        centred = groups - groups.mean(axis=0)
        std = xp.sqrt((centred * centred).mean(axis=0) + 1e-8)
        centred /= std
        return self._beside(x, std.mean(axis=1)), (centred, std)

    def dx(self, dy: Array, cache: tuple[Array, Array]) -> Array:
        u, _ = cache
        return dy[..., : self.n] + self._rows(u, self._ds(dy) / (len(u) * u.shape[2]), dy)

    def tangent(self, v: Array, dy: Array, cache: tuple[Array, Array]) -> tuple[Array, Array]:
        """J v = [v, ṡ], with σ̇_j = mean_i(u_ij v_ij) and ṡ = 1/N Σ_j σ̇_j;

        bend = ds · H v, and H v = (v_ij − mean_i v_ij − u_ij σ̇_j) / (σ_j · group · N).
        """
        (u, std), groups = cache, self._groups(v)
        slope = (u * groups).mean(axis=0)
        H_v = (groups - groups.mean(axis=0) - u * slope) / std
        return self._beside(v, slope.mean(axis=1)), self._rows(H_v, self._ds(dy) / (len(u) * u.shape[2]), dy)

    def calibrate(self, x: Array) -> Array:
        return self(x[: len(x) // self.group * self.group] if self.group else x)

    def _groups(self, x: Array) -> Array:
        """(m, …, n) → (group, m / group, N)."""
        m = len(x)
        group = self.group or m
        if m % group:
            raise InputError(f"MinibatchStd looks at {group} rows together: it needs a multiple of {group}, got {m}")
        return x.reshape(group, m // group, -1)

    def _beside(self, x: Array, s: Array) -> Array:
        """[x, s]: s (m / group,) beside each pixel of each row of its group."""
        xp, size = array_module(x), len(x) // len(s)
        column = xp.broadcast_to(s.reshape(1, -1, *[1] * (x.ndim - 1)), (size, len(s), *x.shape[1:-1], 1))
        return xp.concatenate([x, column.reshape(*x.shape[:-1], 1).astype(x.dtype, copy=False)], axis=-1)

    def _ds(self, dy: Array) -> Array:
        """∂L/∂s of each group (m / group, 1)."""
        ds = self._groups(dy[..., self.n])
        return ds.sum(axis=(0, 2))[:, None]

    def _rows(self, groups: Array, ds: Array, dy: Array) -> Array:
        """ds · groups, in the shape of x."""
        return (groups * ds).reshape(*dy.shape[:-1], self.n)
