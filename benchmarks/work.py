"""How much a step computes: the multiplications and additions of its matrix products, counted while it is made."""

import contextlib
import math

from numgan.layers import ALL, AdaIN, Conv2d, ConvTranspose2d
from numgan.layers.base import rows_of


def operations(run):
    """Of an update of both players, forward and backward passes and penalties: the mean of the next few, as many as
    it takes until a penalty is due again. They are made."""
    n = run.penalty.every if run.penalty else 1
    with counted() as count:
        list(run.steps(n, every=n))
    return count["operations"] / n


@contextlib.contextmanager
def counted():
    """Counts while it lasts, in every layer with weights W: each pass makes one product with W, or two."""
    count, kept = {"operations": 0}, []
    for kind in (*ALL, AdaIN):
        for name, passes in PASSES.items():
            if name in vars(kind):
                kept.append((kind, name, vars(kind)[name]))
                setattr(kind, name, counting(vars(kind)[name], passes, count))
    try:
        yield count
    finally:
        for kind, name, method in kept:
            setattr(kind, name, method)


def counting(method, passes, count):
    def counted_method(layer, *args, **options):
        result = method(layer, *args, **options)
        if weights := {"W", "A"} & layer.shapes.keys():
            products, places = passes(layer, result, *args, **options)
            count["operations"] += 2 * products * places * getattr(layer, weights.pop()).size
        return result

    return counted_method


def forward(layer, result, x, *_, **__):
    return 1, places(layer, rows_of(x), result[0])


def backward(layer, result, dy, cache, params=True, inputs=True, add=True):
    """dW and dx are a product each."""
    return params + inputs, places(layer, cache, dy)


def tangent(layer, result, v, dy, cache):
    """J v, and what the sweep adds to dW."""
    return 2, places(layer, v, dy)


def places(layer, x, y):
    """How often W is used: once for each row, or once for each pixel of the image that is not unfolded."""
    image = {Conv2d: y, ConvTranspose2d: x}.get(type(layer))
    return len(y) if image is None else math.prod(image.shape[:-1])


PASSES = {"forward": forward, "backward": backward, "tangent": tangent}
