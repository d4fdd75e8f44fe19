"""The 20-line gradient check: it agrees with gradcheck, on right layers and on wrong ones."""

import numpy as np
import pytest

import numgan as ng
from numgan.check import gpu, gradcheck, gradient_error, rel_error


class TanhOfTheInput(ng.Tanh):
    """dx = dy (1 − x²), where it must be dy (1 − y²)."""

    def forward(self, x, train=False, rng=None):
        return np.tanh(x), x


class LinearAveraged(ng.Linear):
    """The mean over rows in place of the sum in dW and db."""

    def backward(self, dy, x, params=True, inputs=True, add=True):
        dx = super().backward(dy, x, params, inputs, add=False)
        self.dW /= len(x)
        self.db /= len(x)
        return dx


LAYERS = [ng.Linear, ng.Tanh, ng.Sigmoid, ng.LeakyReLU, ng.BatchNorm, ng.Maxout, ng.MinibatchStd]
WRONG = [TanhOfTheInput, LinearAveraged]


def errors(kind):
    """The relative errors of dx and of ∂L/∂θ, by the docstring's recipe."""
    rng = np.random.default_rng(0)
    net = ng.Network([kind.example()], dtype="float64")
    net.theta += 0.1 * rng.standard_normal(net.size)
    x = rng.standard_normal((5, 4))
    y, tape = net.forward(x, train=True)
    dy = rng.standard_normal(y.shape)
    dx = net.backward(dy, tape, add=False)

    def of_theta(theta):
        net.theta[...] = theta
        return (dy * net.forward(x, train=True)[0]).sum()

    yield gradient_error(lambda x: (dy * net.forward(x, train=True)[0]).sum(), x, dx)
    yield gradient_error(of_theta, net.theta.copy(), net.grad)


@pytest.mark.parametrize("kind", [*LAYERS, *WRONG], ids=lambda kind: kind.__name__)
def test_it_agrees_with_gradcheck(kind):
    report = gradcheck(kind.example(), entries=True)
    assert report.ok == (kind in LAYERS)
    assert (max(errors(kind)) < 1e-6) == report.ok
    assert (report.rel_error < 1e-6) == report.ok


def test_the_error_of_a_wrong_gradient_is_its_size():
    x = np.array([1.0, -2.0, 3.0])
    assert gradient_error(lambda x: (x**2).sum(), x, 2 * x) < 1e-9
    assert gradient_error(lambda x: (x**2).sum(), x, 3 * x) == pytest.approx(1 / 3)
    assert gradient_error(lambda x: (x**2).sum(), x, -2 * x) == pytest.approx(2)
    assert gradient_error(lambda x: 0.0, x, np.zeros(3)) == 0
    assert gradient_error(lambda x: 0.0, x, np.full(3, 1e-6)) == 1


def test_rel_error_is_the_one_of_the_docstring():
    assert rel_error(np.array([1.0, 3.0]), np.array([1.0, 4.0])) == 0.25
    assert rel_error(np.array([5.0, 3.0]), np.array([1.0, 4.0])) == 0.8
    assert rel_error(np.array([1e-9]), np.array([0.0]), floor=1e-3) == 1e-6
    assert rel_error(np.zeros(2), np.zeros(2)) == 0
    assert rel_error(np.zeros(0), np.zeros(0)) == 0
    assert rel_error(np.array([np.nan]), np.zeros(1)) == np.inf
    assert rel_error(np.array([np.inf]), np.zeros(1)) == np.inf


def test_the_gpu_check_notices_a_number_that_is_not_finite(monkeypatch):
    """In any of the vectors, also after one that agrees."""
    results = [{"theta": np.ones(3), "game": np.ones(3)}, {"theta": np.ones(3), "game": np.array([1.0, np.nan, 1.0])}]
    monkeypatch.setattr(gpu, "twenty_steps", lambda xp, case: results.pop())
    assert gpu.CASES[0].error(np) == np.inf
