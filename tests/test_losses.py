"""The games: the formulas of the docstrings, said again in other words, and their derivatives."""

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error

import numgan as ng
from numgan.backend import asnumpy
from numgan.errors import lookup
from numgan.losses import BY_NAME, Minimax, NonSaturating, game_value, sigmoid, softplus

LOSSES = [*BY_NAME.values(), Minimax(smooth=0.9), NonSaturating(smooth=0.7)]


def logits(xp, m=5, seed=0, scale=2.0):
    rng = np.random.default_rng(seed)
    return xp.asarray(scale * rng.standard_normal((m, 1))), xp.asarray(scale * rng.standard_normal((m + 2, 1)))


def cross_entropy(a, label):
    """The binary cross-entropy as PyTorch and Keras define it: mean of −[t log σ(a) + (1 − t) log(1 − σ(a))]."""
    p = 1 / (1 + np.exp(-a))
    return -np.mean(label * np.log(p) + (1 - label) * np.log(1 - p))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_derivatives_are_slopes(loss, xp):
    a_x, a_g = logits(xp)
    _, da_x, da_g = loss.discriminator(a_x, a_g)
    assert rel_error(da_x, numeric_gradient(lambda: loss.discriminator(a_x, a_g)[0], a_x)) < 1e-8
    assert rel_error(da_g, numeric_gradient(lambda: loss.discriminator(a_x, a_g)[0], a_g)) < 1e-8
    _, da_g = loss.generator(a_g)
    assert rel_error(da_g, numeric_gradient(lambda: loss.generator(a_g)[0], a_g)) < 1e-8


def test_minus_V_is_the_sum_of_two_binary_cross_entropies(xp):
    """The first trap door between formula and code: with the mean over all 2m rows at once, half of it comes out."""
    a_x, a_g = logits(xp)
    a_g = a_g[:5]
    value, V = ng.losses.minimax.discriminator(a_x, a_g)[0], game_value(a_x, a_g)
    a_x, a_g = asnumpy(a_x), asnumpy(a_g)
    two = cross_entropy(a_x, 1.0) + cross_entropy(a_g, 0.0)
    assert np.isclose(float(value), two, rtol=1e-12)
    assert np.isclose(-float(V), two, rtol=1e-12)
    labels = np.repeat([1.0, 0.0], 5)[:, None]
    assert np.isclose(cross_entropy(np.concatenate([a_x, a_g]), labels), two / 2, rtol=1e-12)


def test_G_descends_log_one_minus_D_of_G(xp):
    """The second trap door: a step against da_g makes log(1 − D(G(z))) smaller and D(G(z)) larger, for both losses."""
    _, a = logits(xp)
    for loss in (ng.losses.minimax, ng.losses.nonsaturating):
        better = a - 0.1 * loss.generator(a)[1]
        assert xp.log(1 - sigmoid(better)).mean() < xp.log(1 - sigmoid(a)).mean()
        assert sigmoid(better).mean() > sigmoid(a).mean()


def test_formulas_in_their_own_words(xp):
    on_device = logits(xp)
    a_x, a_g = map(asnumpy, on_device)
    D_x, D_g = 1 / (1 + np.exp(-a_x)), 1 / (1 + np.exp(-a_g))
    V = np.log(D_x).mean() + np.log(1 - D_g).mean()
    values = {
        "minimax": (-V, np.log(1 - D_g).mean()),
        "nonsaturating": (-V, -np.log(D_g).mean()),
        "least_squares": (0.5 * ((a_x - 1) ** 2).mean() + 0.5 * (a_g**2).mean(), 0.5 * ((a_g - 1) ** 2).mean()),
        "wasserstein": (a_g.mean() - a_x.mean(), -a_g.mean()),
        "wasserstein_drift": (a_g.mean() - a_x.mean() + 0.001 * (a_x**2).mean(), -a_g.mean()),
        "hinge": (np.clip(1 - a_x, 0, None).mean() + np.clip(1 + a_g, 0, None).mean(), -a_g.mean()),
    }
    assert values.keys() == BY_NAME.keys()
    for name, (for_d, for_g) in values.items():
        assert np.isclose(float(BY_NAME[name].discriminator(*on_device)[0]), for_d, rtol=1e-12)
        assert np.isclose(float(BY_NAME[name].generator(on_device[1])[0]), for_g, rtol=1e-12)


def test_smoothing_touches_the_labels_of_real_rows_only(xp):
    a_x, a_g = logits(xp)
    loss = Minimax(smooth=0.9)
    expected = cross_entropy(asnumpy(a_x), 0.9) + cross_entropy(asnumpy(a_g), 0.0)
    assert np.isclose(float(loss.discriminator(a_x, a_g)[0]), expected, rtol=1e-12)
    assert (loss.generator(a_g)[1] == ng.losses.minimax.generator(a_g)[1]).all()
    assert (NonSaturating(smooth=0.9).discriminator(a_x, a_g)[1] == loss.discriminator(a_x, a_g)[1]).all()


def test_the_saturating_gradient_vanishes_where_D_is_sure(xp):
    a = xp.asarray([[-10.0]])
    assert np.isclose(abs(float(ng.losses.minimax.generator(a)[1][0, 0])), 4.54e-5, rtol=1e-3)
    assert np.isclose(abs(float(ng.losses.nonsaturating.generator(a)[1][0, 0])), 0.99995, rtol=1e-5)


def test_at_equilibrium_V_is_minus_log_4(xp):
    a = xp.zeros((3, 1))
    assert np.isclose(float(game_value(a, a)), -np.log(4), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_finite_for_any_logit(loss, dtype, xp):
    a = xp.array([[-1e4], [-100.0], [-1e-9], [0.0], [1.0], [100.0], [1e4]], dtype=dtype)
    for value, *derivatives in (loss.discriminator(a, -a), loss.generator(a)):
        assert xp.isfinite(value)
        for d in derivatives:
            assert d.dtype == a.dtype
            assert d.shape == a.shape
            assert xp.isfinite(d).all()


def test_sigmoid_and_softplus_are_accurate_in_the_tails(xp):
    a = np.array([-700.0, -30.0, -1.0, 0.0, 5.0, 700.0])
    e = np.exp(-abs(a))
    np.testing.assert_allclose(asnumpy(sigmoid(xp.asarray(a))), np.where(a < 0, e, 1) / (1 + e))
    np.testing.assert_allclose(asnumpy(softplus(xp.asarray(a))), np.maximum(a, 0) + np.log1p(np.exp(-abs(a))))


@pytest.mark.parametrize("shape", [(4,), (4, 2), (0, 1), (1, 4)])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_what_is_not_a_column_of_logits_is_refused(loss, shape, xp):
    bad, good = xp.zeros(shape), xp.zeros((4, 1))
    for call in (
        lambda: loss.discriminator(bad, good),
        lambda: loss.discriminator(good, bad),
        lambda: loss.generator(bad),
    ):
        with pytest.raises(ng.InputError, match=r"\(m, 1\)"):
            call()


def test_names():
    assert lookup("loss", "hinge", BY_NAME) is ng.losses.hinge
    with pytest.raises(ng.InputError, match="did you mean 'minimax'"):
        lookup("loss", "minmax", BY_NAME)
    with pytest.raises(ng.InputError, match=r"smooth, .*\(0, 1\], got 1\.5"):
        Minimax(smooth=1.5)
    with pytest.raises(ng.InputError, match=r"smooth, .*\(0, 1\], got 0\.0"):
        Minimax(smooth=0.0)


def test_a_hinge_is_flat_at_its_kinks(xp):
    kinks = xp.asarray([[1.0], [1.0]]), xp.asarray([[-1.0], [-1.0]])
    for d in ng.losses.hinge.discriminator(*kinks)[1:]:
        assert (d == 0).all()
