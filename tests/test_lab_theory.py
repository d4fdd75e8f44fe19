"""The paper's theory against numbers: a table to its printed digits, and identities that hold for any densities."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import numgan as ng
from numgan.lab import theory
from numgan.lab.theory import Mixture, Normal

DATA = Normal(0, 1)
# mean, std of p_g: JSD, C(G), mean saturating slope, mean non-saturating slope, Bayes accuracy
TABLE = [
    (0, 1, "0.000000", "-1.386294", "0.500000", "0.500000", "0.5000"),
    (1, 1, "0.111421", "-1.163451", "0.397973", "0.602027", "0.6915"),
    (2, 1, "0.336831", "-0.712633", "0.224800", "0.775200", "0.8413"),
    (4, 1, "0.632720", "-0.120854", "0.034299", "0.965701", "0.9772"),
    (8, 1, "0.693054", "-0.000187", "0.000049", "0.999951", "1.0000"),
    (0, 2, "0.092733", "-1.200828", "0.420009", "0.579991", "0.6613"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"N({row[0]},{row[1]})")
def test_the_table_to_its_printed_digits(row):
    mean, std, *expected = row
    p_g = Normal(mean, std)
    numbers = theory.jensen_shannon(DATA, p_g), theory.virtual_value(DATA, p_g), *theory.mean_slopes(DATA, p_g)
    shown = [f"{abs(v) if abs(v) < 1e-9 else v:.6f}" for v in numbers] + [f"{theory.bayes_accuracy(DATA, p_g):.4f}"]
    assert shown == expected


normals = st.builds(Normal, st.floats(-5, 5), st.floats(0.2, 3))
densities = st.one_of(normals, st.lists(normals, min_size=1, max_size=4).map(Mixture))


@given(densities, densities)
def test_theorem_1_for_any_densities(p_d, p_g):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theory, "POINTS", 5001)  # exact as well for these widths, and quicker
        assert_theorem_1(p_d, p_g)


def assert_theorem_1(p_d, p_g):
    jsd = theory.jensen_shannon(p_d, p_g)
    assert theory.virtual_value(p_d, p_g) == pytest.approx(-math.log(4) + 2 * jsd, abs=1e-9)
    assert -1e-12 < jsd < math.log(2) + 1e-12
    assert jsd == pytest.approx(theory.jensen_shannon(p_g, p_d), abs=1e-12)
    assert sum(theory.mean_slopes(p_d, p_g)) == pytest.approx(1, abs=1e-9)
    assert 0.5 - 1e-9 <= theory.bayes_accuracy(p_d, p_g) <= 1 + 1e-9


@given(densities, densities, st.integers(0, 2**32 - 1))
def test_no_other_D_has_a_larger_V(p_d, p_g, seed):
    """Proposition 1: move D* in any direction, and V falls."""
    x = np.linspace(-50, 50, 5001)
    best, weights = theory.optimal_logit(p_d, p_g, x), [np.exp(p(x)) * 0.02 for p in (p_d, p_g)]

    def V(a):
        return (weights[0] * -np.logaddexp(-a, 0)).sum() + (weights[1] * -np.logaddexp(a, 0)).sum()

    rng = np.random.default_rng(seed)
    moved = best + rng.normal() * np.sin(rng.uniform(0, 3) * x + rng.uniform(0, 6))
    assert V(moved) <= V(best) + 1e-12
    assert V(best) == pytest.approx(theory.virtual_value(p_d, p_g), abs=1e-6)


def test_at_the_equilibrium_D_is_one_half_and_V_is_minus_log_4():
    x = np.linspace(-3, 3, 7)
    assert (theory.optimal_discriminator(DATA, Normal(0, 1), x) == 0.5).all()
    assert theory.virtual_value(DATA, DATA) == pytest.approx(-math.log(4), abs=1e-12)


def test_slopes_are_those_of_the_losses():
    a = np.linspace(-10, 10, 41)[:, None]
    saturating, non_saturating = theory.slopes(a)
    np.testing.assert_allclose(np.abs(ng.losses.minimax.generator(a)[1]) * len(a), saturating, rtol=1e-12)
    np.testing.assert_allclose(np.abs(ng.losses.nonsaturating.generator(a)[1]) * len(a), non_saturating, rtol=1e-12)
    assert f"{saturating[0, 0]:.2e}" == "4.54e-05"
    assert f"{non_saturating[0, 0]:.5f}" == "0.99995"


def quantiles(mean, n=4000):
    """n points that stand for N(mean, 1) without the chance of a sample."""
    return np.array([[NormalDist(mean).inv_cdf((i + 0.5) / n)] for i in range(n)])


def test_a_logistic_regression_learns_the_optimal_discriminator():
    """For N(0, 1) against N(2, 1) the logit of D* is 2 − 2x."""
    np.testing.assert_allclose(theory.optimal_logit(DATA, Normal(2), np.array([0.0, 1, 3])), [2, 0, -4], atol=1e-12)
    D = ng.Network([ng.Linear(1, 1)], seed=3, dtype="float64")
    theory.best_response(D, quantiles(0), quantiles(2), steps=500)
    layer = D.layers[0]
    assert layer.W.item() == pytest.approx(-2, abs=0.01)
    assert layer.b.item() == pytest.approx(2, abs=0.01)


def test_densities_at_a_few_places():
    parts = [(1.0, 0.5), (-2.0, 3.0), (4.0, 1.0)]
    x = np.array([-3.0, 0.2, 1.0, 7.5])
    p = [[NormalDist(mean, std).pdf(a) for mean, std in parts] for a in x]
    for i, (mean, std) in enumerate(parts):
        np.testing.assert_allclose(np.exp(Normal(mean, std)(x)), np.array(p)[:, i])
    mixed = Mixture([Normal(*part) for part in parts])
    np.testing.assert_allclose(np.exp(mixed(x)), np.mean(p, axis=1))
    np.testing.assert_allclose(np.exp(Normal()(x)), [NormalDist().pdf(a) for a in x])
    p_d, p_g = np.mean(p, axis=1), np.array(p)[:, 1]
    other = Normal(-2.0, 3.0)
    np.testing.assert_allclose(theory.optimal_logit(mixed, other, x), np.log(p_d / p_g))
    np.testing.assert_allclose(theory.optimal_discriminator(mixed, other, x), p_d / (p_d + p_g))


def test_densities_that_do_not_overlap():
    """Near both ends of the line, where each density is 0 to the last bit around the other."""
    p_d, p_g = Normal(-44), Normal(44, 0.5)
    assert theory.jensen_shannon(p_d, p_g) == pytest.approx(math.log(2), abs=1e-9)
    assert theory.virtual_value(p_d, p_g) == pytest.approx(0, abs=1e-9)
    assert theory.mean_slopes(p_d, p_g) == pytest.approx((0, 1), abs=1e-9)
    assert theory.bayes_accuracy(p_d, p_g) == pytest.approx(1, abs=1e-9)


def one_logit():
    D = ng.Network([ng.Linear(1, 1)], dtype="float64")
    D.theta[...] = [0.5, -0.25]
    return D


def test_a_best_response_is_a_descent_on_all_rows_at_every_step():
    """By gradients written out: of the minimax loss σ(a) − 1 on data and σ(a) on samples, of Wasserstein's −1 and 1."""
    x, x_g = np.array([[1.0], [2.0], [6.0]]), np.array([[-1.0], [0.5]])
    for loss, of_x, of_g in (
        (ng.losses.minimax, lambda a: 1 / (1 + np.exp(-a)) - 1, lambda a: 1 / (1 + np.exp(-a))),
        (ng.losses.wasserstein, lambda a: -np.ones_like(a), np.ones_like),
    ):
        w, b = 0.5, -0.25
        for _ in range(4):
            da_x, da_g = of_x(w * x + b) / 3, of_g(w * x_g + b) / 2
            w, b = w - 0.1 * ((da_x * x).sum() + (da_g * x_g).sum()), b - 0.1 * (da_x.sum() + da_g.sum())
        D = one_logit()
        assert theory.best_response(D, x, x_g, 4, loss, ng.SGD(0.1)) is D
        np.testing.assert_allclose(D.theta, [w, b])
    D = one_logit()
    theory.best_response(D, x, x_g, 4, optimizer=ng.SGD(0.1))
    assert D.theta.tolist() != [w, b]  # the loss is minimax unless another is given


def test_by_default_it_is_adam_written_out():
    """Kingma & Ba 2015, Algorithm 1, with β₁ = 0.9, β₂ = 0.999 and ε = 1e-8, on gradients that shrink."""
    x, x_g, steps = np.array([[1.0], [2.0], [6.0]]), np.array([[-1.0], [0.5]]), 7
    theta, m, v, seen = np.array([0.5, -0.25]), np.zeros(2), np.zeros(2), []
    for t in range(steps):
        (w, b), p = theta, lambda a: 1 / (1 + np.exp(-a))
        da_x, da_g = (p(w * x + b) - 1) / 3, p(w * x_g + b) / 2
        grad = np.array([(da_x * x).sum() + (da_g * x_g).sum(), da_x.sum() + da_g.sum()])
        m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
        rate = 0.1 + t / steps * (0.001 - 0.1)
        theta = theta - rate * (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)
        seen.append(grad)
    assert (np.abs(seen[0]) > 1.4 * np.abs(seen[-1])).all()  # of a constant one, momentum would make nothing else
    np.testing.assert_allclose(theory.best_response(one_logit(), x, x_g, steps).theta, theta, rtol=1e-6)


def test_its_steps_grow_shorter_unless_an_optimiser_is_given():
    """Of a gradient that stays as it is, Adam makes a step as long as the rate: from 0.1 down to 0.001 in a line."""
    D, x, x_g = one_logit(), np.array([[1.0]]), np.array([[-1.0]])
    theory.best_response(D, x, x_g, 4, ng.losses.wasserstein)
    assert D.theta[0] - 0.5 == pytest.approx(sum([0.1, 0.07525, 0.0505, 0.02575]), rel=1e-6)
    noisy = [ng.Network([ng.InstanceNoise(0.5), ng.Linear(1, 1)], dtype="float64") for _ in range(2)]
    for D, seed in zip(noisy, (1, 2), strict=True):
        theory.best_response(D, x, x_g, 1, rng=np.random.default_rng(seed), optimizer=ng.SGD(0.1))
    assert (noisy[0].theta != noisy[1].theta).any()


def test_densities_fifty_times_as_narrow_have_the_same_divergence():
    """JSD does not change with the unit of x; here the grid has four points to a standard deviation, no more."""
    wide = theory.jensen_shannon(Normal(0, 1), Normal(2, 1))
    narrow = theory.jensen_shannon(Normal(0, 0.02), Normal(0.04, 0.02))
    assert narrow == pytest.approx(wide, abs=1e-9)
    assert theory.bayes_accuracy(Normal(0, 0.02), Normal(0.04, 0.02)) == pytest.approx(0.8413447, abs=2e-3)
