"""Is a pair a convolution, a transposed one, or unfold or fold alone? With which kernel, stride, padding and layout?

All four are one sum over windows, in which each entry (i, j) of the kernel connects pixels of a large image with pixels
of a small one, `stride` apart:

    large (m, h, w, c),  small (m, h', w', n),  W (k, l, c, n),  large[stride · r + i − padding] — W[i, j] — small[r]

A convolution computes the small image, a transposed one the large, and unfold and fold have the identity for W. Where
the sum is what forward computes, what backward should compute is known too, and so is what each mistake makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np

from numgan.check.evidence import Evidence
from numgan.check.simple import rel_error

KERNELS, STRIDES = range(1, 8), range(1, 6)  # that are tried
FIRST, LAST = "first", "last"  # the window that wins where one overwrites another
Change = Callable[[np.ndarray], np.ndarray]  # an array of images or W, into another of the same shape
Pixels = tuple[slice, np.ndarray, np.ndarray]  # an index of images (m, h, w, c)
Place = tuple[int, int]
_AXES = ((0, 1, 2, 3), (0, 2, 3, 1))  # channels last, channels first
ROLES = ("large", "small", "W")


@dataclass(frozen=True)
class Layout:
    """How a person's array holds the numbers of one of ours: in `split` they have our axes, in another order."""

    split: tuple[int, ...]
    axes: tuple[int, ...] = (0, 1, 2, 3)

    def read(self, a: np.ndarray) -> np.ndarray:
        return a.reshape(self.split).transpose(self.axes)

    def write(self, a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return a.transpose(np.argsort(self.axes)).reshape(shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.split[i] for i in self.axes)


@dataclass(frozen=True)
class Windowed:
    """A sum over windows, and how x, y and W hold the numbers of its three arrays."""

    x: Layout
    y: Layout
    W: Layout
    W_name: str  # "" for unfold and fold
    transposed: bool  # y is the large image
    stride: int
    padding: int
    flipped: bool = False  # the kernel is
    winner: str = ""  # which window overwrites the others, if they do not add up

    @property
    def kernel(self) -> Place:
        return self.W.shape[:2]  # type: ignore[return-value]

    @property
    def large_shape(self) -> tuple[int, ...]:
        return (self.y if self.transposed else self.x).shape

    def forward(self, x: np.ndarray, W: np.ndarray) -> np.ndarray:
        """y but for the bias, as images."""
        role, other = ("large", "small") if self.transposed else ("small", "large")
        return self._compute(role, {other: self.x.read(x), "W": self._flip(W)})

    def gradient(self, e: Evidence, **changes: Change) -> np.ndarray:
        """What backward should return for this tensor, if the arrays in `changes` (large, small, W) were changed so.

        The gradient itself is one of the three, and is changed after it is computed.
        """
        wanted = self.role(e)
        change = {role: changes.get(role, _unchanged) for role in ROLES}
        g = self._compute(wanted, {role: change[role](self._array(e, role)) for role in ROLES if role != wanted})
        if wanted == "W":
            return self.W.write(self._flip(change["W"](g)), e.tensor.shape)
        return self.x.write(change[wanted](g), self._shape(e, g))

    def role(self, e: Evidence) -> str:
        """Which of the three arrays this tensor is; "" for a bias."""
        if e.is_x:
            return "small" if self.transposed else "large"
        return "W" if e.name == self.W_name else ""

    def source(self, role: str) -> str:
        """What a person calls the array that `_array` gives."""
        return self.W_name if role == "W" else "x" if (role == "small") == self.transposed else "dy"

    def extent(self, n: int, k: int) -> int:
        """How many pixels lie under n windows, without the padding."""
        return max((n - 1) * self.stride - 2 * self.padding + k, 0)

    def _compute(self, wanted: str, arrays: dict[str, np.ndarray]) -> np.ndarray:
        """One of the three arrays, from the other two."""
        small_shape = (self.x if self.transposed else self.y).shape
        shapes = {"large": self.large_shape, "small": small_shape, "W": self.W.shape}
        out = np.zeros(shapes[wanted])
        for (i, j), L, S in self._connected(*self.large_shape[1:3], *small_shape[1:3]):
            if wanted == "W":
                out[i, j] = np.einsum("mrsc,mrsn->cn", arrays["large"][L], arrays["small"][S])
            elif wanted == "small":
                out[S] += arrays["large"][L] @ arrays["W"][i, j]
            else:
                out[L] = arrays["small"][S] @ arrays["W"][i, j].T + (0 if self.winner else out[L])
        return out

    def _connected(self, h: int, w: int, h_small: int, w_small: int) -> Iterator[tuple[Place, Pixels, Pixels]]:
        """Each entry of the kernel, and the pixels of the two images that it connects."""
        high, wide = self.kernel
        rows = [self._along(h, h_small, i) for i in range(high)]
        columns = [self._along(w, w_small, j) for j in range(wide)]
        places = list(np.ndindex(self.kernel))
        for i, j in places[::-1] if self.winner == LAST else places:  # the last window sees a pixel at (i, j) = 0
            (R, r), (S, s) = rows[i], columns[j]
            yield (i, j), (slice(None), R[:, None], S), (slice(None), r[:, None], s)

    def _along(self, large: int, small: int, i: int) -> tuple[np.ndarray, np.ndarray]:
        at = self.stride * np.arange(small) + i - self.padding
        inside = (at >= 0) & (at < large)
        return at[inside], np.flatnonzero(inside)

    def _array(self, e: Evidence, role: str) -> np.ndarray:
        """One of the three: x, the W that forward uses, or the gradient of y in the place of y."""
        if role == "W":
            return self._flip(self.matrix(e))
        assert e.pair.x is not None
        return self.x.read(e.pair.x) if (role == "small") == self.transposed else self.y.read(e.dy)

    def matrix(self, e: Evidence) -> np.ndarray:
        return self.W.read(e.pair.params[self.W_name] if self.W_name else np.eye(self.W.shape[3]))

    def _flip(self, W: np.ndarray) -> np.ndarray:
        return W[::-1, ::-1] if self.flipped else W

    def _shape(self, e: Evidence, g: np.ndarray) -> tuple[int, ...]:
        """The shape in which a person holds the images g."""
        return e.tensor.shape if g.size == e.tensor.size else tuple(g.shape[i] for i in np.argsort(self.x.axes))


def recognised(e: Evidence) -> Windowed | None:
    """The sum over windows that forward computes, if it does; a bias may be added to it."""
    x, y = e.pair.x, e.y
    if x is None or not x.size or not y.size:
        return None
    biases = [np.zeros(1), *(b for b in e.pair.params.values() if b.ndim == 1)]
    for c in _candidates(x, y, e.pair.params):
        rest = c.y.read(y) - c.forward(x, c.matrix(e))
        if any(b.size in (1, rest.shape[3]) and rel_error(rest - b, 0 * rest, np.abs(y).max()) < 1e-9 for b in biases):
            return c
    return None


def _candidates(x: np.ndarray, y: np.ndarray, params: dict[str, np.ndarray]) -> Iterator[Windowed]:
    """Every sum over windows whose shapes fit, the usual ones first."""
    shapes = [*_with_kernel(x, y, params), *_patches(x, y)]
    for how in ({}, {"flipped": True}, {"winner": LAST}, {"winner": FIRST}):
        yield from (replace(c, **how) for c in shapes if c.transposed or "winner" not in how)  # type: ignore[arg-type]


def _with_kernel(x: np.ndarray, y: np.ndarray, params: dict[str, np.ndarray]) -> Iterator[Windowed]:
    """Convolutions with a W among the parameters, of images with their channels last, first, or without channels."""
    if x.ndim != y.ndim or not 2 <= x.ndim <= 4:
        return
    for axes, (name, W), transposed in product(_AXES, params.items(), (False, True)):
        layouts = Layout(_as_images(x.shape), axes), Layout(_as_images(y.shape), axes)
        large, small = layouts[::-1] if transposed else layouts
        for kernel in _kernels(W, large.shape[3], small.shape[3]):
            for stride, padding in _steps(large.shape[1:3], small.shape[1:3], kernel.shape[:2]):
                yield Windowed(*layouts, kernel, name, transposed, stride, padding)


def _as_images(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(m, h, w, c), where the batch or the channels may be missing: (h, w) or (m, h, w)."""
    return {2: (1, *shape, 1), 3: (*shape, 1)}.get(len(shape), shape)


def _kernels(W: np.ndarray, c: int, n: int) -> Iterator[Layout]:
    """The ways to read W as (k, l, c, n)."""
    if W.ndim == 4:
        for channels in permutations(range(4), 2):
            layout = Layout(W.shape, (*(i for i in range(4) if i not in channels), *channels))
            if layout.shape[2:] == (c, n):
                yield layout
    elif W.ndim == 2 and c == n == 1:
        yield Layout((*W.shape, 1, 1))
    elif W.ndim == 2:
        for k in KERNELS:
            if W.shape == (k * k * c, n):
                yield from (Layout((k, k, c, n)), Layout((c, k, k, n), (1, 2, 0, 3)))
            if W.shape == (n, k * k * c):
                yield Layout((n, k, k, c), (1, 2, 3, 0))


def _patches(x: np.ndarray, y: np.ndarray) -> Iterator[Windowed]:
    """Unfold, from images to patches, and fold, from patches to images."""
    for transposed, axes in product((False, True), _AXES):
        images, patches = (y, x) if transposed else (x, y)
        if images.ndim != 4:
            continue
        large = Layout(images.shape, axes)
        m, h, w, c = large.shape
        for k, stride, padding in product(KERNELS, STRIDES, range(5)):
            small = tuple((n + 2 * padding - k) // stride + 1 for n in (h, w))
            K = k * k * c
            if min(small) < 1 or padding >= k or m * small[0] * small[1] * K != patches.size:
                continue
            kept = Layout((m, *small, K)), Layout((m, K, *small), (0, 2, 3, 1))  # a patch is a row, or a column
            for form, W in product(kept, (Layout((k, k, c, K)), Layout((c, k, k, K), (1, 2, 0, 3)))):
                layouts = (form, large) if transposed else (large, form)
                yield Windowed(*layouts, W, "", transposed, stride, padding)


def _steps(large: tuple[int, ...], small: tuple[int, ...], kernel: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Strides and paddings with which windows over the large image are as many as the small one has pixels."""
    for stride, padding in product(STRIDES, range(max(kernel) + 1)):
        counts = ((n + 2 * padding - k) // stride + 1 for n, k in zip(large, kernel, strict=True))
        if tuple(counts) == small:
            yield stride, padding


def _unchanged(a: np.ndarray) -> np.ndarray:
    return a
