"""Layers, one idea a file. A layer of one's own is a class like these, with `base.Layer` above it."""

from numgan.layers.activations import LeakyReLU, ReLU, Sigmoid, Tanh
from numgan.layers.adain import AdaIN
from numgan.layers.base import Layer
from numgan.layers.batchnorm import BatchNorm
from numgan.layers.blur import Blur
from numgan.layers.border import Crop, Pad
from numgan.layers.branches import Concat, Split
from numgan.layers.convolution import Conv2d, ConvTranspose2d
from numgan.layers.convolution1d import Conv1d, ConvTranspose1d
from numgan.layers.dropout import Dropout
from numgan.layers.fade import Fade
from numgan.layers.label import Condition, Label
from numgan.layers.linear import Linear
from numgan.layers.maxout import Maxout
from numgan.layers.minibatch import MinibatchStd, Pack
from numgan.layers.noise import InstanceNoise
from numgan.layers.noise_input import NoiseInput
from numgan.layers.pixelnorm import PixelNorm
from numgan.layers.resampling import AvgPool2d, Upsample
from numgan.layers.rescale import Rescale
from numgan.layers.reshape import Reshape
from numgan.layers.shift import Shift
from numgan.layers.skip import Skip
from numgan.layers.style_mixing import StyleMixing
from numgan.layers.synthesis import Constant, Synthesis
from numgan.layers.truncation import Truncation

ALL: tuple[type[Layer], ...] = (
    *(Linear, Maxout, Reshape),
    *(Conv2d, ConvTranspose2d, Conv1d, ConvTranspose1d, AvgPool2d, Upsample),
    *(ReLU, LeakyReLU, Tanh, Sigmoid),
    *(BatchNorm, Dropout, InstanceNoise, Shift, MinibatchStd, Pack),
    *(Concat, Split, Skip),
    *(PixelNorm, Rescale, Fade, Pad, Crop),
    *(StyleMixing, Truncation, Constant, NoiseInput, Blur, Synthesis),
)

__all__ = ["ALL", "AdaIN", "Condition", "Label", "Layer", *(layer.__name__ for layer in ALL)]
