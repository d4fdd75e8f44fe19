"""Unfold and fold: windows of images as the rows of a matrix, and back again.

`unfold` copies every window of an image into a row, a patch. `fold` is its adjoint, ⟨unfold x, c⟩ = ⟨x, fold c⟩: it
adds every patch at the place of its window, so where windows overlap, patches add up. Images are (m, h, w, c): rows,
height, width, channels. Sizes as in Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".

The products with a matrix go through a few images at a time, so that their patches stay in the cache, and threads share
the work. How many images follows from sizes alone: a run repeats bit for bit, whatever the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from numgan.backend import Array, array_module, on_host
from numgan.parallel import each

CHUNK = 131_072  # numbers in the patches of some images, at least: enough to be worth a thread
ROWS = 1024  # patches of some images, at least: fewer make a matrix product slow


@dataclass(frozen=True)
class Side:
    """Windows of `kernel` pixels, `stride` apart, along a side of images that have `padding` zeros at both its ends."""

    kernel: int
    stride: int
    padding: int

    def count(self, n: int) -> float:
        """How many windows lie along n pixels, h' of h. Whole if they end where the image does. Relationship 6."""
        return (n + 2 * self.padding - self.kernel) / self.stride + 1

    def extent(self, n: int) -> int:
        """How many pixels lie under n windows, h of h', without the padding. Relationship 13."""
        return (n - 1) * self.stride - 2 * self.padding + self.kernel

    @property
    def keeps(self) -> bool:
        """Whether there are as many windows as pixels, and each in the middle of its own."""
        return self.stride == 1 and self.kernel == 2 * self.padding + 1


@dataclass(frozen=True)
class Windows:
    """Windows over images (m, h, w, c): along the height as h says, along the width as w says.

    There are m · h' · w' of them; each has K = h.kernel · w.kernel · c numbers.
    """

    h: Side
    w: Side

    @classmethod
    def square(cls, kernel: int, stride: int, padding: int) -> Windows:
        """The same along both sides."""
        side = Side(kernel, stride, padding)
        return cls(side, side)

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.h, self.w

    @property
    def pixels(self) -> int:
        """How many a window has."""
        return self.h.kernel * self.w.kernel

    def unfold(self, x: Array) -> Array:
        """Every window as a row: images x (m, h, w, c) → patches (m · h' · w', K)."""
        view, K = self._view(self._padded(x)), self.pixels * x.shape[3]
        if x.shape[3] > 1:
            return view.reshape(-1, K)  # copies what windows share
        return view.transpose(3, 4, 0, 1, 2).reshape(K, -1).T  # by columns: a window's rows are short

    def fold(self, y: Array, M: Array, h: int, w: int) -> Array:
        """Every patch at its place: y (m, h', w', n), M (n, K), patches y M → their sum, images (m, h, w, c).

        With the identity for M it is the adjoint of unfold. It takes a product so that no more than some columns of
        the patches need exist at a time.
        """
        n, c = len(M), M.shape[1] // self.pixels
        top, left = self.h.padding, self.w.padding
        x = array_module(y).zeros((len(y), h + 2 * top, w + 2 * left, c), dtype=y.dtype)
        for part, columns in self._parts(x):
            part += (y.reshape(-1, n) @ M[:, columns]).reshape(part.shape)
        return x[:, top : top + h, left : left + w]

    def unfold_product(self, x: Array, M: Array) -> Array:
        """unfold(x) M, for x (m, h, w, c) and M (K, n) → (m, h', w', n)."""
        xp, (h, w), n = array_module(x), x.shape[1:3], M.shape[1]
        y = xp.empty((len(x), int(self.h.count(h)), int(self.w.count(w)), n), dtype=x.dtype)

        def some(images: slice) -> None:
            xp.matmul(self.unfold(x[images]), M, out=y[images].reshape(-1, n))

        each(_batches(y, len(M)), some)
        return y

    def fold_product(self, y: Array, M: Array, h: int, w: int) -> Array:
        """fold of the patches y M, for y (m, h', w', n) and M (n, K) → (m, h, w, c)."""
        if self.h.keeps and self.w.keeps:
            return self.unfold_product(y, self._turned(M))
        x = array_module(y).empty((len(y), h, w, M.shape[1] // self.pixels), dtype=y.dtype)

        def some(images: slice) -> None:
            x[images] = self.fold(y[images], M, h, w)

        each(_batches(y, M.shape[1]), some)
        return x

    def patch_product(self, x: Array, y: Array) -> Array:
        """unfold(x)ᵀ y, for x (m, h, w, c) and y (m, h', w', n) → (K, n)."""
        batches = _batches(y, self.pixels * x.shape[3])
        products = [y] * len(batches)

        def some(i: int) -> None:
            images = batches[i]
            products[i] = self.unfold(x[images]).T @ y[images].reshape(-1, y.shape[3])

        each(range(len(batches)), some)
        for product in products[1:]:  # in this order, whichever thread was first
            products[0] += product
        return products[0]

    def _turned(self, M: Array) -> Array:
        """M (n, K) → (h.kernel · w.kernel · n, c), every kernel turned by 180°.

        Where images keep their size, the windows that see a pixel of x are a window of y, in the opposite order: the
        sum of all that they lay down there is one product, in place of one for each place of the kernel.
        """
        n = len(M)
        kernels = M.reshape(n, self.h.kernel, self.w.kernel, -1)[:, ::-1, ::-1]
        return kernels.transpose(1, 2, 0, 3).reshape(self.pixels * n, -1)

    def _padded(self, x: Array) -> Array:
        """x (m, h, w, c) with its zeros, in one block of memory."""
        (m, h, w, c), xp, top, left = x.shape, array_module(x), self.h.padding, self.w.padding
        if not (top or left):
            return xp.ascontiguousarray(x)
        padded = xp.zeros((m, h + 2 * top, w + 2 * left, c), dtype=x.dtype)
        padded[:, top : top + h, left : left + w] = x
        return padded

    def _view(self, x: Array) -> Array:
        """The windows of padded images: a view (m, h', w', h.kernel, w.kernel · c) in which they share their pixels.

        A row of a window is w.kernel · c numbers side by side.
        """
        (m, h, w, c), (image, row, column, channel) = x.shape, x.strides
        high, wide, down, right = self.h.kernel, self.w.kernel, self.h.stride, self.w.stride
        shape = (m, (h - high) // down + 1, (w - wide) // right + 1, high, wide * c)
        as_strided = array_module(x).lib.stride_tricks.as_strided
        return as_strided(x, shape, (image, down * row, right * column, row, channel))

    def _parts(self, x: Array) -> Iterator[tuple[Array, slice]]:
        """The windows of padded images in parts, and the columns of the patches that belong to each.

        A part is one row of all windows, `w.stride` columns of it: no two windows overlap there, so `+=` adds them all.
        """
        wide, c, view = self.w.kernel, x.shape[3], self._view(x)
        for row in range(self.h.kernel):
            for left in range(0, wide, self.w.stride):
                right = min(left + self.w.stride, wide)
                columns = slice((row * wide + left) * c, (row * wide + right) * c)
                yield view[:, :, :, row, left * c : right * c], columns


@dataclass(frozen=True)
class Line:
    """Windows over signals (m, t, c), rows × times × channels: those over images (m, 1, t, c), one pixel high."""

    t: Side

    @property
    def sides(self) -> tuple[Side]:
        return (self.t,)

    @property
    def _images(self) -> Windows:
        return Windows(Side(kernel=1, stride=1, padding=0), self.t)

    def unfold_product(self, x: Array, M: Array) -> Array:
        """unfold(x) M, for x (m, t, c) and M (K, n) → (m, t', n)."""
        return self._images.unfold_product(x[:, None], M)[:, 0]

    def fold_product(self, y: Array, M: Array, t: int) -> Array:
        """fold of the patches y M, for y (m, t', n) and M (n, K) → (m, t, c)."""
        return self._images.fold_product(y[:, None], M, 1, t)[:, 0]

    def patch_product(self, x: Array, y: Array) -> Array:
        """unfold(x)ᵀ y, for x (m, t, c) and y (m, t', n) → (K, n)."""
        return self._images.patch_product(x[:, None], y[:, None])


def _batches(y: Array, width: int) -> list[slice]:
    """The images of y (m, h', w', n), some at a time, if each has h' · w' patches of `width` numbers.

    A device takes all of them at once.
    """
    m, patches = len(y), y.shape[1] * y.shape[2]
    some = max(CHUNK / (patches * width), ROWS / patches, 1)
    count = math.ceil(m / some) if on_host(y) else 1
    size = math.ceil(m / max(count, 1)) or 1  # all batches alike, but for the last
    return [slice(i, i + size) for i in range(0, m or 1, size)]
