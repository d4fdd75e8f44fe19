"""Distances of two sets of features: closed forms of Gaussians, SciPy, and loops over pairs."""

import math

import numpy as np
import pytest

import numgan as ng
from numgan.metrics import frechet, kid


def normal(n, d, seed=0, shift=0.0, scale=1.0):
    return shift + scale * np.random.default_rng(seed).standard_normal((n, d))


def mixed(n, d, seed):
    """Rows whose columns depend on each other."""
    return normal(n, d, seed) @ normal(d, d, seed + 1) + normal(1, d, seed + 2)


# The Fréchet distance


@pytest.mark.parametrize(("n", "m", "d"), [(50, 70, 1), (50, 70, 6), (300, 200, 30)])
def test_frechet_is_the_formula_with_scipy_s_root(n, m, d):
    sqrtm = pytest.importorskip("scipy.linalg", reason="SciPy is the referee: pip install scipy").sqrtm
    f, f_g = mixed(n, d, 0), mixed(m, d, 5)
    a, b = np.atleast_2d(np.cov(f.T)), np.atleast_2d(np.cov(f_g.T))
    root = sqrtm(a)
    expected = ((f.mean(axis=0) - f_g.mean(axis=0)) ** 2).sum() + np.trace(a + b - 2 * sqrtm(root @ b @ root).real)
    assert frechet(f, f_g) == pytest.approx(expected, rel=1e-9)
    assert frechet(f_g, f) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_independent_columns_is_by_column():
    """(μ₁ − μ₂)² + (σ₁ − σ₂)² of each: rows that have exactly these means and deviations, without a correlation."""
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * math.sqrt(3 / 4)  # variances of 1, n − 1
    f, f_g = signs * [1, 2, 3] + [5, 0, -1], signs * [4, 2, 0.5] + [7, 1, -1]
    assert frechet(f, f_g) == pytest.approx((3**2 + 0 + 2.5**2) + (2**2 + 1 + 0))
    assert frechet(f, f + np.array([3, 4, 0])) == pytest.approx(25)
    assert frechet(f, 3 * f) == pytest.approx(4 * (f.mean(axis=0) ** 2).sum() + 4 * (1 + 4 + 9))


def test_frechet_of_large_samples_is_that_of_their_gaussians():
    f, f_g = normal(200_000, 3), normal(200_000, 3, seed=1, shift=1, scale=2)
    assert frechet(f, f_g) == pytest.approx(3 * 1 + 3 * 1, abs=0.1)


def test_frechet_where_a_covariance_has_no_inverse():
    """Fewer rows than columns, constant columns, two rows: 0 for a set against itself, to the last digits."""
    few = normal(5, 20)
    constant = np.hstack([normal(30, 3), np.full((30, 4), 7.0)])
    for f in (few, constant, few[:2], np.ones((3, 4)), constant * 1e6, np.full((3, 1), 0.1)):
        scale = max((f**2).sum(axis=1).mean(), 1)
        assert 0 <= frechet(f, f) <= 1e-12 * scale
        assert 0 <= frechet(f, f[::-1]) <= 1e-12 * scale
    assert frechet(np.ones((3, 4)), np.full((2, 4), 3.0)) == pytest.approx(16)
    line, other = np.outer([-1, 0, 1], [1, 0, 0]), np.outer([-1, 0, 1], [0, 2, 0])  # at right angles: no overlap
    assert frechet(line, other) == pytest.approx(1 + 4)
    assert frechet(line, np.outer([-1, 0, 1], [3, 0, 0])) == pytest.approx(4)


def test_frechet_does_not_depend_on_axes_or_place():
    f, f_g = mixed(60, 5, 0), mixed(40, 5, 4)
    turn = np.linalg.qr(normal(5, 5, seed=9))[0]
    assert frechet(f @ turn + 100, f_g @ turn + 100) == pytest.approx(frechet(f, f_g), rel=1e-9)
    assert frechet(3 * f, 3 * f_g) == pytest.approx(9 * frechet(f, f_g), rel=1e-9)


# The kernel distance


@pytest.mark.parametrize(("n", "m", "d"), [(2, 2, 1), (7, 5, 3), (9, 12, 8)])
def test_kid_is_that_of_three_loops(n, m, d):
    f, f_g = mixed(n, d, 0), mixed(m, d, 5)

    def mean(a, b, leave_out):
        found = []
        for i, row in enumerate(a):
            for j, other in enumerate(b):
                if not (leave_out and i == j):
                    found.append((sum(p * q for p, q in zip(row, other, strict=True)) / d + 1) ** 3)
        return sum(found) / len(found)

    expected = mean(f, f, True) + mean(f_g, f_g, True) - 2 * mean(f, f_g, False)
    assert kid(f, f_g) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert kid(f_g, f) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def expected_kernel(mu, s, mu_g, s_g):
    """E (aᵀb/d + 1)³ of independent a ~ N(mu, diag s²), b ~ N(mu_g, diag s_g²).

    u = aᵀb is, for a fixed b, normal: E u = Σ μν; Var u and the third central moment are sums over columns, which are
    independent: of p = ab, with E a² = μ² + s² and E a³ = μ³ + 3μs².
    """
    d = len(mu)
    first = mu * mu_g
    second = (mu**2 + s**2) * (mu_g**2 + s_g**2)
    third = (mu**3 + 3 * mu * s**2) * (mu_g**3 + 3 * mu_g * s_g**2)
    mean, variance = first.sum(), (second - first**2).sum()
    skew = (third - 3 * first * second + 2 * first**3).sum()
    at = mean / d + 1
    return at**3 + 3 * at * variance / d**2 + skew / d**3


def test_kid_of_gaussians_is_right_in_expectation():
    """Mean of many estimates from few rows, within 4 of its own standard errors of the closed form."""
    mu, s = np.array([0.0, 1, -0.5]), np.array([1, 0.5, 2])
    mu_g, s_g = np.array([0.5, 1, 0.0]), np.array([0.5, 1.5, 1])
    pairs = (mu, s, mu, s), (mu_g, s_g, mu_g, s_g), (mu, s, mu_g, s_g)
    within, within_g, between = (expected_kernel(*pair) for pair in pairs)
    rng = np.random.default_rng(0)
    for other, expected in (((mu_g, s_g), within + within_g - 2 * between), ((mu, s), 0)):
        found = [kid(rng.normal(mu, s, (6, 3)), rng.normal(*other, (8, 3))) for _ in range(1500)]
        error = np.std(found) / math.sqrt(len(found))
        assert abs(np.mean(found) - expected) < 4 * error
        assert min(found) < 0
    assert within + within_g - 2 * between > 10 * error  # far enough from 0 to be told from it
    assert kid(rng.normal(mu, s, (2000, 3)), rng.normal(mu_g, s_g, (2000, 3))) == pytest.approx(
        within + within_g - 2 * between, rel=0.2
    )


def test_blocks_do_not_show(monkeypatch):
    f, f_g = mixed(40, 6, 0), mixed(31, 6, 3)
    whole = kid(f, f_g), frechet(f, f_g)
    monkeypatch.setattr("numgan.metrics.rows.ROWS", 7)
    assert (kid(f, f_g), frechet(f, f_g)) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("measure", [kid, frechet])
def test_what_cannot_be_compared_is_refused(measure):
    f = normal(5, 3)
    for pair in ((f[:1], f), (f, f[:1])):
        with pytest.raises(ng.InputError, match=r"^a set of rows needs 2 rows or more, got 1: use more rows$"):
            measure(*pair)
    for bad in (f[:0], f[:, :2], f[0], f * np.nan, f.astype(str), f > 0):
        for pair in ((bad, f), (f, bad)):
            with pytest.raises(ng.InputError, match="set"):
                measure(*pair)
    with pytest.raises(ng.InputError, match=r"holds 1\.0e\+39, expected numbers up to 3\.4e\+38: scale the rows$"):
        measure(f, np.full((2, 3), 1e39))
    extreme = np.full((2, 3), 3e38) * [[1], [-1]]
    assert math.isfinite(measure(extreme, -extreme))
    whole = np.random.default_rng(0).integers(0, 255, (9, 4)).astype("uint8")
    assert measure(whole, whole[:6]) == measure(whole.astype(float), whole[:6].astype(float))
