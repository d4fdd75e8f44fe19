"""Generative adversarial networks from scratch on NumPy, every gradient written by hand."""

from numgan import data, losses, metrics, penalty
from numgan.check import gradcheck
from numgan.conditional import Conditional
from numgan.errors import DivergedError, InputError, TornError
from numgan.gan import discriminator_gradient, generator_gradient
from numgan.layers import (
    AvgPool2d,
    BatchNorm,
    Concat,
    Conv2d,
    ConvTranspose2d,
    Crop,
    Dropout,
    Fade,
    InstanceNoise,
    Label,
    Layer,
    LeakyReLU,
    Linear,
    Maxout,
    MinibatchStd,
    Pack,
    Pad,
    PixelNorm,
    ReLU,
    Rescale,
    Reshape,
    Shift,
    Sigmoid,
    Split,
    Tanh,
    Upsample,
)
from numgan.network import Network
from numgan.optim import SGD, Adam
from numgan.penalty import R1, R2, WGANGP
from numgan.schedules import Decay, Ramp
from numgan.simultaneous import simultaneous_gradients
from numgan.training import Training

__version__ = "0.1.0"
__all__ = [
    "R1",
    "R2",
    "SGD",
    "WGANGP",
    "Adam",
    "AvgPool2d",
    "BatchNorm",
    "Concat",
    "Conditional",
    "Conv2d",
    "ConvTranspose2d",
    "Crop",
    "Decay",
    "DivergedError",
    "Dropout",
    "Fade",
    "InputError",
    "InstanceNoise",
    "Label",
    "Layer",
    "LeakyReLU",
    "Linear",
    "Maxout",
    "MinibatchStd",
    "Network",
    "Pack",
    "Pad",
    "PixelNorm",
    "Ramp",
    "ReLU",
    "Rescale",
    "Reshape",
    "Shift",
    "Sigmoid",
    "Split",
    "Tanh",
    "TornError",
    "Training",
    "Upsample",
    "data",
    "discriminator_gradient",
    "generator_gradient",
    "gradcheck",
    "losses",
    "metrics",
    "penalty",
    "simultaneous_gradients",
]
