"""The arrays of a layer where images are (m, c, h, w), as in PyTorch and in most textbooks, and back again."""

import numpy as np

from benchmarks.speed.networks import Conv, ConvTranspose, Dense

CONV, TRANSPOSED = (3, 2, 0, 1), (0, 3, 1, 2)  # from (k, k, n_in, n_out) and (n_in, k, k, n_out)


def channels_first(layer, arrays):
    """W (n_out, n_in, k, k) of a Conv, (n_in, n_out, k, k) of a ConvTranspose; W of a Dense counts in (c, h, w)."""
    match layer, arrays:
        case ConvTranspose(), (W, *b):
            return W.transpose(TRANSPOSED), *b
        case Conv(), (W, *b):
            return W.transpose(CONV), *b
        case Dense(x, y), (W, *b):
            return W[np.ix_(order(x), order(y))], *(b[order(y)] for b in b)
    return arrays


def channels_last(layer, arrays):
    """What `channels_first` was given."""
    match layer, arrays:
        case ConvTranspose(), (W, *b):
            return W.transpose(np.argsort(TRANSPOSED)), *b
        case Conv(), (W, *b):
            return W.transpose(np.argsort(CONV)), *b
        case Dense(x, y), (W, *b):
            x, y = np.argsort(order(x)), np.argsort(order(y))
            return W[np.ix_(x, y)], *(b[y] for b in b)
    return arrays


def order(shape):
    """Where the numbers of (c, h, w), one after the other, stand in (h, w, c); a row (n,) stays as it is."""
    places = np.arange(np.prod(shape)).reshape(shape)
    return np.moveaxis(places, -1, 0).ravel()
