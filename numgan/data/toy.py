"""Toy distributions: mixtures of normals whose modes are known, so that samples can be scored exactly."""

from collections.abc import Sequence

import numpy as np

from numgan.backend import host_numbers
from numgan.data.base import Array, Data
from numgan.errors import InputError, check_number, check_whole


def gaussian(n: int = 20000, mean: float = 0.0, std: float = 1.0, seed: int = 0) -> Data:
    """n draws from N(mean, std²), x (n, 1)."""
    return _draw("gaussian", n, [[check_number("mean", mean)]], [std], seed)


def mixture(
    n: int = 20000, means: Sequence[float] = (-2.0, 2.0), stds: float | Sequence[float] = 0.5, seed: int = 0
) -> Data:
    """n draws from a mixture of N(means[i], stds[i]²) with equal weights, x (n, 1).

    stds is one number or one per mode; `Data.std` is None if they differ.
    """
    centres = host_numbers("means", means)
    if centres.ndim > 1:
        raise InputError(f"means have shape {centres.shape}, expected one number for each mode")
    return _draw("mixture", n, centres.reshape(-1, 1), stds, seed)


def ring(n: int = 20000, modes: int = 8, radius: float = 2.0, std: float = 0.02, seed: int = 0) -> Data:
    """Normals around `modes` points at equal angles of a circle, x (n, 2)."""
    angle = 2 * np.pi * np.arange(check_whole("modes", modes, 1)) / modes  # 2π itself is left out: it is mode 0 again
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _draw("ring", n, check_number("radius", radius) * circle, std, seed)


def grid(n: int = 20000, side: int = 5, spacing: float = 2.0, std: float = 0.05, seed: int = 0) -> Data:
    """Normals around the side² points of a square grid centred at 0, x (n, 2); the default is {-4, -2, 0, 2, 4}²."""
    line = check_number("spacing", spacing) * (np.arange(check_whole("side", side, 1)) - (side - 1) / 2)
    return _draw("grid", n, np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2), std, seed)


def _draw(name: str, n: int, centres: Array | list[list[float]], stds: float | Sequence[float], seed: int) -> Data:
    """x = mean[c] + width[c]·ε, ε ~ N(0, I); modes c (n,) in random order, their counts differ by one at most."""
    mean = np.asarray(centres, dtype=float)
    width = _widths(stds, len(mean))
    rng = np.random.default_rng(check_whole("seed", seed, 0))
    c = rng.permutation(np.arange(check_whole("n", n, 1)) % len(mean))
    x = mean[c] + width[c, None] * rng.standard_normal((n, mean.shape[1]))
    std = float(width[0]) if width.min() == width.max() else None
    return Data(x, labels=c, name=name, centres=mean, std=std)


def _widths(stds: float | Sequence[float], modes: int) -> Array:
    """(modes,) standard deviations from one number or one for each mode."""
    widths = host_numbers("stds", stds)
    if modes < 1:
        raise InputError("there are 0 modes, expected at least 1; ask for more")
    if widths.shape not in ((), (1,), (modes,)):
        raise InputError(
            f"stds have shape {widths.shape}, expected () or ({modes},); give one for all modes, or one each"
        )
    if not (widths > 0).all():
        raise InputError(f"std is {stds}, expected positive numbers; give each mode a width")
    return np.broadcast_to(widths, (modes,))
