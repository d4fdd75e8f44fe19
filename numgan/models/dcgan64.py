"""The convolutional pair of PyTorch's DCGAN tutorial, for images of 64 × 64 pixels."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from numgan.data import Data
from numgan.errors import InputError
from numgan.layers import BatchNorm, Conv2d, ConvTranspose2d, Layer, LeakyReLU, ReLU, Reshape, Tanh
from numgan.models.recipe import Model, Players
from numgan.network import Network
from numgan.optim import Adam

N_Z, SIDE = 100, 64
STD = 0.02  # of the first values of all weights, and of BatchNorm's γ about 1


def dcgan64(data: Data, seed: int, xp: ModuleType = np) -> Players:
    """The pair of N. Inkawhich's DCGAN tutorial at pytorch.org, after Radford et al. 2015: images in [−1, 1].

    Kernels of 4 × 4, no biases, no dense layers. BatchNorm everywhere but in G's last layer and in D's first and last;
    ReLU in G, LeakyReLU in D. For images in colour, G has 3,576,704 parameters and D 2,765,568. The images may be grey.

    The gradients are the tutorial's. Around them, `Training` differs: G's update draws noise of its own, as in
    Algorithm 1, and samples are made in evaluation mode.
    """
    c = _channels(data)
    G = [
        *(Reshape((1, 1, N_Z)), *_up(N_Z, 512, stride=1, padding=0)),  # 4 × 4 pixels
        *(*_up(512, 256), *_up(256, 128), *_up(128, 64)),  # 8 × 8, 16 × 16, 32 × 32
        *(ConvTranspose2d(64, c, bias=False, std=STD), Tanh(), Reshape((SIDE * SIDE * c,))),
    ]
    D = [
        *(Reshape((SIDE, SIDE, c)), Conv2d(c, 64, bias=False, std=STD), LeakyReLU(0.2)),  # 32 × 32 pixels
        *(*_down(64, 128), *_down(128, 256), *_down(256, 512)),  # 16 × 16, 8 × 8, 4 × 4
        *(Conv2d(512, 1, stride=1, padding=0, bias=False, std=STD), Reshape((1,))),
    ]
    return Network(G, seed=2 * seed, xp=xp), Network(D, seed=2 * seed + 1, xp=xp)


def _up(n_in: int, n_out: int, stride: int = 2, padding: int = 1) -> tuple[Layer, ...]:
    conv = ConvTranspose2d(n_in, n_out, stride=stride, padding=padding, bias=False, std=STD)
    return conv, BatchNorm(n_out, std=STD), ReLU()


def _down(n_in: int, n_out: int) -> tuple[Layer, ...]:
    return Conv2d(n_in, n_out, bias=False, std=STD), BatchNorm(n_out, std=STD), LeakyReLU(0.2)


def _channels(data: Data) -> int:
    h, w, c = (*(data.image_shape or (0, 0)), 1)[:3]
    if (h, w) != (SIDE, SIDE):
        got = f"{h} × {w}" if h else "points"
        raise InputError(f"dcgan64 needs images of 64 × 64 pixels, got {got}: take dcgan, or a folder with --size 64")
    return c


DCGAN64 = Model(
    networks=dcgan64,
    opt_g=Adam(2e-4, beta1=0.5, beta2=0.999),
    opt_d=Adam(2e-4, beta1=0.5, beta2=0.999),
    steps=5 * 1583,  # the tutorial's five epochs of 202,599 faces
    batch=128,
)
