"""Common mistakes in the backward pass of a convolution, of its adjoint, of unfold and of fold (see `mistakes`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np

from numgan.check.contract import Finding
from numgan.check.evidence import Evidence
from numgan.check.simple import max_abs
from numgan.check.windowed import FIRST, LAST, Change, Windowed, recognised

IMAGE = ("images", "rows", "columns", "channels")
KERNEL = ("rows", "columns", "channels", "filters")
OVERWRITTEN = "overlapping patches overwritten"
CHANNELS_FIRST = [(0, 3, 1, 2), (2, 0, 1, 3), (2, 0, 1)]  # before their inverses, which explain the same numbers


def of_windows(e: Evidence) -> Finding:
    """The first of the mistakes below, on pairs that are a sum over windows, of which backward returns a gradient."""
    c = recognised(e) if e.returned else None
    if c is None or not c.role(e):
        return None
    return next(filter(None, (mistake(e, c) for mistake in MISTAKES)), None)


def patches_overwritten(e: Evidence, c: Windowed) -> Finding:
    """`=` where `+=` belongs, in forward or in backward. `+=` with indices that repeat overwrites too."""
    text = "where windows overlap, use += window by window (with repeated indices it adds once), not ="
    if c.winner:
        right = e.is_analytic(replace(c, winner="").gradient(e))
        return f"{OVERWRITTEN}: forward keeps one patch of those that meet in a pixel: {text}" if right else None
    if c.role(e) == "large" and any(e.is_analytic(replace(c, winner=w).gradient(e)) for w in (LAST, FIRST)):
        return f"{OVERWRITTEN}: {e.dname} keeps one patch of those that meet in a pixel: {text}"
    return None


def kernel_flipped(e: Evidence, c: Windowed) -> Finding:
    for which in ("[::-1, ::-1]", "[::-1]", "[:, ::-1]"):
        axes = {"[::-1, ::-1]": (0, 1), "[::-1]": (0,), "[:, ::-1]": (1,)}[which]
        if e.is_analytic(c.gradient(e, W=lambda W, axes=axes: np.flip(W, axes))):  # type: ignore[misc]
            what = "itself turned" if c.role(e) == "W" else f"{c.W_name or 'the patches'} turned"
            return f"kernel flipped: {e.dname} is correct with {what} about, {which} along its rows and columns"
    return None


def stride_ignored(e: Evidence, c: Windowed) -> Finding:
    for stride in (1, *range(2, max(c.kernel) + 2)):
        other = replace(c, stride=stride)
        if stride != c.stride and (e.is_analytic(other.gradient(e)) or e.is_analytic(_whole(e, other))):
            cause = "stride ignored" if stride == 1 else "wrong stride"
            return f"{cause}: {e.dname} has windows {stride} apart, but in forward they are {c.stride} apart"
    return None


def padding_off(e: Evidence, c: Windowed) -> Finding:
    p = c.padding
    if c.role(e) == "large" and e.is_analytic(_whole(e, replace(c, padding=0))):
        return f"padding not cropped: {e.dname} {e.analytic.shape} holds the padding too: crop {p} on each side"
    if c.role(e) == "large" and not e.analytic.size and e.tensor.size:
        return f"all pixels cropped: {e.dname} is empty: with padding p = {p} p:-p holds nothing, p : p + h is right"
    for other in (p - 1, p + 1, *(q for q in range(max(c.kernel) + 1) if abs(q - p) > 1)):
        if e.is_analytic(replace(c, padding=other).gradient(e)):
            cause = "padding off by one" if abs(other - p) == 1 else "wrong padding"
            return f"{cause}: {e.dname} is what padding {other} would give, but forward has padding {p}"
    return None


def layout_confused(e: Evidence, c: Windowed) -> Finding:
    """Axes in another order, by a reshape where a transpose belongs or by a transpose too many."""
    if c.role(e) == "W" and not e.fits:
        return _transposable(e)
    for role, names in (("W", KERNEL if c.W_name else KERNEL[:3]), ("large", IMAGE), ("small", IMAGE)):
        orders = sorted(list(permutations(range(len(names))))[1:], key=lambda order: order not in CHANNELS_FIRST)
        for order in orders:
            for change in _misreadings((*order, *range(len(order), 4))):
                if e.is_analytic(c.gradient(e, **{role: change})):
                    what = e.dname if role == c.role(e) else c.source(role)
                    return _layout_text(what, names, order)
    return None


def overlap_averaged(e: Evidence, c: Windowed) -> Finding:
    """fold taken for the inverse of unfold."""
    right = c.gradient(e)
    if c.role(e) != "large" or not e.fits:
        return None
    counts = _counts(e, c)
    if e.is_analytic(right / np.maximum(counts, 1)):
        return f"overlapping patches averaged: {e.dname} is divided by how many windows see a pixel; fold is their sum"
    if e.is_analytic(right * counts):
        return f"overlapping patches counted twice: {e.dname} is multiplied by how many windows see a pixel"
    return None


def kernel_in_part(e: Evidence, c: Windowed) -> Finding:
    """Entries of the kernel left out, or counted more than once."""
    if c.role(e) == "W":
        return None
    weights = _weights(e, c, "W", c.kernel)
    if weights is None:
        return None
    if weights.max() > 1:
        return f"overlapping patches counted twice: {e.dname} has entry {_where(weights > 1)} of the kernel twice"
    return f"part of the kernel left out: {e.dname} lacks entry {_where(weights == 0)}: look for a loop that ends early"


def windows_in_part(e: Evidence, c: Windowed) -> Finding:
    """Windows left out, as by a loop that ends early or by `=` in place of `+=`, or counted more than once."""
    places = (c.x if c.transposed else c.y).shape[1:3]
    weights = _weights(e, c, "small", places)
    if weights is None:
        return None
    if weights.max() > 1:
        return f"overlapping patches counted twice: {e.dname} counts window {_where(weights > 1)} more than once"
    if weights.sum() == 1:
        return f"not summed over the windows: {e.dname} has window {_where(weights == 1)} alone: use +=, not ="
    return f"windows left out: {e.dname} lacks window {_where(weights == 0)}: look for a loop that ends early"


MISTAKES: list[Callable[[Evidence, Windowed], Finding]] = [
    patches_overwritten,
    kernel_flipped,
    stride_ignored,
    padding_off,
    overlap_averaged,
    kernel_in_part,
    windows_in_part,
    layout_confused,  # tries some hundred ways, so it comes last
]


def not_summed_over_pixels(e: Evidence) -> Finding:
    """Of a bias: db = Σ dy over the batch and all pixels."""
    a, n = e.analytic, e.tensor.size
    if e.tensor.ndim != 1 or e.y.ndim < 3 or not e.returned:
        return None
    if a.ndim > 1 and a.shape[-1] == n and e.correct(a.reshape(-1, n).sum(axis=0)):
        return f"not summed over pixels: {e.dname} {a.shape} must be summed over all axes but the last"
    if e.fits and e.correct(a * (e.y.size / n)):
        return f"averaged over pixels instead of summed: {e.dname} is a sum over all pixels of all images"
    return None


def _whole(e: Evidence, c: Windowed) -> np.ndarray | None:
    """The gradient of the large image, as far as its windows reach."""
    if c.role(e) != "large":
        return None
    h, w = (c.extent(n, k) for n, k in zip(c.y.shape[1:3], c.kernel, strict=True))
    shape = (c.x.shape[0], h, w, c.x.shape[3])
    return replace(c, x=replace(c.x, split=tuple(shape[i] for i in np.argsort(c.x.axes)))).gradient(e)


def _transposable(e: Evidence) -> Finding:
    for order in permutations(range(e.analytic.ndim)):
        if e.correct(e.analytic.transpose(order)):
            return f"axes swapped: {e.dname} {e.analytic.shape} is correct after transpose{order}"
    return None


def _misreadings(order: tuple[int, ...]) -> Iterator[Change]:
    """The two ways to mix up an array and the same with its axes in another order."""
    yield lambda a: a.transpose(order).reshape(a.shape)
    yield lambda a: a.reshape([a.shape[i] for i in order]).transpose(np.argsort(order))


def _layout_text(what: str, names: tuple[str, ...], order: tuple[int, ...]) -> str:
    moved = {names[i] for i in range(len(order)) if order[i] != i}
    mixed = moved & {"rows", "columns"} and moved & {"channels", "filters"}
    swapped = "channels and pixels" if mixed else " and ".join(n for n in names if n in moved)
    orders = f"({', '.join(names)}) and ({', '.join(names[i] for i in order)})"
    return f"{swapped} swapped: {what} in the orders {orders} are mixed up; transpose moves axes, reshape does not"


def _counts(e: Evidence, c: Windowed) -> np.ndarray:
    """How many windows see each pixel."""
    ones: Change = np.ones_like
    return np.round(c.gradient(e, small=ones, W=ones) / c.W.shape[3])


def _weights(e: Evidence, c: Windowed, role: str, places: tuple[int, ...]) -> np.ndarray | None:
    """How often each entry of the kernel, or each window, is counted: whole numbers, not all 1; None where none fit."""
    n = places[0] * places[1]
    if not e.fits or not 1 < n <= e.tensor.size // 2:
        return None
    parts = np.array([np.ravel(c.gradient(e, **{role: _only(role, place)})) for place in np.ndindex(*places)]).T
    found = np.linalg.lstsq(parts, e.analytic.ravel(), rcond=None)[0]
    weights = np.round(found)
    exact = max_abs(parts @ weights - e.analytic.ravel()) <= 1e-6 * max_abs(e.analytic)
    return weights.reshape(places) if exact and weights.min() >= 0 and (weights != 1).any() else None


def _only(role: str, place: tuple[int, ...]) -> Change:
    """All 0 but one entry of the kernel, or but one pixel of the small images."""
    where = (slice(None),) * (role == "small") + place

    def change(a: np.ndarray) -> np.ndarray:
        only = np.zeros_like(a)
        only[where] = a[where]
        return only

    return change


def _where(mask: np.ndarray) -> str:
    places = [str(place.tolist()) for place in np.argwhere(mask)]
    return ", ".join(places[:3]) + " …" * (len(places) > 3)
