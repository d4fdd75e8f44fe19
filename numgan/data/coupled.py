"""Images of two domains, unpaired: what a CoGAN learns from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from numgan.data.base import Array, Data
from numgan.errors import InputError, check_whole

Transform = Callable[[Array], Array]  # images (n, h, w) in [0, 1], or (n, h, w, c), into such images


def edges(x: Array) -> Array:
    """Grey dilation less the image: the largest of each 3 × 3 pixels, less the pixel itself. 0 outside the image."""
    x = _images(x)
    wide = np.pad(x, [(0, 0), (1, 1), (1, 1), *[(0, 0)] * (x.ndim - 3)])
    rows = np.maximum(np.maximum(wide[:, :-2], wide[:, 1:-1]), wide[:, 2:])
    return np.maximum(np.maximum(rows[:, :, :-2], rows[:, :, 1:-1]), rows[:, :, 2:]) - x


def negatives(x: Array) -> Array:
    """1 − x: white becomes black."""
    return 1 - _images(x)


def coupled(data: Data, transform: Transform, seed: int = 0, name: str | None = None) -> Data:
    """Images of two domains that are not paired: a row is [x_A, x_B], two images (h, w), drawn as one (2h, w).

    x_A is from one half of the rows of `data`, x_B from the other half, transformed. So no image is there in both
    domains, and the order, drawn from the seed, pairs none with another. Liu & Tuzel 2016 (CoGAN), section 4.

    Labels are left out, since a row has two. What is held out of `data` is coupled in the same way.
    """
    if not isinstance(data, Data) or data.range is None or data.image_shape is None or data.domains > 1:
        raise InputError(f"coupled takes images, one a row, got {data}: load images, such as ng.data.load('digits')")
    if not callable(transform):
        raise InputError(f"transform is a function from images to images, such as ng.data.edges, got {transform!r}")
    h, *others = data.image_shape
    return Data(
        _unpaired(data, data.x, transform, seed),
        image_shape=(2 * h, *others),
        range=data.range,
        name=f"{data.name} in two domains" if name is None else name,
        held_out=None if data.held_out is None else _unpaired(data, data.held_out, transform, seed),
        domains=2,
    )


def expected_and_found(x: Array, image_shape: tuple[int, ...], transform: Transform) -> tuple[Array, Array]:
    """Of rows [x_A, x_B] (n, n_x) in [0, 1]: x_A transformed, and x_B, (n, n_x/2) each. Exact pairs have them equal."""
    h, *others = image_shape
    a, b = np.split(x, 2, axis=1)
    return transform(a.reshape(len(a), h // 2, *others)).reshape(a.shape), b


def _images(x: Array) -> Array:
    if not isinstance(x, np.ndarray) or x.ndim not in (3, 4) or x.dtype.kind != "f":
        got = f"{x.dtype}{x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
        raise InputError(f"images are an array of floats in [0, 1], (n, h, w) or (n, h, w, c), got {got}")
    return x


def _unpaired(data: Data, x: Array, transform: Transform, seed: int) -> Array:
    """(n/2, 2 n_x): images of one half of the rows beside transformed ones of the other half."""
    n = len(x) // 2
    if not n:
        raise InputError("coupled takes two images or more, one for each domain, got 1: load more")
    order = np.random.default_rng(check_whole("seed", seed, 0)).permutation(len(x))
    images = data.restore(x[order[n : 2 * n]]).reshape(n, *data.image_shape)  # type: ignore[misc]
    lo, hi = data.range  # type: ignore[misc]
    transformed = _images(transform(images))
    if transformed.shape != images.shape:
        raise InputError(f"transform must keep the shape of images, {images.shape}, got {transformed.shape}")
    x_b = (lo + (hi - lo) * transformed).astype(np.float32).reshape(n, -1)
    return np.concatenate([x[order[:n]], x_b], axis=1)
