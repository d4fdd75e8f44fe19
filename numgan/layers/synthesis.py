"""From styles to images: layers in a row that begin with a learned constant, and take a style at every level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from numgan.backend import Array, RandomGenerator, array_module
from numgan.errors import InputError
from numgan.layers.activations import Tanh
from numgan.layers.adain import AdaIN
from numgan.layers.arguments import chain
from numgan.layers.base import Layer, Shapes, check_sizes
from numgan.layers.compound import Compound
from numgan.layers.convolution import Conv2d
from numgan.layers.noise_input import NoiseInput


@dataclass(eq=False)
class Constant(Layer):
    """y_i = C for each row x_i, whatever is in it; C (h, w, n) is learned. dC = Σ_rows dy,  dx = 0.

    Karras et al. 2019, §3: what a generator begins with whose z comes in through its styles alone. C starts from
    N(0, 1), as in the code of "StyleGAN2" (2020). That of 2019 starts with ones: then every map has σ = 0, AdaIN makes
    0 of it, and a gradient of the size 1/√eps.
    """

    n: int
    h: int = 4
    w: int = 4
    keeps_width = False
    axes_out = 3

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n, h=self.h, w=self.w)

    @classmethod
    def example(cls) -> Constant:
        return cls(2, 2, 3)

    @property
    def n_out(self) -> int:
        return self.n

    @property
    def shapes(self) -> Shapes:
        return {"C": (self.h, self.w, self.n)}

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.h, self.w, self.n

    def init(self, rng: np.random.Generator) -> None:
        self.C[...] = array_module(self.C).asarray(rng.standard_normal(self.C.shape), dtype=self.C.dtype)

    def forward(
        self, x: Array, train: bool = False, rng: RandomGenerator | None = None
    ) -> tuple[Array, tuple[int, ...]]:
        return array_module(x).repeat(self.C[None], len(x), axis=0), x.shape

    def backward(
        self, dy: Array, x_shape: tuple[int, ...], params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        if params:
            dC = dy.sum(axis=0)
            self.dC[...] = self.dC + dC if add else dC
        return array_module(dy).zeros(x_shape, dtype=dy.dtype) if inputs else None


@dataclass(eq=False)
class Synthesis(Compound):
    """Styles x (m, levels, n_w) → images: layers in a row, of which the first is a `Constant`; the `AdaIN` among them,
    one for each level, take x[:, 0], x[:, 1], … in turn. Karras et al. 2019, fig. 1b.

    dx[:, level] is the dw of the AdaIN of that level.
    """

    layers: tuple[Layer, ...]
    keeps_width = False
    axes_in = 2
    example_row = (2, 3)

    def __post_init__(self) -> None:
        self.layers = chain(self.layers)
        widths = {layer.n_w for layer in self._adain}
        if not isinstance(self.layers[0], Constant) or len(widths) != 1:
            wanted = "a Constant first, and AdaIN of one n_w among the layers after it"
            raise InputError(f"Synthesis takes {wanted}, got {[*self.layers]}")

    @classmethod
    def example(cls) -> Synthesis:
        noise, conv = NoiseInput(2, 2, 3), Conv2d(2, 3, kernel=3, stride=1, padding=1)
        return cls((Constant(2, 2, 3), noise, Tanh(), AdaIN(2, 3), conv, Tanh(), AdaIN(3, 3)))

    @property
    def _adain(self) -> list[AdaIN]:
        return [layer for layer in self.layers if isinstance(layer, AdaIN)]

    @property
    def levels(self) -> int:
        return len(self._adain)

    @property
    def n_in(self) -> int:
        """n_w, the width of a style."""
        return self._adain[0].n_w

    @property
    def axes_out(self) -> int | None:  # type: ignore[override]
        return next((layer.axes_out for layer in self.layers[::-1] if layer.axes_out is not None), None)

    def y_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.layers[-1].y_shape(self.inner_shapes(x_shape)[-1])

    def inner_shapes(self, x_shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        if x_shape != (self.levels, self.n_in):
            got = ", ".join(map(str, ("m", *x_shape)))
            wanted = f"styles (m, {self.levels}, {self.n_in}), one for each of its AdaIN"
            raise InputError(f"Synthesis takes {wanted}, got ({got}): give StyleMixing as many levels")
        shapes: list[tuple[int, ...]] = [x_shape]
        for layer in self.layers[:-1]:
            shapes.append(layer.y_shape(shapes[-1]))
        return shapes

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, list[Any]]:
        self.inner_shapes(x.shape[1:])
        y, level, caches = x, 0, []
        for layer in self.layers:
            if isinstance(layer, AdaIN):
                y, level = (y, x[:, level]), level + 1
            y, cache = layer.forward(y, train, rng)
            caches.append(cache)
        return y, caches

    def backward(
        self, dy: Array, caches: list[Any], params: bool = True, inputs: bool = True, add: bool = True
    ) -> Array | None:
        dstyles = []
        for i in range(len(self.layers) - 1, -1, -1):
            dy = self.layers[i].backward(dy, caches[i], params, i > 0, add)  # nothing goes back through the constant
            if isinstance(self.layers[i], AdaIN):
                dy, dw = dy
                dstyles.append(dw)
        return array_module(dstyles[0]).stack(dstyles[::-1], axis=1) if inputs else None

    def calibrate(self, x: Array) -> Array:
        return self._through(x, lambda layer, y: layer.calibrate(y))

    def __call__(self, x: Array) -> Array:
        return self._through(x, lambda layer, y: layer(y))

    def _through(self, x: Array, f: Callable[[Layer, Any], Array]) -> Array:
        """What f makes of x, layer by layer. No cache is kept."""
        self.inner_shapes(x.shape[1:])
        y, level = x, 0
        for layer in self.layers:
            if isinstance(layer, AdaIN):
                y, level = (y, x[:, level]), level + 1
            y = f(layer, y)
        return y

    def __repr__(self) -> str:
        return f"Synthesis([{', '.join(map(repr, self.layers))}])"
