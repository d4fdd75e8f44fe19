"""A generator of styles: its layers, both players' steps, and what mixing, truncation and noise leave as it was."""

import copy
import pickle

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error

import numgan as ng
from numgan.app import cli
from numgan.lab import styles as pictures
from numgan.layers.base import Layer
from numgan.layers.compound import Compound
from numgan.layers.rescale import slowed
from numgan.models import stylegan
from numgan.models.stylegan import images, mixed, styles
from numgan.penalty import R1, R2, WGANGP, r1
from numgan.run.state import Checkpoint

LOSS = ng.losses.nonsaturating
N_Z, MAPS, LEVELS = 3, (3, 2), 4  # 4 × 4 and 8 × 8 pixels, of which 6 × 6 are shown


def rng(seed=0):
    return np.random.default_rng(seed)


def players(dtype="float64"):
    """A small pair, biases and noise weights away from 0."""
    G = ng.Network(stylegan.generator(N_Z, 2, MAPS, 1, border=1), seed=1, dtype=dtype)
    D = ng.Network(stylegan.discriminator(MAPS, 1, border=1, group=2), seed=2, dtype=dtype)
    for seed, net in enumerate((G, D)):
        net.theta[...] += 0.1 * rng(seed).standard_normal(net.size)
    return G, D


def leaves(layer):
    inner = getattr(layer, "layers", None)
    return [leaf for one in inner for leaf in leaves(one)] if inner else [layer]


def all_of(kind, net):
    return [layer for layer in leaves(net) if isinstance(layer, kind)]


def batch(m=4, n_x=36):
    return rng(5).standard_normal((m, n_x)), rng(6).standard_normal((m, N_Z))


def smooth(layer):
    """The same, not yet in a network, with tanh in place of LeakyReLU, so that no kink is near."""
    if isinstance(layer, ng.Network):
        return ng.Network([smooth(one) for one in layer.layers], dtype=layer.theta.dtype)
    if isinstance(layer, ng.StyleMixing):
        return ng.StyleMixing(smooth(layer.mapping), layer.levels, layer.p)
    if isinstance(layer, ng.Synthesis):
        return ng.Synthesis(tuple(map(smooth, layer.layers)))
    return ng.Tanh() if isinstance(layer, ng.LeakyReLU) else copy.deepcopy(layer)


def smooth_players():
    pair = players()
    others = [smooth(net) for net in pair]
    for net, other in zip(pair, others, strict=True):
        other.theta[...], other.buffers[...] = net.theta, net.buffers
    return others


def loss_of(y):
    """A scalar of y with a slope of its own for every number, and that slope."""
    c = rng(8).standard_normal(y.shape)
    return (c * y).sum(), c


def assert_gradients(layer, x, train=True, **others):
    """dx, and that of every parameter, against differences; others: what else forward's pair holds, by name."""
    parameters = {name: getattr(layer, name) for name in layer.shapes}
    pair = (x, *others.values()) if others else x

    def value():
        return loss_of(layer.forward(pair, train, rng(3))[0])[0]

    y, cache = layer.forward(pair, train, rng(3))
    found = layer.backward(loss_of(y)[1], cache, add=False)
    dxs = found if others else (found,)
    for name, a, da in zip(("x", *others), (x, *others.values()), dxs, strict=True):
        assert rel_error(da, numeric_gradient(value, a)) < 1e-6, name
    found = {name: getattr(layer, f"d{name}").copy() for name in parameters}
    for name, a in parameters.items():
        assert rel_error(found[name], numeric_gradient(value, a)) < 1e-6, name
    layer.backward(loss_of(y)[1], cache, inputs=False)  # is added
    for name in parameters:
        np.testing.assert_allclose(getattr(layer, f"d{name}"), 2 * found[name], rtol=1e-12)


def placed(layer, seed=0):
    """The layer in a network in float64, with parameters away from their first values."""
    net = ng.Network([layer], seed=seed, dtype="float64")
    net.theta += 0.3 * rng(seed).standard_normal(net.size)
    return layer


# Layers


def test_adain_gives_every_map_the_mean_and_the_scale_of_its_style():
    layer, x, w = placed(ng.AdaIN(2, 3)), rng().standard_normal((4, 3, 5, 2)), rng(1).standard_normal((4, 3))
    y = layer((x, w))
    style = w @ layer.A + layer.a
    np.testing.assert_allclose(y.mean(axis=(1, 2)), style[:, 2:], rtol=1e-12)
    np.testing.assert_allclose(y.std(axis=(1, 2)), np.abs(1 + style[:, :2]), rtol=1e-6)
    assert_gradients(layer, x, w=w)
    assert ng.Network([ng.Synthesis([ng.Constant(3), ng.AdaIN(3, 400)])], seed=1).theta[48:-6].std() == (
        pytest.approx(1, rel=0.05)
    )
    with pytest.raises(ng.InputError, match="takes images and styles"):
        ng.Network([ng.AdaIN(2, 3)])(x)


def test_noise_is_drawn_for_every_pixel_and_added_as_the_weights_say():
    layer, x = placed(ng.NoiseInput(2, 3, 5)), rng().standard_normal((4, 3, 5, 2))
    noise = rng(3).standard_normal((4, 3, 5, 1))
    np.testing.assert_allclose(layer.forward(x, True, rng(3))[0], x + layer.B * noise, rtol=1e-14)
    np.testing.assert_allclose(layer(x), x + layer.B * layer.noise, rtol=1e-14)
    assert layer.noise.shape == (3, 5, 1)
    assert layer.noise.std() == pytest.approx(1, rel=0.5)
    for train in (True, False):
        assert_gradients(layer, x, train)
    with pytest.raises(ng.InputError, match=r"takes images \(m, 3, 5, 2\)"):
        layer(x[:, :, :4])
    with pytest.raises(ng.InputError, match="pass rng="):
        layer.forward(x, train=True)
    fresh = ng.Network([ng.NoiseInput(2, 3, 5), ng.NoiseInput(2, 3, 5)])
    assert not fresh.theta.any()
    assert (fresh.layers[0].noise != fresh.layers[1].noise).all()


def test_blur_is_its_kernel_and_its_own_adjoint():
    x = np.zeros((1, 5, 5, 1))
    x[0, 2, 2] = x[0, 0, 0] = 16
    expected = np.zeros((5, 5))
    expected[1:4, 1:4] = np.outer([1, 2, 1], [1, 2, 1])
    expected[:2, :2] += [[4, 2], [2, 1]]
    np.testing.assert_allclose(ng.Blur()(x)[0, :, :, 0], expected)
    x, y = rng().standard_normal((2, 3, 4, 5, 2))
    layer = ng.Blur()
    assert (layer(x) * y).sum() == pytest.approx((x * layer.dx(y, None)).sum())
    with pytest.raises(ng.InputError, match="takes images"):
        layer(x[0, 0])


def test_penalty_through_blur():
    layers = [ng.Reshape((3, 3, 1)), ng.Conv2d(1, 3, 3, 1, 1), ng.Tanh(), ng.Blur(), ng.Reshape((27,))]
    D = ng.Network([*layers, ng.Linear(27, 4), ng.Tanh(), ng.Linear(4, 1)], dtype="float64")
    x = rng().standard_normal((5, 9))
    r1(D, x, 3.0)
    found = D.grad.copy()
    assert rel_error(found, numeric_gradient(lambda: r1(D, x, 3.0), D.theta)) < 1e-6


def test_a_constant_is_the_same_for_every_row():
    layer, x = placed(ng.Constant(2, 3, 4)), rng().standard_normal((5, 6))
    y, x_shape = layer.forward(x)
    assert (y == layer.C).all()
    assert y.shape == (5, 3, 4, 2)
    dy = rng(1).standard_normal(y.shape)
    assert not layer.backward(dy, x_shape, add=False).any()
    np.testing.assert_allclose(layer.dC, dy.sum(axis=0))
    assert_gradients(layer, x)
    assert ng.Network([ng.Constant(200)]).theta.std() == pytest.approx(1, rel=0.1)


def drawn_by_mixing(layer, z, seed):
    """z₂ and the crossover of each row, which `layer` draws from a generator of this seed."""
    numbers = rng(seed)
    z_2, u = numbers.standard_normal(z.shape, dtype=z.dtype), numbers.random(len(z), dtype=z.dtype)
    crossover = numbers.integers(1, layer.levels, len(z))
    return z_2, np.where(u < layer.p, crossover, layer.levels)


def test_styles_below_the_crossover_are_of_z_and_the_others_of_z_2():
    layer, z = placed(ng.StyleMixing(ng.Linear(4, 3), levels=5, p=0.7)), rng(1).standard_normal((400, 4))
    y, _ = layer.forward(z, True, rng(3))
    z_2, crossover = drawn_by_mixing(layer, z, 3)
    w, w_2 = (layer.mapping(a) for a in (z, z_2))
    for i, c in enumerate(crossover):
        np.testing.assert_allclose(y[i, :c], np.tile(w[i], (c, 1)), rtol=1e-12)
        np.testing.assert_allclose(y[i, c:], np.tile(w_2[i], (5 - c, 1)), rtol=1e-12)
    counts = np.bincount(crossover, minlength=6)
    assert counts[0] == 0
    assert counts[5] / 400 == pytest.approx(0.3, abs=0.07)
    assert (np.abs(counts[1:5] / 400 - 0.7 / 4) < 0.06).all()
    assert (layer(z) == layer.mapping(z)[:, None]).all()
    layer.p = 0
    np.testing.assert_allclose(layer.forward(z, True, rng(3))[0], layer(z), rtol=1e-12)
    for wrong in ({"levels": 1}, {"p": 1.1}, {"mapping": 3}):
        with pytest.raises(ng.InputError, match=f"StyleMixing.*{next(iter(wrong))}.* must be"):
            ng.StyleMixing(**{"mapping": ng.Linear(2, 2), "levels": 3} | wrong)


@pytest.mark.parametrize("train", [True, False])
def test_gradients_of_mixing_go_through_both_z(train):
    mapping = ng.Network([ng.PixelNorm(), ng.Linear(4, 5), ng.Tanh(), ng.Linear(5, 3)])
    layer = placed(ng.StyleMixing(mapping, levels=3))
    assert_gradients(layer, rng(1).standard_normal((6, 4)), train)


def test_truncation_draws_the_first_styles_to_their_mean():
    net = ng.Network([ng.Truncation(3, psi=0.7, first=2)], dtype="float64")
    layer, x = net.layers[0], rng().standard_normal((50, 4, 3))
    net.calibrate(x)
    np.testing.assert_allclose(layer.mean, x.mean(axis=(0, 1)))
    y = net(x)
    np.testing.assert_allclose(y[:, :2], layer.mean + 0.7 * (x[:, :2] - layer.mean), rtol=1e-12)
    assert (y[:, 2:] == x[:, 2:]).all()
    assert (net.forward(x, train=True)[0] == x).all()
    for train in (True, False):
        assert_gradients(layer, x[:3], train)
    layer.psi, layer.first = 0.0, None
    assert (net(x) == layer.mean).all()
    layer.psi = 1
    assert (net(x) == x).all()
    with pytest.raises(ng.InputError, match="Truncation's psi"):
        layer.psi = "0.7"


def test_each_level_of_a_synthesis_has_the_gradient_of_its_own_style():
    layer = placed(ng.Synthesis.example())
    assert_gradients(layer, rng(1).standard_normal((4, 2, 3)))
    net = ng.Network([ng.Synthesis.example()])
    for shape, match in (((4, 3, 3), r"Synthesis takes styles \(m, 2, 3\)"), ((4, 2, 2), r"shape \(m, …, 3\)")):
        with pytest.raises(ng.InputError, match=match):
            net(np.zeros(shape, "float32"))
    for wrong in ([ng.AdaIN(2, 3)], [ng.Constant(2)], [ng.Constant(2), ng.AdaIN(2, 3), ng.AdaIN(2, 4)]):
        with pytest.raises(ng.InputError, match="a Constant first, and AdaIN of one n_w"):
            ng.Synthesis(wrong)


def test_a_penalty_cannot_go_through_a_synthesis():
    D = ng.Network([ng.Reshape((2, 3)), ng.Synthesis.example(), ng.Reshape((18,)), ng.Linear(18, 1)], dtype="float64")
    with pytest.raises(ng.InputError, match="Synthesis has no tangent rule"):
        r1(D, np.ones((2, 6)), rng=rng())


def test_slowed_is_scaled_first_values_with_scaled_rates():
    """W, used 0.01 c times as large, is 0.01 c W itself at the rate 0.01 c · lr, with eps / (0.01 c); b has no c."""
    rate = 0.01
    scale, dense, back = slowed(400, 5, rate)
    c = (2 / 400) ** 0.5 * rate
    assert scale.factor * back.factor == pytest.approx(c)
    ours = ng.Network([scale, dense, back, ng.Tanh(), ng.Linear(5, 1)], seed=3, dtype="float64")
    assert dense.W.std() == pytest.approx(1 / rate, rel=0.05)
    theirs = ng.Network([ng.Linear(400, 5), ng.Tanh(), ng.Linear(5, 1)], seed=3, dtype="float64")
    theirs.theta[...] = ours.theta
    W, b, last = slice(0, 2000), slice(2000, 2005), slice(2005, None)
    factors = {"W": (W, c), "b": (b, rate), "last": (last, 1.0)}
    for span, factor in factors.values():
        theirs.theta[span] *= factor
    opt = ng.Adam(0.05, eps=0.1)
    opts = {name: ng.Adam(0.05 * factor, eps=0.1 / factor) for name, (_, factor) in factors.items()}
    for step in range(5):
        x = rng(step).standard_normal((6, 400))
        for net in (ours, theirs):
            y, tape = net.forward(x)
            net.backward(y, tape, add=False)
        opt.step(ours.theta, ours.grad)
        for name, (span, factor) in factors.items():
            opts[name].step(theirs.theta[span], theirs.grad[span])
            np.testing.assert_allclose(ours.theta[span] * factor, theirs.theta[span], rtol=1e-10, err_msg=name)


# Whole steps


def d_step(G, D, x, z, penalty):
    info = ng.discriminator_gradient(G, D, x, z, LOSS, rng(4))
    return info.value + penalty(D, x, info.x_g, rng(7))


def assert_slopes(net, value, h=1e-6):
    """The gradient that net holds, along a direction in each of its parameters, against differences."""
    found, theta = net.grad.copy(), net.theta.copy()
    largest = np.abs(found).max()
    for name, span in net.slices.items():
        u, sides = rng(9).standard_normal(span.stop - span.start), []
        for side in (h, -h):
            net.theta[span] = theta[span] + side * u
            sides.append(float(value()))
            net.theta[span] = theta[span]
        slope, exact = (sides[0] - sides[1]) / (2 * h), found[span] @ u
        bound = 1e-6 * max(np.linalg.norm(found[span]) * np.linalg.norm(u), 1e-3 * largest)
        assert abs(exact - slope) <= bound, (name, exact, slope)
        assert np.abs(found[span]).max() > 0, name


def test_whole_steps():
    """θ_d with R1 16 times as strong, through Blur and MinibatchStd; θ_g through noise, AdaIN and two z."""
    G, D = smooth_players()
    x, z = batch()
    D.grad[...] = G.grad[...] = 7.0  # of the step before: to be written over
    penalty = R1(0.5, every=16)
    d_step(G, D, x, z, penalty)
    assert_slopes(D, lambda: d_step(G, D, x, z, penalty))
    _, crossover = drawn_by_mixing(G.layers[0], z, 4)
    assert {*crossover} & {1, 2, 3}
    ng.generator_gradient(G, D, z, LOSS, rng(4))
    assert_slopes(G, lambda: ng.generator_gradient(G, D, z, LOSS, rng(4)).value)


def test_pytorch_agrees_on_both_steps():
    torch = pytest.importorskip("torch")
    G, D = players()
    x, z = batch()
    value = d_step(G, D, x, z, R1(0.5, every=16))
    D_grad = D.grad.copy()
    ng.generator_gradient(G, D, z, LOSS, rng(4))
    theta_g, theta_d = (torch.tensor(net.theta, requires_grad=True) for net in (G, D))
    x, z = torch.tensor(x, requires_grad=True), torch.tensor(z)
    a_x = _torch_row(torch, D.layers, theta_d, x, None)
    a_g = _torch_row(torch, D.layers, theta_d, _torch_row(torch, G.layers, theta_g, z, rng(4)), None)
    g = torch.autograd.grad(a_x.sum(), x, create_graph=True)[0]
    softplus = torch.nn.functional.softplus
    L_D = softplus(-a_x).mean() + softplus(a_g).mean() + 16 * 0.5 / 2 * g.pow(2).sum(dim=1).mean()
    assert np.isclose(value, L_D.item(), rtol=1e-12)
    assert rel_error(D_grad, torch.autograd.grad(L_D, theta_d, retain_graph=True)[0].numpy()) < 1e-10
    assert rel_error(G.grad, torch.autograd.grad(softplus(-a_g).mean(), theta_g)[0].numpy()) < 1e-10


def _torch_row(torch, layers, theta, x, numbers, styles=None):
    """Layers in a row in PyTorch's operations, images as (m, h, w, c); numbers: what the layers draw from."""
    i, level = 0, 0
    for layer in layers:
        part, i = theta[i : i + layer.size], i + layer.size
        if isinstance(layer, ng.AdaIN):
            x, level = _torch_adain(layer, part, x, styles[:, level]), level + 1
        elif isinstance(layer, ng.StyleMixing):
            x = _torch_mixing(torch, layer, part, x, numbers)
        elif isinstance(layer, ng.Synthesis):
            x = _torch_row(torch, layer.layers, part, x, numbers, x)
        else:
            x = _torch_layer(torch, layer, part, x, numbers)
    return x


def _torch_adain(layer, theta, x, w):
    style = w @ theta[: layer.A.size].reshape(layer.A.shape) + theta[layer.A.size :]
    var = x.var(dim=(1, 2), unbiased=False, keepdim=True)
    normal = (x - x.mean(dim=(1, 2), keepdim=True)) / (var + layer.eps).sqrt()
    return (1 + style[:, None, None, : layer.n]) * normal + style[:, None, None, layer.n :]


def _torch_mixing(torch, layer, theta, z, numbers):
    z_2, u = numbers.standard_normal(z.shape), numbers.random(len(z))
    crossover = torch.tensor(np.where(u < layer.p, numbers.integers(1, layer.levels, len(z)), layer.levels))
    w, w_2 = (_torch_row(torch, layer.mapping.layers, theta, a, numbers) for a in (z, torch.tensor(z_2)))
    rows = [torch.stack([(w if k < c else w_2)[i] for k in range(layer.levels)]) for i, c in enumerate(crossover)]
    return torch.stack(rows)


def _torch_layer(torch, layer, theta, x, numbers):
    F = torch.nn.functional
    if isinstance(layer, ng.Conv2d | ng.ConvTranspose2d):
        W, b = theta[: layer.W.size].reshape(layer.W.shape), theta[layer.W.size :]
        f, order = (F.conv2d, (3, 2, 0, 1)) if isinstance(layer, ng.Conv2d) else (F.conv_transpose2d, (0, 3, 1, 2))
        y = f(x.permute(0, 3, 1, 2), W.permute(*order), b, stride=layer.stride, padding=layer.padding)
        return y.permute(0, 2, 3, 1)
    if isinstance(layer, ng.MinibatchStd):
        groups = x.reshape(layer.group, -1, *x.shape[1:])
        s = (groups.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        return torch.cat([x, s.repeat(layer.group)[:, None, None, None].expand(*x.shape[:3], 1)], dim=3)
    if isinstance(layer, ng.Blur):
        kernel = torch.outer(*[torch.tensor([1.0, 2, 1], dtype=x.dtype)] * 2) / 16
        n = x.shape[3]
        y = F.conv2d(x.permute(0, 3, 1, 2), kernel.expand(n, 1, 3, 3), padding=1, groups=n)
        return y.permute(0, 2, 3, 1)
    return {
        ng.Linear: lambda: x @ theta[: layer.W.size].reshape(layer.W.shape) + theta[layer.W.size :],
        ng.Constant: lambda: theta.reshape(layer.C.shape).expand(len(x), *layer.C.shape),
        ng.NoiseInput: lambda: x + theta * torch.tensor(numbers.standard_normal((*x.shape[:3], 1))),
        ng.Truncation: lambda: x,
        ng.Reshape: lambda: x.reshape(len(x), *layer.shape),
        ng.Rescale: lambda: x * layer.factor,
        ng.LeakyReLU: lambda: F.leaky_relu(x, layer.slope),
        ng.Tanh: lambda: torch.tanh(x),
        ng.PixelNorm: lambda: x / (x.pow(2).mean(dim=-1, keepdim=True) + layer.eps).sqrt(),
        ng.Pad: lambda: F.pad(x, (0, 0, *[layer.width] * 4), value=layer.value),
        ng.Crop: lambda: x[:, layer.width : -layer.width, layer.width : -layer.width],
    }[type(layer)]()


# What changes nothing


def test_without_truncation_left_every_z_has_one_image_bit_for_bit():
    G, _ = players("float32")
    z = rng().standard_normal((6, N_Z)).astype("float32")
    G.calibrate(z)
    assert len(np.unique(G(z), axis=0)) == 6
    G.layers[1].psi = 0
    assert (G(z) == G(z[:1])).all()


def test_with_weights_0_noise_changes_nothing_bit_for_bit():
    G, _ = players("float32")
    G.layers[0].p = 0
    z = rng().standard_normal((6, N_Z)).astype("float32")
    w = styles(G, z)

    def drawn(seed):
        return G.layers[3].forward(w, True, rng(seed))[0]

    assert (drawn(1) != drawn(2)).any()
    for layer in all_of(ng.NoiseInput, G):
        layer.B[...] = 0
    assert (drawn(1) == drawn(2)).all()
    assert (drawn(1) == G.layers[3](w)).all()


def test_in_evaluation_an_image_follows_from_its_z_alone():
    G, _ = players("float32")
    z = rng().standard_normal((6, N_Z)).astype("float32")
    assert (G(z) == G(z)).all()
    np.testing.assert_allclose(G(z)[2:3], G(z[2:3]), rtol=1e-4, atol=1e-5)


def test_styles_can_be_mixed_by_hand_as_training_mixes_them():
    G, _ = players()
    z = batch()[1]
    for layer in all_of(ng.NoiseInput, G):
        layer.B[...] = 0
    assert (images(G, styles(G, z)) == G(z)).all()
    z_2, crossover = drawn_by_mixing(G.layers[0], z, 4)
    w, w_2 = styles(G, z), styles(G, z_2)
    assert w.shape == (4, LEVELS, N_Z)
    by_hand = [images(G, mixed(w, w_2, slice(c, None)))[i] for i, c in enumerate(crossover)]
    np.testing.assert_allclose(by_hand, G.forward(z, True, rng(4))[0], rtol=1e-9, atol=1e-12)
    assert (mixed(w, w_2, slice(1, 2))[:, 1] == w_2[:, 1]).all()
    assert (mixed(w, w_2, slice(1, 2))[:, [0, 2, 3]] == w[:, [0, 2, 3]]).all()
    with pytest.raises(ng.InputError, match="begins with StyleMixing"):
        styles(ng.Network([ng.Linear(3, 3)]), z)


def pickled(net):
    return pickle.loads(pickle.dumps(net))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled, ng.Network.copy])
def test_copies_keep_their_parameters_in_one_vector(copied):
    G, _ = players()
    other, z = copied(G), batch()[1]
    assert (other(z) == G(z)).all()
    assert not np.shares_memory(other.theta, G.theta)
    for layer in leaves(other):
        for name in layer.shapes:
            assert np.shares_memory(getattr(layer, name), other.theta)
            assert np.shares_memory(getattr(layer, f"d{name}"), other.grad)
        for name in layer.buffer_shapes:
            assert np.shares_memory(getattr(layer, name), other.buffers)
    assert sum(layer.size for layer in leaves(other)) == other.size == G.size


def test_a_compound_lists_what_its_layers_hold():
    G, _ = players()
    compounds = [layer for layer in G.layers if isinstance(layer, Compound)]
    assert [type(layer) for layer in compounds] == [ng.StyleMixing, ng.Synthesis]
    for layer in compounds:
        assert isinstance(layer, Layer)
        assert layer.size == sum(inner.size for inner in layer.layers)
        assert layer.stochastic and layer.rowwise
    assert compounds[1].inner_shapes((LEVELS, N_Z))[-1] == (8, 8, 2)
    assert G.y_shape((N_Z,)) == (36,)


# Lazy penalties


@pytest.mark.parametrize("kind", [R1, R2, WGANGP])
def test_a_lazy_penalty_is_that_many_times_as_strong(kind):
    _, D = players()
    x, _ = batch()
    found = {}
    for penalty in (kind(0.5), kind(0.5, every=4), kind(2.0)):
        D.grad[...] = 0
        found[penalty] = penalty(D, x, x[::-1] / 2, rng(7)), D.grad.copy()
    once, lazy, strong = found.values()
    assert lazy[0] == strong[0]
    assert (lazy[1] == strong[1]).all()
    assert lazy[0] == pytest.approx(4 * once[0])
    assert repr(kind(0.5)) == f"{kind.__name__}({'lam' if kind is WGANGP else 'gamma'}=0.5)"
    assert repr(kind(0.5, 4)) == f"{kind.__name__}({'lam' if kind is WGANGP else 'gamma'}=0.5, every=4)"
    for wrong in (0, 1.5, True):
        with pytest.raises(ng.InputError, match="every must be a whole number of 1 or more"):
            kind(0.5, every=wrong)


def run(penalty=None, **how):
    G, D = players("float32")
    x = rng().uniform(-1, 1, (12, 36)).astype("float32")
    how = {"batch": 4, "ema": 0.9, "threads": 1, "penalty": penalty or R1(0.5, every=4)} | how
    return ng.Training(G, D, x, optimizers=(ng.Adam(1e-3, 0.0, 0.99), ng.Adam(1e-3, 0.0, 0.99)), **how)


@pytest.mark.parametrize(("k", "at"), [(1, [0, 4, 8]), (2, [0, 2, 4, 6, 8])])
def test_it_is_added_in_every_so_manieth_update_of_D(k, at, monkeypatch):
    training, calls = run(k=k), []
    original = R1.__call__
    monkeypatch.setattr(R1, "__call__", lambda self, *a: calls.append(training.step) or original(self, *a))
    list(training.steps(9))
    assert calls == at


@pytest.mark.parametrize("step", [1, 3, 4, 6])
def test_a_run_resumes_between_two_penalties(step, tmp_path):
    whole, broken = run(), run()
    list(whole.steps(9))
    list(broken.steps(step))
    broken.save(tmp_path / "run.npz")
    again = ng.Training.load(tmp_path / "run.npz", broken.data)
    assert again.penalty == R1(0.5, every=4)
    assert (again.sample(4) == broken.sample(4)).all()
    assert (Checkpoint(tmp_path / "run.npz").sample(4) == broken.sample(4)).all()
    list(again.steps(9 - step))
    assert (again.sample(4) == whole.sample(4)).all()  # which sets G's buffers
    for name in ("theta", "grad", "buffers"):
        for player in "GD":
            assert (getattr(getattr(again, player), name) == getattr(getattr(whole, player), name)).all()


def test_a_mean_style_is_that_of_the_averaged_weights():
    training = run()
    list(training.steps(3))
    training.sample(2)
    G = pictures.averaged(training)
    w = styles(G, training._noise.fixed(1024, purpose=ng.run.streams.CALIBRATION))[:, 0]
    np.testing.assert_allclose(training.G.layers[1].mean, w.mean(axis=0), rtol=1e-3, atol=1e-4)
    assert (training.G.theta != G.theta).any()


# The model


def test_the_pair_for_digits():
    digits = ng.data.load("digits")
    G, D = stylegan.stylegan(digits, 3)
    assert (G.n_in, G.n_out, D.n_out) == (64, 784, 1)
    assert D(G(rng().standard_normal((4, 64)).astype("float32"))).shape == (4, 1)
    synthesis = G.layers[3]
    assert (synthesis.levels, G.layers[0].levels, G.layers[0].p) == (8, 8, 0.9)
    assert [(layer.h, layer.w) for layer in all_of(ng.NoiseInput, G)] == [(n, n) for n in (4, 4, 8, 8, 16, 16, 32, 32)]
    slow = [layer.W.std() for layer in all_of(ng.Linear, G)]
    assert slow == pytest.approx([100] * 4, rel=0.05)
    others = [layer.W for net in (G, D) for layer in all_of(ng.Conv2d | ng.ConvTranspose2d, net)]
    assert all(abs(W.var() - 1) < 6 * (2 / W.size) ** 0.5 for W in others)
    bad = ng.data.Data(np.zeros((2, 900), "float32"), image_shape=(25, 36), range=(-1, 1))
    with pytest.raises(ng.InputError, match="stylegan needs square images of an even side"):
        stylegan.stylegan(bad, 0)


BLOCK = ["NoiseInput", "LeakyReLU", "AdaIN"]
UP, CONV, DOWN = "ConvTranspose2d {} {} 4/2", "Conv2d {} {} 3/1", "Conv2d {} {} 4/2"
SYNTHESIS = [
    *("Constant", *BLOCK, CONV.format(64, 64), *BLOCK),
    *(UP.format(64, 48), "Blur", *BLOCK, CONV.format(48, 48), *BLOCK),
    *(UP.format(48, 24), "Blur", *BLOCK, CONV.format(24, 24), *BLOCK),
    *(UP.format(24, 8), "Blur", *BLOCK, CONV.format(8, 8), *BLOCK, "Conv2d 8 1 1/1"),
]
JUDGE = [
    *("Reshape", "Pad", "Conv2d 1 8 1/1", "LeakyReLU"),
    *(CONV.format(8, 8), "LeakyReLU", "Blur", DOWN.format(8, 24), "LeakyReLU"),
    *(CONV.format(24, 24), "LeakyReLU", "Blur", DOWN.format(24, 48), "LeakyReLU"),
    *(CONV.format(48, 48), "LeakyReLU", "Blur", DOWN.format(48, 64), "LeakyReLU"),
    *("MinibatchStd", CONV.format(65, 64), "LeakyReLU", "Conv2d 64 64 4/1", "LeakyReLU", "Conv2d 64 1 1/1", "Reshape"),
]


def spelled(layer):
    conv = isinstance(layer, ng.Conv2d | ng.ConvTranspose2d)
    return type(layer).__name__ + (f" {layer.n_in} {layer.n_out} {layer.kernel}/{layer.stride}" if conv else "")


def test_it_is_made_of_these_layers():
    G, D = stylegan.stylegan(ng.data.load("digits"), 0)
    assert [spelled(layer) for layer in G.layers] == [
        *("StyleMixing", "Truncation", "Rescale", "Synthesis", "Crop", "Tanh", "Reshape")
    ]
    assert G.layers[2].factor == 1 / 8
    slow = ["Rescale", "Linear", "Rescale", "LeakyReLU"]
    assert [spelled(layer) for layer in leaves(G.layers[0])] == ["PixelNorm", *slow * 4]
    for layers, expected in ((G.layers[3].layers, SYNTHESIS), (D.layers, JUDGE)):
        assert [spelled(layer) for layer in layers if not isinstance(layer, ng.Rescale)] == expected
        for i, layer in enumerate(layers):
            if isinstance(layer, ng.Conv2d | ng.ConvTranspose2d):
                gain = 1 if layer.n_out == 1 else 2**0.5
                assert layers[i - 1].factor == pytest.approx(gain / layer.fan_in**0.5)


def test_how_it_is_trained():
    model = ng.models.BY_NAME["stylegan"]
    assert (model.batch, model.ema, model.conditional, model.loss) == (16, 0.998, False, LOSS)
    assert model.penalty.every == 16
    for optimizer in model.optimizers({}, {}):
        assert (optimizer.beta1, optimizer.beta2, optimizer.eps) == (0.0, 0.99, 1e-8)
        assert [optimizer.lr(t) for t in (0, 4000, 8000, 9000)] == pytest.approx([2e-3, 2e-3, 1e-4, 1e-4])


def test_the_command_line_trains_resumes_and_samples_it(tmp_path, monkeypatch):
    monkeypatch.setattr(ng.training, "CALIBRATION_ROWS", 16)  # to be quick
    out, few = str(tmp_path / "r"), ["--batch", "4", "--threads", "1"]
    assert cli.main(["train", "--model", "stylegan", "--steps", "2", *few, "--out", out]) == 0
    training = ng.Training.load(tmp_path / "r" / "checkpoint.npz", ng.data.load("digits"))
    assert training.penalty == ng.models.BY_NAME["stylegan"].penalty
    assert cli.main(["train", "--resume", out, "--steps", "3"]) == 0
    assert cli.main(["sample", out, "-n", "5", "--out", str(tmp_path / "x.npz")]) == 0
    assert np.load(tmp_path / "x.npz")["x"].shape == (5, 784)


# Pictures


def shown(figure, columns, lines, side=6):
    """The images of a sheet, (lines, columns, side, side)."""
    (ax,) = figure.axes
    a = np.asarray(ax.images[0].get_array())
    assert a.shape == (lines * (side + 1) - 1, columns * (side + 1) - 1)
    a = np.pad(a, ((0, 1), (0, 1))).reshape(lines, side + 1, columns, side + 1)
    return a[:, :-1, :, :-1].swapaxes(1, 2)


def test_pictures_show_what_they_say():
    G, _ = players()
    z_a, z_b = batch(2)[1], rng(11).standard_normal((3, N_Z))
    data = ng.data.Data(np.zeros((1, 36)), image_shape=(6, 6), range=(-3, 3))

    def cells(z):
        return data.restore(G(z)).reshape(-1, 6, 6)

    for levels, source in ((slice(0, 0), "a"), (slice(0, LEVELS), "b"), (slice(2, 4), "both")):
        lines = shown(pictures.mixing(G, data, z_a, z_b, levels), 4, 3)
        np.testing.assert_allclose(lines[0, 1:], cells(z_b))
        np.testing.assert_allclose(lines[1:, 0], cells(z_a))
        w = mixed(styles(G, z_a)[[0, 0, 0, 1, 1, 1]], styles(G, z_b)[[0, 1, 2, 0, 1, 2]], levels)
        np.testing.assert_allclose(lines[1:, 1:].reshape(6, 6, 6), data.restore(images(G, w)).reshape(6, 6, 6))
        if source != "both":
            expected = cells(z_a)[[0, 0, 0, 1, 1, 1]] if source == "a" else cells(z_b)[[0, 1, 2, 0, 1, 2]]
            np.testing.assert_allclose(lines[1:, 1:].reshape(6, 6, 6), expected, rtol=1e-6)
    G.calibrate(rng(12).standard_normal((50, N_Z)))
    row = shown(pictures.truncation(G, data, z_a, (1, 0.5, 0)), 3, 2)
    np.testing.assert_allclose(row[:, 0], cells(z_a))
    np.testing.assert_allclose(row[0, 2], row[1, 2])
    assert np.abs(row[0, 1] - row[1, 1]).max() < np.abs(row[0, 0] - row[1, 0]).max()
    assert G.layers[1].psi == 1  # it works on a copy
    noisy = shown(pictures.noise(G, data, z_a, draws=5), 4, 2)
    assert (noisy[:, 0] != noisy[:, 1]).any()
    assert (noisy[:, 3] > 0).any()
    for layer in all_of(ng.NoiseInput, G):
        layer.B[...] = 0
    quiet = shown(pictures.noise(G, data, z_a, draws=5), 4, 2)
    assert np.abs(quiet[:, 3]).max() < 1e-12
    np.testing.assert_allclose(quiet[:, 0], cells(z_a))
