"""How a digit is written: how far it leans, and how wide its strokes are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from numgan.backend import host_numbers
from numgan.errors import InputError


def slant(x: np.ndarray, image_shape: Sequence[int]) -> np.ndarray:
    """By how many pixels the ink of each image moves to the right for each pixel upward, (n,): positive leans right.

    Rows x (n, h · w) are grey images (h, w) in [0, 1]; a pixel's ink is its value. With u its height and v its column,
    and means over the ink of an image:

        slant = mean((u − ū)(v − v̄)) / mean((u − ū)²),

    the slope of the line of best fit, column on height. For a thin line it is tan φ, φ its angle from the vertical. 0
    where there is no ink, or all in one line of pixels.
    """
    ink = _images(x, image_shape)
    total = np.maximum(ink.sum(axis=(1, 2)), np.finfo(float).tiny)[:, None, None]
    h, w = ink.shape[1:]
    up, right = np.arange(h - 1.0, -1.0, -1.0)[:, None], np.arange(float(w))
    u, v = (axis - (ink * axis).sum(axis=(1, 2), keepdims=True) / total for axis in (up, right))
    spread = (ink * u * u).sum(axis=(1, 2))
    flat = spread <= 1e-12 * total[:, 0, 0]
    return np.where(flat, 0, (ink * u * v).sum(axis=(1, 2)) / np.where(flat, 1, spread))


def stroke_width(x: np.ndarray, image_shape: Sequence[int]) -> np.ndarray:
    """The width of each image's strokes in pixels, (n,): twice the area of the ink by the length of its outline.

    Rows x (n, h · w) are grey images (h, w) in [0, 1], with 0 around them. A stroke of width b that is much longer than
    wide has the area b · length and an outline of 2 · length. Of grey images, both are means over all thresholds:

        width = 2 Σ x / Σ ‖∇x‖,

    since the outlines at all thresholds have the mean length Σ ‖∇x‖, the total variation of x (the co-area formula of
    Fleming & Rishel 1960). ∇x is measured in cells of 2 × 2 pixels; outlines of less than two pixels' width are too
    short by that. An end of length b counts as outline too: a bar of length l has the width b / (1 + b / l). 0 where
    there is no ink.
    """
    ink = _images(x, image_shape)
    padded = np.pad(ink, [(0, 0), (1, 1), (1, 1)])
    one, other = padded[:, :-1, :-1] - padded[:, 1:, 1:], padded[:, :-1, 1:] - padded[:, 1:, :-1]  # the two diagonals
    outline = np.sqrt((one * one + other * other) / 2).sum(axis=(1, 2))
    return 2 * ink.sum(axis=(1, 2)) / np.maximum(outline, np.finfo(float).tiny)


def _images(x: np.ndarray, image_shape: Sequence[int]) -> np.ndarray:
    """(n, h, w) in float64; InputError unless x are rows of such images, in [0, 1]."""
    rows = host_numbers("x", x)
    if rows.ndim != 2 or not rows.size:
        raise InputError(f"x has shape {rows.shape}, expected rows of images (n, h · w): use x.reshape(len(x), -1)")
    whole = isinstance(image_shape, tuple | list) and all(type(side) is int and side > 0 for side in image_shape)
    if not whole or len(image_shape) != 2 or math.prod(image_shape) != rows.shape[1]:
        expected = f"(h, w) with product {rows.shape[1]}"
        raise InputError(f"image_shape is {image_shape!r:.60}, expected {expected}: of colours, take the mean first")
    if rows.min() < 0 or rows.max() > 1:
        found = f"{rows.min():.3g} … {rows.max():.3g}"
        raise InputError(f"x holds {found}, expected pixels in [0, 1]: use data.restore(data.x), or x.clip(0, 1)")
    return rows.reshape(len(rows), *image_shape)
