"""Images moved at random, for a D that would learn few images by heart."""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator, array_module, check_generator
from numgan.layers.base import Layer, check_sizes


@dataclass(eq=False)
class Shift(Layer):
    """In training each image (m, h, w, c) is moved by −most … most pixels along each side, at random; else y = x.

    What leaves on one side comes back on the other, so the pixels are only put in another order, and dx puts dy's back.
    As D's first layer it moves data and samples alike: D meets an image in many places, and G still has to match the
    data where they are, since the moves of both have one distribution. Zhao et al. 2020, "Differentiable Augmentation".
    """

    most: int = 2
    stochastic = True
    axes_in = axes_out = 3
    example_row = (4, 3, 2)

    def __post_init__(self) -> None:
        check_sizes(self, most=self.most)

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, Array | None]:
        if not train:
            return x, None
        rng = check_generator(rng, "integers", "Shift in training draws how far")
        by = rng.integers(-self.most, self.most + 1, size=(2, len(x)))  # rows, columns
        return moved(x, by), by

    def dx(self, dy: Array, by: Array | None) -> Array:
        return dy if by is None else moved(dy, -by)

    def tangent(self, v: Array, dy: Array, by: Array | None) -> tuple[Array, None]:
        return v if by is None else moved(v, by), None


def moved(x: Array, by: Array) -> Array:
    """y[i, r, s] = x[i, r − by[0, i], s − by[1, i]], around the edges: images (m, h, w, c) and by (2, m)."""
    xp, (m, h, w, _) = array_module(x), x.shape
    down, right = by[:, :, None, None]  # (m, 1, 1) each
    image, row, column = xp.arange(m)[:, None, None], xp.arange(h)[:, None], xp.arange(w)
    return x[image, (row - down) % h, (column - right) % w]
