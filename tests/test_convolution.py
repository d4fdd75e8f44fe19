"""Convolution: unfold and fold are adjoint, and each layer is its formula, for every kernel, stride, padding and shape.

PyTorch, as a referee from outside, is in test_torch.py.
"""

import copy
import itertools
import math

import numpy as np
import pytest
import standin
from hypothesis import given
from hypothesis import strategies as st
from numeric import numeric_gradient, rel_error

import numgan as ng
from numgan.backend import asnumpy
from numgan.layers import windows
from numgan.layers.windows import Windows
from numgan.parallel import Team
from numgan.run import schema

sizes = st.integers(1, 3)


@st.composite
def geometries(draw):
    """A kernel, stride and padding, and images (m, h, w, c) that whole windows lie over."""
    kernel, stride = draw(st.integers(1, 5)), draw(sizes)
    over = Windows.square(kernel, stride, draw(st.integers(0, kernel - 1)))
    h, w = (draw(st.integers(1, 4).map(over.h.extent).filter(lambda n: n >= 1)) for _ in range(2))
    return over, np.random.default_rng(draw(st.integers(0, 2**32))).standard_normal((draw(sizes), h, w, draw(sizes)))


def along(over, x):
    """h', w'."""
    return tuple(int(over.h.count(n)) for n in x.shape[1:3])


def patches_of(over, x):
    """Every window by its definition, one after the other."""
    p, s, k = over.h.padding, over.h.stride, over.h.kernel
    padded = np.pad(x, [(0, 0), (p, p), (p, p), (0, 0)])
    corners = itertools.product(range(len(x)), *(range(n) for n in along(over, x)))
    return np.array([padded[i, s * r : s * r + k, s * q : s * q + k].ravel() for i, r, q in corners])


def placed(layer, seed=0, dtype="float64", xp=np):
    """The layer in a network, with random parameters."""
    net = ng.Network([layer], dtype=dtype, xp=xp)
    net.theta[...] = xp.asarray(np.random.default_rng(seed).standard_normal(net.size), dtype=dtype)
    return net


# --- unfold and fold


@given(geometries())
def test_unfold_is_its_definition(geometry):
    over, x = geometry
    assert (over.unfold(x) == patches_of(over, x)).all()


@given(geometries())
def test_fold_is_the_adjoint_of_unfold(geometry):
    """⟨unfold x, c⟩ = ⟨x, fold c⟩."""
    over, x = geometry
    patches = over.unfold(x)
    c = np.random.default_rng(0).standard_normal(patches.shape)
    folded = over.fold(c.reshape(len(x), *along(over, x), -1), np.eye(c.shape[1]), *x.shape[1:3])
    assert folded.shape == x.shape
    assert abs(np.vdot(patches, c) - np.vdot(x, folded)) <= 1e-12 * np.linalg.norm(patches) * np.linalg.norm(c)


@given(geometries(), sizes)
def test_the_products_are_those_of_the_whole_matrix_of_patches(geometry, n):
    over, x = geometry
    patches, rng, (h, w) = patches_of(over, x), np.random.default_rng(1), along(over, x)
    M, y = rng.standard_normal((patches.shape[1], n)), rng.standard_normal((len(x), h, w, n))
    np.testing.assert_allclose(over.unfold_product(x, M), (patches @ M).reshape(y.shape), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(over.patch_product(x, y), patches.T @ y.reshape(-1, n), rtol=1e-12, atol=1e-12)
    folded = over.fold_product(y, M.T, *x.shape[1:3])
    assert np.isclose(np.vdot(folded, x), np.vdot(y.reshape(-1, n) @ M.T, patches), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_where_images_keep_their_size_fold_is_unfold_with_kernels_turned(kernel):
    over, rng = Windows.square(kernel, stride=1, padding=kernel // 2), np.random.default_rng(0)
    y, M = rng.standard_normal((2, 5, 7, 3)), rng.standard_normal((3, kernel**2 * 4))
    np.testing.assert_allclose(over.fold_product(y, M, 5, 7), over.fold(y, M, 5, 7), rtol=1e-12, atol=1e-12)


def test_images_may_lie_in_memory_in_any_way():
    over, rng = Windows.square(kernel=2, stride=1, padding=0), np.random.default_rng(0)
    x = rng.standard_normal((3, 6, 5, 4))
    for view in (x[..., 1:3], x.swapaxes(1, 2), x[:, ::2, ::-1], np.broadcast_to(x[:1], x.shape)):
        assert (over.unfold(view) == patches_of(over, view)).all()
    y, M = rng.standard_normal((3, 5, 4, 7)), rng.standard_normal((7, 16))
    assert (over.fold_product(np.asfortranarray(y), M, 6, 5) == over.fold_product(y, M, 6, 5)).all()


def test_fold_of_what_unfold_made_counts_how_many_windows_see_a_pixel():
    x = np.ones((1, 4, 5, 1))
    over = Windows.square(kernel=3, stride=1, padding=0)
    counts = over.fold(over.unfold(x).reshape(1, 2, 3, 9), np.eye(9), 4, 5)
    assert counts[0, :, :, 0].tolist() == [[1, 2, 3, 2, 1], [2, 4, 6, 4, 2], [2, 4, 6, 4, 2], [1, 2, 3, 2, 1]]


# --- the layers


@given(geometries(), sizes)
def test_conv2d_is_its_formula_pixel_by_pixel(geometry, n_out):
    over, x = geometry
    net = placed(ng.Conv2d(x.shape[3], n_out, over.h.kernel, over.h.stride, over.h.padding))
    (layer,), y = net.layers, net(x)
    for (i, r, s), _ in np.ndenumerate(y[..., 0]):
        window = patches_of(over, x[i : i + 1]).reshape(*y.shape[1:3], over.h.kernel, over.w.kernel, -1)[r, s]
        np.testing.assert_allclose(
            y[i, r, s], np.einsum("pqc,pqcn->n", window, layer.W) + layer.b, rtol=1e-10, atol=1e-12
        )


@given(geometries(), sizes)
def test_the_backward_pass_of_each_is_the_forward_pass_of_the_other(geometry, n):
    over, x = geometry
    how = {"kernel": over.h.kernel, "stride": over.h.stride, "padding": over.h.padding, "bias": False}
    down, up = placed(ng.Conv2d(x.shape[3], n, **how)), placed(ng.ConvTranspose2d(n, x.shape[3], **how))
    up.layers[0].W[...] = np.moveaxis(down.layers[0].W, 3, 0)
    y, tape_down = down.forward(x)
    back, tape_up = up.forward(y)
    assert back.shape == x.shape
    np.testing.assert_allclose(down.backward(y, tape_down), back, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(up.backward(x, tape_up), y, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(np.moveaxis(down.layers[0].dW, 3, 0), up.layers[0].dW, rtol=1e-10, atol=1e-10)


@given(geometries(), sizes)
def test_every_gradient_of_every_shape_passes_gradcheck(geometry, n_out):
    over, x = geometry
    how = (over.h.kernel, over.h.stride, over.h.padding)
    y = np.random.default_rng(1).standard_normal((len(x), *along(over, x), 2))
    for layer, images in ((ng.Conv2d(x.shape[3], n_out, *how), x), (ng.ConvTranspose2d(2, n_out, *how), y)):
        report = ng.gradcheck(layer, images)
        assert report.ok, report
        assert report.rel_error <= 1e-6


LAYERS = [
    ng.Conv2d(2, 3),
    ng.Conv2d(2, 3, kernel=3, stride=1, padding=1),
    ng.Conv2d(2, 3, kernel=2, stride=2, padding=0, bias=False),
    ng.ConvTranspose2d(2, 3),
    ng.ConvTranspose2d(2, 3, kernel=3, stride=3, padding=2),
    ng.ConvTranspose2d(2, 3, kernel=5, stride=1, padding=0, bias=False),
    ng.AvgPool2d(2),
    ng.Upsample(2),
]
X = np.random.default_rng(3).standard_normal((3, 4, 6, 2))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_backward_is_the_slope_of_forward(layer):
    """By differences of our own, entry by entry."""
    net, x = placed(copy.deepcopy(layer)), X.copy()
    y, tape = net.forward(x)
    dy = np.random.default_rng(0).standard_normal(y.shape)
    dx = net.backward(dy, tape, add=False)
    for found, at in ((net.grad, net.theta), (dx, x))[not net.size :]:  # resampling has no parameters
        assert rel_error(found, numeric_gradient(lambda: (net(x) * dy).sum(), at)) < 1e-6


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_on_every_backend_bit_for_bit_and_nothing_moves(layer, device):
    found = []
    for xp in (np, standin.cupy):
        net, x = placed(copy.deepcopy(layer), dtype="float32", xp=xp), xp.asarray(X, dtype="float32")
        with device.only("float32"), device.counted() as counts:
            y, tape = net.forward(x, train=True)
            dx = net.backward(y, tape)
            v, _ = net.layers[0].tangent(x, y, tape[0])
        assert (counts.transfers, counts.syncs) == (0, 0)
        assert (counts.kernels > 0) == (xp is not np)
        found.append([asnumpy(a) for a in (y, dx, net.grad, v)])
    for ours, theirs in zip(*found, strict=True):
        assert ours.dtype == theirs.dtype == np.float32
        assert (ours == theirs).all()


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_a_layer_keeps_to_the_protocol(layer, xp):
    net, x = placed(copy.deepcopy(layer), xp=xp), xp.asarray(X)
    y, tape = net.forward(x, train=True)
    dy, before = y.copy(), (x.copy(), y.copy())
    dx = net.backward(dy, tape, add=False)
    once = net.grad.copy()
    assert (net.backward(dy, tape) == dx).all()
    np.testing.assert_allclose(asnumpy(net.grad), asnumpy(2 * once), rtol=1e-12)
    assert (net.backward(dy, tape, params=False) == dx).all()
    assert net.backward(dy, tape, inputs=False, add=False) is None
    assert (net.grad == once).all()
    for was, now in zip((*before, before[1]), (x, y, dy), strict=True):
        assert (was == now).all()
    assert net.rowwise
    np.testing.assert_allclose(asnumpy(net(x[1:2])), asnumpy(y[1:2]), rtol=1e-12, atol=1e-12)


def test_w_as_a_matrix_is_a_view():
    for layer, shape in ((ng.Conv2d(2, 5, 3), (18, 5)), (ng.ConvTranspose2d(2, 5, 3), (2, 45))):
        net = ng.Network([layer])
        assert layer.matrix.shape == shape
        assert np.shares_memory(layer.matrix, net.theta)
        layer.matrix[...] = 7
        assert (layer.W == 7).all()


def test_first_values():
    down, up = ng.Conv2d(8, 40), ng.ConvTranspose2d(40, 8)
    for layer, fan_in in ((down, 4 * 4 * 8), (up, 40 * 2 * 2)):
        ng.Network([layer], dtype="float64")
        assert abs(layer.W.std() * math.sqrt(fan_in) - 1) < 0.03
        assert abs(layer.W.mean()) < 0.01
        assert (layer.b == 0).all()
    layer = ng.Conv2d(8, 40, std=0.02)
    ng.Network([layer], dtype="float64")
    assert abs(layer.W.std() / 0.02 - 1) < 0.03


@pytest.mark.parametrize("layer", [ng.Conv2d(8, 40), ng.ConvTranspose2d(40, 20)], ids=repr)
def test_the_default_keeps_the_variance_of_the_signal(layer):
    x = np.random.default_rng(0).standard_normal((20, 16, 16, layer.n_in))
    y = ng.Network([copy.deepcopy(layer)], dtype="float64")(x)
    assert abs(y[:, 2:-2, 2:-2].var() - 1) < 0.1


def test_without_a_bias_there_is_none():
    for cls in (ng.Conv2d, ng.ConvTranspose2d):
        net = placed(cls(2, 3, bias=False))
        assert list(net.slices) == ["0.W"]
        with_b = placed(cls(2, 3))
        assert list(with_b.slices) == ["0.W", "0.b"]
        with_b.layers[0].W[...] = net.layers[0].W
        np.testing.assert_allclose(with_b(X), net(X) + with_b.layers[0].b, rtol=1e-12)


# --- batches and threads


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(windows, "CHUNK", 1)
    monkeypatch.setattr(windows, "ROWS", 25)


def results(net, x):
    y, tape = net.forward(x)
    return y, net.backward(y, tape, add=False), net.grad.copy()


PAIR = [ng.Conv2d(2, 8, 3, 1, 1), ng.ConvTranspose2d(8, 2)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_threads_changes_no_bit(dtype, small_batches):
    net = ng.Network(copy.deepcopy(PAIR), dtype=dtype)
    x = np.random.default_rng(0).standard_normal((13, 6, 5, 2)).astype(dtype)
    alone = results(net, x)
    for threads in (1, 2, 3, 20):
        with Team(threads).at_work():
            for _ in range(3):
                assert all((a == b).all() for a, b in zip(alone, results(net, x), strict=True))


def test_batches_of_images_change_nothing_but_the_last_digits(monkeypatch):
    net = ng.Network(copy.deepcopy(PAIR), dtype="float64")
    x = np.random.default_rng(0).standard_normal((13, 6, 5, 2))
    whole = results(net, x)
    monkeypatch.setattr(windows, "CHUNK", 1)
    for rows in (1, 30, 100):
        monkeypatch.setattr(windows, "ROWS", rows)
        assert all(rel_error(a, b) < 1e-13 for a, b in zip(whole, results(net, x), strict=True))


@given(st.integers(0, 200), st.integers(1, 40), st.integers(1, 3000))
def test_batches_cover_each_image_once_and_are_large_enough(m, side, width):
    batches = windows._batches(np.empty((m, side, side, 1)), width)
    assert [i for images in batches for i in range(m)[images]] == list(range(m))
    lengths = [len(range(m)[images]) for images in batches]
    assert len(set(lengths[:-1])) <= 1
    assert lengths[-1] <= lengths[0]
    for n in lengths[:-1]:
        assert n * side**2 * width >= windows.CHUNK / 2
        assert n * side**2 >= windows.ROWS / 2


def test_a_device_takes_all_images_at_once(device, small_batches):
    assert len(windows._batches(standin.cupy.zeros((64, 7, 7, 2)), 512)) == 1


# --- what does not fit


@pytest.mark.parametrize(
    ("layer", "shape", "says"),
    [
        (ng.Conv2d(1, 2), (5, 7, 8, 1), r"^Conv2d\(.*kernel=4, stride=2, padding=1.* makes 3\.5 × 4 pixels of 7 × 8:"),
        (ng.Conv2d(1, 2), (5, 8, 9, 1), r"makes 4 × 4\.5 pixels of 8 × 9: these must be whole numbers; change kernel"),
        (ng.Conv2d(1, 2, 5, 1, 0), (5, 3, 8, 1), r"makes -1 × 4 pixels of 3 × 8"),
        (ng.ConvTranspose2d(1, 2, 3, 1, 2), (5, 2, 9, 1), r"makes 0 × 7 pixels of 2 × 9"),
        (ng.AvgPool2d(3), (5, 6, 7, 1), r"^AvgPool2d\(factor=3\) takes .* multiples of 3, got \(m, 6, 7, 1\)"),
    ],
)
def test_sizes_that_do_not_fit_are_named(layer, shape, says):
    with pytest.raises(ng.InputError, match=says):
        placed(layer)(np.zeros(shape))
    with pytest.raises(ng.InputError, match=says):
        layer.forward(np.zeros(shape))


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (ng.Conv2d(1, 2), r"takes images \(m, h, w, 1\), got \(m, 64\): put Reshape\(\(h, w, 1\)\) before it"),
        (ng.ConvTranspose2d(3, 2), r"takes images \(m, h, w, 3\), got \(m, 64\): put Reshape\(\(h, w, 3\)\)"),
        (ng.AvgPool2d(2), r"takes images \(m, h, w, c\) .*got \(m, 64\)"),
        (ng.Upsample(2), r"takes images \(m, h, w, c\), got \(m, 64\): put Reshape"),
    ],
)
def test_rows_that_are_no_images_are_refused(layer, says):
    with pytest.raises(ng.InputError, match=says):
        layer.forward(np.zeros((5, 64)))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ng.Conv2d(0, 3), r"^Conv2d: n_in .*1 or more, got 0"),
        (lambda: ng.Conv2d(3, 3, kernel=0), r"^Conv2d: kernel .*got 0"),
        (lambda: ng.ConvTranspose2d(3, 3, stride=1.5), r"^ConvTranspose2d: stride .*got 1.5"),
        (lambda: ng.ConvTranspose2d(3, 3, padding=-1), r"^ConvTranspose2d: padding .*0 or more, got -1"),
        (lambda: ng.Conv2d(3, 3, std=0.0), r"^Conv2d's std must be a number in .*got 0.0: None"),
        (lambda: ng.AvgPool2d(0), r"^AvgPool2d: factor .*got 0"),
        (lambda: ng.Upsample(2.0), r"^Upsample: factor .*got 2.0"),
        (lambda: ng.BatchNorm(3, std=-1.0), r"^BatchNorm's std must be a number in .* got -1.0"),
        (lambda: ng.Network([ng.Conv2d(1, 8), ng.Conv2d(4, 8)]), r"^layer 1, .*takes 4 features, but .* give 8"),
        (
            lambda: ng.Network([ng.Conv2d(1, 8), ng.LeakyReLU(), ng.Linear(8, 1)]),
            r"^layer 2, Linear.* takes vectors \(m, n\), but the layers before it give images \(m, h, w, c\): put a",
        ),
        (
            lambda: ng.Network([ng.Linear(5, 64), ng.BatchNorm(64), ng.Conv2d(64, 8)]),
            r"^layer 2, Conv2d.* takes images .* give vectors .*: put a Reshape between$",
        ),
        (lambda: ng.Network([ng.Reshape((2, 3)), ng.Upsample()]), "takes images .*give arrays of 2 axes"),
        (
            lambda: ng.Network([ng.Reshape((4, 4, 3)), ng.Conv2d(2, 8)]),
            "takes 2 features, but the layers before it give 3",
        ),
        (lambda: ng.Network([ng.Reshape((6,)), ng.Linear(5, 1)]), "takes 5 features, but the layers before it give 6"),
        (lambda: ng.Network([ng.Network([ng.Conv2d(1, 8)]), ng.Linear(8, 1)]), "takes vectors .*give images"),
    ],
)
def test_what_cannot_be_built_is_refused(make, says):
    with pytest.raises(ng.InputError, match=says):
        make()


@pytest.mark.parametrize(
    ("layers", "shape", "says"),
    [
        ([ng.Conv2d(3, 2)], (5, 4, 4, 1), r"^x must have shape \(m, h, w, 3\), got \(5, 4, 4, 1\)$"),
        ([ng.ReLU(), ng.Conv2d(3, 2)], (5, 48), r"^x must have shape \(m, h, w, 3\), got \(5, 48\)$"),
        ([ng.Upsample()], (5, 48), r"^x must have shape \(m, h, w, n\), got \(5, 48\)$"),
        ([ng.BatchNorm(3)], (5, 4, 4, 2), r"^x must have shape \(m, …, 3\), got \(5, 4, 4, 2\)$"),
        ([ng.Linear(3, 2)], (5, 4, 3), r"^x must have shape \(m, 3\), got \(5, 4, 3\)$"),
        ([ng.Tanh()], (5,), r"^x must have shape \(m, …, n\), got \(5,\)$"),
        (
            [ng.Reshape((4, 4, 1))],
            (5, 17),
            r"^Reshape\(shape=\(4, 4, 1\)\) needs 16 numbers a row, got 17 in x of shape",
        ),
    ],
)
def test_what_a_network_cannot_take_is_refused(layers, shape, says):
    with pytest.raises(ng.InputError, match=says):
        ng.Network(copy.deepcopy(layers))(np.zeros(shape))


# --- images through networks


def critic(dtype="float64", activation=ng.Tanh, **how):
    """Rows of 16 numbers as images, and back to rows."""
    layers = [
        *(
            ng.Reshape((4, 4, 1)),
            ng.Conv2d(1, 3, 3, 1, 1),
            activation(),
            ng.AvgPool2d(2),
            ng.Conv2d(3, 2),
            activation(),
        ),
        *(
            ng.Upsample(2),
            ng.ConvTranspose2d(2, 2, 2, 1, 0, bias=False),
            ng.Dropout(0.2),
            ng.Reshape((18,)),
            ng.Linear(18, 1),
        ),
    ]
    net = ng.Network(layers, dtype=dtype, **how)
    net.theta += net.theta.dtype.type(0.3) * np.random.default_rng(0).standard_normal(net.size).astype(dtype)
    return net


PENALTIES = {
    "r1": lambda D, x: ng.penalty.r1(D, x, 3.0, rng=np.random.default_rng(5)),
    "wgan_gp": lambda D, x: ng.penalty.wgan_gp(
        D, x, np.tanh(x[::-1]), 3.0, eps=np.linspace(0, 1, len(x))[:, None], rng=np.random.default_rng(5)
    ),
}


@pytest.mark.parametrize("activation", [ng.Tanh, ng.LeakyReLU])
@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_penalties_stand_on_convolutional_critics(penalty, activation):
    D, x = critic(activation=activation), np.random.default_rng(1).standard_normal((5, 16))
    value = penalty(D, x)
    found = D.grad.copy()
    assert rel_error(found, numeric_gradient(lambda: penalty(D, x), D.theta)) < 1e-6
    images = ng.Network(copy.deepcopy(D.layers[1:]), dtype="float64")  # x of four axes
    images.theta[...] = D.theta
    assert np.isclose(penalty(images, x.reshape(5, 4, 4, 1)), value, rtol=1e-12)
    np.testing.assert_allclose(images.grad, found, rtol=1e-10, atol=1e-12)


def test_batchnorm_of_images_is_that_of_their_pixels_as_rows(xp):
    net, flat = (placed(ng.BatchNorm(2), xp=xp) for _ in range(2))
    x = xp.asarray(X)
    rows = x.reshape(-1, 2)
    net.calibrate(x), flat.calibrate(rows)
    assert net.buffers.shape == (4,)
    np.testing.assert_allclose(asnumpy(net.buffers), asnumpy(flat.buffers), rtol=1e-13)
    for train in (True, False):
        (y, tape), (y_rows, tape_rows) = net.forward(x, train), flat.forward(rows, train)
        assert y.shape == x.shape
        dx, dx_rows = net.backward(x * y, tape, add=False), flat.backward(rows * y_rows, tape_rows, add=False)
        for image, row in ((y, y_rows), (dx, dx_rows), (net.grad, flat.grad)):
            np.testing.assert_allclose(asnumpy(image).ravel(), asnumpy(row).ravel(), rtol=1e-12, atol=1e-12)
    assert ng.gradcheck(ng.BatchNorm(2), X).ok


def test_batchnorm_may_start_near_1():
    layer = ng.BatchNorm(4000, std=0.02)
    ng.Network([ng.Tanh(), layer], dtype="float64")
    assert abs(layer.gamma.mean() - 1) < 0.002
    assert abs(layer.gamma.std() / 0.02 - 1) < 0.05
    seeds = [ng.Network([ng.BatchNorm(4), ng.Linear(4, 2)]).layers[1].W for _ in range(2)]
    assert (seeds[0] == ng.Network([ng.ReLU(), ng.Linear(4, 2)]).layers[1].W).all()  # std=0 draws nothing


def test_dropout_and_activations_take_images(xp):
    x = xp.asarray(X)
    for layer in (ng.Dropout(0.5), ng.ReLU(), ng.LeakyReLU(), ng.Tanh(), ng.Sigmoid(), ng.InstanceNoise(), ng.Shift()):
        y, cache = layer.forward(x, True, xp.random.default_rng(0))
        assert y.shape == layer.backward(y, cache).shape == X.shape


def test_pooling_is_the_mean_of_blocks_and_upsampling_repeats():
    x = np.arange(24.0).reshape(1, 4, 6, 1)
    assert ng.AvgPool2d(2)(x)[0, :, :, 0].tolist() == [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]
    assert ng.Upsample(2)(x[:, :1, :3])[0, :, :, 0].tolist() == [[0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2]]
    assert (ng.AvgPool2d(3)(ng.Upsample(3)(X)) == X).all() or np.allclose(ng.AvgPool2d(3)(ng.Upsample(3)(X)), X)


@given(sizes, sizes, sizes, sizes)
def test_pooling_is_the_adjoint_of_upsampling_but_for_a_factor(size, h, w, c):
    rng = np.random.default_rng(0)
    small, large = rng.standard_normal((2, h, w, c)), rng.standard_normal((2, h * size, w * size, c))
    pool, up = ng.AvgPool2d(size), ng.Upsample(size)
    assert np.isclose(np.vdot(up(small), large), size**2 * np.vdot(small, pool(large)), rtol=1e-12, atol=1e-12)
    for layer, x in ((pool, large), (up, small)):
        assert ng.gradcheck(layer, x).ok


def test_a_network_of_images_copies_saves_and_names_its_parts():
    net = critic()
    again = schema.Builder()(schema.describe(net), ng.Network)
    again.theta[...] = net.theta
    x = np.random.default_rng(0).standard_normal((3, 16))
    assert (again(x) == net(x)).all()
    assert (net.copy()(x) == net(x)).all()
    assert repr(again) == repr(net)
    assert (net.n_in, net.axes_in, net.n_out, net.axes_out) == (None, None, 1, 1)
    assert (ng.Network([ng.Conv2d(3, 8), ng.ReLU()]).n_out, ng.Conv2d(3, 8).axes_out) == (8, 3)


def test_shift_rolls_each_image_and_its_gradient_back(xp):
    x = np.random.default_rng(0).random((60, 5, 6, 2))  # odd and unequal sides, no two pixels alike
    layer, given = ng.Shift(1), xp.asarray(x)
    y, by = layer.forward(given, True, xp.random.default_rng(1))
    rolled = [np.roll(image, move, (0, 1)) for image, move in zip(x, asnumpy(by).T, strict=True)]
    assert (asnumpy(y) == rolled).all()
    assert (asnumpy(layer.backward(y, by)) == x).all()
    assert len(np.unique(asnumpy(by), axis=1).T) == 9  # −1, 0, 1 in both directions: all there are
    assert layer(given) is given
    assert layer.backward(given, None) is given


def test_shift_is_seen_through_by_the_step_of_both_players():
    """What D learns is not where things are: with a Shift in front, D's gradient is that of the moved rows."""
    front, D = ng.Shift(1), ng.Network([ng.Reshape((12,)), ng.Linear(12, 1)], dtype="float64")
    whole = ng.Network([ng.Reshape((3, 4, 1)), front, D], dtype="float64")
    x = np.random.default_rng(0).standard_normal((6, 12))
    a, tape = whole.forward(x, True, np.random.default_rng(1))
    (_, by, _), dx = tape, whole.backward(np.ones((6, 1)), tape)
    W = D.theta[:12].reshape(3, 4)
    assert np.allclose(dx.reshape(6, 3, 4), [np.roll(W, -move, (0, 1)) for move in by.T])
    assert np.allclose(a, (dx * x).sum(axis=1, keepdims=True))
