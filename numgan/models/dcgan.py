"""A convolutional pair for small images."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np

from numgan.data import Data
from numgan.errors import InputError
from numgan.layers import BatchNorm, Conv2d, ConvTranspose2d, Dropout, Layer, LeakyReLU, Linear, Reshape, Shift, Tanh
from numgan.models.recipe import Model, Players
from numgan.network import Network
from numgan.optim import Adam
from numgan.schedules import Ramp

N_Z, MAPS, HIDDEN, STEPS = 64, 32, 256, 8000


def dcgan(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """A pair for images in [−1, 1] whose sides are multiples of 4, after Radford et al. 2015 (DCGAN).

    As in the paper: strides in place of pooling, BatchNorm in G, LeakyReLU in D, tanh at G's end, Adam with β₁ = ½.
    Not as in the paper:

    - a dense layer of 256 below G's convolutions and above D's: kernels of 4 × 4 see strokes, these see whole digits
    - images moved at random before D sees them, and dropout: else D learns 5,000 images by heart
    - no BatchNorm in D, which so sees each image alone; LeakyReLU in G too
    - the first values of He et al. 2015, whose variance is 2/fan_in; higher rates, which ramp down
    """
    h, w, c = image_shape(data)
    small = (h // 4, w // 4, 2 * MAPS)  # pixels and maps between the convolutions and what is dense
    n = math.prod(small)
    G = [
        *(dense(N_Z, HIDDEN), BatchNorm(HIDDEN), LeakyReLU(0.2)),
        *(dense(HIDDEN, n), BatchNorm(n), LeakyReLU(0.2), Reshape(small)),
        *(ConvTranspose2d(2 * MAPS, MAPS, std=he(2 * MAPS * 2 * 2)), BatchNorm(MAPS), LeakyReLU(0.2)),
        *(ConvTranspose2d(MAPS, c), Tanh(), Reshape((h * w * c,))),
    ]
    D: list[Layer] = [
        *(Reshape((h, w, c)), Shift(2)),
        *(Conv2d(c, MAPS, std=he(4 * 4 * c)), LeakyReLU(0.2), Dropout(0.2)),
        *(Conv2d(MAPS, 2 * MAPS, std=he(4 * 4 * MAPS)), LeakyReLU(0.2), Dropout(0.2)),
        *(Reshape((n,)), dense(n, HIDDEN), LeakyReLU(0.2), Linear(HIDDEN, 1)),
    ]
    return Network(G, seed=2 * seed, xp=xp), Network(D, seed=2 * seed + 1, xp=xp)


def dense(n_in: int, n_out: int) -> Linear:
    """A Linear with He's variance: that of the uniform distribution on (−scale, scale) is scale²/3."""
    return Linear(n_in, n_out, scale=math.sqrt(3) * he(n_in))


def he(fan_in: int) -> float:
    """The standard deviation of a layer's first values, He et al. 2015."""
    return math.sqrt(2 / fan_in)


def image_shape(data: Data) -> tuple[int, int, int]:
    """(h, w, c); InputError unless both sides are multiples of 4."""
    shape = data.image_shape or ()
    if not shape or shape[0] % 4 or shape[1] % 4:
        got = shape or "points"
        raise InputError(f"dcgan needs images whose sides are multiples of 4, got {got}: use another model")
    return (*shape, 1)[:3]  # type: ignore[return-value]


DCGAN = Model(
    networks=dcgan,
    opt_g=Adam(Ramp(2e-3, 5e-5, 0, STEPS), beta1=0.5),
    opt_d=Adam(Ramp(5e-4, 1.25e-5, 0, STEPS), beta1=0.5),
    steps=STEPS,
    batch=64,
    ema=0.999,
)
