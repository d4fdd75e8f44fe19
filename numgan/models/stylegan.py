"""A generator whose levels each take a style: z sets what is drawn at every size, and styles of two z can be mixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType

import numpy as np

from numgan.backend import Array, array_module
from numgan.data import Data
from numgan.errors import InputError
from numgan.layers import (
    AdaIN,
    Blur,
    Constant,
    Conv2d,
    ConvTranspose2d,
    Crop,
    Layer,
    LeakyReLU,
    MinibatchStd,
    NoiseInput,
    Pad,
    PixelNorm,
    Rescale,
    Reshape,
    StyleMixing,
    Synthesis,
    Tanh,
    Truncation,
)
from numgan.layers.rescale import equalised, slowed
from numgan.models.progan import border_for, conv
from numgan.models.recipe import Model, Players
from numgan.network import Network
from numgan.optim import Adam
from numgan.penalty import R1
from numgan.schedules import Ramp

N_Z, MAPPING, MAPS, GROUP = 64, 4, (64, 48, 24, 8), 4  # layers of the mapping; the maps at 4 × 4 pixels, at 8 × 8, …
STEPS = 8000


def stylegan(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """A pair for images in [−1, 1] of more than 16 and up to 32 pixels along a side, after Karras et al. 2019.

    What changed since `progan`:

    - G begins with a learned constant. z, through a mapping network, becomes a style w, which sets mean and scale of
      every map at every level (`AdaIN`); noise comes in at every level (`NoiseInput`); styles of two z are mixed
    - nothing grows: all is trained at the full size, as in "StyleGAN2" (Karras et al. 2020), and D has no skips
    - images are made larger and smaller by convolutions of stride 2 and a blur
    - the loss is nonsaturating, with R1 in every 16th update of D
    - G ends in tanh. AdaIN gives a map of every image the same mean and variance, however much ink there is in it, so
      that without tanh the black around a digit would be another grey in each image: tried so, all samples became alike

    Not as in the paper: 4 layers in the mapping in place of 8; a constant from N(0, 1), without a bias of its own (see
    `Constant`); a crossover for each row (see `StyleMixing`); w̄ is measured when it is needed (see `Truncation`), and
    ψ is 1 unless it is set. As in `progan`, G's border is cut off, and D puts one of black pixels around what it sees.
    """
    border, channels = border_for(data, 4 * 2 ** (len(MAPS) - 1), "stylegan")
    G = generator(N_Z, MAPPING, MAPS, channels, border)
    D = discriminator(MAPS, channels, border, GROUP)
    return Network(G, seed=2 * seed, xp=xp), Network(D, seed=2 * seed + 1, xp=xp)


def generator(n_z: int, mapping: int, maps: Sequence[int], channels: int, border: int = 0) -> list[Layer]:
    """z (m, n_z) → images (m, h · w · c), with 2 levels at each size."""
    z_to_w = [layer for _ in range(mapping) for layer in (*slowed(n_z, n_z), LeakyReLU(0.2))]
    side = 4 * 2 ** (len(maps) - 1) - 2 * border
    return [
        *(StyleMixing(Network([PixelNorm(), *z_to_w]), 2 * len(maps)), Truncation(n_z), Rescale(1 / math.sqrt(n_z))),
        *(Synthesis(tuple(synthesis(maps, n_z, channels))), *([Crop(border)] if border else []), Tanh()),
        Reshape((side * side * channels,)),
    ]


def synthesis(maps: Sequence[int], n_w: int, channels: int) -> list[Layer]:
    """Styles (m, levels, n_w) → images. Size k is 4 · 2ᵏ pixels along a side, with maps[k] maps."""
    n = maps[0]
    layers: list[Layer] = [Constant(n), *styled(n, 4, n_w), *conv(n, n), *styled(n, 4, n_w)]
    for k, (n_in, n) in enumerate(pairwise(maps)):
        side = 8 * 2**k
        layers += [*equalised(ConvTranspose2d(n_in, n)), Blur(), *styled(n, side, n_w)]
        layers += [*conv(n, n), *styled(n, side, n_w)]
    return [*layers, *equalised(Conv2d(maps[-1], channels, kernel=1, stride=1, padding=0), gain=1)]


def styled(n: int, side: int, n_w: int) -> tuple[Layer, ...]:
    """What comes after a convolution: noise, a slope, and the style of one level."""
    return NoiseInput(n, side, side), LeakyReLU(0.2), AdaIN(n, n_w)


def discriminator(maps: Sequence[int], channels: int, border: int = 0, group: int = GROUP) -> list[Layer]:
    """Images (m, h · w · c) → logits (m, 1): that of `progan` at its full size, but for how images are made smaller."""
    side, n = 4 * 2 ** (len(maps) - 1) - 2 * border, maps[0]
    layers: list[Layer] = [
        *(Reshape((side, side, channels)), *([Pad(border, -1.0)] if border else [])),
        *(*equalised(Conv2d(channels, maps[-1], kernel=1, stride=1, padding=0)), LeakyReLU(0.2)),
    ]
    for n_in, n_out in pairwise(maps[::-1]):
        layers += [*conv(n_in, n_in), LeakyReLU(0.2), Blur(), *equalised(Conv2d(n_in, n_out)), LeakyReLU(0.2)]
    return [
        *(*layers, MinibatchStd(n, group), *conv(n + 1, n), LeakyReLU(0.2)),
        *(*equalised(Conv2d(n, n, kernel=4, stride=1, padding=0)), LeakyReLU(0.2)),
        *(*equalised(Conv2d(n, 1, kernel=1, stride=1, padding=0), gain=1), Reshape((1,))),
    ]


# A generator in its parts


def styles(G: Network, z: Array) -> Array:
    """The styles of z (m, n_z) at every level, (m, levels, n_w), before truncation."""
    mixing, *_ = parts(G)
    return mixing(z)


def images(G: Network, w: Array) -> Array:
    """The images (m, h · w · c) of styles w (m, levels, n_w): `images(G, styles(G, z))` is G(z)."""
    _, *others = parts(G)
    for layer in others:
        w = layer(w)
    return w


def mixed(w: Array, w_2: Array, levels: slice) -> Array:
    """Styles w, of which these levels are taken from w_2: levels[c:] is the crossover at c of training."""
    y = array_module(w).array(w)
    y[:, levels] = w_2[:, levels]
    return y


def parts(G: Network) -> Sequence[Layer]:
    """The layers of G: the one that maps and mixes, then those that truncate and draw."""
    if not isinstance(G, Network) or not isinstance(G.layers[0], StyleMixing):
        raise InputError(f"styles are those of a generator that begins with StyleMixing, as stylegan's, got {G!r:.60}")
    return G.layers


STYLEGAN = Model(
    networks=stylegan,
    opt_g=Adam(Ramp(2e-3, 1e-4, STEPS // 2, STEPS), beta1=0.0, beta2=0.99),
    opt_d=Adam(Ramp(2e-3, 1e-4, STEPS // 2, STEPS), beta1=0.0, beta2=0.99),
    steps=STEPS,
    batch=16,
    ema=0.998,
    penalty=R1(1.0, every=16),
)
