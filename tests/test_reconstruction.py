"""Distances to an answer, and the gradients that they add: by the tests' own central differences, every entry."""

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error

import numgan as ng
from numgan.reconstruction import absolute, cycle_gradient, reconstruction_gradient, squared

DISTANCES = [absolute, squared]
WEIGHT = 3.0


def nets():
    """From width 3 to 2, and back."""
    G = ng.Network([ng.Linear(3, 4), ng.Tanh(), ng.Linear(4, 2)], seed=1, dtype="float64")
    F = ng.Network([ng.Linear(2, 4), ng.Tanh(), ng.Linear(4, 3)], seed=2, dtype="float64")
    return G, F


def rows(n=3, seed=0):
    return np.random.default_rng(seed).standard_normal((5, n))


def test_distances_by_hand():
    y, wanted = np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[0.0, 2.0], [3.0, 1.0]])
    assert absolute(y, wanted)[0] == (1 + 0 + 3 + 2) / 4 and squared(y, wanted)[0] == (1 + 0 + 9 + 4) / 4
    assert (absolute(y, wanted)[1] == np.array([[1, 0], [-1, -1]]) / 4).all()
    assert (squared(y, wanted)[1] == np.array([[2, 0], [-6, -4]]) / 4).all()


@pytest.mark.parametrize("distance", DISTANCES)
def test_the_slope_of_a_distance(distance):
    y, wanted = rows(), rows(seed=1)
    assert rel_error(distance(y, wanted)[1], numeric_gradient(lambda: distance(y, wanted)[0], y)) < 1e-6


@pytest.mark.parametrize("distance, least", [(absolute, np.median), (squared, np.mean)])
def test_where_a_distance_is_least(distance, least):
    wanted = np.array([[0.0], [0.1], [1.0], [2.0], [7.0]])
    values = {y: distance(np.full_like(wanted, y), wanted)[0] for y in np.linspace(0, 7, 701).round(2)}
    assert min(values, key=values.get) == pytest.approx(least(wanted), abs=0.006)


@pytest.mark.parametrize("distance", DISTANCES)
def test_the_gradient_of_a_reconstruction(distance):
    (G, _), a, b = nets(), rows(), rows(2, seed=1)

    def value():
        return WEIGHT * distance(G.forward(a, train=True)[0], b)[0]

    G.grad[...] = before = rows(G.size)[0]
    assert reconstruction_gradient(G, a, b, WEIGHT, distance) == value()
    assert rel_error(G.grad - before, numeric_gradient(value, G.theta)) < 1e-6


@pytest.mark.parametrize("distance", DISTANCES)
def test_the_gradients_of_a_cycle(distance):
    (G, F), a = nets(), rows()

    def value():
        return WEIGHT * distance(F.forward(G.forward(a, train=True)[0], train=True)[0], a)[0]

    before = [rows(net.size)[0] for net in (G, F)]
    G.grad[...], F.grad[...] = before
    assert cycle_gradient(G, F, a, WEIGHT, distance) == value()
    for net, old in zip((G, F), before, strict=True):
        assert rel_error(net.grad - old, numeric_gradient(value, net.theta)) < 1e-6


def test_a_flipped_sign_is_found():
    """The tests above would fail on a distance whose derivative has the wrong sign."""
    for distance in DISTANCES:

        def flipped(y, wanted, distance=distance):
            value, dy = distance(y, wanted)
            return value, -dy

        with pytest.raises(AssertionError):
            test_the_slope_of_a_distance(flipped)
        with pytest.raises(AssertionError):
            test_the_gradient_of_a_reconstruction(flipped)
        with pytest.raises(AssertionError):
            test_the_gradients_of_a_cycle(flipped)


def test_layers_that_draw_are_given_the_generator():
    G = ng.Network([ng.Linear(3, 8), ng.Dropout(0.5), ng.Linear(8, 2)], seed=1, dtype="float64")
    a, b = rows(), rows(2, seed=1)

    def value(seed):
        y = G.forward(a, train=True, rng=np.random.default_rng(seed))[0]
        return WEIGHT * squared(y, b)[0]

    found = reconstruction_gradient(G, a, b, WEIGHT, squared, np.random.default_rng(7))
    assert found == value(7) != value(8)
    assert rel_error(G.grad, numeric_gradient(lambda: value(7), G.theta)) < 1e-6


def test_a_cycle_draws_in_g_and_then_in_f():
    G = ng.Network([ng.Linear(3, 8), ng.Dropout(0.5), ng.Linear(8, 2)], seed=1, dtype="float64")
    F = ng.Network([ng.Linear(2, 8), ng.Dropout(0.5), ng.Linear(8, 3)], seed=2, dtype="float64")
    rng = np.random.default_rng(7)
    b = G.forward(rows(), train=True, rng=rng)[0]
    wanted = WEIGHT * squared(F.forward(b, train=True, rng=rng)[0], rows())[0]
    assert cycle_gradient(G, F, rows(), WEIGHT, squared, np.random.default_rng(7)) == wanted


def test_one_network_there_and_back():
    """F may be G itself: its gradient is the sum of both passes."""
    G, a = ng.Network([ng.Linear(3, 3), ng.Tanh()], seed=1, dtype="float64"), rows()

    def value():
        return squared(G(G(a)), a)[0]

    cycle_gradient(G, G, a, 1.0, squared)
    assert rel_error(G.grad, numeric_gradient(value, G.theta)) < 1e-6


