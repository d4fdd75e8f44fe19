"""Central differences: how exact they are, that they know it, and that they are not fooled at a kink."""

import numpy as np
import pytest
from numeric import numeric_gradient
from pairs import rng

import numgan as ng
from numgan.check import gradcheck
from numgan.check.differences import directional_derivative, jacobian, magnitude_of_terms, perturbed, restored


def test_perturbed_and_restored():
    a = np.arange(3.0)
    with perturbed(a, 1.0):
        assert a.tolist() == [1, 2, 3]
    assert a.tolist() == [0, 1, 2]
    with pytest.raises(KeyError), restored([a]):
        a[...] = 9
        raise KeyError
    assert a.tolist() == [0, 1, 2]


@pytest.mark.parametrize("at", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize(("f", "df"), [(np.sin, np.cos), (np.exp, np.exp), (np.log, np.reciprocal)])
def test_a_derivative_is_exact_to_ten_digits_and_its_error_is_known(f, df, at):
    x = np.array([at])
    s = directional_derivative(lambda: f(x), x, np.ones(1), np.ones(1), magnitude=abs(float(f(x)[0])))
    off = abs(float(s.central[0] - df(at)))
    assert off <= 1e-9 * abs(df(at)) + 1e-12 * abs(float(f(x)[0])) / at
    assert off <= s.error
    assert not s.kink
    assert x.tolist() == [at]


def test_columns_of_the_jacobian():
    A, x = rng().standard_normal((3, 4)), rng(1).standard_normal(4)
    found = jacobian(lambda: A @ x, x, np.ones(3), 1.0, np.array([0, 2]))
    assert np.allclose([s.central for s in found.columns], A[:, [0, 2]].T, rtol=1e-9)
    assert np.allclose(found.vjp(np.array([1.0, 0, 0])), A[0, [0, 2]])


def test_the_magnitude_of_a_difference_is_that_of_its_terms():
    x = np.full(3, 1e6)
    assert magnitude_of_terms(lambda: x - 1e6, [x], np.ones(3), rng()) > 1e5
    assert magnitude_of_terms(lambda: 2 * x, [x], np.ones(3), rng()) < 1e7


@pytest.mark.parametrize("kind", ["x", "W"])
def test_checks_agree_with_plain_differences(kind):
    """Another implementation of differences, without a line in common, finds the same numbers."""
    W, x = rng().standard_normal((4, 3)), rng(2).standard_normal((5, 4))

    def forward(x):
        return np.tanh(x @ W).sum()

    report = gradcheck(forward=forward, backward=lambda dy, x: (dy * x, {"W": dy * W}), x=x, params={"W": W})
    numbers = next(c for c in report.comparisons if c.name == kind)
    plain = numeric_gradient(lambda: forward(x), {"x": x, "W": W}[kind])
    assert np.allclose(numbers.numeric, plain.ravel(), rtol=1e-7, atol=1e-9)


# Kinks


def test_a_kink_has_two_one_sided_derivatives():
    x = np.zeros(1)
    s = directional_derivative(lambda: np.maximum(x, 0.2 * x), x, np.ones(1), np.ones(1), magnitude=1.0)
    assert s.kink
    assert np.allclose([s.left, s.right], [[0.2], [1.0]])


def test_a_large_second_derivative_is_no_kink():
    for x in (np.array([1e-3]), np.array([0.0])):
        assert not directional_derivative(lambda x=x: np.tanh(100 * x), x, np.ones(1), np.ones(1), magnitude=1.0).kink
        assert not directional_derivative(lambda x=x: x**2, x, np.ones(1), np.ones(1), magnitude=1.0).kink


def test_a_kink_is_reported_and_the_point_is_moved():
    x = rng().standard_normal((4, 3))
    x[1, 2] = 0
    report = gradcheck(ng.ReLU(), x)
    assert report.ok
    assert any("kink" in note and "[1, 2]" in note for note in report.notes)
    assert not gradcheck(ng.ReLU(), rng().standard_normal((4, 3))).notes


@pytest.mark.parametrize("at_zero", [0.0, 0.4, 1.0])
def test_any_subderivative_is_accepted_at_a_kink(at_zero):
    x = np.array([[0.0, 1.0, -1.0]])
    pair = {"forward": lambda x: np.maximum(x, 0), "backward": lambda dy, x: dy * np.where(x == 0, at_zero, x > 0)}
    assert gradcheck(**pair, x=x).ok


@pytest.mark.parametrize("at_zero", [-0.5, 1.5, np.nan])
def test_a_number_outside_the_one_sided_derivatives_is_not(at_zero):
    x = np.array([[0.0, 1.0, -1.0]])
    pair = {"forward": lambda x: np.maximum(x, 0), "backward": lambda dy, x: dy * np.where(x == 0, at_zero, x > 0)}
    report = gradcheck(**pair, x=x)
    assert not report.ok
    assert "correct everywhere but at kinks" in report.diagnosis
    assert report.comparisons[0].verdict == "wrong at kinks"


def test_a_mistake_is_found_at_a_kink_too():
    x = np.zeros((3, 2))
    report = gradcheck(forward=lambda x: np.maximum(x, 0), backward=lambda dy, x: -dy * (x > 0), x=x)
    assert "sign flipped" in report.diagnosis


def test_a_check_of_zeros_says_little_and_says_so():
    report = gradcheck(ng.ReLU(), -np.ones((3, 2)))
    assert report.ok
    assert "try another x" in str(report)
    assert "try another x" not in str(gradcheck(ng.Network([ng.Linear(4, 3), ng.BatchNorm(3)])))
