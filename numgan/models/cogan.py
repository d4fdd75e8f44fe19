"""Two generators and two discriminators that share layers: images of two domains that belong together."""

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
    Layer,
    LeakyReLU,
    Linear,
    Reshape,
    Shift,
    Split,
    Tanh,
)
from numgan.models.dcgan import DCGAN, dense, he
from numgan.models.recipe import Players
from numgan.network import Network
from numgan.optim import Adam
from numgan.schedules import Ramp

N_Z, MAPS, HIDDEN, STEPS = 32, 24, 64, 16_000
NEEDED = "take --data digits-edges or digits-negatives, or ng.data.coupled(data, ng.data.edges)"


def cogan(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """Two pairs that share layers, after Liu & Tuzel 2016 (CoGAN), for images of two domains that nobody has paired.

    What changed since `dcgan`, of which these are the layers, less wide:

    - G's last convolution is there twice, so that G(z) is two images of one z, x_A and x_B. All before it is shared.
      Both begin with the same weights, so that the images are alike at first, and lie one upon the other
    - D's first convolution is there twice, one for each domain. All after it is shared.
    - images are moved by one pixel at most before D sees them, not by two: a D that cannot tell where a line is lets
      one image of a pair stray from the other

    The loss asks for no pairs: D sees each image by itself. But both images of a z are made from the same maps of
    features, each pixel from those at its place: where x_A has a stroke, x_B must have what the last convolution makes
    of a stroke. The more layers the generators share, the fewer joint distributions of (x_A, x_B) they can make, and
    among those few, pairs that belong together are the easiest way to have the right images in each domain. That D is
    shared helps little (section 4 of the paper), but leaves fewer weights to train.

    The loss is a mean over both domains: half the sum of the two games.
    """
    h, w, c = image_shape(data)
    lasts = last(c), last(c)
    G = Network([*to_maps(h, w), Concat(lasts), Tanh(), Reshape((2 * h * w * c,))], seed=2 * seed, xp=xp)
    lasts[1].W[...] = lasts[0].W
    firsts = [first(c, int(s), xp) for s in np.random.SeedSequence(seed).generate_state(2)]
    D = [Reshape((2 * h, w, c)), Split(tuple(firsts)), *from_maps(h, w)]
    return G, Network(D, seed=2 * seed + 1, xp=xp)


def to_maps(h: int, w: int) -> list[Layer]:
    """What G's two domains share: from z (m, N_Z) to maps of features (m, h/2, w/2, MAPS)."""
    small = (h // 4, w // 4, MAPS)
    n = math.prod(small)
    return [
        *(dense(N_Z, HIDDEN), BatchNorm(HIDDEN), LeakyReLU(0.2)),
        *(dense(HIDDEN, n), BatchNorm(n), LeakyReLU(0.2), Reshape(small)),
        *(ConvTranspose2d(MAPS, MAPS, std=he(MAPS * 2 * 2)), BatchNorm(MAPS), LeakyReLU(0.2)),
    ]


def last(c: int) -> Layer:
    """G's own layer for a domain: from maps to images (m, h, w, c)."""
    return ConvTranspose2d(MAPS, c)


def first(c: int, seed: int, xp: ModuleType = np) -> Layer:
    """D's own layers for a domain: from images to maps (m, h/2, w/2, MAPS/2)."""
    return Network([Shift(1), Conv2d(c, MAPS // 2, std=he(4 * 4 * c))], seed=seed, xp=xp)


def from_maps(h: int, w: int) -> list[Layer]:
    """What D's two domains share: from maps of features to logits (m, 1)."""
    n = h // 4 * (w // 4) * MAPS
    return [
        *(LeakyReLU(0.2), Dropout(0.2)),
        *(Conv2d(MAPS // 2, MAPS, std=he(4 * 4 * MAPS // 2)), LeakyReLU(0.2), Dropout(0.2)),
        *(Reshape((n,)), dense(n, HIDDEN), LeakyReLU(0.2), Linear(HIDDEN, 1)),
    ]


def image_shape(data: Data) -> tuple[int, int, int]:
    """(h, w, c) of one of the two images; InputError unless a row is two, with sides that are multiples of 4."""
    if data.domains != 2 or data.image_shape is None:
        raise InputError(f"cogan needs rows of two images, one of each domain, and {data.name!r} has none: {NEEDED}")
    h, w, c = (*data.image_shape, 1)[:3]
    if h % 8 or w % 4:
        raise InputError(f"cogan needs images whose sides are multiples of 4, got {h // 2} × {w}: use other images")
    return h // 2, w, c


COGAN = replace(
    DCGAN,
    networks=cogan,
    # A quick D: with the rates of `dcgan`, it hardly told fine lines from noise, and pairs came together slowly.
    opt_g=Adam(Ramp(1e-3, 1e-4, STEPS // 2, STEPS), beta1=0.5),
    opt_d=Adam(Ramp(2e-3, 2e-4, STEPS // 2, STEPS), beta1=0.5),
    steps=STEPS,
    batch=32,
)
