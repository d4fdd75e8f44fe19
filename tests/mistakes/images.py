"""Backward passes of convolutions, of transposed ones, of unfold and of fold: wrong ones, and right ones."""

from __future__ import annotations

import itertools

import numpy as np

from . import draw, right, wrong

K, C, N = 3, 2, 4  # the kernel's side, channels in, channels out
X = (2, 5, 3, C)


def windows(x, stride, kernel=K):
    """(row, column) of each window's output, and the slices of its pixels."""
    counts = [(side - kernel) // stride + 1 for side in x.shape[1:3]]
    for r, s in itertools.product(*map(range, counts)):
        yield (r, s), (slice(stride * r, stride * r + kernel), slice(stride * s, stride * s + kernel))


def padded(x, p):
    (m, h, w, c) = x.shape
    out = np.zeros((m, h + 2 * p, w + 2 * p, c))
    out[:, p : p + h, p : p + w] = x
    return out


def convolve(x, W, stride=2, p=1):
    """Window by window: x (m, h, w, c), W (k, k, c, n)."""
    x = padded(x, p)
    y = np.zeros((len(x), *[(side - len(W)) // stride + 1 for side in x.shape[1:3]], W.shape[3]))
    for (r, s), (R, S) in windows(x, stride, len(W)):
        y[:, r, s] = x[:, R, S].reshape(len(x), -1) @ W.reshape(-1, W.shape[3])
    return y


def convolve_back(dy, x, W, stride=2, p=1):
    dx, dW, x = np.zeros(padded(x, p).shape), np.zeros_like(W), padded(x, p)
    for (r, s), (R, S) in windows(x, stride, len(W)):
        dx[:, R, S] += np.tensordot(dy[:, r, s], W, ((1,), (3,)))
        dW += np.tensordot(x[:, R, S], dy[:, r, s], ((0,), (0,)))
    h, w = (side - 2 * p for side in dx.shape[1:3])
    return dx[:, p : p + h, p : p + w], dW


def transpose(x, W, stride=2, p=1):
    """Window by window: x (m, h, w, n_in), W (n_in, k, k, n_out)."""
    k = W.shape[1]
    y = np.zeros((len(x), *[(side - 1) * stride + k for side in x.shape[1:3]], W.shape[3]))
    for (r, s), (R, S) in windows(y, stride, k):
        y[:, R, S] += (x[:, r, s] @ W.reshape(len(W), -1)).reshape(-1, *W.shape[1:])
    h, w = (side - 2 * p for side in y.shape[1:3])
    return y[:, p : p + h, p : p + w]


def transpose_back(dy, x, W, stride=2, p=1):
    dx, dW, dy = np.zeros_like(x), np.zeros_like(W), padded(dy, p)
    for (r, s), (R, S) in windows(dy, stride, W.shape[1]):
        dx[:, r, s] = np.tensordot(dy[:, R, S], W, ((1, 2, 3), (1, 2, 3)))
        dW += np.tensordot(x[:, r, s], dy[:, R, S], ((0,), (0,)))
    return dx, dW


def conv(dx=None, dW=None, db=None, x=X, **how):
    """A convolution with a bias; dx, dW and db, functions of (dy, x, W), take the place of the right gradients."""
    W, b = draw(K, K, x[3], N), draw(N)

    def backward(dy, x):
        right = convolve_back(dy, x, W, **how)
        return dx(dy, x, W) if dx else right[0], {
            "W": dW(dy, x, W) if dW else right[1],
            "b": db(dy) if db else dy.sum(axis=(0, 1, 2)),
        }

    return dict(
        forward=lambda x: (convolve(x, W, **how) + b, x), backward=backward, x=draw(*x), params={"W": W, "b": b}
    )


def up(dx=None, dW=None, forward=transpose, **how):
    """A transposed convolution."""
    W = draw(C, K, K, N)

    def backward(dy, x):
        right = transpose_back(dy, x, W, **how)
        return dx(dy, x, W) if dx else right[0], {"W": dW(dy, x, W) if dW else right[1]}

    return dict(forward=lambda x: (forward(x, W, **how), x), backward=backward, x=draw(2, 3, 2, C), params={"W": W})


def unfold(x, stride=1):
    return np.stack([x[:, R, S].reshape(len(x), -1) for _, (R, S) in windows(x, stride)], axis=1)


def fold(c, x, stride=1):
    out = np.zeros_like(x)
    for patch, (_, (R, S)) in zip(c.swapaxes(0, 1), windows(x, stride), strict=True):
        out[:, R, S] += patch.reshape(out[:, R, S].shape)
    return out


# --- the kernel


@wrong("kernel flipped", "x")
def convolution_whose_backward_convolves_with_the_kernel_unturned():
    return conv(dx=lambda dy, x, W: convolve_back(dy, x, W[::-1, ::-1])[0])


@wrong("kernel flipped", "W")
def convolution_whose_dW_is_turned():
    return conv(dW=lambda dy, x, W: convolve_back(dy, x, W)[1][::-1, ::-1])


@wrong("kernel flipped", "x")
def true_convolution_whose_backward_forgets_to_turn():
    W = draw(K, K, C, N)

    def backward(dy, x):
        dx, dW = convolve_back(dy, x, W)
        return dx, {"W": dW[::-1, ::-1]}

    return dict(forward=lambda x: (convolve(x, W[::-1, ::-1]), x), backward=backward, x=draw(*X), params={"W": W})


@wrong("kernel flipped", "x", "[::-1] along")
def convolution_with_its_kernel_upside_down():
    return conv(dx=lambda dy, x, W: convolve_back(dy, x, W[::-1])[0])


@wrong("kernel flipped", "x")
def transposed_convolution_with_the_kernel_turned():
    return up(dx=lambda dy, x, W: transpose_back(dy, x, W[:, ::-1, ::-1])[0])


@wrong("kernel flipped", "x")
def convolution_of_one_grey_image():
    W = draw(K, K)

    def forward(x):
        return convolve(x[None, :, :, None], W[:, :, None, None], 1, 0)[0, :, :, 0], x

    def backward(dy, x):
        x, dy = x[None, :, :, None], dy[None, :, :, None]
        dx = convolve_back(dy, x, W[::-1, ::-1, None, None], 1, 0)[0]
        return dx[0, :, :, 0], {"W": convolve_back(dy, x, W[:, :, None, None], 1, 0)[1][:, :, 0, 0]}

    return dict(forward=forward, backward=backward, x=draw(7, 5), params={"W": W})


@wrong("kernel flipped", "x")
def convolution_whose_W_is_a_matrix():
    W = draw(K * K * C, N)

    def shaped(W):
        return W.reshape(K, K, C, N)

    def backward(dy, x):
        dx = convolve_back(dy, x, shaped(W)[::-1, ::-1])[0]
        return dx, {"W": convolve_back(dy, x, shaped(W))[1].reshape(W.shape)}

    return dict(forward=lambda x: (convolve(x, shaped(W)), x), backward=backward, x=draw(*X), params={"W": W})


@wrong("part of the kernel left out", "x", "[2, 0], [2, 1], [2, 2]")
def convolution_whose_loop_over_the_kernel_ends_early():
    def dx(dy, x, W):
        W = W.copy()
        W[2] = 0
        return convolve_back(dy, x, W)[0]

    return conv(dx=dx)


# --- padding


@wrong("padding off by one", "x", "padding 0 would give, but forward has padding 1")
def convolution_that_crops_from_the_corner():
    def dx(dy, x, W):
        out = np.zeros(padded(x, 1).shape)
        for (r, s), (R, S) in windows(out, 2):
            out[:, R, S] += np.tensordot(dy[:, r, s], W, ((1,), (3,)))
        return out[:, : x.shape[1], : x.shape[2]]

    return conv(dx=dx)


@wrong("padding off by one", "W", "padding 2 would give, but forward has padding 1")
def convolution_whose_dW_pads_by_one_too_many():
    def dW(dy, x, W):
        out, x = np.zeros_like(W), padded(x, 2)
        for r, s in np.ndindex(*dy.shape[1:3]):
            out += np.tensordot(x[:, 2 * r : 2 * r + K, 2 * s : 2 * s + K], dy[:, r, s], ((0,), (0,)))
        return out

    return conv(dW=dW)


@wrong("padding not cropped", "x", "crop 1 on each side")
def convolution_that_returns_its_padding_too():
    def dx(dy, x, W):
        out = np.zeros(padded(x, 1).shape)
        for (r, s), (R, S) in windows(out, 2):
            out[:, R, S] += np.tensordot(dy[:, r, s], W, ((1,), (3,)))
        return out

    return conv(dx=dx)


@wrong("all pixels cropped", "x")
def convolution_without_padding_that_crops_it():
    return conv(dx=lambda dy, x, W: convolve_back(dy, x, W, p=0)[0][:, 0:-0, 0:-0], p=0)


@wrong("padding off by one", "x")
def transposed_convolution_whose_backward_pads_too_little():
    return up(dx=lambda dy, x, W: convolve(np.pad(dy, [(0, 0), (0, 2), (0, 2), (0, 0)]), np.moveaxis(W, 0, 3), 2, 0))


# --- the stride


@wrong("stride ignored", "x", "1 apart, but in forward they are 2 apart")
def convolution_that_lays_patches_down_side_by_side():
    def dx(dy, x, W):
        out = np.zeros(padded(x, 1).shape)
        for r, s in np.ndindex(*dy.shape[1:3]):
            out[:, r : r + K, s : s + K] += np.tensordot(dy[:, r, s], W, ((1,), (3,)))
        return out[:, 1:-1, 1:-1]

    return conv(dx=dx)


@wrong("stride ignored", "x")
def convolution_whose_backward_is_that_of_stride_1():
    def dx(dy, x, W):
        spread = np.pad(dy, [(0, 0), (1, 1), (1, 1), (0, 0)])  # no zeros between the pixels of dy
        return convolve(spread, W[::-1, ::-1].swapaxes(2, 3), 1, 0)

    return conv(dx=dx)


@wrong("stride ignored", "W")
def convolution_whose_dW_takes_patches_side_by_side():
    def dW(dy, x, W):
        out, x = np.zeros_like(W), padded(x, 1)
        for r, s in np.ndindex(*dy.shape[1:3]):
            out += np.tensordot(x[:, r : r + K, s : s + K], dy[:, r, s], ((0,), (0,)))
        return out

    return conv(dW=dW)


@wrong("wrong stride", "x", "3 apart, but in forward they are 2 apart")
def convolution_whose_backward_steps_by_the_kernel():
    def dx(dy, x, W):
        out = np.zeros((len(x), 3 * dy.shape[1], 3 * dy.shape[2], C))
        for r, s in np.ndindex(*dy.shape[1:3]):
            out[:, 3 * r : 3 * r + K, 3 * s : 3 * s + K] += np.tensordot(dy[:, r, s], W, ((1,), (3,)))
        return out[:, 1:6, 1:4]

    return conv(dx=dx)


# --- patches that overlap


@wrong("overlapping patches overwritten", "x")
def convolution_that_overwrites_window_by_window():
    def dx(dy, x, W):
        out = np.zeros(padded(x, 1).shape)
        for (r, s), (R, S) in windows(out, 2):
            out[:, R, S] = np.tensordot(dy[:, r, s], W, ((1,), (3,)))
        return out[:, 1:-1, 1:-1]

    return conv(dx=dx)


@wrong("overlapping patches overwritten", "x")
def convolution_that_overwrites_entry_by_entry_of_the_kernel():
    def dx(dy, x, W):
        out, (h, w) = np.zeros(padded(x, 1).shape), dy.shape[1:3]
        for p, q in np.ndindex(K, K):
            out[:, p : p + 2 * h : 2, q : q + 2 * w : 2] = dy @ W[p, q].T
        return out[:, 1:-1, 1:-1]

    return conv(dx=dx)


@wrong("overlapping patches overwritten", "x", "repeated indices")
def fold_with_indices_that_repeat():
    """`a[i] += b` adds once where an index occurs twice; np.add.at adds twice."""
    places = np.array([np.arange(15).reshape(5, 3)[R, S].ravel() for _, (R, S) in windows(np.zeros(X), 1)])

    def back(dy, x):
        out = np.zeros((len(x), 15, C))
        out[:, places.ravel()] += dy.reshape(len(x), -1, C)
        return out.reshape(x.shape)

    return dict(forward=lambda x: (unfold(x), x), backward=back, x=draw(*X))


@wrong("overlapping patches overwritten", "x", "forward keeps one patch")
def transposed_convolution_whose_forward_overwrites():
    def forward(x, W):
        y = np.zeros((len(x), 7, 5, N))
        for (r, s), (R, S) in windows(y, 2):
            y[:, R, S] = np.tensordot(x[:, r, s], W, 1)
        return y[:, 1:-1, 1:-1]

    return up(forward=forward)


@wrong("overlapping patches overwritten", "x", "repeated indices")
def fold_of_columns_channels_first():
    """Patches as PyTorch lays them out, (m, c · k · k, h' · w')."""

    def columns(x):
        parts = [x[:, :, R, S].reshape(len(x), -1) for _, (R, S) in windows(np.zeros((1, 6, 4, 1)), 1)]
        return np.stack(parts, axis=2)

    def back(dy, x):
        out = np.zeros_like(x)
        for patch, (_, (R, S)) in zip(np.moveaxis(dy, 2, 0), windows(np.zeros((1, 6, 4, 1)), 1), strict=True):
            out[:, :, R, S] = patch.reshape(len(x), C, K, K)
        return out

    return dict(forward=lambda x: (columns(x), x), backward=back, x=draw(2, C, 6, 4))


@wrong("overlapping patches averaged", "x")
def fold_as_the_inverse_of_unfold():
    def back(dy, x):
        return fold(dy, x) / fold(unfold(np.ones_like(x)), x)

    return dict(forward=lambda x: (unfold(x), x), backward=back, x=draw(*X))


@wrong("overlapping patches counted twice", "x")
def fold_by_strips_that_overlap():
    """Strips of two columns do not overlap with stride 2, but the loop steps by one."""

    def dx(dy, x, W):
        out, (h, w) = np.zeros(padded(x, 1).shape), dy.shape[1:3]
        for p, left in itertools.product(range(K), range(K - 1)):
            for q in (left, left + 1):
                out[:, p : p + 2 * h : 2, q : q + 2 * w : 2] += dy @ W[p, q].T
        return out[:, 1:-1, 1:-1]

    return conv(dx=dx)


@wrong("overlapping patches counted twice", "x")
def fold_of_what_unfold_made():
    return dict(forward=lambda x: (unfold(x), x), backward=lambda dy, x: fold(unfold(fold(dy, x)), x), x=draw(*X))


@wrong("not summed over the windows", "W")
def convolution_that_keeps_the_last_window_for_dW():
    def dW(dy, x, W):
        for (r, s), (R, S) in windows(padded(x, 1), 2):
            out = np.tensordot(padded(x, 1)[:, R, S], dy[:, r, s], ((0,), (0,)))
        return out

    return conv(dW=dW)


@wrong("windows left out", "W", "[0, 1], [1, 1], [2, 1]")
def convolution_whose_loop_over_columns_ends_early():
    def dW(dy, x, W):
        return convolve_back(np.concatenate([dy[:, :, :-1], 0 * dy[:, :, -1:]], axis=2), x, W)[1]

    return conv(dW=dW)


@wrong("windows left out", "x")
def fold_that_forgets_the_last_row_of_patches():
    def back(dy, x):
        dy[:, -1:] = 0
        return fold(dy, x)

    return dict(forward=lambda x: (unfold(x), x), backward=lambda dy, x: back(dy.copy(), x), x=draw(*X))


# --- channels and pixels


@wrong("channels and pixels swapped", "W")
def convolution_whose_patches_have_their_channels_first():
    def dW(dy, x, W):
        return np.moveaxis(convolve_back(dy, x, W)[1], 2, 0).reshape(W.shape)

    return conv(dW=dW)


@wrong("channels and pixels swapped", "x", "W in the orders")
def convolution_whose_W_is_reshaped_channels_first():
    return conv(dx=lambda dy, x, W: convolve_back(dy, x, W.reshape(C, K, K, N).transpose(1, 2, 0, 3))[0])


@wrong("channels and pixels swapped", "x", "dx in the orders")
def convolution_whose_dx_is_reshaped_to_channels_last():
    return conv(dx=lambda dy, x, W: np.moveaxis(convolve_back(dy, x, W)[0], 3, 1).reshape(x.shape))


@wrong(
    "channels and pixels swapped",
    "W",
    "dy in the orders (images, rows, columns, channels) and (images, channels, rows, columns)",
)
def convolution_whose_dy_is_reshaped_to_channels_first():
    def dW(dy, x, W):
        m, h, w, n = dy.shape
        return convolve_back(np.moveaxis(dy.reshape(m, n, h, w), 1, 3), x, W)[1]

    return conv(dW=dW)


@wrong("rows and columns swapped", "W")
def convolution_whose_dW_has_rows_for_columns():
    return conv(dW=lambda dy, x, W: convolve_back(dy, x, W)[1].swapaxes(0, 1))


@wrong("axes swapped", "W", "dW (3, 3, 4, 2) is correct after transpose(0, 1, 3, 2)")
def convolution_whose_dW_has_channels_out_before_channels_in():
    return conv(dW=lambda dy, x, W: convolve_back(dy, x, W)[1].swapaxes(2, 3))


@wrong("channels and filters swapped", "x")
def convolution_of_as_many_channels_as_filters():
    return conv(dx=lambda dy, x, W: convolve_back(dy, x, W.swapaxes(2, 3))[0], x=(2, 5, 3, N))


@wrong("channels and pixels swapped", "W")
def convolution_channels_first_whose_columns_are_misread():
    """As in many an im2col: rows of c · k · k numbers taken for k · k · c."""
    W = draw(N, C, K, K)

    def forward(x):
        return np.moveaxis(convolve(np.moveaxis(x, 1, 3), W.transpose(2, 3, 1, 0)), 3, 1), x

    def backward(dy, x):
        dx, dW = convolve_back(np.moveaxis(dy, 1, 3), np.moveaxis(x, 1, 3), W.transpose(2, 3, 1, 0))
        return np.moveaxis(dx, 3, 1), {"W": dW.reshape(-1, N).T.reshape(W.shape)}

    return dict(forward=forward, backward=backward, x=draw(2, C, 5, 3), params={"W": W})


# --- the bias


@wrong("not summed over pixels", "b", "(2, 4)")
def convolution_whose_db_has_rows():
    return conv(db=lambda dy: dy.sum(axis=(0, 1)))


@wrong("not summed over pixels", "b")
def convolution_whose_db_is_summed_over_the_batch_alone():
    return conv(db=lambda dy: dy.sum(axis=0))


@wrong("averaged over pixels instead of summed", "b")
def convolution_whose_db_is_a_mean():
    return conv(db=lambda dy: dy.mean(axis=(0, 1, 2)))


# --- what has nothing to do with windows


@wrong("sign flipped", "W")
def convolution_with_the_sign_of_dW_flipped():
    return conv(dW=lambda dy, x, W: -convolve_back(dy, x, W)[1])


@wrong("averaged over the batch instead of summed", "W")
def convolution_with_dW_averaged():
    return conv(dW=lambda dy, x, W: convolve_back(dy, x, W)[1] / len(x))


@wrong("derivative taken at dy instead of x", "x")
def leaky_relu_of_images_with_its_mask_from_dy():
    return dict(
        forward=lambda x: np.where(x > 0, x, 0.2 * x), backward=lambda dy, x: dy * np.where(dy > 0, 1, 0.2), x=draw(*X)
    )


@wrong("gradient missing", "x")
def convolution_that_returns_no_dx():
    return conv(dx=lambda dy, x, W: np.zeros_like(x))


# --- right ones


@right
def convolution_with_stride_and_padding():
    return conv()


@right
def convolution_with_windows_that_do_not_reach_the_end():
    return conv(x=(2, 8, 6, C), stride=3, p=0)


@right
def convolution_of_one_window():
    return conv(x=(1, 3, 3, 1), stride=1, p=0)


@right
def transposed_convolution():
    return up()


@right
def true_convolution():
    W = draw(K, K, C, N)

    def backward(dy, x):
        dx, dW = convolve_back(dy, x, W[::-1, ::-1])
        return dx, {"W": dW[::-1, ::-1]}

    return dict(forward=lambda x: (convolve(x, W[::-1, ::-1]), x), backward=backward, x=draw(*X), params={"W": W})


@right
def unfold_and_its_adjoint():
    return dict(forward=lambda x: (unfold(x, 2), x), backward=lambda dy, x: fold(dy, x, 2), x=draw(*X))


@right
def fold_and_its_adjoint():
    like = np.zeros(X)
    return dict(forward=lambda c: (fold(c, like), c), backward=lambda dy, c: unfold(dy), x=draw(2, 3, K * K * C))


@right
def leaky_relu_of_a_convolution():
    W = draw(K, K, C, N)

    def forward(x):
        h = convolve(x, W)
        return np.where(h > 0, h, 0.2 * h), (x, h)

    def backward(dy, cache):
        x, h = cache
        dx, dW = convolve_back(dy * np.where(h > 0, 1, 0.2), x, W)
        return dx, {"W": dW}

    return dict(forward=forward, backward=backward, x=draw(*X), params={"W": W})
