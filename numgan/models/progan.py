"""A convolutional pair that grows: from 4 × 4 pixels to 8, 16 and 32, each size faded in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from numgan.data import Data
from numgan.errors import InputError
from numgan.layers import (
    AvgPool2d,
    Conv2d,
    ConvTranspose2d,
    Crop,
    Fade,
    Layer,
    LeakyReLU,
    MinibatchStd,
    Pad,
    PixelNorm,
    Rescale,
    Reshape,
    Upsample,
)
from numgan.layers.rescale import equalised
from numgan.losses import wasserstein_drift
from numgan.models.recipe import Model, Players
from numgan.network import Network
from numgan.optim import Adam
from numgan.penalty import WGANGP
from numgan.schedules import Ramp, Schedule

N_Z, MAPS, GROUP = 64, (64, 64, 32, 16), 4  # the maps at 4 × 4 pixels, at 8 × 8, …
FADES = ((200, 400), (1800, 2100), (3000, 3200))  # the steps between which 8 × 8, 16 × 16 and 32 × 32 are faded in
STEPS = 4000


def progan(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """A pair for images in [−1, 1] of up to 32 × 32 pixels, after Karras et al. 2018.

    All sizes are there from the start: θ holds the parameters of every one, and what is not yet faded in is not
    computed. G gives images of the full size at every step, made of larger pixels at first, and D averages over them:
    a run of fewer than STEPS steps ends with coarser images.

    As in the paper: nearest upsampling, average pooling, PixelNorm, the equalised learning rate, minibatch standard
    deviation in groups of 4, WGAN-GP with drift, averaged weights. Not as in the paper:

    - the images keep their size: G's border is cut off, and D puts one of black pixels around what it sees
    - Adam keeps its averages when a size is added; the authors' code starts anew
    - a rate five times as high, which ramps down at the largest size, and an average over fewer steps: they show D
      64,000 images in all, the authors millions
    """
    plan = growth_for(data)
    return plan.generator(2 * seed, xp), plan.discriminator(2 * seed + 1, xp)


def view(data: Data, xp: ModuleType = np) -> Network:
    """The data as D is to see them while the pair grows."""
    return growth_for(data).view(xp)


def growth_for(data: Data) -> Growth:
    """The plan of both networks, and of the view of the data, for images up to the largest size."""
    border, channels = border_for(data, 4 * 2 ** (len(MAPS) - 1), "progan")
    return Growth(N_Z, MAPS, channels, tuple(Ramp(0, 1, *fade) for fade in FADES), border)


def border_for(data: Data, side: int, model: str) -> tuple[int, int]:
    """How many pixels of border the images need to have this side, which is a power of 2, and their channels."""
    h, w, c = (*(data.image_shape or (0, 0)), 1)[:3]
    border, odd = divmod(side - h, 2)
    if h != w or odd or not side // 2 < h <= side:
        wanted = f"square images of an even side, more than {side // 2} and up to {side} pixels"
        raise InputError(f"{model} needs {wanted}, got {data.image_shape or 'points'}: use another model")
    return border, c


@dataclass(frozen=True)
class Growth:
    """What both networks are built of. Size k is 4 · 2ᵏ pixels along a side, with maps[k] maps.

    alphas: how far each size but the first is faded in. border: so many pixels around the image are cut off.
    """

    n_z: int
    maps: Sequence[int]
    channels: int
    alphas: Sequence[Schedule]
    border: int = 0
    group: int = GROUP

    @property
    def last(self) -> int:
        return len(self.maps) - 1

    @property
    def image_shape(self) -> tuple[int, int, int]:
        side = 4 * 2**self.last - 2 * self.border
        return side, side, self.channels

    def generator(self, seed: int, xp: ModuleType = np) -> Network:
        """z (m, n_z) → images (m, h · w · c). z, too, is made of one length."""
        n = self.maps[0]
        start = equalised(ConvTranspose2d(self.n_z, n, kernel=4, stride=1, padding=0))
        layers: list[Layer] = [
            *(Reshape((1, 1, self.n_z)), PixelNorm(), *start, LeakyReLU(0.2), PixelNorm()),
            *(*conv(n, n), LeakyReLU(0.2), PixelNorm(), *self._to_image(0, seed, xp)),
            *([Crop(self.border)] if self.border else []),
        ]
        return Network([*layers, Reshape((math.prod(self.image_shape),))], seed=seed, xp=xp)

    def _to_image(self, k: int, seed: int, xp: ModuleType) -> list[Layer]:
        """From the maps of size k to an image of the full size: at once, or through the sizes above k."""
        to_image = [*equalised(Conv2d(self.maps[k], self.channels, 1, 1, 0), gain=1)]
        if k == self.last:
            return to_image
        old = [*to_image, Upsample(2 ** (self.last - k))]
        n_in, n = self.maps[k : k + 2]
        block = [Upsample(2), *conv(n_in, n), LeakyReLU(0.2), PixelNorm(), *conv(n, n), LeakyReLU(0.2), PixelNorm()]
        return [self._fade(k, old, [*block, *self._to_image(k + 1, seed, xp)], seed, xp)]

    def discriminator(self, seed: int, xp: ModuleType = np) -> Network:
        """Images (m, h · w · c) → logits (m, 1)."""
        n = self.maps[0]
        layers: list[Layer] = [
            *(Reshape(self.image_shape), *([Pad(self.border, -1.0)] if self.border else [])),
            *(*self._from_image(0, seed, xp), MinibatchStd(n, self.group), *conv(n + 1, n), LeakyReLU(0.2)),
            *(*equalised(Conv2d(n, n, kernel=4, stride=1, padding=0)), LeakyReLU(0.2)),
            *(*equalised(Conv2d(n, 1, kernel=1, stride=1, padding=0), gain=1), Reshape((1,))),
        ]
        return Network(layers, seed=seed, xp=xp)

    def _from_image(self, k: int, seed: int, xp: ModuleType) -> list[Layer]:
        """From an image of the full size to the maps of size k: at once, or through the sizes above k."""
        from_image = [*equalised(Conv2d(self.channels, self.maps[k], 1, 1, 0)), LeakyReLU(0.2)]
        if k == self.last:
            return from_image
        old = [AvgPool2d(2 ** (self.last - k)), *from_image]
        n_out, n = self.maps[k : k + 2]
        block = [*conv(n, n), LeakyReLU(0.2), *conv(n, n_out), LeakyReLU(0.2), AvgPool2d(2)]
        return [self._fade(k, old, [*self._from_image(k + 1, seed, xp), *block], seed, xp)]

    def view(self, xp: ModuleType = np) -> Network:
        """Data as D is to see them: at the size that G draws, and in a fade mixed like G's two images (§3)."""
        border = [Pad(self.border, -1.0)] if self.border else []
        back = [Crop(self.border)] if self.border else []
        row = math.prod(self.image_shape)
        return Network([Reshape(self.image_shape), *border, self._coarse(0, xp), *back, Reshape((row,))], xp=xp)

    def _coarse(self, k: int, xp: ModuleType) -> Layer:
        """Pixels of size k, and as far as they are faded in, those of the sizes above."""
        if k == self.last:
            return Rescale(1.0)
        n = 2 ** (self.last - k)
        return Fade((Network([AvgPool2d(n), Upsample(n)], xp=xp), self._coarse(k + 1, xp)), self.alphas[k])

    def _fade(self, k: int, old: list[Layer], new: list[Layer], seed: int, xp: ModuleType) -> Fade:
        """Both branches, with first values of their own."""
        seeds = np.random.SeedSequence([seed, k]).generate_state(2).tolist()
        branches = [Network(layers, seed=s, xp=xp) for layers, s in zip((old, new), seeds, strict=True)]
        return Fade(tuple(branches), self.alphas[k])


def conv(n_in: int, n_out: int) -> tuple[Layer, ...]:
    """3 × 3, which keeps the number of pixels."""
    return equalised(Conv2d(n_in, n_out, kernel=3, stride=1, padding=1))


PROGAN = Model(
    networks=progan,
    opt_g=Adam(Ramp(5e-3, 5e-4, FADES[-1][0], STEPS), beta1=0.0, beta2=0.99),
    opt_d=Adam(Ramp(5e-3, 5e-4, FADES[-1][0], STEPS), beta1=0.0, beta2=0.99),
    steps=STEPS,
    batch=16,
    loss=wasserstein_drift,
    ema=0.995,
    penalty=WGANGP(10.0),
    view=view,
)
