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
SMOOTH = {  # how to make each game
    "bilinear": bilinear,
    "GAN": gan,
    "non-saturating GAN": nonsaturating,
    "noise of 0.5": lambda: instance_noise(0.5),
    "noise of 1": lambda: instance_noise(1),
    "R1 of 0.3": lambda: gan(gamma=0.3),
    "R1 of 1": lambda: gan(gamma=1),
}

# of a variant, after 500 steps of h = .2 from (1, 1): simultaneous, and alternating with G first
RADII = [
    (0, "3.10", "1.42"),
    (1, "0.64", "0.28"),
    (2, "1.00", "1.02"),
    (3, "1.80", "1.22"),
    (5, "2.6e-06", "2.3e-07"),
    (6, "9.5e-22", "7.5e-17"),
]


@pytest.mark.parametrize(("variant", "simultaneous", "alternating"), RADII)
def test_radii_after_500_steps(variant, simultaneous, alternating):
    game = dynamics.variants()[variant]
    form = ".1e" if "e" in simultaneous else ".2f"
    shown = [format(radius(path(game, alternating=mode))[-1], form) for mode in (False, True)]
    assert shown == [simultaneous, alternating]


@pytest.mark.parametrize("alternating", MODES.values(), ids=MODES)
@pytest.mark.parametrize("name", SMOOTH)
def test_rates_are_those_predicted(name, alternating):
    """Near the equilibrium, over as many steps as rounding allows."""
    game = SMOOTH[name]()
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


@pytest.mark.parametrize("name", SMOOTH)
def test_jacobians_are_the_slopes_of_the_speeds(name):
    game = SMOOTH[name]()
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


# The games once more, as the docstrings say them: V, and how each player moves on it


def f(t):
    return -math.log(1 + math.exp(-t))


def slope(value, at, h=1e-6):
    return (value(at + h) - value(at - h)) / (2 * h)


def blurred(t, psi, std):
    """E f(ψ(t + std·ε)), by the trapezoidal rule over ±9 standard deviations."""
    eps = np.linspace(-9, 9, 721)
    weights = np.exp(-(eps**2) / 2)
    return -(weights * np.logaddexp(0, -psi * (t + std * eps))).sum() / weights.sum()


VALUES = {  # how to make a game, what θ descends and what ψ ascends, of θ and ψ
    "bilinear": (bilinear, lambda t, p: p * t, lambda t, p: p * t),
    "GAN": (gan, lambda t, p: f(p * t) + f(0), lambda t, p: f(p * t) + f(0)),
    "GAN + R1, γ = 0.7": (lambda: gan(0.7), lambda t, p: f(p * t) + f(0), lambda t, p: f(p * t) - 0.35 * p**2),
    "non-saturating GAN": (nonsaturating, lambda t, p: -f(-p * t), lambda t, p: f(p * t) + f(0)),
    "WGAN, clipped": (wgan, lambda t, p: p * t, lambda t, p: p * t),
    "WGAN-GP": (lambda: wgan_gp(0.6), lambda t, p: p * t, lambda t, p: p * t - 0.6 * (abs(p) - 1) ** 2),
    "GAN + instance noise": (
        lambda: instance_noise(0.7),
        lambda t, p: blurred(t, p, 0.7),
        lambda t, p: blurred(t, p, 0.7) + blurred(0, -p, 0.7),
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_speeds_are_the_slopes_of_what_each_player_wants(name):
    make, of_theta, of_psi = VALUES[name]
    game = make()
    assert game.name == name
    for theta, psi in ((0.3, -1.7), (1.2, 0.4), (-0.8, -0.2), (-2.0, 1.5)):
        assert game.theta(theta, psi) == pytest.approx(-slope(lambda t, p=psi: of_theta(t, p), theta), abs=1e-8)
        assert game.psi(theta, psi) == pytest.approx(slope(lambda p, t=theta: of_psi(t, p), psi), abs=1e-8)


def test_what_the_games_are_unless_told_otherwise():
    assert wgan().clip == 1 and bilinear().clip == gan().clip == math.inf
    assert wgan_gp().psi(0.5, -0.4) == pytest.approx(0.5 + 2 * 0.35 * (0.4 - 1))
    assert wgan_gp().psi(0.5, 0.0) == pytest.approx(0.5 + 2 * 0.35)  # away from 0, upwards
    assert instance_noise().psi(0.4, 0.9) == pytest.approx(instance_noise(1.0).psi(0.4, 0.9))
    assert gan().psi(0.4, 0.9) == pytest.approx(0.4 / (1 + math.exp(0.36)))
    names = ["GAN", "non-saturating GAN", "WGAN, clipped", "WGAN-GP", "GAN + instance noise"]
    variants = dynamics.variants()
    assert [game.name for game in variants] == [*names, "GAN + R1, γ = 0.3", "GAN + R1, γ = 1"]
    assert [game.damping for game in variants] == [0, 0, 0, None, 0.5, 0.3, 1]
    assert [game.pull for game in variants] == [0.5, 0.5, 1, 1, 0.5, 0.5, 0.5]
    assert dynamics.f1(np.array([0.0, 2.0, -2.0])) == pytest.approx([0.5, 1 / (1 + math.e**2), 1 / (1 + math.e**-2)])


def test_a_path_is_made_step_by_step():
    """θ moves with the ψ before it; ψ sees θ before or after its move; what is clipped is ψ, on both sides."""
    for game in (bilinear(), gan(0.7), nonsaturating(), wgan(0.6), wgan_gp()):
        for alternating in MODES.values():
            theta, psi = 0.9, -0.5
            points = path(game, (theta, psi), h=0.3, steps=19, alternating=alternating)
            assert points.shape == (20, 2) and points[0].tolist() == [theta, psi]
            for point in points[1:]:
                before = theta
                theta = before - 0.3 * -game.theta(before, psi)
                psi += 0.3 * game.psi(theta if alternating else before, psi)
                psi = -game.clip if psi < -game.clip else game.clip if psi > game.clip else psi
                assert point.tolist() == pytest.approx([theta, psi], rel=1e-13)
    ends = path(wgan(0.6), (0.9, -0.5), h=0.3, steps=40)[:, 1]
    assert (ends.min(), ends.max()) == (-0.6, 0.6)
    np.testing.assert_array_equal(path(gan()), path(gan(), (1.0, 1.0), 0.2, 500, alternating=False))


def test_the_rate_is_measured_over_the_last_steps_alone():
    """0.9 each step for twelve, and then 1.25 each for seven."""
    r = 3 * np.cumprod([1, *[0.9] * 12, *[1.25] * 7])
    points = np.stack([r * np.cos(np.arange(20)), r * np.sin(np.arange(20))], axis=1)
    np.testing.assert_allclose(radius(points), r, rtol=1e-14)
    assert radius(np.array([3.0, -4.0])) == 5
    for last, product in ((1, 1.25), (7, 1.25**7), (8, 1.25**7 * 0.9), (19, 1.25**7 * 0.9**12)):
        assert dynamics.measured_rate(points, last) == pytest.approx(product ** (1 / last), rel=1e-12)


@pytest.mark.parametrize("h", [0.1, 0.7])
@pytest.mark.parametrize(
    ("make", "how", "pull", "damping"),
    [
        (bilinear, {}, 1, 0),
        (wgan, {}, 1, 0),
        (gan, {}, 0.5, 0),
        (gan, {"gamma": 0.3}, 0.5, 0.3),
        (gan, {"gamma": 1.4}, 0.5, 1.4),
        (instance_noise, {"std": 0.6}, 0.5, 0.18),
    ],
)
def test_predicted_rates_in_closed_form(make, how, pull, damping, h):
    """The roots of λ² − tλ + d: d = 1 − hγ, t = 2 − hγ, and h²·pull² more or less of one of them."""
    game = make(**how)
    t, d, a = 2 - h * damping, 1 - h * damping, (h * pull) ** 2
    for alternating, trace, determinant in ((False, t, d + a), (True, t - a, d)):
        expected = np.abs(np.roots([1, -trace, determinant])).max()
        assert dynamics.predicted_rate(game, h, alternating) == pytest.approx(expected, rel=1e-7)


def test_what_is_conserved_is_the_ellipse():
    points = np.array([[2.0, 3.0], [-1.0, 4.0]])
    assert dynamics.conserved(points, 0.5).tolist() == [4 + 9 - 3, 1 + 16 + 2]


def test_the_jacobian_of_a_jump_is_not_a_number():
    np.testing.assert_array_equal(wgan_gp().jacobian(), [[0, -1], [1, np.nan]])
    np.testing.assert_array_equal(gan(0.3).jacobian(), [[0, -0.5], [0.5, -0.3]])


def test_a_game_is_named_with_all_digits_of_its_gamma():
    assert [gan(gamma).name[-5:] for gamma in (0.125, 12.25)] == ["0.125", "12.25"]


def test_far_out_the_slope_is_0_or_1_without_a_warning():
    assert (dynamics.f1(1000.0), dynamics.f1(-1000.0)) == (0.0, 1.0)
