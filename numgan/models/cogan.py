"""Two generators and two discriminators that share layers: images of two domains that show the same thing."""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType

import numpy as np

from numgan.data import Data
from numgan.errors import InputError
from numgan.layers import (
    BatchNorm,
    Concat,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    LeakyReLU,
    Linear,
    Reshape,
    Shift,
    Split,
    Tanh,
)
from numgan.models.dcgan import DCGAN, N_Z, dense, he
from numgan.models.recipe import Players
from numgan.network import Network
from numgan.optim import Adam
from numgan.schedules import Ramp

MAPS, HIDDEN, STEPS = 16, 128, 4000
NEEDED = "take --data digits-edges or digits-negatives, or ng.data.coupled(data, ng.data.edges)"


def cogan(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """Two pairs that share layers, after Liu & Tuzel 2016 (CoGAN), for images of two domains that nobody has paired.

    What changed since `dcgan`, whose layers and settings these are, half as wide and on two images at once:

    - G's last convolution is there twice: G(z) = [x_A, x_B], two images of one z. All before it is shared.
    - D's first convolution is there twice: one sees images of A, the other those of B. All after it is shared.

    G is never told which A belongs to which B, and the loss does not ask for pairs: D sees each image by itself.
    But both images are made from the same maps of features, each pixel from the few that lie there. Where a stroke is in
    x_A, there its edge is in x_B: to draw another digit in x_B, a convolution of 4 × 4 has no means. The more the two
    generators share, the fewer are the joint distributions of (x_A, x_B) that they can have, and one of those few is
    to have the right images of A, and of B. That D is shared helps little (section 4 of the paper): it saves weights.

    The losses are means over both domains, half the sum of the two games.
    """
    h, w, c = _image_shape(data)
    small = (h // 4, w // 4, 2 * MAPS)
    n = math.prod(small)
    G = [
        *(dense(N_Z, HIDDEN), BatchNorm(HIDDEN), LeakyReLU(0.2)),
        *(dense(HIDDEN, n), BatchNorm(n), LeakyReLU(0.2), Reshape(small)),
        *(ConvTranspose2d(2 * MAPS, MAPS, std=he(2 * MAPS * 2 * 2)), BatchNorm(MAPS), LeakyReLU(0.2)),
        *(Concat((ConvTranspose2d(MAPS, c), ConvTranspose2d(MAPS, c))), Tanh(), Reshape((2 * h * w * c,))),
    ]
    D = [
        *(Reshape((2 * h, w, c)), Split((_first(c), _first(c))), Shift(1), LeakyReLU(0.2), Dropout(0.2)),
        *(Conv2d(MAPS, 2 * MAPS, std=he(4 * 4 * MAPS)), LeakyReLU(0.2), Dropout(0.2)),
        *(Reshape((n,)), dense(n, HIDDEN), LeakyReLU(0.2), Linear(HIDDEN, 1)),
    ]
    return Network(G, seed=2 * seed, xp=xp), Network(D, seed=2 * seed + 1, xp=xp)


def _first(c: int) -> Conv2d:
    return Conv2d(c, MAPS, std=he(4 * 4 * c))


def _image_shape(data: Data) -> tuple[int, int, int]:
    """(h, w, c) of one of the two images; InputError unless a row is two, with sides that are multiples of 4."""
    if data.domains != 2 or data.image_shape is None:
        raise InputError(f"cogan needs rows of two images, one of each domain, and {data.name!r} has none: {NEEDED}")
    h, w, c = (*data.image_shape, 1)[:3]
    if h % 8 or w % 4:
        raise InputError(f"cogan needs images whose sides are multiples of 4, got {h // 2} × {w}: use another size")
    return h // 2, w, c


COGAN = replace(
    DCGAN,
    networks=cogan,
    opt_g=Adam(Ramp(2e-3, 5e-5, 0, STEPS), beta1=0.5),
    opt_d=Adam(Ramp(5e-4, 1.25e-5, 0, STEPS), beta1=0.5),
    steps=STEPS,
)
