"""Small games against what is known of them: radii to their printed digits, rates within 1 %, and what is conserved."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numgan.check import gradient_error
from numgan.lab import dynamics
from numgan.lab.dynamics import bilinear, gan, instance_noise, nonsaturating, path, radius, wgan, wgan_gp
from numgan.losses import minimax
from numgan.losses import nonsaturating as nonsaturating_loss

MODES = {"simultaneous": False, "alternating": True}
SMOOTH = [bilinear(), gan(), nonsaturating(), instance_noise(0.5), instance_noise(1), gan(gamma=0.3), gan(gamma=1)]

# after 500 steps of h = .2 from (1, 1): simultaneous, and alternating with G first
RADII = [
    (gan(), "3.10", "1.42"),
    (nonsaturating(), "0.64", "0.28"),
    (wgan(), "1.00", "1.02"),
    (wgan_gp(), "1.80", "1.22"),
    (gan(gamma=0.3), "2.6e-06", "2.3e-07"),
    (gan(gamma=1.0), "9.5e-22", "7.5e-17"),
]


@pytest.mark.parametrize(("game", "simultaneous", "alternating"), RADII, ids=lambda v: getattr(v, "name", v))
def test_radii_after_500_steps(game, simultaneous, alternating):
    form = ".1e" if "e" in simultaneous else ".2f"
    shown = [format(radius(path(game, alternating=mode))[-1], form) for mode in (False, True)]
    assert shown == [simultaneous, alternating]


@pytest.mark.parametrize("alternating", MODES.values(), ids=MODES)
@pytest.mark.parametrize("game", SMOOTH, ids=lambda g: g.name)
def test_rates_are_those_predicted(game, alternating):
    """Near the equilibrium, over as many steps as rounding allows."""
    points = path(game, (1e-4, 1e-4), h=0.2, steps=260, alternating=alternating)
    rate = dynamics.predicted_rate(game, 0.2, alternating)
    assert dynamics.measured_rate(points, 200) == pytest.approx(rate, rel=0.01)


def test_predicted_rates_at_h_one_fifth():
    rates = [dynamics.predicted_rate(gan(gamma=gamma)) for gamma in (0, 0.3, 1)]
    assert [f"{rate:.5f}" for rate in rates] == ["1.00499", "0.97468", "0.90000"]
    assert math.isnan(dynamics.predicted_rate(wgan_gp()))


@given(st.floats(0.01, 3))
def test_eigenvalues_of_r1_and_its_critical_weight(gamma):
    """−γ/2 ± √(γ²/4 − ¼): real from γ = 1 on, which goes home straight instead of around."""
    root = np.sqrt(complex(gamma**2 / 4 - 0.25))
    expected = sorted([-gamma / 2 + root, -gamma / 2 - root], key=lambda v: (v.real, v.imag))
    found = sorted(map(complex, gan(gamma).eigenvalues()), key=lambda v: (v.real, v.imag))
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("game", SMOOTH, ids=lambda g: g.name)
def test_jacobians_are_the_slopes_of_the_speeds(game):
    for speed, row in zip((game.theta, game.psi), game.jacobian(), strict=True):
        assert gradient_error(lambda at, speed=speed: speed(*at), np.zeros(2), row) < 1e-9


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_the_speeds_are_the_slopes_of_the_library_s_losses(theta, psi):
    """D's logit at x is −ψx. What a loss gives G and D must move θ and ψ as the games here say."""
    a_x, a_g = np.zeros((1, 1)), np.full((1, 1), -psi * theta)
    _, _, da_g = minimax.discriminator(a_x, a_g)
    assert gan().psi(theta, psi) == pytest.approx(-da_g.item() * -theta, abs=1e-12)
    for game, loss in ((gan(), minimax), (nonsaturating(), nonsaturating_loss)):
        assert game.theta(theta, psi) == pytest.approx(-loss.generator(a_g)[1].item() * -psi, abs=1e-12)


def test_simultaneous_steps_of_the_bilinear_game_grow_by_exactly_this():
    r = radius(path(bilinear(), h=0.2, steps=100))
    np.testing.assert_allclose(r[1:] / r[:-1], math.sqrt(1 + 0.2**2), rtol=1e-13)
    assert f"{r[-1] / r[0]:.4f}" == "7.1067"


@given(st.floats(0.01, 1.5), st.floats(-2, 2), st.floats(-2, 2))
def test_alternating_steps_of_the_bilinear_game_conserve_an_ellipse(h, theta, psi):
    kept = dynamics.conserved(path(bilinear(), (theta, psi), h, 300, alternating=True), h)
    np.testing.assert_allclose(kept, kept[0], atol=1e-9)


def test_clipping_and_the_jump():
    assert np.abs(path(wgan(0.5))[1:, 1]).max() == 0.5
    assert radius(path(wgan_gp(), steps=5000))[-1] > 0.1  # never home


def test_noise_by_quadrature_is_the_mean_over_draws():
    eps = np.random.default_rng(0).standard_normal((2, 400_000))
    theta, psi = 0.7, -0.4
    drawn = dynamics.f1(psi * (theta + eps[0])) * (theta + eps[0]) - dynamics.f1(-psi * eps[1]) * eps[1]
    assert instance_noise(1.0).psi(theta, psi) == pytest.approx(drawn.mean(), abs=0.01)
