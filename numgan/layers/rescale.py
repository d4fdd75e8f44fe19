"""The equalised learning rate: weights of variance 1, which are scaled when they are used."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numgan.backend import Array, RandomGenerator
from numgan.errors import check_number
from numgan.layers.base import Layer
from numgan.layers.convolution import Convolution
from numgan.layers.linear import Linear


@dataclass(eq=False)
class Rescale(Layer):
    """y = factor · x;  dx = factor · dy.

    Before a layer with weights W it is the equalised learning rate of Karras et al. 2018, §4.1: (c x) W = x (c W), so
    the layer computes with the weights c W while θ and Adam hold W. See `equalised`.
    """

    factor: float = 0.5

    def __post_init__(self) -> None:
        self.factor = check_number("Rescale's factor", self.factor, "(0, inf)")

    def forward(self, x: Array, train: bool = False, rng: RandomGenerator | None = None) -> tuple[Array, None]:
        return x * self.factor, None

    def dx(self, dy: Array, cache: None) -> Array:
        return dy * self.factor

    def tangent(self, v: Array, dy: Array, cache: None) -> tuple[Array, None]:
        return v * self.factor, None


def equalised(layer: Convolution, gain: float = math.sqrt(2)) -> tuple[Rescale, Convolution]:
    """The layer with W from N(0, 1), after a factor c = gain / √fan_in: all weights are then learnt equally fast.

    Adam moves each number of W by about its rate, whatever the gradient's scale: relative to N(0, 1) that is the same
    in every layer. It equals the layer with first values c W, and for W alone the rate c · lr and eps / c.
    gain √2 is He's, before a ReLU or LeakyReLU; 1 is for a layer without one after it.
    """
    layer.std = 1.0
    return Rescale(gain / math.sqrt(layer.fan_in)), layer


def slowed(n_in: int, n_out: int, rate: float = 0.01) -> tuple[Rescale, Linear, Rescale]:
    """A dense layer with the equalised learning rate (gain √2), of which W and b are learnt at a share of the rate.

    W starts with variance 1 / rate², and both are used `rate` times as large: the first values are as in `equalised`,
    and Adam moves the weights in use `rate` times as far. Karras et al. 2019, §C, for the mapping network, with 0.01.
    """
    return Rescale(math.sqrt(2 / n_in)), Linear(n_in, n_out, scale=math.sqrt(3) / rate), Rescale(rate)
