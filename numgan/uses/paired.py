"""Paired translation: G is given an image in place of noise, D the pair; G learns from known answers too."""

from __future__ import annotations

import math

import numpy as np

from numgan.backend import Array
from numgan.errors import InputError
from numgan.gan import discriminator_gradient, generator_gradient
from numgan.layers import Conv2d, ConvTranspose2d, Dropout, Layer, LeakyReLU, Linear, Reshape, Shift, Skip, Tanh
from numgan.losses import nonsaturating
from numgan.models.dcgan import dense, he
from numgan.network import Network
from numgan.optim import Adam
from numgan.reconstruction import Distance, absolute, reconstruction_gradient
from numgan.uses.game import Game, Values


class Paired(Game):
    """L_G = −mean log D(a, G(a)) + weight · distance(G(a), b), after Isola et al. 2017 (pix2pix), eqs. 1-4.

    pairs (n, h · w · c), images (h, w, c) in [−1, 1] with channels side by side: the last is b, the answer, and those
    before it are a, what G is given. G makes the whole pair [a, G(a)] (`Skip`), whose a takes no part in its gradient.
    adversarial=False leaves D out, weight=0 the distance. The distance is a mean over the whole pair, of which a is met
    exactly: over b alone, its weight is weight / c. lr is G's rate, and twice that of D.

    As in the paper: a U-Net, a D that sees the pair, and L1 as the distance. Not as in the paper:

    - G draws nothing, in training or later, so there is one answer to each a. In the paper G has dropout as its noise,
      and its answers hardly differ for that.
    - D judges the whole image; in the paper, patches of it, whose losses are averaged. Before D, pairs are moved at
      random (`Shift`), and D has dropout and half of G's rate: else, in time, it knows all pairs by heart and has won.
    - no BatchNorm, and dense layers at the bottom of the U, which see all of the image at once

    G's rate is low for the sake of its tanh. Most pixels are black, so at first L1's slope, a sign, is the same in
    nearly all of them, and large steps may lead to where tanh is flat: then all images are alike, and stay so.
    """

    def __init__(
        self,
        pairs: Array,
        image_shape: tuple[int, int, int],
        seed: int = 0,
        adversarial: bool = True,
        weight: float = 10.0,
        distance: Distance = absolute,
        lr: float = 1e-3,
        threads: int | None = None,
    ) -> None:
        if pairs.shape[1:] != (math.prod(image_shape),) or len(image_shape) != 3 or image_shape[-1] < 2:
            raise InputError(f"pairs are rows of images (h, w, c) with c ≥ 2, got {pairs.shape} for {image_shape}")
        if not adversarial and not weight:
            raise InputError("with neither the game nor a distance, G has nothing to learn from: give one of them")
        self.image_shape, self.adversarial, self.weight, self.distance = image_shape, adversarial, weight, distance
        G = unet(image_shape, 2 * seed), Adam(lr, beta1=0.5)
        D = discriminator(image_shape, 2 * seed + 1), Adam(lr / 2, beta1=0.5)
        super().__init__({"G": G, "D": D}, batch=32, seed=seed, ema=0.99, threads=threads)
        self.pairs = self.minibatches(pairs)

    def update(self) -> Values:
        G, D, values = self.nets["G"], self.nets["D"], {}
        if self.adversarial:
            pairs = self.pairs(2 * self.step)
            info = discriminator_gradient(G, D, pairs, self.given(pairs), nonsaturating, self.rng(0))
            self.follow("D")
            values["D"] = info.value
        pairs = self.pairs(2 * self.step + 1)
        a = self.given(pairs)
        G.grad[...] = 0
        if self.adversarial:
            values["G"] = generator_gradient(G, D, a, nonsaturating, self.rng(1)).value
        if self.weight:
            values["distance"] = reconstruction_gradient(G, a, pairs, self.weight, self.distance, self.rng(1))
        self.follow("G")
        return values

    def given(self, pairs: Array) -> Array:
        """a of pairs [a, b], rows again."""
        return np.ascontiguousarray(pairs.reshape(-1, *self.image_shape)[..., :-1]).reshape(len(pairs), -1)

    def answers(self, pairs: Array) -> Array:
        """b of pairs [a, b]."""
        return pairs.reshape(-1, *self.image_shape)[..., -1].reshape(len(pairs), -1)

    def translate(self, a: Array) -> np.ndarray:
        """G(a), without a."""
        return self.answers(self.apply("G", a))


def unet(image_shape: tuple[int, int, int], seed: int, maps: int = 16, hidden: int = 128) -> Network:
    """G: images (h, w, c − 1), in rows, to pairs (h, w, c). A U-Net of Skips within Skips, from the bottom up."""
    h, w, c = image_shape
    small = (h // 4, w // 4, 2 * maps)
    n = math.prod(small)
    bottom = [Reshape((n,)), dense(n, hidden), LeakyReLU(0.2), dense(hidden, n), LeakyReLU(0.2), Reshape(small)]
    inner = [
        *(Conv2d(maps, 2 * maps, std=he(16 * maps)), LeakyReLU(0.2)),
        Skip(Network(bottom, seed=4 * seed)),
        *(ConvTranspose2d(4 * maps, maps, std=he(16 * maps)), LeakyReLU(0.2)),
    ]
    outer = [
        *(Conv2d(c - 1, maps, std=he(16 * (c - 1))), LeakyReLU(0.2)),
        Skip(Network(inner, seed=4 * seed + 1)),
        *(ConvTranspose2d(2 * maps, 1), Tanh()),
    ]
    pair = [Reshape((h, w, c - 1)), Skip(Network(outer, seed=4 * seed + 2)), Reshape((h * w * c,))]
    return Network(pair, seed=4 * seed + 3)


def discriminator(
    image_shape: tuple[int, int, int], seed: int, shift: int = 2, maps: int = 16, hidden: int = 64
) -> Network:
    """D: pairs or single images (h, w, c), in rows, to logits; as in `dcgan`, less wide."""
    h, w, c = image_shape
    n = math.prod((h // 4, w // 4, 2 * maps))
    layers: list[Layer] = [
        *(Reshape((h, w, c)), Shift(shift)),
        *(Conv2d(c, maps, std=he(16 * c)), LeakyReLU(0.2), Dropout(0.2)),
        *(Conv2d(maps, 2 * maps, std=he(16 * maps)), LeakyReLU(0.2), Dropout(0.2)),
        *(Reshape((n,)), dense(n, hidden), LeakyReLU(0.2), Linear(hidden, 1)),
    ]
    return Network(layers, seed=seed)
