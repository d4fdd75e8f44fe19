"""Convolutions in the diagnosis: recognised from their numbers, and each mistake of theirs named in one exact sentence.

The oracle is a loop over windows, over entries of the kernel and over pixels. Kernels are not square, images are not
square, and channels, filters, strides and paddings all differ.
"""

import numpy as np
import pytest
from pairs import rng

from numgan.check import window_mistakes
from numgan.check.evidence import Evidence
from numgan.check.pairs import Pair
from numgan.check.windowed import recognised

M, C, N, KERNEL, STRIDE, PADDING = 2, 2, 4, (3, 2), 2, 1
LARGE, SMALL = (M, 6, 3, C), (M, 3, 2, N)  # of images, and of what a convolution makes of them


def always(window, entry):
    return 1


def connected(large, small, kernel, stride, padding):
    """(window, entry of the kernel, pixel) wherever the pixel lies inside the large image."""
    for r, s, i, j in np.ndindex(*small, *kernel):
        row, column = stride * r + i - padding, stride * s + j - padding
        if 0 <= row < large[0] and 0 <= column < large[1]:
            yield (r, s), (i, j), (row, column)


def to_small(large, W, shape=SMALL, stride=STRIDE, padding=PADDING, times=always):
    out = np.zeros(shape)
    for w, k, p in connected(large.shape[1:3], shape[1:3], W.shape[:2], stride, padding):
        out[:, w[0], w[1]] += times(w, k) * large[:, p[0], p[1]] @ W[k]
    return out


def to_large(small, W, shape=LARGE, stride=STRIDE, padding=PADDING, times=always, keep=1):
    """With keep=0 a later contribution to a pixel overwrites an earlier one."""
    out = np.zeros(shape)
    for w, k, p in connected(shape[1:3], small.shape[1:3], W.shape[:2], stride, padding):
        out[:, p[0], p[1]] = times(w, k) * small[:, w[0], w[1]] @ W[k].T + keep * out[:, p[0], p[1]]
    return out


def to_kernel(large, small, kernel=KERNEL, stride=STRIDE, padding=PADDING, times=always):
    out = np.zeros((*kernel, large.shape[3], small.shape[3]))
    for w, k, p in connected(large.shape[1:3], small.shape[1:3], kernel, stride, padding):
        out[k] += times(w, k) * large[:, p[0], p[1]].T @ small[:, w[0], w[1]]
    return out


def normal(*shape, seed=0):
    return rng([seed, *shape]).standard_normal(shape)


L, S, W = normal(*LARGE), normal(*SMALL), normal(*KERNEL, C, N)


def evidence(x, y, dy, name="x", g=None, **params):
    """That backward returns g for `name`, of a function with this x and this y."""
    pair = Pair("f", lambda x: (y, None), lambda dy, cache: {}, x, params)
    return Evidence(pair, name, dy, y, 1.0, {name: g}, {})


def convolution(name, g, **params):
    return evidence(L, to_small(L, W), S, name, g, W=W, **params)


def transposed(name, g):
    return evidence(S, to_large(S, W), L, name, g, W=W)


def sentence(e):
    return window_mistakes.of_windows(e) or ""


# What is recognised


def facts(c):
    return c.kernel, c.stride, c.padding, c.transposed, c.flipped, c.winner, c.W_name


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("flipped", [False, True])
def test_stride_and_padding_are_read_from_the_numbers(stride, padding, flipped):
    k, l = KERNEL  # noqa: E741
    turned = W[::-1, ::-1] if flipped else W
    small = (M, 3, 2, N)
    large = (M, 2 * stride + k - 2 * padding + (stride > 1), stride + l - 2 * padding + (stride > 2), C)
    if min(large[1:3]) < 1 + (padding > 0):
        return
    x, dy = normal(*large, seed=1), normal(*small, seed=2)
    for params in ({"W": W}, {"a": normal(3, 2), "W": W, "b": normal(N)}):
        y = to_small(x, turned, small, stride, padding) + params.get("b", 0.0)
        c = recognised(evidence(x, y, dy, **params))
        assert facts(c) == (KERNEL, stride, padding, False, flipped, "", "W")
        e = evidence(x, y, dy, **params)
        assert np.allclose(c.gradient(e), to_large(dy, turned, large, stride, padding))
        dW = to_kernel(x, dy, KERNEL, stride, padding)
        assert np.allclose(c.gradient(e.of("W")), dW[::-1, ::-1] if flipped else dW)
    c = recognised(e := evidence(dy, to_large(dy, turned, large, stride, padding) + 0.3, x, W=W, b=np.array([0.3])))
    assert facts(c) == (KERNEL, stride, padding, True, flipped, "", "W")
    assert np.allclose(c.gradient(e), to_small(x, turned, small, stride, padding))
    assert np.allclose(c.gradient(e.of("W")), dW[::-1, ::-1] if flipped else dW)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 0, 1), (2, 0, 1, 3), (0, 2, 3, 1), (3, 0, 2, 1), (1, 0, 2, 3)])
def test_any_order_of_the_kernels_axes(order):
    """Rows stay before columns; channels may come first in the images."""
    theirs = W.transpose(order)
    wanted = order.index(0) < order.index(1)
    for axes in ((0, 1, 2, 3), (0, 3, 1, 2)):
        x, y, dy = (a.transpose(axes) for a in (L, to_small(L, W), S))
        c = recognised(evidence(x, y, dy, W=theirs))
        assert (c is not None) == wanted
        if c:
            e = evidence(x, y, dy, W=theirs)
            assert facts(c) == (KERNEL, STRIDE, PADDING, False, False, "", "W")
            assert np.allclose(c.gradient(e), to_large(S, W).transpose(axes))
            assert np.allclose(c.gradient(e.of("W")), to_kernel(L, S).transpose(order))
            assert c.role(e.of("b")) == ""
            assert [c.source(role) for role in ("large", "small", "W")] == ["x", "dy", "W"]
            back = recognised(evidence(dy, to_large(S, W).transpose(axes), x, W=theirs))
            assert facts(back) == (KERNEL, STRIDE, PADDING, True, False, "", "W")
            assert [back.source(role) for role in ("large", "small", "W")] == ["dy", "x", "W"]


@pytest.mark.parametrize("k", [2, 3, 7])
def test_a_kernel_that_is_a_matrix(k):
    W, x, shape = normal(k, k, C, N), normal(M, k + 2, k + 1, C), (M, 3, 2, N)
    y, dy = to_small(x, W, shape, 1, 0), normal(*shape)
    dx, dW = to_large(dy, W, x.shape, 1, 0), to_kernel(x, dy, (k, k), 1, 0)
    patches, channels_first = (lambda a: a.reshape(-1, N)), (lambda a: np.moveaxis(a, 2, 0).reshape(-1, N))
    for matrix in (patches, channels_first, lambda a: patches(a).T):
        c = recognised(e := evidence(x, y, dy, W=matrix(W)))
        assert facts(c) == ((k, k), 1, 0, False, False, "", "W")
        assert np.allclose(c.gradient(e), dx)
        assert np.allclose(c.gradient(e.of("W")), matrix(dW))


def test_images_without_channels_or_without_a_batch():
    x, W = normal(2, 5, 4), normal(2, 3)
    y, dy = to_small(x[..., None], W[..., None, None], (2, 4, 2, 1), 1, 0)[..., 0], normal(2, 4, 2)
    dx = to_large(dy[..., None], W[..., None, None], (2, 5, 4, 1), 1, 0)[..., 0]
    for some in (slice(None), 0):
        c = recognised(e := evidence(x[some], y[some], dy[some], W=W))
        assert facts(c) == ((2, 3), 1, 0, False, False, "", "W")
        assert np.allclose(c.gradient(e), dx[some])


def places(shape, k, stride, padding, channels_first=False, columns=False):
    """The shape of the patches of images (m, h, w, c); each pixel in each patch, with its number among the patches."""
    m, h, w, c = shape
    small = [(n + 2 * padding - k) // stride + 1 for n in (h, w)]
    numbers = np.arange(m * small[0] * small[1] * k * k * c).reshape(
        m, *small, *((c, k, k) if channels_first else (k, k, c))
    )
    numbers = np.moveaxis(numbers, 3, 5) if channels_first else numbers
    if columns:
        numbers = np.arange(numbers.size).reshape(m, k * k * c, -1).swapaxes(1, 2).ravel()[numbers]
    pairs = [
        ((image, row, column, channel), numbers[image, r, s, i, j, channel])
        for (r, s), (i, j), (row, column) in connected((h, w), small, (k, k), stride, padding)
        for image, channel in np.ndindex(m, c)
    ]
    length = small[0] * small[1]
    return (m, k * k * c, length) if columns else (m, length, k * k * c), pairs


@pytest.mark.parametrize(("k", "stride", "padding"), [(2, 2, 0), (3, 1, 1), (2, 3, 0), (5, 5, 4), (7, 2, 1)])
@pytest.mark.parametrize(("columns", "channels_first"), [(True, False), (False, True), (True, True), (False, False)])
def test_unfold_and_fold_are_recognised(k, stride, padding, columns, channels_first):
    x = normal(2, k + stride + 1 - padding // 2, k + 2 * stride - padding // 2, 2)
    shape, pairs = places(x.shape, k, stride, padding, channels_first, columns)
    y, dy, dx = np.zeros(shape), normal(*shape), np.zeros(x.shape)
    for pixel, number in pairs:
        y.flat[number] = x[pixel]
        dx[pixel] += dy.flat[number]
    c = recognised(e := evidence(x, y, dy))
    assert facts(c) == ((k, k), stride, padding, False, False, "", "")
    assert np.allclose(c.gradient(e), dx)
    c = recognised(e := evidence(dy, dx, x))
    assert facts(c) == ((k, k), stride, padding, True, False, "", "")
    assert np.allclose(c.gradient(e), y)


def test_what_is_no_convolution():
    y = to_small(L, W)
    size = np.abs(y).max()
    assert recognised(evidence(L, y + 0.5e-9 * size * (np.arange(y.size) == 5).reshape(y.shape), S, W=W))
    assert not recognised(evidence(L, y + 2e-9 * size * (np.arange(y.size) == 5).reshape(y.shape), S, W=W))
    assert not recognised(evidence(L, y + normal(N), S, W=W, b=normal(N, seed=1)))
    assert not recognised(evidence(L, y, S))
    assert not recognised(evidence(L, y, S, W=W[:, :1]))
    assert not recognised(evidence(None, y, S, W=W))
    assert not recognised(evidence(L[0, 0, 0], L[0, 0, 0], L[0, 0, 0], W=W))


# Mistakes


def but(*places, count=0):
    """`count` times in these windows or at these entries of the kernel, once elsewhere."""
    return lambda window, entry: count if window in places or ("k", *entry) in places else 1


FLIPPED = "kernel flipped: d{} is correct with {} turned about, {} along its rows and columns"


@pytest.mark.parametrize(
    ("text", "turned"),
    [("[::-1, ::-1]", W[::-1, ::-1]), ("[::-1]", W[::-1]), ("[:, ::-1]", W[:, ::-1])],
    ids=["both", "rows", "columns"],
)
def test_a_kernel_that_is_turned(text, turned):
    assert sentence(convolution("x", to_large(S, turned))) == FLIPPED.format("x", "W", text)
    assert sentence(transposed("x", to_small(L, turned))) == FLIPPED.format("x", "W", text)
    axes = {"[::-1, ::-1]": (0, 1), "[::-1]": 0, "[:, ::-1]": 1}[text]
    for made in (convolution, transposed):
        assert sentence(made("W", np.flip(to_kernel(L, S), axes))) == FLIPPED.format("W", "itself", text)


def test_of_a_right_gradient_nothing_is_said():
    assert sentence(convolution("x", to_large(S, W))) == sentence(transposed("W", to_kernel(L, S))) == ""
    assert sentence(convolution("x", None)) == sentence(convolution("b", S.sum((0, 1, 2)), b=normal(N))) == ""


def test_patches_that_are_turned():
    x = normal(2, 4, 3, 2)
    shape, pairs = places(x.shape, 2, 1, 0)
    y, dy, turned = np.zeros(shape), normal(*shape), np.zeros(x.shape)
    for pixel, number in pairs:
        y.flat[number] = x[pixel]
    by_entry = dy.reshape(2, 6, 2, 2, 2)[:, :, ::-1, ::-1].ravel()
    for pixel, number in pairs:
        turned[pixel] += by_entry[number]
    assert sentence(evidence(x, y, dy, "x", turned)) == FLIPPED.format("x", "the patches", "[::-1, ::-1]")


@pytest.mark.parametrize("stride", [1, 3, 4])
def test_another_stride_in_backward(stride):
    cause = "stride ignored" if stride == 1 else "wrong stride"
    for name, made, g in [
        ("x", convolution, to_large(S, W, stride=stride)),
        ("W", convolution, to_kernel(L, S, stride=stride)),
        ("x", transposed, to_small(L, W, stride=stride)),
        ("W", transposed, to_kernel(L, S, stride=stride)),
    ]:
        assert sentence(made(name, g)) == (
            f"{cause}: d{name} has windows {stride} apart, but in forward they are 2 apart"
        )


def test_a_stride_in_backward_alone():
    y = to_small(L, W, (M, 6, 4, N), 1, 1)
    dy = normal(*y.shape)
    says = "wrong stride: dx has windows 2 apart, but in forward they are 1 apart"
    assert sentence(evidence(L, y, dy, "x", to_large(dy, W, LARGE, 2, 1), W=W)) == says


@pytest.mark.parametrize(
    ("padding", "cause"), [(0, "padding off by one"), (2, "padding off by one"), (3, "wrong padding")]
)
def test_another_padding_in_backward(padding, cause):
    for name, made, g in [
        ("x", convolution, to_large(S, W, padding=padding)),
        ("W", convolution, to_kernel(L, S, padding=padding)),
        ("x", transposed, to_small(L, W, padding=padding)),
        ("W", transposed, to_kernel(L, S, padding=padding)),
    ]:
        assert (
            sentence(made(name, g))
            == f"{cause}: d{name} is what padding {padding} would give, but forward has padding 1"
        )


def test_padding_that_is_kept_and_pixels_that_are_all_cropped():
    """Three windows of 3 rows, 2 apart, reach over 7 rows; two windows of 2 columns over 4."""
    whole = to_large(S, W, (M, 7, 4, C), padding=0)
    assert sentence(convolution("x", whole)) == (
        "padding not cropped: dx (2, 7, 4, 2) holds the padding too: crop 1 on each side"
    )
    first = [0, 3, 1, 2]
    e = evidence(
        L.transpose(first), to_small(L, W).transpose(first), S.transpose(first), "x", whole.transpose(first), W=W
    )
    assert sentence(e) == "padding not cropped: dx (2, 2, 7, 4) holds the padding too: crop 1 on each side"
    one_apart = to_large(S, W, (M, 5, 3, C), stride=1, padding=0)
    assert sentence(convolution("x", one_apart[:, 1:-1, 1:-1])) == (
        "stride ignored: dx has windows 1 apart, but in forward they are 2 apart"
    )
    y, dy = to_small(L, W, (M, 2, 1, N), 2, 0), normal(M, 2, 1, N)
    assert sentence(evidence(L, y, dy, "x", L[:, 0:-0, 0:-0], W=W)) == (
        "all pixels cropped: dx is empty: with padding p = 0 p:-p holds nothing, p : p + h is right"
    )


OVERWRITTEN = "where windows overlap, use += window by window (with repeated indices it adds once), not ="


def by_entries(keep, reverse=False):
    """Entry by entry of the kernel, all windows at once."""
    out = np.zeros(LARGE)
    entries = list(np.ndindex(*KERNEL))
    for entry in entries[::-1] if reverse else entries:
        for w, k, p in connected(LARGE[1:3], SMALL[1:3], KERNEL, STRIDE, PADDING):
            if k == entry:
                out[:, p[0], p[1]] = S[:, w[0], w[1]] @ W[k].T + keep * out[:, p[0], p[1]]
    return out


def test_patches_that_overwrite_each_other():
    assert np.allclose(by_entries(1), to_large(S, W))
    says = f"overlapping patches overwritten: dx keeps one patch of those that meet in a pixel: {OVERWRITTEN}"
    for g in (to_large(S, W, keep=0), by_entries(0), by_entries(0, reverse=True)):
        assert sentence(convolution("x", g)) == says
    says = says.replace("dx keeps", "forward keeps")
    for y in (to_large(S, W, keep=0), by_entries(0)):
        for name, g in (("x", to_small(L, W)), ("W", to_kernel(L, S))):
            assert sentence(evidence(S, y, L, name, g, W=W)) == says
    assert sentence(evidence(S, y, L, "x", to_small(L, W) + 0.1, W=W)) == ""


def test_patches_that_are_averaged_or_counted_twice():
    right, counts = to_large(S, W), np.zeros(LARGE[1:3])
    for _, _, p in connected(LARGE[1:3], SMALL[1:3], KERNEL, STRIDE, PADDING):
        counts[p] += 1
    assert {*counts.ravel()} == {1.0, 2.0}  # windows 2 apart, of 3 rows and of 2 columns
    counts = counts[None, :, :, None]
    assert sentence(convolution("x", right / np.maximum(counts, 1))) == (
        "overlapping patches averaged: dx is divided by how many windows see a pixel; fold is their sum"
    )
    assert sentence(convolution("x", right * counts)) == (
        "overlapping patches counted twice: dx is multiplied by how many windows see a pixel"
    )


@pytest.mark.parametrize(
    ("entries", "where"),
    [
        ([(0, 1)], "[0, 1]"),
        ([(0, 1), (1, 0), (2, 1)], "[0, 1], [1, 0], [2, 1]"),
        ([(0, 0), (0, 1), (1, 1), (2, 0)], "[0, 0], [0, 1], [1, 1] …"),
    ],
)
def test_entries_of_the_kernel_that_are_left_out_or_counted_twice(entries, where):
    places = [("k", *entry) for entry in entries]
    lacks = f"part of the kernel left out: dx lacks entry {where}: look for a loop that ends early"
    twice = f"overlapping patches counted twice: dx has entry {where} of the kernel twice"
    for made, back, dy in ((convolution, to_large, S), (transposed, to_small, L)):
        assert sentence(made("x", back(dy, W, times=but(*places)))) == lacks
        assert sentence(made("x", back(dy, W, times=but(*places, count=2)))) == twice


@pytest.mark.parametrize(
    ("windows", "where"),
    [
        ([(0, 1)], "[0, 1]"),
        ([(0, 1), (1, 0), (2, 1)], "[0, 1], [1, 0], [2, 1]"),
        ([(0, 0), (0, 1), (1, 1), (2, 0)], "[0, 0], [0, 1], [1, 1] …"),
    ],
)
def test_windows_that_are_left_out_or_counted_twice(windows, where):
    for name, made, back, given in [
        ("x", convolution, to_large, (S, W)),
        ("W", convolution, to_kernel, (L, S)),
        ("W", transposed, to_kernel, (L, S)),
    ]:
        assert sentence(made(name, back(*given, times=but(*windows)))) == (
            f"windows left out: d{name} lacks window {where}: look for a loop that ends early"
        )
        assert sentence(made(name, back(*given, times=but(*windows, count=2)))) == (
            f"overlapping patches counted twice: d{name} counts window {where} more than once"
        )


@pytest.mark.parametrize("window", [(0, 0), (1, 0), (2, 1)])
def test_one_window_alone(window):
    g = to_kernel(L, S, times=lambda w, k: w == window)
    says = f"not summed over the windows: dW has window {list(window)} alone: use +=, not ="
    assert sentence(convolution("W", g)) == sentence(transposed("W", g)) == says


IMAGE, AXES = ("images", "rows", "columns", "channels"), ("rows", "columns", "channels", "filters")


def mixed(a, order):
    """Both ways to mix up an array and the same with its axes in another order."""
    yield a.transpose(order).reshape(a.shape)
    yield a.reshape([a.shape[i] for i in order]).transpose(np.argsort(order))


def test_patches_with_their_channels_first_or_with_rows_for_columns():
    x = normal(2, 4, 3, 2)
    shape, pairs = places(x.shape, 2, 1, 0)
    y, dy = np.zeros(shape), normal(*shape)
    for pixel, number in pairs:
        y.flat[number] = x[pixel]
    by_entry = dy.reshape(12, 2, 2, 2)
    for misread, swapped, theirs in (
        (by_entry.transpose(0, 3, 1, 2), "channels and pixels", "channels, rows, columns"),
        (by_entry.transpose(0, 2, 1, 3), "rows and columns", "columns, rows, channels"),
    ):
        dx = np.zeros(x.shape)
        for pixel, number in pairs:
            dx[pixel] += misread.ravel()[number]
        assert sentence(evidence(x, y, dy, "x", dx)) == (
            f"{swapped} swapped:  in the orders (rows, columns, channels) and ({theirs}) are mixed up; "
            "transpose moves axes, reshape does not"
        )


@pytest.mark.parametrize("order", [(0, 3, 1, 2), (2, 0, 1, 3), (1, 0, 2, 3)])
def test_axes_that_are_mixed_up(order):
    def orders(what, names):
        return f"{what} in the orders ({', '.join(names)}) and ({', '.join(names[i] for i in order)}) are mixed up"

    for way in range(2):
        wrong_W, wrong_S, wrong_L = ([*mixed(a, order)][way] for a in (W, S, L))
        wrong_dx, wrong_dW = [*mixed(to_large(S, W), order)][way], [*mixed(to_kernel(L, S), order)][way]
        for e, what, names in [
            (convolution("x", to_large(S, wrong_W)), "W", AXES),
            (convolution("W", wrong_dW), "dW", AXES),
            (convolution("x", to_large(wrong_S, W)), "dy", IMAGE),
            (convolution("x", wrong_dx), "dx", IMAGE),
            (convolution("W", to_kernel(wrong_L, S)), "x", IMAGE),
            (transposed("W", to_kernel(wrong_L, S)), "dy", IMAGE),
        ]:
            cause, colon, text = sentence(e).partition(": ")
            assert (colon, text) == (": ", orders(what, names) + "; transpose moves axes, reshape does not")
            moved = {name for name, i in zip(names, order, strict=True) if names[i] != name}
            pixels, maps = moved & {"rows", "columns"}, moved & {"channels", "filters"}
            expected = "channels and pixels" if pixels and maps else " and ".join(n for n in names if n in moved)
            assert cause == f"{expected} swapped"
