"""Measures of samples: what they say of sets whose answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import numgan as ng
from numgan.metrics import density_coverage, grid_divergences, mode_coverage, precision_recall


def normal(n, d=2, seed=0, shift=0.0, scale=1.0):
    return shift + scale * np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize(("data", "modes"), [(ng.data.ring, 8), (ng.data.grid, 25)])
def test_the_exact_sampler_s_ceiling(data, modes):
    """P(‖ε‖ < 3) = 1 − e^(−9/2) = 98.89 % in two dimensions."""
    rows = data(n=100_000)
    found = mode_coverage(rows.x, rows.centres, rows.std)
    assert found.modes == modes
    assert found.quality == pytest.approx(1 - math.exp(-4.5), abs=0.002)
    assert found.reverse_kl == pytest.approx(0, abs=1e-6)


def test_collapsed_samples():
    ring = ng.data.ring(n=8)
    found = mode_coverage(np.repeat(ring.centres[:1], 50, axis=0), ring.centres, ring.std)
    assert (found.modes, found.quality) == (1, 1.0)
    assert found.reverse_kl == pytest.approx(math.log(8))
    halves = np.repeat(ring.centres[:4], 50, axis=0) + 3.01 * ring.std
    found = mode_coverage(halves, ring.centres, ring.std)
    assert (found.modes, found.quality) == (0, 0.0)
    assert found.reverse_kl == pytest.approx(math.log(2))


def test_precision_and_recall_tell_quality_from_spread():
    x = normal(1000, 10)
    same, narrow, wide = (precision_recall(x, normal(1000, 10, seed=1, scale=s)) for s in (1, 0.7, 1.4))
    assert min(same) > 0.8
    assert narrow.precision > 0.98
    assert narrow.recall < 0.5
    assert density_coverage(x, normal(1000, 10, seed=1, scale=0.7)).coverage > 0.9  # which recall alone gives away
    assert wide.precision < 0.5 < wide.recall
    assert precision_recall(x, x + 100) == (0, 0)
    assert precision_recall(x, x) == (1, 1)


@pytest.mark.parametrize("d", [2, 10])
def test_density_and_coverage_of_two_samples_of_one_distribution(d):
    found = [density_coverage(normal(1500, d, seed=2 * i), normal(1500, d, seed=2 * i + 1)) for i in range(2)]
    density, coverage = np.mean(found, axis=0)
    assert density == pytest.approx(1, abs=0.04)
    assert coverage == pytest.approx(1 - 2.0**-5, abs=0.01)


@given(st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_divergences_of_a_set_against_itself_are_0(d, seed):
    x = normal(300, d, seed)
    assert grid_divergences(x, x) == (0, 0)
    assert grid_divergences(x, x[::-1].copy()) == (0, 0)
    apart = grid_divergences(x, normal(300, d, seed + 1, shift=100))
    assert apart.js == pytest.approx(math.log(2), abs=0.02)
    assert math.isfinite(apart.kl)
    assert apart.kl > 3


def test_divergences_approach_those_of_the_densities():
    found = grid_divergences(normal(200_000, 1), normal(200_000, 1, seed=1, shift=1.0), bins=60)
    assert found.js == pytest.approx(0.111421, abs=0.003)
    assert found.kl == pytest.approx(0.5, abs=0.03)


def test_blocks_do_not_show(monkeypatch):
    x, y = normal(90, 5), normal(70, 5, seed=1)
    whole = precision_recall(x, y), density_coverage(x, y)
    monkeypatch.setattr("numgan.metrics.ROWS", 7)
    assert whole == (precision_recall(x, y), density_coverage(x, y))


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ng.InputError, match=r"one width, got \(5, .\) and \(5, .\)"):
        precision_recall(normal(5), normal(5, 3))
    with pytest.raises(ng.InputError, match="only 3 rows"):
        precision_recall(normal(3), normal(5))
    with pytest.raises(ng.InputError, match="1 or 2 dimensions"):
        grid_divergences(normal(5, 3), normal(5, 3))
    with pytest.raises(ng.InputError, match=r"std, .* must be a number in .* got 0\.0"):
        mode_coverage(normal(5), normal(2), 0.0)
