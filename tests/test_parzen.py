"""Parzen windows: against SciPy, exact cases, and the rows that show what the score is worth."""

import math

import numpy as np
import pytest

import numgan as ng
from numgan import metrics
from numgan.metrics import SIGMAS, calibration, log_likelihoods, parzen


def normal(n, d, seed=0, shift=0.0, scale=1.0):
    return shift + scale * np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize("d", [1, 3, 5, 40])
@pytest.mark.parametrize("sigma", [0.05, 0.3, 4])
def test_log_likelihoods_are_those_of_scipy(d, sigma):
    """Also where every window is so far away that its density underflows to 0."""
    special = pytest.importorskip("scipy.special", reason="SciPy is the referee: pip install scipy")
    norm = pytest.importorskip("scipy.stats").norm
    x_g, x = normal(30, d), normal(20, d, seed=1, scale=2)
    densities = norm.logpdf(x[:, None], x_g, sigma).sum(axis=2)  # of each test row under each window
    expected = special.logsumexp(densities, axis=1, b=1 / len(x_g))
    np.testing.assert_allclose(log_likelihoods(x_g, x, sigma), expected, rtol=1e-10)


def test_one_window_is_a_gaussian_and_copies_of_it_change_nothing():
    x_g, x = np.zeros((1, 4)), np.array([[0, 0, 0, 0], [3, 4, 0, 0]])
    expected = [-2 * math.log(2 * math.pi * 0.25), -2 * math.log(2 * math.pi * 0.25) - 25 / 2 / 0.25]
    for samples in (x_g, np.repeat(x_g, 7, axis=0)):
        np.testing.assert_allclose(log_likelihoods(samples, x, 0.5), expected, rtol=1e-13)
    far = np.repeat([[1e6, 0, 0, 0]], 7, axis=0)  # these windows hold half of the mass
    halves = log_likelihoods(np.concatenate([far, far * 0]), x, 0.5)
    np.testing.assert_allclose(halves, np.array(expected) - math.log(2))


def test_windows_integrate_to_1():
    x, width = np.linspace(-8, 8, 4001, retstep=True)
    assert np.exp(log_likelihoods(normal(9, 1), x[:, None], 0.3)).sum() * width == pytest.approx(1, abs=1e-9)


def test_the_mean_tends_to_that_of_the_convolved_density():
    """Windows of width σ on many samples of N(0, I) are nearly N(0, (1 + σ²) I)."""
    x = normal(200, 2, seed=1)
    expected = -math.log(2 * math.pi * 1.25) - (x * x).sum(axis=1).mean() / 2 / 1.25
    assert log_likelihoods(normal(10_000, 2), x, 0.5).mean() == pytest.approx(expected, abs=0.02)


def test_a_place_far_from_0_costs_no_digits():
    """Whole numbers, which move exactly."""
    rng = np.random.default_rng(0)
    x_g, x = rng.integers(0, 5, (30, 8)), rng.integers(0, 5, (20, 8))
    place = 10**9 * np.arange(-4, 4)
    moved = log_likelihoods(x_g + place, x + place, 0.7)
    np.testing.assert_allclose(moved, log_likelihoods(x_g, x, 0.7), rtol=1e-6)


def test_the_protocol_of_the_paper():
    """σ is that of the highest mean on the validation rows, whatever the test rows would have chosen."""
    x_g, x_valid, x_test = normal(200, 4), normal(90, 4, seed=1), normal(70, 4, seed=2, scale=2)
    means = [log_likelihoods(x_g, x_valid, sigma).mean() for sigma in SIGMAS]
    scores = log_likelihoods(x_g, x_test, SIGMAS[int(np.argmax(means))])
    found = parzen(x_g, x_valid, x_test)
    assert found == pytest.approx((scores.mean(), scores.std() / math.sqrt(70), SIGMAS[int(np.argmax(means))]))
    assert found.sigma not in (SIGMAS[0], SIGMAS[-1])
    assert max(log_likelihoods(x_g, x_test, sigma).mean() for sigma in SIGMAS) > found.mean + 0.01
    assert parzen(x_g, x_valid, x_test, [0.3, 0.2]).sigma == 0.3
    assert parzen(x_g, x_valid, x_test, np.array([0.2])).sigma == 0.2
    np.testing.assert_allclose(np.diff(np.log10(SIGMAS)), 1 / 9)
    assert (SIGMAS[0], SIGMAS[-1], len(SIGMAS)) == pytest.approx((0.1, 1, 10))


def test_blocks_do_not_show(monkeypatch):
    sets = normal(40, 6), normal(31, 6, seed=1), normal(29, 6, seed=2)
    whole = parzen(*sets)
    monkeypatch.setattr("numgan.metrics.rows.ROWS", 7)
    assert parzen(*sets) == pytest.approx(whole, rel=1e-12)


def test_rows_are_left_as_they_were():
    x_g, x = normal(20, 4), normal(20, 4, seed=1)
    kept = x_g.copy(), x.copy()
    parzen(x_g, x, x), metrics.kid(x_g, x), metrics.frechet(x_g, x), list(calibration(x))
    assert (x_g == kept[0]).all() and (x == kept[1]).all()


def test_what_has_no_likelihood_is_refused():
    x = normal(5, 3)
    for sigma in (0, -1, math.nan, math.inf, 1e-200, "wide", None, True):
        with pytest.raises(ng.InputError, match="sigma"):
            log_likelihoods(x, x, sigma)
        with pytest.raises(ng.InputError, match="sigma"):
            parzen(x, x, x, [0.1, sigma])
    for sigmas in ([], 0.2, [[0.2]]):
        with pytest.raises(ng.InputError, match=r"sigmas must be a list of widths.*\[0\.2\]$"):
            parzen(x, x, x, sigmas)
    for bad in (x[:0], x[:, :2], x[0], x * np.nan, x.astype(str)):
        for sets in ((bad, x, x), (x, bad, x), (x, x, bad)):
            with pytest.raises(ng.InputError, match="set"):
                parzen(*sets)
    with pytest.raises(ng.InputError, match=r"holds 1\.0e\+39, expected numbers up to 3\.4e\+38: scale the rows$"):
        log_likelihoods(x, np.full((1, 3), -1e39), 0.2)
    tiny = log_likelihoods(np.full((2, 3), 3e38), np.full((1, 3), -3e38), 1e-100)  # finite at the ends of the range
    assert np.isfinite(tiny).all() and np.isfinite(log_likelihoods(x, x, 1e100)).all()


# The calibration rows


def test_calibration_rows_one_by_one():
    rng = np.random.default_rng(0)
    x, labels = rng.random((400, 6)), np.arange(400) % 3
    found = dict(calibration(x, labels, n=12, seed=5))
    assert list(found) == [
        *("real training rows", "local averages", "Gaussian fit, clipped", "class means", "the mean image")
    ]
    real = found["real training rows"]
    places = [int(np.flatnonzero((x == row).all(axis=1))[0]) for row in real]
    assert len(set(places)) == 12
    for place, average in zip(places, found["local averages"], strict=True):
        nearest = sorted(range(400), key=lambda j: math.dist(x[place], x[j]))[:5]
        assert nearest[0] == place
        np.testing.assert_allclose(average, x[nearest].mean(axis=0))
    np.testing.assert_allclose(found["class means"], [x[c::3].mean(axis=0) for c in range(3)])
    np.testing.assert_allclose(found["the mean image"], [x.mean(axis=0)])
    assert "class means" not in dict(calibration(x))
    assert [len(rows) for rows in dict(calibration(x, labels, n=1)).values()] == [1, 1, 1, 3, 1]
    assert (next(calibration(x))[1] == next(calibration(x, seed=0))[1]).all()
    assert len(next(calibration(np.zeros((10_005, 1))))[1]) == 10_000
    again, other = (dict(calibration(x, labels, n=12, seed=s)) for s in (5, 6))
    assert all((again[name] == rows).all() for name, rows in found.items())
    assert not (other["real training rows"] == real).all()
    assert not (other["Gaussian fit, clipped"] == found["Gaussian fit, clipped"]).all()


def test_the_gaussian_has_the_rows_mean_and_covariance_and_their_range():
    x = normal(3000, 3) @ np.array([[1, 2, 0], [0, 1, 1], [0, 0, 0]]) + [0, 5, -3]
    x[:2] = [[40], [-40]]  # so that no draw is clipped
    drawn = dict(calibration(x))["Gaussian fit, clipped"]
    np.testing.assert_allclose(drawn.mean(axis=0), x.mean(axis=0), atol=0.25)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(x.T), atol=0.8)
    clipped = dict(calibration(x[:300].clip(-1, 2)))["Gaussian fit, clipped"]
    assert clipped.min() == -1 and clipped.max() == 2


def test_what_cannot_be_calibrated_is_refused_at_once():
    x = normal(9, 3)
    large = x.copy()
    large[4, 1] = -1e39
    for bad in (x[:4], x[0], x[:, :0], large):
        with pytest.raises(ng.InputError, match="calibration needs 5 rows or more"):
            calibration(bad)
    with pytest.raises(ng.InputError, match="x must be finite"):
        calibration(x * np.nan)
    for labels in (np.arange(8), np.zeros((9, 1)), 3):
        with pytest.raises(ng.InputError, match="labels must be one for each of 9 rows"):
            calibration(x, labels)
    for how in ({"n": 0}, {"n": 2.5}, {"seed": -1}):
        with pytest.raises(ng.InputError, match="must be a whole number"):
            calibration(x, **how)
    for fewer in (x, x[:5]):
        np.testing.assert_array_equal(np.sort(next(calibration(fewer))[1], axis=0), np.sort(fewer, axis=0))
    np.testing.assert_allclose(dict(calibration(x[:5]))["local averages"], [x[:5].mean(axis=0)] * 5)


def test_the_score_of_real_digits_is_no_ceiling():
    """The embedded digits, in pixels: local averages beat as many real digits, which beat what is plainly worse."""
    data = ng.data.load("digits", range=(0, 1))
    x, labels, valid, test = data.x[:3000], data.labels[:3000], data.x[3000:3200], data.x[3200:3600]
    sets = calibration(x, labels, n=1000)
    scores = {name: parzen(rows, valid, test, [0.15, 0.2, 0.25]).mean for name, rows in sets}
    real = scores["real training rows"]
    assert scores["local averages"] > real + 20
    assert all(real > scores[name] + 20 for name in ("Gaussian fit, clipped", "class means", "the mean image"))
    assert scores["class means"] > scores["the mean image"] + 20
