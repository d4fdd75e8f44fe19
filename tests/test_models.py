"""The named models, layer by layer and figure by figure, as the papers and the docstrings have them.

Every figure here is written out by hand. What a network is made of is read from its layers; how wide its first values
are, from the values themselves.
"""

import math
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

import numgan as ng
from numgan import models
from numgan.backend import asnumpy
from numgan.layers import BatchNorm, Concat, Conv2d, ConvTranspose2d, Label, Linear, Maxout, Split

SEED = 3


def data(*shape, n=7, classes=3, low=-1.0, domains=1):
    x = np.random.default_rng(0).uniform(low, 1, (n, math.prod(shape))).astype("float32")
    return ng.data.Data(x, labels=np.arange(n) % classes, image_shape=shape, range=(low, 1), domains=domains)


# odd sizes, so that no two sides are alike
SIDES = {"dcgan": (8, 12, 3), "cdcgan": (8, 12, 3), "dcgan64": (64, 64, 3), "cogan": (16, 12, 3)}
SIDES |= {"progan": (28, 28), "stylegan": (28, 28)}


@pytest.fixture(scope="module")
def pairs():
    """(G, D) of every model."""
    return {
        name: model.networks(data(*SIDES.get(name, (3, 5)), domains=1 + (name == "cogan")), SEED)
        for name, model in models.BY_NAME.items()
    }


def spelled(layer):
    """The layer's name with its sizes, and what else is not as usual."""
    kind = type(layer).__name__
    if isinstance(layer, Conv2d | ConvTranspose2d):
        steps = f" {layer.kernel}×{layer.kernel}/{layer.stride} padding {layer.padding}"
        return f"{kind} {layer.n_in} {layer.n_out}{steps}{'' if layer.bias else ' no bias'}"
    if isinstance(layer, Linear | Maxout):
        return f"{kind} {layer.n_in} {layer.n_out}" + (f" pieces {layer.pieces}" if isinstance(layer, Maxout) else "")
    if isinstance(layer, Concat | Split | ng.Network):
        return f"{kind}: {', '.join(map(spelled, layer.layers))}".removeprefix("Network: ")
    return " ".join([kind, *(str(value) for name, value in settings_of(layer) if name not in ("eps", "std"))])


def settings_of(layer):
    return [(field.name, getattr(layer, field.name)) for field in fields(layer)] if is_dataclass(layer) else []


LEAKY = "LeakyReLU 0.2"
LAYERS = {
    "images": (
        ["Linear 32 256", LEAKY, "Linear 256 512", LEAKY, "Linear 512 15", "Tanh"],
        ["Linear 15 512", LEAKY, "Linear 512 256", LEAKY, "Linear 256 1"],
    ),
    "points": (
        ["Linear 2 128", LEAKY, "Linear 128 128", LEAKY, "Linear 128 15"],
        ["Linear 15 128", LEAKY, "Linear 128 128", LEAKY, "Linear 128 1"],
    ),
    "goodfellow2014": (
        ["Linear 100 1200", "ReLU", "Linear 1200 1200", "ReLU", "Linear 1200 15", "Sigmoid"],
        [
            *("Dropout 0.2", "Maxout 15 240 pieces 5", "Dropout 0.5", "Maxout 240 240 pieces 5"),
            *("Dropout 0.5", "Linear 240 1"),
        ],
    ),
    "dcgan": (
        [
            *("Linear 64 256", "BatchNorm 256", LEAKY, "Linear 256 384", "BatchNorm 384", LEAKY, "Reshape (2, 3, 64)"),
            *("ConvTranspose2d 64 32 4×4/2 padding 1", "BatchNorm 32", LEAKY),
            *("ConvTranspose2d 32 3 4×4/2 padding 1", "Tanh", "Reshape (288,)"),
        ],
        [
            *("Reshape (8, 12, 3)", "Shift 2", "Conv2d 3 32 4×4/2 padding 1", LEAKY, "Dropout 0.2"),
            *("Conv2d 32 64 4×4/2 padding 1", LEAKY, "Dropout 0.2"),
            *("Reshape (384,)", "Linear 384 256", LEAKY, "Linear 256 1"),
        ],
    ),
    "cgan": (
        ["Label 32 3 3.0", "Linear 35 256", LEAKY, "Linear 256 512", LEAKY, "Linear 512 15", "Tanh"],
        ["Label 15 3 3.0", "Linear 18 512", LEAKY, "Linear 512 256", LEAKY, "Linear 256 1"],
    ),
    "cdcgan": (
        [
            *("Label 64 3 3.0", "Linear 67 384", LEAKY, "Reshape (2, 3, 64)"),
            *("ConvTranspose2d 64 32 4×4/2 padding 1", LEAKY),
            *("ConvTranspose2d 32 3 4×4/2 padding 1", "Tanh", "Reshape (288,)"),
        ],
        [
            *("Reshape (8, 12, 3)", "Conv2d 3 32 4×4/2 padding 1", LEAKY, "Dropout 0.3"),
            *("Conv2d 32 64 4×4/2 padding 1", LEAKY, "Dropout 0.3"),
            *("Reshape (384,)", "Label 384 3 3.0", "Linear 387 256", LEAKY, "Linear 256 1"),
        ],
    ),
    "dcgan64": (
        [
            *("Reshape (1, 1, 100)", "ConvTranspose2d 100 512 4×4/1 padding 0 no bias", "BatchNorm 512", "ReLU"),
            *("ConvTranspose2d 512 256 4×4/2 padding 1 no bias", "BatchNorm 256", "ReLU"),
            *("ConvTranspose2d 256 128 4×4/2 padding 1 no bias", "BatchNorm 128", "ReLU"),
            *("ConvTranspose2d 128 64 4×4/2 padding 1 no bias", "BatchNorm 64", "ReLU"),
            *("ConvTranspose2d 64 3 4×4/2 padding 1 no bias", "Tanh", "Reshape (12288,)"),
        ],
        [
            *("Reshape (64, 64, 3)", "Conv2d 3 64 4×4/2 padding 1 no bias", LEAKY),
            *("Conv2d 64 128 4×4/2 padding 1 no bias", "BatchNorm 128", LEAKY),
            *("Conv2d 128 256 4×4/2 padding 1 no bias", "BatchNorm 256", LEAKY),
            *("Conv2d 256 512 4×4/2 padding 1 no bias", "BatchNorm 512", LEAKY),
            *("Conv2d 512 1 4×4/1 padding 0 no bias", "Reshape (1,)"),
        ],
    ),
    "cogan": (
        [
            *("Linear 32 64", "BatchNorm 64", LEAKY, "Linear 64 144", "BatchNorm 144", LEAKY, "Reshape (2, 3, 24)"),
            *("ConvTranspose2d 24 24 4×4/2 padding 1", "BatchNorm 24", LEAKY),
            "Concat: ConvTranspose2d 24 3 4×4/2 padding 1, ConvTranspose2d 24 3 4×4/2 padding 1",
            *("Tanh", "Reshape (576,)"),
        ],
        [
            "Reshape (16, 12, 3)",
            "Split: Shift 1, Conv2d 3 12 4×4/2 padding 1, Shift 1, Conv2d 3 12 4×4/2 padding 1",
            *(LEAKY, "Dropout 0.2", "Conv2d 12 24 4×4/2 padding 1", LEAKY, "Dropout 0.2"),
            *("Reshape (144,)", "Linear 144 64", LEAKY, "Linear 64 1"),
        ],
    ),
}


def test_every_model_is_made_of_these_layers(pairs):
    """But for progan and stylegan, which have tests of their own."""
    found = {name: tuple([spelled(layer) for layer in net.layers] for net in pair) for name, pair in pairs.items()}
    del found["progan"], found["stylegan"]
    assert found == LAYERS


# The first values of W, layer by layer: uniform on (−a, a), or a normal's standard deviation. A Linear that is not told
# has the variance 1/n_in, and He's is 2/fan_in: a = √(3/n_in) and √(6/n_in). In a transposed convolution with stride 2
# each pixel is the sum of 2 × 2 places of the kernel.
SCALES = {
    "images": ([3 / 32, 3 / 256, 3 / 512], [3 / 15, 3 / 512, 3 / 256]),
    "points": ([3 / 2, 3 / 128, 3 / 128], [3 / 15, 3 / 128, 3 / 128]),
    "goodfellow2014": ([0.05**2] * 3, [0.005**2] * 3),
    "cgan": ([3 / 35, 3 / 256, 3 / 512], [3 / 18, 3 / 512, 3 / 256]),
    "dcgan": ([6 / 64, 6 / 256], [6 / 384, 3 / 256]),
    "cdcgan": ([6 / 67], [6 / 387, 3 / 256]),
    "dcgan64": ([], []),
    "cogan": ([6 / 32, 6 / 64], [6 / 144, 3 / 64]),
}
VARIANCES = {
    "dcgan": ([2 / (64 * 4), 1 / (32 * 4)], [2 / (3 * 16), 2 / (32 * 16)]),
    "cdcgan": ([2 / (64 * 4), 1 / (32 * 4)], [2 / (3 * 16), 2 / (32 * 16)]),
    "dcgan64": ([0.02**2] * 5, [0.02**2] * 5),
    "cogan": ([2 / (24 * 4)], [2 / (12 * 16)]),
}


@pytest.mark.parametrize("name", SCALES)
def test_first_values_are_as_wide_as_they_should_be(name, pairs):
    for net, squares, variances in zip(pairs[name], SCALES[name], VARIANCES.get(name, ([], [])), strict=True):
        dense = [layer.W for layer in net.layers if isinstance(layer, Linear | Maxout)]
        for W, square in zip(dense, squares, strict=True):
            few = 12 / W.size  # of many uniform numbers the largest is near the bound
            assert 1 - few < abs(W).max() / math.sqrt(square) <= 1 + 1e-6
        filters = [layer.W for layer in net.layers if isinstance(layer, Conv2d | ConvTranspose2d)]
        for W, variance in zip(filters, variances, strict=True):
            assert abs(W.var() / variance - 1) < 6 * math.sqrt(2 / W.size)


def test_biases_begin_at_0_and_batchnorm_as_it_is_asked_to(pairs):
    for name, pair in pairs.items():
        for net in pair:
            for layer in net.layers:
                if isinstance(layer, BatchNorm):
                    spread = 0.02 if name == "dcgan64" else 0.0
                    assert layer.eps == 1e-5 and abs(layer.gamma.std() - spread) <= 0.25 * spread
                if "b" in layer.shapes and layer is not pairs["goodfellow2014"][0].layers[-2]:
                    assert (layer.b == 0).all()


def test_goodfellow2014_begins_at_the_mean_image():
    """The last biases of G are what the sigmoid takes to each pixel's mean; a pixel that is always black or white is
    held 1/1000 away from it."""
    x = np.array([[0, 0.5, 0.25, 1, 0.9], [0, 0, 1, 1, 1.0]], "float32")
    G, _ = models.BY_NAME["goodfellow2014"].networks(ng.data.Data(x, range=(0, 1)), SEED)
    assert np.allclose(1 / (1 + np.exp(-G.layers[-2].b)), [0.001, 0.25, 0.625, 0.999, 0.95], rtol=1e-4)
    drawn = G(np.random.default_rng(0).uniform(-1, 1, (300, 100)).astype("float32"))
    assert abs(drawn.mean(axis=0) - [0.001, 0.25, 0.625, 0.999, 0.95]).max() < 0.05


ADAM = {"beta1": 0.5, "beta2": 0.999, "eps": 1e-8}
SETTINGS = {  # the optimisers' fixed settings; their rates are below
    "images": (ADAM, {"steps": 5000, "batch": 64, "ema": 0.999}),
    "points": (ADAM, {"steps": 4000, "batch": 256}),
    "goodfellow2014": ({}, {"steps": 5000, "batch": 100, "noise": "uniform", "together": True, "range": (0.0, 1.0)}),
    "dcgan": (ADAM, {"steps": 8000, "batch": 64, "ema": 0.999}),
    "cgan": (ADAM, {"steps": 5000, "batch": 64, "ema": 0.999, "conditional": True}),
    "cdcgan": (ADAM, {"steps": 8000, "batch": 64, "ema": 0.999, "conditional": True}),
    "dcgan64": (ADAM, {"steps": 7915, "batch": 128}),
    "cogan": (ADAM, {"steps": 16_000, "batch": 32, "ema": 0.999}),
}
USUAL = {"loss": ng.losses.nonsaturating, "ema": None, "noise": "normal", "conditional": False, "together": False}
USUAL |= {"range": (-1.0, 1.0), "penalty": None, "view": None}
RATES = {  # (for G, for D): update -> rate
    "images": ({0: 3e-3, 2500: 1.5375e-3, 5000: 7.5e-5, 9000: 7.5e-5}, {0: 1e-3, 2500: 5.125e-4, 5000: 2.5e-5}),
    "points": ({0: 1e-3, 9000: 1e-3}, {0: 1e-3, 9000: 1e-3}),
    "goodfellow2014": (
        {0: 0.1, 1: 0.1 / 1.000004, 10**6: 0.1 * math.exp(-4), 10**7: 1e-6},
        {0: 0.05, 1: 0.05 / 1.000004, 10**6: 0.05 * math.exp(-4), 10**7: 5e-7},
    ),
    "dcgan": ({0: 2e-3, 4000: 1.025e-3, 8000: 5e-5, 9000: 5e-5}, {0: 5e-4, 4000: 2.5625e-4, 8000: 1.25e-5}),
    "dcgan64": ({0: 2e-4, 9000: 2e-4}, {0: 2e-4, 9000: 2e-4}),
    "cogan": (
        {0: 1e-3, 8000: 1e-3, 12_000: 5.5e-4, 16_000: 1e-4, 19_000: 1e-4},
        {0: 2e-3, 8000: 2e-3, 12_000: 1.1e-3, 16_000: 2e-4},
    ),
}
RATES |= {"cgan": RATES["images"], "cdcgan": RATES["dcgan"]}
# In epoch e of 1, 2 … 250: 0.5 + 0.2 (e − 1)/249; here an epoch has 600 updates.
MOMENTA = {0: 0.5, 599: 0.5, 600: 0.5 + 0.2 / 249, 83 * 600: 0.5 + 0.2 / 3, 249 * 600 - 1: 0.7 - 0.2 / 249, 10**6: 0.7}


def at(schedule, t):
    return schedule(t) if callable(schedule) else schedule


@pytest.mark.parametrize("name", SETTINGS)
def test_how_each_is_trained(name):
    model, (for_optimizers, others) = models.BY_NAME[name], SETTINGS[name]
    found = {key: getattr(model, key) for key in model.__dataclass_fields__}
    optimizers = model.for_rows(60_000 if name == "goodfellow2014" else 5000).optimizers({}, {})
    del found["opt_g"], found["opt_d"], found["by_rows"]
    assert found.pop("networks").__name__ == name
    assert found == USUAL | others
    for optimizer, rates in zip(optimizers, RATES[name], strict=True):
        assert type(optimizer) is (ng.Adam if for_optimizers else ng.SGD)
        assert {key: getattr(optimizer, key) for key in for_optimizers} == for_optimizers
        for t, rate in rates.items():
            assert at(optimizer.lr, t) == pytest.approx(rate, rel=1e-5), t
        if name == "goodfellow2014":
            assert all(optimizer.momentum(t) == pytest.approx(mu) for t, mu in MOMENTA.items())


@pytest.mark.parametrize("name", ["images", "cgan"])
def test_many_images_are_trained_on_for_longer_at_rates_that_end_later(name):
    model = models.BY_NAME[name]
    few, many = model.for_rows(19_999), model.for_rows(20_000)
    assert (few.steps, many.steps) == (5000, 15_000) and few == model
    for player in ("opt_g", "opt_d"):
        short, long = (getattr(one, player) for one in (few, many))
        assert [long.lr(3 * t) for t in (0, 2500, 5000)] == pytest.approx([short.lr(t) for t in (0, 2500, 5000)])
        assert (long.beta1, long.beta2) == (short.beta1, short.beta2)
    assert (many.networks, many.batch, many.ema) == (few.networks, few.batch, few.ema)
    assert models.BY_NAME["dcgan"].for_rows(60_000) is models.BY_NAME["dcgan"]


def test_the_fields_say_what_is_usual():
    bare = models.Model(networks=None, opt_g=None, opt_d=None, steps=1, batch=1)
    assert {key: getattr(bare, key) for key in USUAL} == USUAL


def test_the_catalogue_lists_them_in_this_order():
    plain = "images", "points", "goodfellow2014", "dcgan", "cgan", "cdcgan", "dcgan64"
    assert tuple(models.BY_NAME) == (*plain, "cogan", "progan", "stylegan")


def test_optimisers_are_new_and_each_player_gets_its_own_settings():
    model = models.BY_NAME["images"]
    for_g, for_d = model.optimizers({"lr": 0.25, "beta2": 0.5}, {"beta1": 0.75})
    assert (for_g.lr, for_g.beta1, for_g.beta2) == (0.25, 0.5, 0.5)
    assert (for_d.lr(0), for_d.beta1, for_d.beta2) == (1e-3, 0.75, 0.999)
    assert model.opt_g.lr(0) == 3e-3 and model.opt_d.beta1 == 0.5 and for_d is not model.opt_d
    assert for_d is not model.optimizers({}, {})[1]
    with pytest.raises(ng.InputError, match="this model trains with Adam, which has no momentum: leave it out"):
        model.optimizers({}, {"momentum": 0.5})
    with pytest.raises(ng.InputError, match="trains with Adam, which has no t"):
        model.optimizers({"t": 5}, {})


# Seeds


def first_with_weights(net):
    """Of branches, the first."""
    each = (layer.layers[0] if isinstance(layer, Concat | Split) else layer for layer in net.layers)
    return next(layer for layer in each if "W" in layer.shapes)


def first_numbers(net):
    """The first twelve values of the first weights, divided by their scale, in the order in which they were drawn."""
    layer = first_with_weights(net)
    if isinstance(layer, Conv2d | ConvTranspose2d):
        return asnumpy(layer.W).ravel()[:12] / layer.std
    return asnumpy(layer.W).ravel()[:12] / (math.sqrt(3 / layer.n_in) if layer.scale is None else layer.scale)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_seed_gives_each_player_a_stream_of_its_own(name, pairs):
    """G has the stream of the even number 2·seed, D that of the odd one after it: no two pairs have one in common."""
    for net, own in zip(pairs[name], (2 * SEED, 2 * SEED + 1), strict=True):
        rng = np.random.default_rng(own)
        uniform = isinstance(first_with_weights(net), Linear | Maxout)
        drawn = rng.uniform(-1, 1, 12) if uniform else rng.standard_normal(12)
        np.testing.assert_allclose(first_numbers(net), drawn, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "dcgan64"])
def test_a_device_gets_the_same_pair(name, pairs, device):
    import cupy

    rows = data(*SIDES.get(name, (3, 5)), domains=1 + (name == "cogan"))
    for net, other in zip(models.BY_NAME[name].networks(rows, SEED, cupy), pairs[name], strict=True):
        assert type(net) is type(other) and type(net.theta) is not type(other.theta)
        assert net.theta.dtype == np.float32
        np.testing.assert_allclose(asnumpy(net.theta), other.theta, rtol=1e-6)


def test_dcgan64_on_a_device(pairs, device):
    import cupy

    for net in models.BY_NAME["dcgan64"].networks(data(64, 64), SEED, cupy):
        assert isinstance(net.theta, cupy.ndarray)


# What they take


def test_pairs_fit_each_other_and_their_rows(pairs):
    for name, (G, D) in pairs.items():
        n_x = math.prod(SIDES.get(name, (3, 5)))
        told = models.BY_NAME[name].conditional
        assert (G.n_out, D.n_out) == (n_x, 1)
        assert isinstance(G, ng.Conditional) is isinstance(D, ng.Conditional) is told
        if name not in ("dcgan64", "progan", "stylegan"):  # which have tests of their own
            z, c = np.ones((2, G.n_in), "float32"), np.array([2, 0])
            x_g = G((z, c) if told else z)
            logits = 4 if name == "cogan" else 2  # one for each image
            assert x_g.shape == (2, n_x) and D((x_g, c) if told else x_g).shape == (logits, 1)


@pytest.mark.parametrize("name", ["dcgan", "cdcgan"])
@pytest.mark.parametrize("shape", [(8, 8), (4, 12), (8, 4, 1), (4, 8, 3)])
def test_grey_images_have_one_channel(name, shape):
    c = shape[2] if len(shape) == 3 else 1
    G, D = models.BY_NAME[name].networks(data(*shape), 0)
    reshape = next(layer for layer in D.layers if type(layer) is ng.Reshape)
    assert reshape.shape == (*shape[:2], c)
    assert [layer.n_out for layer in G.layers if isinstance(layer, ConvTranspose2d)] == [32, c]


@pytest.mark.parametrize("shape", [(6, 8), (8, 6), (8, 10, 3), (5, 5)])
def test_dcgan_refuses_other_sides(shape):
    with pytest.raises(ng.InputError, match="dcgan needs images whose sides are multiples of 4, got") as caught:
        models.BY_NAME["dcgan"].networks(data(*shape), 0)
    assert f"got {shape}: use another model" in str(caught.value)
    with pytest.raises(ng.InputError, match="multiples of 4, got points"):
        models.BY_NAME["cdcgan"].networks(ng.data.ring(20), 0)


@pytest.mark.parametrize("shape", [(64, 32), (32, 64, 3)])
def test_dcgan64_refuses_other_sides(shape):
    with pytest.raises(ng.InputError, match=f"64 × 64 pixels, got {shape[0]} × {shape[1]}: take dcgan"):
        models.BY_NAME["dcgan64"].networks(data(*shape), 0)
    with pytest.raises(ng.InputError, match="64 × 64 pixels, got points: take dcgan"):
        models.BY_NAME["dcgan64"].networks(ng.data.ring(20), 0)


def test_labels_lie_beside_z_and_beside_the_row_or_its_features(pairs):
    for name, at_g, at_d in (("cgan", 0, 0), ("cdcgan", 0, 8)):
        for net, at_layer in zip(pairs[name], (at_g, at_d), strict=True):
            assert [i for i, layer in enumerate(net.layers) if isinstance(layer, Label)] == [at_layer]
            assert net.classes == 3
