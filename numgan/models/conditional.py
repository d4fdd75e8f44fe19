"""The pairs for images, told which class: a label beside z in G, and beside what D's first dense layer sees."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import ModuleType

import numpy as np

from numgan.conditional import Conditional
from numgan.data import Data
from numgan.layers import Label, Layer, Linear
from numgan.models.dcgan import DCGAN, dcgan
from numgan.models.mlp import IMAGES, images
from numgan.models.recipe import Networks, Players
from numgan.network import Network


def cgan(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """The pair `images` with labels: one-hot beside z, and beside the row. Mirza & Osindero 2014, section 4.1."""
    return _told(images, data, seed, xp, heights=(1, 1))


def cdcgan(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """The pair `dcgan` with labels: one-hot beside z, and beside the features that D's convolutions find.

    Among those, 3,136 for a digit, a label of height 1 goes unheard: G then does not learn to obey.
    """
    return _told(dcgan, data, seed, xp, heights=(1, 5))


def _told(networks: Networks, data: Data, seed: int, xp: ModuleType, heights: tuple[float, float]) -> Players:
    """A pair with labels of as many classes as the data has, of these heights in G and in D."""
    pairs = zip(networks(data, seed), heights, strict=True)
    G, D = (_with_label(net, data.classes, height) for net, height in pairs)
    return Conditional(G, seed=2 * seed, xp=xp), Conditional(D, seed=2 * seed + 1, xp=xp)


def _with_label(net: Network, classes: int, height: float) -> list[Layer]:
    """New layers like those of a network, with a Label before the first Linear, which is wider by as many classes."""
    layers = [copy.deepcopy(layer) for layer in net.layers]
    i, dense = next((i, layer) for i, layer in enumerate(layers) if isinstance(layer, Linear))
    layers[i : i + 1] = [Label(dense.n_in, classes, height), Linear(dense.n_in + classes, dense.n_out, dense.scale)]
    return layers


CGAN = replace(IMAGES, networks=cgan, conditional=True)
CDCGAN = replace(DCGAN, networks=cdcgan, conditional=True)
