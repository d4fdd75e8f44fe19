"""A pair that grows: its layers, both players' steps with every term of the loss, and what growing leaves as it was."""

import copy

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error

import numgan as ng
from numgan.app import cli
from numgan.layers.rescale import equalised
from numgan.losses import WassersteinDrift
from numgan.models import progan
from numgan.models.progan import Growth
from numgan.penalty import WGANGP, r1, wgan_gp

LOSS = WassersteinDrift(drift=0.3)
LEVELS = {"4": (0, 0), "4-8": (0.25, 0), "8": (1, 0), "8-16": (1, 0.6), "16": (1, 1)}


def rng(seed=0):
    return np.random.default_rng(seed)


def growth(*alphas, maps=(3, 2, 2)):
    return Growth(n_z=3, maps=maps[: len(alphas) + 1], channels=1, alphas=alphas, border=1, group=2)


def players(*alphas, dtype="float64"):
    plan = growth(*alphas)
    G, D = plan.generator(1).copy(dtype=dtype), plan.discriminator(2).copy(dtype=dtype)
    for seed, net in enumerate((G, D)):
        net.theta[...] += 0.1 * rng(seed).standard_normal(net.size)  # biases away from zero
    return G, D


def batch(n_x, m=4):
    return rng(5).standard_normal((m, n_x)), rng(6).standard_normal((m, 3)), rng(7).random((m, 1))


def d_step(G, D, x, z, eps):
    info = ng.discriminator_gradient(G, D, x, z, LOSS)
    return info.value + wgan_gp(D, x, info.x_g, 10.0, eps)


def fades(net):
    """All of them, the outermost first."""
    own = [net] if isinstance(net, ng.Fade) else []
    return own + [fade for layer in getattr(net, "layers", ()) for fade in fades(layer)]


def branch_in_use(net):
    """The layers that a network computes with, where no fade is under way."""
    for layer in net.layers:
        if isinstance(layer, ng.Fade):
            yield from branch_in_use(layer.layers[layer.shares.index(1)])
        else:
            yield layer


def without_fades(net):
    """The same function as a plain network."""
    layers = [*branch_in_use(net)]
    plain = ng.Network([copy.deepcopy(layer) for layer in layers], dtype=net.theta.dtype)
    for layer, twin in zip(layers, plain.layers, strict=True):
        for name in layer.shapes:
            getattr(twin, name)[...] = getattr(layer, name)
    return plain


# Layers


def test_pixel_norm_gives_every_pixel_one_length():
    x = rng().standard_normal((4, 3, 3, 5))
    y = ng.PixelNorm()(x)
    np.testing.assert_allclose((y**2).mean(axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(y, x / np.sqrt((x**2).mean(axis=3, keepdims=True) + 1e-8), rtol=1e-14)
    np.testing.assert_allclose(ng.PixelNorm(eps=3.0)(np.ones((1, 2))), 0.5)
    with pytest.raises(ng.InputError, match="PixelNorm's eps must be a number in"):
        ng.PixelNorm(0)


def test_penalty_through_pixel_norm():
    D = ng.Network([ng.Linear(4, 6), ng.PixelNorm(), ng.Linear(6, 1)], dtype="float64")
    D.theta += 0.2 * rng().standard_normal(D.size)
    x = rng(1).standard_normal((5, 4))
    r1(D, x, 3.0)
    found = D.grad.copy()
    assert rel_error(found, numeric_gradient(lambda: r1(D, x, 3.0), D.theta)) < 1e-6


def test_padding_and_cropping_undo_each_other():
    x = rng().standard_normal((2, 3, 4, 2))
    y, _ = ng.Pad(2, -1.0).forward(x)
    assert y.shape == (2, 7, 8, 2)
    assert (ng.Crop(2)(y) == x).all()
    assert y.sum() == pytest.approx(x.sum() - (y.size - x.size))
    with pytest.raises(ng.InputError, match="at least 5 × 5 pixels"):
        ng.Crop(2)(x)


def test_equalised_rate_is_scaled_first_values_with_scaled_rates():
    """W at the rate lr, used as c W, is c W itself at the rate c · lr, with eps / c; biases have the rate lr."""
    scale, conv = equalised(ng.Conv2d(3, 4, kernel=3, stride=1, padding=1))
    c = 2**0.5 / (9 * 3) ** 0.5
    assert scale.factor == pytest.approx(c)
    ours = ng.Network([scale, conv, ng.Tanh(), ng.Reshape((36,)), ng.Linear(36, 1)], seed=3, dtype="float64")
    theirs = ng.Network([copy.deepcopy(layer) for layer in ours.layers[1:]], seed=3, dtype="float64")
    assert conv.W.std() == pytest.approx(1, rel=0.15)
    theirs.theta[...] = ours.theta
    W = theirs.slices["0.W"]
    theirs.theta[W] *= c
    others = slice(W.stop, None)
    opt, opt_W, opt_others = ng.Adam(0.01, eps=0.1), ng.Adam(0.01 * c, eps=0.1 / c), ng.Adam(0.01, eps=0.1)
    for step in range(5):
        x = rng(step).standard_normal((6, 3, 3, 3))
        for net in (ours, theirs):
            y, tape = net.forward(x)
            net.backward(y, tape, add=False)
        opt.step(ours.theta, ours.grad)
        opt_W.step(theirs.theta[W], theirs.grad[W])
        opt_others.step(theirs.theta[others], theirs.grad[others])
        np.testing.assert_allclose(ours.theta[W] * c, theirs.theta[W], rtol=1e-12)
        np.testing.assert_allclose(ours.theta[others], theirs.theta[others], rtol=1e-12)


def test_groups_of_minibatch_std_are_apart_from_each_other():
    x = rng().standard_normal((6, 2, 2, 3))
    y = ng.MinibatchStd(3, group=2)(x)
    assert (y[..., :3] == x).all()
    for i in range(3):  # rows i and i + 3 are a group
        s = np.sqrt(x[[i, i + 3]].var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(y[[i, i + 3], ..., 3], s, rtol=1e-13)
    with pytest.raises(ng.InputError, match="a multiple of 4, got 6"):
        ng.MinibatchStd(3, group=4)(x)
    assert ng.MinibatchStd(3, group=4).calibrate(x).shape == (4, 2, 2, 4)


@pytest.mark.parametrize("group", [2, 3, None])
def test_penalty_through_minibatch_std(group):
    """Its g is the gradient of the sum of all logits, so ∂P/∂θ has the second derivative of s."""
    layers = [ng.Reshape((2, 2, 1)), ng.Conv2d(1, 3, 3, 1, 1), ng.Tanh(), ng.MinibatchStd(3, group)]
    D = ng.Network([*layers, ng.Reshape((16,)), ng.Linear(16, 4), ng.Tanh(), ng.Linear(4, 1)], dtype="float64")
    x = rng().standard_normal((6, 4))
    r1(D, x, 3.0)
    found = D.grad.copy()
    assert rel_error(found, numeric_gradient(lambda: r1(D, x, 3.0), D.theta)) < 1e-6


def test_drift_keeps_logits_of_data_near_0():
    a = rng().standard_normal((5, 1))
    value, da_x, da_g = WassersteinDrift(drift=0.5).discriminator(a, 2 * a)
    assert value == pytest.approx(a.mean() + 0.5 * (a**2).mean())
    np.testing.assert_allclose(da_x, (-1 + a) / 5)
    np.testing.assert_allclose(da_g, 1 / 5)
    assert WassersteinDrift(drift=0.5).generator(a)[0] == pytest.approx(-a.mean())
    with pytest.raises(ng.InputError, match="drift must be a number in"):
        WassersteinDrift(drift=-1)


# Fades


def test_a_fade_mixes_its_branches():
    fade = ng.Fade((ng.Linear(4, 3), ng.Linear(4, 3)), ng.Ramp(0, 1, 10, 20))
    net, x = ng.Network([fade], dtype="float64"), rng().standard_normal((5, 4))
    old, new = (x @ layer.W + layer.b for layer in fade.layers)
    for step, alpha in ((0, 0), (10, 0), (13, 0.3), (20, 1), (99, 1)):
        net.set_step(step)
        assert fade.shares == (1 - alpha, alpha)
        np.testing.assert_allclose(net(x), (1 - alpha) * old + alpha * new, rtol=1e-13)
    fade.alpha = 0.5
    np.testing.assert_allclose(net(x), (old + new) / 2, rtol=1e-13)
    for wrong in (-0.1, 1.5, "half"):
        with pytest.raises(ng.InputError, match="Fade's alpha"):
            fade.alpha = wrong
    with pytest.raises(ng.InputError, match="two layers, "):
        ng.Fade((ng.Tanh(), ng.Tanh(), ng.Tanh()))
    fade.alpha = lambda step: 2.0
    with pytest.raises(ng.InputError, match=r"alpha \(at step 99\) must be a number in \[0, 1\]"):
        net(x)


@pytest.mark.parametrize("alphas", LEVELS.values(), ids=LEVELS)
def test_whole_steps_at_every_level(alphas):
    """θ_d with WGAN-GP, drift and minibatch standard deviation; θ_g through D. What is not computed has gradient 0.

    With tanh in place of LeakyReLU, so that no kink is near; PyTorch is the referee of the networks as they are.
    """
    G, D = map(smooth, players(*alphas))
    x, z, eps = batch(G.n_out)
    D.grad[...] = G.grad[...] = 7.0  # of the step before: to be written over
    d_step(G, D, x, z, eps)
    assert_slopes(D, lambda: d_step(G, D, x, z, eps))
    ng.generator_gradient(G, D, z, LOSS)
    assert_slopes(G, lambda: ng.generator_gradient(G, D, z, LOSS).value)


def smooth(net):
    """The same with tanh in place of LeakyReLU."""
    other = ng.Network([_smooth(layer) for layer in net.layers], dtype=net.theta.dtype)
    other.theta[...] = net.theta
    return other


def _smooth(layer):
    if isinstance(layer, ng.Fade):
        return ng.Fade(tuple(map(smooth, layer.layers)), layer.alpha)
    return ng.Tanh() if isinstance(layer, ng.LeakyReLU) else copy.deepcopy(layer)


def assert_slopes(net, value, h=1e-6):
    """The gradient that net holds, along a direction in each of its parameters, against differences."""
    found, theta = net.grad.copy(), net.theta.copy()
    largest = np.abs(found).max()
    assert largest > 0
    for name, span in net.slices.items():
        u = rng(9).standard_normal(span.stop - span.start)
        sides = []
        for side in (h, -h):
            net.theta[span] = theta[span] + side * u
            sides.append(float(value()))
            net.theta[span] = theta[span]
        slope = (sides[0] - sides[1]) / (2 * h)
        exact = found[span] @ u
        assert abs(exact - slope) <= 1e-6 * max(np.linalg.norm(found[span]) * np.linalg.norm(u), 1e-3 * largest), name


@pytest.mark.parametrize("k", [0, 1])
def test_where_no_fade_is_under_way_it_is_the_plain_network_bit_for_bit(k):
    """At α = 0 the old network, whose image is made of larger pixels; at α = 1 the new one."""
    G, D = players(*[1] * k, 0, dtype="float32")
    x, z, _ = (a.astype("float32") for a in batch(G.n_out))
    small, judge = without_fades(G), without_fades(D)
    assert (G(z) == small(z)).all()
    assert (D(x) == judge(x)).all()
    side = 8 * 2**k - 2
    image = np.pad(G(z).reshape(4, side, side), ((0, 0), (1, 1), (1, 1)), mode="edge")
    assert (image == image[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)).all()
    for net in (G, D):
        fades(net)[-1].alpha = 1.0
    large, judge = without_fades(G), without_fades(D)
    assert len(large.layers) > len(small.layers)
    assert (G(z) == large(z)).all()
    assert (D(x) == judge(x)).all()


def test_at_0_and_1_only_one_branch_is_computed_and_its_gradient_is_the_plain_networks():
    for alphas in ((0, 0), (1, 0), (1, 1)):
        G, D = players(*alphas)
        x, z, eps = batch(G.n_out)
        plain_G, plain_D = without_fades(G), without_fades(D)
        assert d_step(G, D, x, z, eps) == pytest.approx(d_step(plain_G, plain_D, x, z, eps), rel=1e-13)
        ng.generator_gradient(G, D, z, LOSS)
        ng.generator_gradient(plain_G, plain_D, z, LOSS)
        for net, plain in ((G, plain_G), (D, plain_D)):
            assert np.count_nonzero(net.grad) == np.count_nonzero(plain.grad)
            assert np.abs(net.grad).sum() == pytest.approx(np.abs(plain.grad).sum(), rel=1e-12)


# Runs

RAMPS = ng.Ramp(0, 1, 2, 6), ng.Ramp(0, 1, 8, 12)  # 4 × 4 until step 2, 8 × 8 from 6 to 8, 16 × 16 from 12


def run(**how):
    plan = growth(*RAMPS)
    G, D = plan.generator(1), plan.discriminator(2)
    x = rng().uniform(-1, 1, (12, G.n_out)).astype("float32")
    how = {"loss": WassersteinDrift(drift=0.001), "penalty": WGANGP(), "view": plan.view()} | how
    optimizers = (ng.Adam(1e-3, 0.0, 0.99), ng.Adam(1e-3, 0.0, 0.99))
    return ng.Training(G, D, x, optimizers=optimizers, batch=4, ema=0.9, threads=1, **how)


def alphas(net):
    return [fade.shares[1] for fade in fades(net)]


def test_a_run_grows_by_itself():
    training = run()
    seen = {0: alphas(training.G)}
    for record in training.steps(14):
        seen[record.step] = alphas(training.G)
        assert alphas(training.D) == alphas(training.G)
    assert [seen[step] for step in (0, 2, 4, 6, 8, 9, 12, 14)] == [
        *([0, 0], [0, 0], [0.5, 0], [1, 0], [1, 0], [1, 0.25], [1, 1], [1, 1])
    ]


def test_growing_leaves_parameters_and_averages_as_they_stand():
    """By name: a size that has not come in has its first values, and m = v = 0; then it moves."""
    training = run()
    first = training.G.theta.copy()
    parts = {name: name.split(".") for name in training.G.slices}  # 13.1.8.1.2.W: layer, branch, layer, branch, …
    late = [name for name, part in parts.items() if len(part) == 6 and part[1] == part[3] == "1"]
    early = [name for name, part in parts.items() if len(part) == 2]
    assert late
    assert early

    def all_of(vector, names):
        return np.concatenate([vector[training.G.slices[name]] for name in names])

    for _ in training.steps(9):  # update 9 has α = 0 at 16 × 16, update 10 the first share
        pass
    assert (all_of(training.G.theta, late) == all_of(first, late)).all()
    assert not any(all_of(vector, late).any() for vector in training.opt_g.state.values())
    assert (all_of(training.G.theta, early) != all_of(first, early)).all()
    m, theta = training.opt_g.state["v"].copy(), training.G.theta.copy()
    for _ in training.steps(1):
        pass
    assert (all_of(training.G.theta, late) != all_of(first, late)).mean() > 0.9
    v = training.opt_g.state["v"]
    assert (all_of(v, early) >= 0.99 * all_of(m, early) * (1 - 1e-6)).all()  # v ← β₂ v + g²: nothing was lost
    assert np.abs(all_of(training.G.theta - theta, early)).max() < 0.02


@pytest.mark.parametrize("step", [1, 4, 7, 10, 13])
def test_a_run_resumes_in_the_middle_of_a_fade(step, tmp_path):
    whole, broken = run(), run()
    for _ in whole.steps(14):
        pass
    for _ in broken.steps(step):
        pass
    broken.save(tmp_path / "run.npz")
    again = ng.Training.load(tmp_path / "run.npz", broken.data)
    assert alphas(again.G) == alphas(broken.G)
    assert (again.sample(4) == broken.sample(4)).all()
    assert (ng.run.state.Checkpoint(tmp_path / "run.npz").sample(4) == broken.sample(4)).all()
    for _ in again.steps(14 - step):
        pass
    for name in ("theta", "grad"):
        for player in "GD":
            assert (getattr(getattr(again, player), name) == getattr(getattr(whole, player), name)).all()
    assert (again.sample(4) == whole.sample(4)).all()


def test_a_fade_inside_branches_hears_of_the_step():
    inner = ng.Fade((ng.Linear(2, 2), ng.Linear(2, 2)), ng.Ramp(0, 1, 0, 4))
    net = ng.Network([ng.Network([ng.Concat((inner, ng.Linear(2, 2)))])])
    net.set_step(3)
    assert inner.shares == (0.25, 0.75)


def test_copies_keep_their_step():
    G = growth(*RAMPS).generator(1)
    G.set_step(4)
    z = rng().standard_normal((2, 3)).astype("float32")
    assert (G.copy()(z) == G(z)).all()
    assert alphas(copy.deepcopy(G)) == alphas(G) == [0.5, 0]


def test_data_are_seen_at_the_size_that_G_draws():
    plan = Growth(n_z=3, maps=(3, 2, 2), channels=1, alphas=(1, 0.25), group=2)
    view, x = plan.view(), rng().standard_normal((2, 256)).astype("float32")

    def coarse(factor):
        blocks = x.reshape(2, 16 // factor, factor, 16 // factor, factor).mean(axis=(2, 4))
        return blocks.repeat(factor, axis=1).repeat(factor, axis=2).reshape(2, 256)

    one, two = fades(view)
    np.testing.assert_allclose(view(x), 0.75 * coarse(2) + 0.25 * x, rtol=1e-5, atol=1e-6)
    two.alpha = 1
    assert (view(x) == x).all()
    one.alpha = 0
    np.testing.assert_allclose(view(x), coarse(4), rtol=1e-5, atol=1e-6)
    D = plan.discriminator(0)
    for fade in fades(D):
        fade.alpha = 0
    np.testing.assert_allclose(D(view(x)), D(x), rtol=1e-4, atol=1e-5)  # which sees no smaller pixels anyway


def test_a_view_is_what_D_is_given_of_the_data(monkeypatch):
    training = run()
    given = []
    step = ng.training.discriminator_gradient
    spy = lambda G, D, x, *others: given.append(x) or step(G, D, x, *others)  # noqa: E731
    monkeypatch.setattr(ng.training, "discriminator_gradient", spy)
    for _ in training.steps(5):
        pass
    x = np.array(training._minibatches(4))
    view = growth(*RAMPS).view()
    view.set_step(4)
    assert (given[4] == view(x)).all()
    assert np.abs(given[4] - x).max() > 0.1
    for wrong in (ng.Network([ng.Linear(196, 196)]), "half", ng.Network([ng.Dropout()])):
        with pytest.raises(ng.InputError, match="view must be a Network without parameters"):
            run(view=wrong)


def test_the_pair_for_digits():
    digits = ng.data.load("digits")
    G, D = progan.progan(digits, 3)
    view = progan.growth_for(digits).view()
    assert (G.size, D.size) == (211_220, 212_081)
    assert (G.n_in, G.n_out, D.n_out) == (None, 784, 1)
    z = rng().standard_normal((4, 64)).astype("float32")
    x = digits.x[:4]
    for net in (G, D, view):
        assert alphas(net) == [0, 0, 0]
    seen = {300: [0.5, 0, 0], 1800: [1, 0, 0], 2100: [1, 1, 0], 3100: [1, 1, 0.5], 3200: [1, 1, 1]}
    for step, levels in seen.items():
        for net in (G, D, view):
            net.set_step(step)
            assert alphas(net) == levels
        assert D(G(z)).shape == D(view(x)).shape == (4, 1)
    assert (view(x) == x).all()
    W = [layer.W for net in (G, D) for layer in leaves(net) if "W" in layer.shapes]
    assert all(abs(w.var() - 1) < 6 * (2 / w.size) ** 0.5 for w in W)  # N(0, 1), wherever they stand
    heads = [w.ravel()[0] for w in W]
    assert len(set(heads)) == len(heads)  # no two are drawn alike
    for shape in ((30, 28), (27, 27), (34, 34), (16, 16)):
        data = ng.data.Data(np.zeros((2, shape[0] * shape[1]), "float32"), image_shape=shape, range=(-1, 1))
        with pytest.raises(ng.InputError, match="progan needs square images of an even side"):
            progan.progan(data, 0)
    with pytest.raises(ng.InputError, match="got points"):
        progan.progan(ng.data.ring(20), 0)


LEAKY, NORM, UP = "LeakyReLU", "PixelNorm", "Upsample 2"
LAYERS = {  # of both networks, from the first size to the third; Rescale before every convolution left out
    0: (
        [
            *("Reshape", NORM, "ConvTranspose2d 64 64 4/1", LEAKY, NORM, "Conv2d 64 64 3/1", LEAKY, NORM),
            *("Conv2d 64 1 1/1", "Upsample 8", "Crop", "Reshape"),
        ],
        [
            *("Reshape", "Pad", "AvgPool2d 8", "Conv2d 1 64 1/1", LEAKY),
            *("MinibatchStd", "Conv2d 65 64 3/1", LEAKY, "Conv2d 64 64 4/1", LEAKY, "Conv2d 64 1 1/1", "Reshape"),
        ],
    ),
    3000: (
        [
            *("Reshape", NORM, "ConvTranspose2d 64 64 4/1", LEAKY, NORM, "Conv2d 64 64 3/1", LEAKY, NORM),
            *(UP, "Conv2d 64 64 3/1", LEAKY, NORM, "Conv2d 64 64 3/1", LEAKY, NORM),
            *(UP, "Conv2d 64 32 3/1", LEAKY, NORM, "Conv2d 32 32 3/1", LEAKY, NORM),
            *("Conv2d 32 1 1/1", UP, "Crop", "Reshape"),
        ],
        [
            *("Reshape", "Pad", "AvgPool2d 2", "Conv2d 1 32 1/1", LEAKY),
            *("Conv2d 32 32 3/1", LEAKY, "Conv2d 32 64 3/1", LEAKY, "AvgPool2d 2"),
            *("Conv2d 64 64 3/1", LEAKY, "Conv2d 64 64 3/1", LEAKY, "AvgPool2d 2"),
            *("MinibatchStd", "Conv2d 65 64 3/1", LEAKY, "Conv2d 64 64 4/1", LEAKY, "Conv2d 64 1 1/1", "Reshape"),
        ],
    ),
}


def spelled(layer):
    conv = isinstance(layer, ng.Conv2d | ng.ConvTranspose2d)
    sizes = f" {layer.n_in} {layer.n_out} {layer.kernel}/{layer.stride}" if conv else ""
    factor = f" {layer.factor}" if isinstance(layer, ng.Upsample | ng.AvgPool2d) else ""
    return f"{type(layer).__name__}{sizes}{factor}"


@pytest.mark.parametrize("step", LAYERS)
def test_it_is_made_of_these_layers(step):
    for net, layers in zip(progan.progan(ng.data.load("digits"), 0), LAYERS[step], strict=True):
        net.set_step(step)
        used = [*branch_in_use(net)]
        assert [spelled(layer) for layer in used if not isinstance(layer, ng.Rescale)] == layers
        convs = [i for i, layer in enumerate(used) if isinstance(layer, ng.Conv2d | ng.ConvTranspose2d)]
        for i in convs:
            gain = 2**0.5 if isinstance(used[(i + 1) % len(used)], ng.LeakyReLU) else 1
            assert used[i - 1].factor == pytest.approx(gain / used[i].fan_in**0.5)


def test_how_it_is_trained():
    model = ng.models.BY_NAME["progan"]
    assert (model.steps, model.batch, model.ema, model.conditional) == (4000, 16, 0.995, False)
    assert (model.loss, model.penalty) == (WassersteinDrift(drift=0.001), WGANGP(10.0))
    for optimizer in model.optimizers({}, {}):
        assert [optimizer.lr(t) for t in (0, 3000, 4000)] == pytest.approx([5e-3, 5e-3, 5e-4])
        assert (optimizer.beta1, optimizer.beta2, optimizer.eps) == (0.0, 0.99, 1e-8)
    G, _ = model.networks(ng.data.load("digits"), 0)
    ends = *(begin for begin, _ in progan.FADES), progan.STEPS  # the last step of each size
    for step, levels in zip(ends, np.tri(4, 3, -1), strict=True):  # [0, 0, 0], [1, 0, 0], …
        G.set_step(step)
        assert alphas(G) == levels.tolist()


def test_the_command_line_trains_resumes_and_samples_it(tmp_path):
    out = str(tmp_path / "r")
    few = ["--batch", "4", "--threads", "1"]
    assert cli.main(["train", "--model", "progan", "--steps", "2", *few, "--out", out]) == 0
    training = ng.Training.load(tmp_path / "r" / "checkpoint.npz", ng.data.load("digits"))
    assert (training.penalty, training.loss) == (WGANGP(10.0), WassersteinDrift(drift=0.001))
    assert alphas(training.view) == alphas(training.G) == [0, 0, 0]
    assert cli.main(["train", "--resume", out, "--steps", "3"]) == 0
    assert cli.main(["sample", out, "-n", "5", "--out", str(tmp_path / "x.npz")]) == 0
    assert np.load(tmp_path / "x.npz")["x"].shape == (5, 784)


def leaves(net):
    inner = getattr(net, "layers", None)
    return [leaf for layer in inner for leaf in leaves(layer)] if inner else [net]


# PyTorch


@pytest.mark.parametrize("alphas", [(0.25, 0), (1, 0.6)], ids=str)
def test_pytorch_agrees_on_both_steps(alphas):
    torch = pytest.importorskip("torch")
    G, D = players(*alphas)
    x, z, eps = batch(G.n_out)
    value = d_step(G, D, x, z, eps)
    D_grad = D.grad.copy()
    ng.generator_gradient(G, D, z, LOSS)
    theta_g, theta_d = (torch.tensor(net.theta, requires_grad=True) for net in (G, D))
    x, z, eps = map(torch.tensor, (x, z, eps))
    x_g = _torch(torch, G, theta_g, z)
    a_x, a_g = _torch(torch, D, theta_d, x), _torch(torch, D, theta_d, x_g)
    x_hat = (eps * x + (1 - eps) * x_g.detach()).requires_grad_()
    g = torch.autograd.grad(_torch(torch, D, theta_d, x_hat).sum(), x_hat, create_graph=True)[0]
    L_D = a_g.mean() - a_x.mean() + 0.3 * a_x.pow(2).mean() + 10 * (g.norm(dim=1) - 1).pow(2).mean()
    assert np.isclose(value, L_D.item(), rtol=1e-12)
    assert rel_error(D_grad, torch.autograd.grad(L_D, theta_d, retain_graph=True)[0].numpy()) < 1e-10
    assert rel_error(G.grad, torch.autograd.grad(-a_g.mean(), theta_g)[0].numpy()) < 1e-10


def _torch(torch, net, theta, x):
    """The network in PyTorch's operations, images as (m, h, w, c)."""
    F, i = torch.nn.functional, 0
    for layer in net.layers:
        part, i = theta[i : i + layer.size], i + layer.size
        x = _torch_layer(torch, F, layer, part, x)
    return x


def _torch_layer(torch, F, layer, theta, x):
    if isinstance(layer, ng.Fade):
        ys, i = [], 0
        for share, branch in zip(layer.shares, layer.layers, strict=True):
            ys.append(share * _torch(torch, branch, theta[i : i + branch.size], x))
            i += branch.size
        return ys[0] + ys[1]
    if isinstance(layer, ng.Conv2d | ng.ConvTranspose2d):
        W, b = theta[: layer.W.size].reshape(layer.W.shape), theta[layer.W.size :]
        f, order = (F.conv2d, (3, 2, 0, 1)) if isinstance(layer, ng.Conv2d) else (F.conv_transpose2d, (0, 3, 1, 2))
        y = f(x.permute(0, 3, 1, 2), W.permute(*order), b, stride=layer.stride, padding=layer.padding)
        return y.permute(0, 2, 3, 1)
    if isinstance(layer, ng.MinibatchStd):
        groups = x.reshape(layer.group, -1, *x.shape[1:])
        s = (groups.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        return torch.cat([x, s.repeat(layer.group)[:, None, None, None].expand(*x.shape[:3], 1)], dim=3)
    return {
        ng.Reshape: lambda: x.reshape(len(x), *layer.shape),
        ng.Rescale: lambda: x * layer.factor,
        ng.LeakyReLU: lambda: F.leaky_relu(x, layer.slope),
        ng.PixelNorm: lambda: x / (x.pow(2).mean(dim=-1, keepdim=True) + layer.eps).sqrt(),
        ng.Upsample: lambda: x.repeat_interleave(layer.factor, dim=1).repeat_interleave(layer.factor, dim=2),
        ng.AvgPool2d: lambda: F.avg_pool2d(x.permute(0, 3, 1, 2), layer.factor).permute(0, 2, 3, 1),
        ng.Pad: lambda: F.pad(x, (0, 0, *[layer.width] * 4), value=layer.value),
        ng.Crop: lambda: x[:, layer.width : -layer.width, layer.width : -layer.width],
    }[type(layer)]()
