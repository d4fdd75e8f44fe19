"""Generative adversarial networks from scratch on NumPy, every gradient written by hand."""

from numgan import data, losses
from numgan.activations import LeakyReLU, ReLU, Sigmoid, Tanh
from numgan.errors import DivergedError, InputError
from numgan.gan import discriminator_gradient, generator_gradient
from numgan.layers import Dropout, Layer, Linear, Maxout, Reshape
from numgan.network import Network
from numgan.norm import BatchNorm
from numgan.optim import SGD, Adam, Decay, Ramp
from numgan.training import Training

__version__ = "0.1.0"
