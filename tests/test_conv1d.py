"""Conv1d and ConvTranspose1d: layers of images one pixel high, their formula, PyTorch's, and their gradients."""

import itertools

import numpy as np
import pytest
import standin
from numeric import numeric_gradient, rel_error

import numgan as ng
from numgan.backend import asnumpy
from numgan.layers.windows import Line, Side, Windows

KINDS = {"down": (ng.Conv1d, ng.Conv2d), "up": (ng.ConvTranspose1d, ng.ConvTranspose2d)}
HOW = [(1, 1, 0), (3, 1, 1), (4, 2, 1), (6, 4, 1), (5, 3, 2), (2, 3, 0)]  # kernel, stride, padding
cases = pytest.mark.parametrize(("kind", "how"), [*itertools.product(KINDS, HOW)], ids=str)


def placed(layer, dtype="float64", xp=np):
    net = ng.Network([layer], dtype=dtype, xp=xp)
    net.theta[...] = xp.asarray(np.random.default_rng(1).standard_normal(net.size), dtype=dtype)
    return net


def signals(kind, how, n=2):
    """x (3, t, n) over which whole windows lie."""
    t = Side(*how).extent(4) if kind == "down" else 4
    return np.random.default_rng(2).standard_normal((3, t, n))


@pytest.mark.parametrize("how", [(1, 1, 0), (3, 1, 1), (5, 1, 2), (7, 1, 3)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_is_the_layer_of_images_with_the_numbers_of_a_square_kernel_in_one_row(kind, how):
    """A square kernel that is 0 but for its middle row sees one row of an image alone: here, its only one."""
    small, large = KINDS[kind]
    kernel = how[0]
    net, image = placed(small(2, 3, *how)), placed(large(2, 3, *how))
    image.theta[...] = 0
    row = np.s_[kernel // 2] if kind == "down" else np.s_[:, kernel // 2]
    image.layers[0].W[row], image.layers[0].b[...] = net.layers[0].W, net.layers[0].b
    x = signals(kind, how)
    (y, tape), (Y, TAPE) = net.forward(x), image.forward(x[:, None])
    np.testing.assert_allclose(y, Y[:, 0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(net.backward(y, tape), image.backward(Y, TAPE)[:, 0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(net.layers[0].dW, image.layers[0].dW[row], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("how", HOW, ids=str)
def test_conv1d_is_its_formula_time_by_time(how):
    kernel, stride, padding = how
    net, x = placed(ng.Conv1d(2, 3, *how)), signals("down", how)
    (layer,), padded = net.layers, np.pad(x, [(0, 0), (padding, padding), (0, 0)])
    assert net(x).shape == (3, 4, 3)
    for r in range(4):
        window = padded[:, stride * r : stride * r + kernel]
        np.testing.assert_allclose(net(x)[:, r], np.einsum("mpc,pcn->mn", window, layer.W) + layer.b, rtol=1e-11)


@pytest.mark.parametrize("how", HOW, ids=str)
def test_each_is_the_adjoint_of_the_other(how):
    x = signals("down", how)
    down, up = placed(ng.Conv1d(2, 3, *how, bias=False)), placed(ng.ConvTranspose1d(3, 2, *how, bias=False))
    up.layers[0].W[...] = np.moveaxis(down.layers[0].W, 2, 0)
    y = np.random.default_rng(3).standard_normal((3, 4, 3))
    assert up(y).shape == x.shape
    assert np.isclose(np.vdot(down(x), y), np.vdot(x, up(y)), rtol=1e-12)


@cases
def test_backward_is_the_slope_of_forward(kind, how):
    net, x = placed(KINDS[kind][0](2, 3, *how)), signals(kind, how)
    y, tape = net.forward(x)
    dy = np.random.default_rng(0).standard_normal(y.shape)
    dx = net.backward(dy, tape, add=False)
    for found, at in ((net.grad, net.theta), (dx, x)):
        assert rel_error(found, numeric_gradient(lambda: (net(x) * dy).sum(), at)) < 1e-7


@cases
def test_gradcheck_agrees(kind, how):
    report = ng.gradcheck(KINDS[kind][0](2, 3, *how), signals(kind, how))
    assert report.ok, report
    assert report.rel_error <= 1e-6


@cases
def test_pytorch_agrees(kind, how):
    torch = pytest.importorskip("torch")
    _, stride, padding = how
    net, x = placed(KINDS[kind][0](2, 3, *how)), signals(kind, how)
    W, b = (torch.tensor(a.copy(), requires_grad=True) for a in (net.layers[0].W, net.layers[0].b))
    X = torch.tensor(x, requires_grad=True)
    f, order = {
        "down": (torch.nn.functional.conv1d, (2, 1, 0)),
        "up": (torch.nn.functional.conv_transpose1d, (0, 2, 1)),
    }[kind]
    Y = f(X.permute(0, 2, 1), W.permute(order), b, stride, padding).permute(0, 2, 1)
    y, tape = net.forward(x)
    np.testing.assert_allclose(y, Y.detach().numpy(), rtol=1e-12, atol=1e-12)
    (Y**2).sum().backward()
    dx = net.backward(2 * y, tape, add=False)
    for ours, theirs in ((dx, X), (net.layers[0].dW, W), (net.layers[0].db, b)):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-10, atol=1e-11)


def critic():
    up = [ng.Linear(3, 8), ng.Reshape((4, 2)), ng.ConvTranspose1d(2, 3), ng.Tanh()]  # (8, 3)
    down = [ng.Conv1d(3, 2, kernel=3, stride=1), ng.Tanh(), ng.Conv1d(2, 2), ng.Reshape((8,)), ng.Linear(8, 1)]
    return ng.Network([*up, *down], dtype="float64")


@pytest.mark.parametrize("penalty", ["r1", "wgan_gp"])
def test_penalties_go_through_both(penalty):
    D, rng = critic(), np.random.default_rng(4)
    x, x_g, eps = rng.standard_normal((5, 3)), rng.standard_normal((5, 3)), rng.random((5, 1))
    D.theta[...] = rng.standard_normal(D.size)

    def value():
        kept = D.grad.copy()
        found = ng.penalty.r1(D, x, 2.0) if penalty == "r1" else ng.penalty.wgan_gp(D, x, x_g, 2.0, eps)
        gradient, D.grad[...] = D.grad - kept, kept
        return found, gradient

    D.grad[...] = 0
    _, gradient = value()
    assert rel_error(gradient, numeric_gradient(lambda: float(value()[0]), D.theta)) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_on_every_backend_bit_for_bit(kind, device):
    found = []
    for xp in (np, standin.cupy):
        net = placed(KINDS[kind][0](2, 3), dtype="float32", xp=xp)
        x = xp.asarray(signals(kind, (4, 2, 1)), dtype="float32")
        with device.only("float32"):
            y, tape = net.forward(x, train=True)
            dx = net.backward(y, tape)
            v, _ = net.layers[0].tangent(x, y, tape[0])
        found.append([asnumpy(a) for a in (y, dx, net.grad, v)])
    for ours, theirs in zip(*found, strict=True):
        assert (ours == theirs).all()


def test_windows_may_differ_along_height_and_width():
    """A window is 3 high and 2 wide, 1 row and 2 columns apart, with a row of zeros above and below."""
    over, x = Windows(Side(3, 1, 1), Side(2, 2, 0)), np.random.default_rng(5).standard_normal((2, 4, 6, 3))
    patches, padded = over.unfold(x), np.pad(x, [(0, 0), (1, 1), (0, 0), (0, 0)])
    places = itertools.product(range(2), range(4), range(3))
    assert (patches == [padded[i, r : r + 3, 2 * q : 2 * q + 2].ravel() for i, r, q in places]).all()
    c = np.random.default_rng(6).standard_normal((2, 4, 3, 18))
    for folded in (over.fold(c, np.eye(18), 4, 6), over.fold_product(c, np.eye(18), 4, 6)):
        assert np.isclose(np.vdot(patches, c), np.vdot(x, folded), rtol=1e-12)
    M = np.random.default_rng(7).standard_normal((5, 12))
    keeps, y = Windows(Side(1, 1, 0), Side(3, 1, 1)), np.random.default_rng(8).standard_normal((2, 4, 6, 5))
    np.testing.assert_allclose(keeps.fold_product(y, M, 4, 6), keeps.fold(y, M, 4, 6), rtol=1e-11, atol=1e-13)


def test_sizes_and_first_values():
    up, down = placed(ng.ConvTranspose1d(2, 3, 24, 4, 10)), placed(ng.Conv1d(3, 2, 24, 4, 10))
    assert up(np.zeros((1, 16, 2))).shape == (1, 64, 3)  # four times as long
    assert down(np.zeros((1, 64, 3))).shape == (1, 16, 2)
    assert (up.layers[0].fan_in, down.layers[0].fan_in) == (12, 72)
    assert Line(Side(24, 4, 10)).sides == (Side(24, 4, 10),)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: placed(ng.Conv1d(2, 3))(np.zeros((1, 7, 2))), r"makes 3.5 times of 7: .*whole numbers.*or signals"),
        (lambda: placed(ng.Conv1d(2, 3))(np.zeros((1, 8, 3))), r"x must have shape \(m, …, 2\), got \(1, 8, 3\)"),
        (lambda: ng.Conv1d(2, 3).y_shape((8, 8, 2)), r"signals \(m, t, 2\), got \(m, 8, 8, 2\)"),
        (lambda: ng.Conv1d(2, 3).y_shape((8, 3)), r"signals \(m, t, 2\), got \(m, 8, 3\): put Reshape\(\(t, 2\)\)"),
        (lambda: ng.Network([ng.Linear(2, 2), ng.Conv1d(2, 3)]), "takes arrays of 2 axes .* give vectors"),
        (lambda: ng.Network([ng.Conv2d(2, 2), ng.Conv1d(2, 3)]), "takes arrays of 2 axes .* give images"),
        (lambda: ng.Conv1d(2, 3, kernel=0), "kernel"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(made, words):
    with pytest.raises(ng.InputError, match=words):
        made()
