"""Convolution of signals along the time: Conv2d and ConvTranspose2d with windows over one side in place of two.

A signal (m, t, c), rows × times × channels, is an image (m, 1, t, c), and the kernel is one pixel high (see `Line`).
The formulas are those of images, and so is the code.
"""

from __future__ import annotations

from dataclasses import dataclass

from numgan.layers.convolution import Conv2d, Convolution, ConvTranspose2d
from numgan.layers.windows import Line, Side


class Signals(Convolution):
    """What makes a convolution of images one of signals."""

    axes_in = axes_out = 2
    kind, sides, points = "signals", "t", "times"  # in errors
    example_row = (5, 2)

    @property
    def windows(self) -> Line:
        return Line(Side(self.kernel, self.stride, self.padding))


@dataclass(eq=False)
class Conv1d(Signals, Conv2d):
    """y = unfold(x) W + b: y[r] = b + Σ_p x[stride · r + p − padding] W[p], with x = 0 outside.

    x (m, t, n_in), W (kernel, n_in, n_out), b (n_out,), y (m, t', n_out), channels last, with
    t' = (t + 2 · padding − kernel) / stride + 1. Settings and first values as in Conv2d, with fan_in = kernel · n_in.
    """

    @property
    def W_shape(self) -> tuple[int, ...]:
        return (self.kernel, self.n_in, self.n_out)

    @property
    def fan_in(self) -> float:
        return self.kernel * self.n_in


@dataclass(eq=False)
class ConvTranspose1d(Signals, ConvTranspose2d):
    """y = fold(x W) + b: each number of x lays its multiple of the kernel down in y. The adjoint of a Conv1d.

    x (m, t, n_in), W (n_in, kernel, n_out), b (n_out,), y (m, t', n_out), with
    t' = (t − 1) · stride − 2 · padding + kernel. Settings and first values as in ConvTranspose2d, with
    fan_in = (kernel / stride) · n_in.
    """

    @property
    def W_shape(self) -> tuple[int, ...]:
        return (self.n_in, self.kernel, self.n_out)

    @property
    def fan_in(self) -> float:
        return self.kernel / self.stride * self.n_in
