"""The pairs for images, told which class: a label beside z in G, and beside what D's first dense layer sees."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from types import ModuleType

import numpy as np

from numgan.conditional import Conditional
from numgan.data import Data
from numgan.layers import Conv2d, ConvTranspose2d, Dropout, Label, Layer, LeakyReLU, Linear, Reshape, Tanh
from numgan.models.dcgan import DCGAN, HIDDEN, MAPS, N_Z, dense, he, image_shape
from numgan.models.mlp import IMAGES, images
from numgan.models.recipe import Players
from numgan.network import Network


def cgan(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """The pair `images` with labels: one-hot, of height 3, beside z and beside the row. Mirza & Osindero 2014, §4.1."""
    G, D = (_with_label(net, data.classes) for net in images(data, seed))
    return Conditional(G, seed=2 * seed, xp=xp), Conditional(D, seed=2 * seed + 1, xp=xp)


def cdcgan(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """Convolutions as in `dcgan`, with labels: one-hot beside z, and beside the features that D's convolutions find.

    Beside 3,136 features of a digit, D hardly hears a label of height 1; one of height 3 it does.

    It does without what else `dcgan` has: a dense layer below G's convolutions, BatchNorm, images moved before D sees
    them. A label tells G what a whole digit is, and with those G soon drew each class in fewer ways.
    """
    h, w, c = image_shape(data)
    small = (h // 4, w // 4, 2 * MAPS)
    n, classes = math.prod(small), data.classes
    G = [
        *(Label(N_Z, classes, height=3), dense(N_Z + classes, n), LeakyReLU(0.2), Reshape(small)),
        *(ConvTranspose2d(2 * MAPS, MAPS, std=he(2 * MAPS * 2 * 2)), LeakyReLU(0.2)),
        *(ConvTranspose2d(MAPS, c), Tanh(), Reshape((h * w * c,))),
    ]
    D = [
        *(Reshape((h, w, c)), Conv2d(c, MAPS, std=he(4 * 4 * c)), LeakyReLU(0.2), Dropout(0.3)),
        *(Conv2d(MAPS, 2 * MAPS, std=he(4 * 4 * MAPS)), LeakyReLU(0.2), Dropout(0.3)),
        *(Reshape((n,)), Label(n, classes, height=3), dense(n + classes, HIDDEN), LeakyReLU(0.2), Linear(HIDDEN, 1)),
    ]
    return Conditional(G, seed=2 * seed, xp=xp), Conditional(D, seed=2 * seed + 1, xp=xp)


def _with_label(net: Network, classes: int) -> list[Layer]:
    """New layers like those of a network, with a Label before the first, a Linear, which then is wider."""
    dense, *others = copy.deepcopy(net.layers)
    return [Label(dense.n_in, classes, height=3), Linear(dense.n_in + classes, dense.n_out, dense.scale), *others]


CGAN = replace(IMAGES, networks=cgan, conditional=True)
CDCGAN = replace(DCGAN, networks=cdcgan, conditional=True)
