"""What the properties are tried on: networks of any stack, batches of any shape and scale, losses, logits."""

import numpy as np
from hypothesis import strategies as st

import numgan as ng
from numgan.losses import Hinge, LeastSquares, Minimax, NonSaturating, Wasserstein

WIDEST, LARGEST_BATCH = 5, 5

seeds = st.integers(0, 2**32 - 1)
widths = st.integers(1, WIDEST)
batches = st.integers(1, LARGEST_BATCH)
scales = st.sampled_from([1e-4, 1e-2, 1.0, 30.0, 1e3])
smoothing = st.floats(0.05, 1.0)

losses = st.one_of(
    st.builds(Minimax, smoothing),
    st.builds(NonSaturating, smoothing),
    st.sampled_from([LeastSquares(), Wasserstein(), Hinge()]),
)

smooth_activations = st.builds(ng.Tanh) | st.builds(ng.Sigmoid)
kinked_activations = st.builds(ng.ReLU) | st.builds(ng.LeakyReLU, st.floats(0.01, 1.0))


@st.composite
def stacks(draw, n_in, n_out=None, depth=3, smooth=False, rowwise=False):
    """A list of layers from width n_in to n_out, with a network inside the network now and then."""
    stack, width = [], n_in
    for _ in range(draw(st.integers(0, depth))):
        layers, width = draw(blocks(width, smooth, rowwise))
        stack += [ng.Network(layers)] if draw(st.booleans()) else layers
    last = draw(widths) if n_out is None else n_out
    return [*stack, ng.Linear(width, last)]


@st.composite
def blocks(draw, n, smooth, rowwise):
    """One layer or two that belong together, and the width after them."""
    n_out = draw(widths)
    kinds = ["dense", "activation"]
    kinds += [] if smooth else ["maxout", "dropout"]
    kinds += [] if rowwise else ["norm"]
    activation = draw(smooth_activations if smooth else smooth_activations | kinked_activations)
    return {
        "dense": ([ng.Linear(n, n_out), activation], n_out),
        "activation": ([activation], n),
        "maxout": ([ng.Maxout(n, n_out, draw(st.integers(1, 3)))], n_out),
        "dropout": ([ng.Dropout(draw(st.floats(0, 0.9)))], n),
        "norm": ([ng.BatchNorm(n, eps=1e-2)], n),
    }[draw(st.sampled_from(kinds))]


@st.composite
def networks(draw, n_in=None, **kinds):
    """A network in float64 whose every parameter is a random number: fresh ones have b = 0 and γ = 1."""
    n_in = draw(widths) if n_in is None else n_in
    net = ng.Network(draw(stacks(n_in, **kinds)), dtype="float64")
    rng = np.random.default_rng(draw(seeds))
    net.theta += 0.3 * rng.standard_normal(net.size)
    net.calibrate(rng.standard_normal((9, n_in)))
    return net


@st.composite
def arrays(draw, *shape, scale=1.0):
    """Standard normal numbers: shrinks by its seed alone, and meets no kink on purpose."""
    return scale * np.random.default_rng(draw(seeds)).standard_normal(shape)


@st.composite
def cases(draw, **kinds):
    """A network, a batch for it, and whether it trains."""
    net = draw(networks(**kinds))
    return net, draw(arrays(draw(batches), net.n_in)), draw(st.booleans())


@st.composite
def games(draw, **kinds):
    """G, D, x, z and a loss."""
    n_z, n_x, m = draw(widths), draw(widths), draw(batches)
    G, D = draw(networks(n_z, n_out=n_x, **kinds)), draw(networks(n_x, n_out=1, **kinds))
    return G, D, draw(arrays(m, n_x)), draw(arrays(m, n_z)), draw(losses)


@st.composite
def logits(draw, largest=1e4):
    """A column of logits, as extreme as they may come."""
    numbers = st.floats(-largest, largest) | st.sampled_from([-largest, 0.0, largest])
    return np.array(draw(st.lists(numbers, min_size=1, max_size=LARGEST_BATCH)))[:, None]
