"""Optimisers against the recursions of their papers, written out as they are printed."""

import numpy as np
import pytest

import numgan as ng
from numgan.backend import asnumpy
from numgan.parallel import Team, blocks


def gradients(steps, n=7, seed=0):
    """Gradients of very different sizes, some of them exactly zero."""
    rng = np.random.default_rng(seed)
    g = rng.standard_normal((steps, n)) * 10.0 ** rng.integers(-6, 3, (1, n))
    g[:, 0] = 0
    return g


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9])
def test_adam_is_algorithm_1_of_its_paper(beta1, xp):
    lr, beta2, eps = 2e-3, 0.999, 1e-8
    opt = ng.Adam(lr, beta1, beta2, eps)
    paper, m, v = np.linspace(-1, 1, 7), np.zeros(7), np.zeros(7)
    theta = xp.array(paper)
    for t, g in enumerate(gradients(2000), start=1):
        opt.step(theta, xp.asarray(g))
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        paper = paper - lr * m_hat / (np.sqrt(v_hat) + eps)
        np.testing.assert_allclose(asnumpy(theta), paper, rtol=1e-12, atol=1e-12)
    assert opt.t == 2000


def test_adam_without_the_power_of_t_would_be_caught():
    """The best-known mistake, 1 − β instead of 1 − βᵗ, is twice Adam's step at t = 10: far beyond the tolerance."""
    opt, theta = ng.Adam(lr=1.0, beta1=0.5), np.zeros(1)
    for _ in range(10):
        before = theta.copy()
        opt.step(theta, np.ones(1))
    m, v = 1 - 0.5**10, 1 - 0.999**10
    wrong = (m / 0.5) / np.sqrt(v / 0.001)
    assert np.isclose(before - theta, 1.0, rtol=1e-6)
    assert abs(wrong - 1.0) > 0.3


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_the_recursion_of_sutskever_et_al(momentum, xp):
    opt = ng.SGD(0.05, momentum)
    paper, v = np.linspace(-1, 1, 7), np.zeros(7)
    theta = xp.array(paper)
    for g in gradients(2000):
        opt.step(theta, xp.asarray(g))
        v = momentum * v - 0.05 * g
        paper = paper + v
        np.testing.assert_allclose(asnumpy(theta), paper, rtol=1e-12, atol=1e-12)


def test_schedules_are_asked_for_the_number_of_updates_made():
    seen = []

    def lr(t):
        seen.append(t)
        return 0.1 * (t + 1)

    opt, theta = ng.SGD(lr, momentum=lambda t: 0.0), np.zeros(1)
    for _ in range(3):
        opt.step(theta, np.ones(1))
    assert seen == [0, 1, 2]
    assert np.isclose(theta[0], -0.6)
    for opt in (ng.SGD(0.1, momentum=lr), ng.Adam(lr)):
        seen.clear()
        for _ in range(3):
            opt.step(theta, np.ones(1))
        assert seen == [0, 1, 2]


def test_ramp_and_decay():
    ramp = ng.Ramp(0.5, 0.7, 10, 20)
    assert [ramp(0), ramp(10), ramp(15), ramp(20), ramp(99)] == pytest.approx([0.5, 0.5, 0.6, 0.7, 0.7])
    decay = ng.Decay(0.1, 1.000004, floor=1e-6)
    assert decay(0) == 0.1
    assert decay(1000) == pytest.approx(0.1 / 1.000004**1000, rel=1e-12)
    assert decay(10**8) == 1e-6


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ng.Ramp(1, 0, 5, 5), "begin must come before finish"),
        (lambda: ng.Ramp(1, 0, 9, 5), "from update 9 to 5"),
        (lambda: ng.Decay(0.1, 0), r"\(0, inf\), got 0"),
        (lambda: ng.Decay(0.1, -2.0), "got -2.0"),
        (lambda: ng.Decay(0.1, float("nan")), "got nan"),
    ],
)
def test_schedules_that_cannot_be_are_refused(make, says):
    with pytest.raises(ng.InputError, match=says):
        make()


@pytest.mark.parametrize("make", [lambda: ng.Adam(1e-3), lambda: ng.SGD(1e-3, 0.9)])
def test_long_vectors_are_worked_in_blocks_with_the_same_result(make, monkeypatch, xp):
    g = xp.asarray(np.random.default_rng(0).standard_normal((3, 1000)), dtype="float32")
    results = []
    for block in (7, 10**6):
        monkeypatch.setattr("numgan.parallel.BLOCK", block)
        opt, theta = make(), xp.ones(1000, dtype="float32")
        for row in g:
            opt.step(theta, row)
        results.append(theta)
    assert (results[0] == results[1]).all()
    assert results[0].dtype == np.float32


def test_blocks_are_for_the_host_and_a_device_takes_all_at_once(monkeypatch, xp):
    monkeypatch.setattr("numgan.parallel.BLOCK", 4)
    assert [len(block) for (block,) in blocks(xp.zeros(10))] == ([4, 4, 2] if xp is np else [10])


@pytest.mark.parametrize("make", [lambda: ng.Adam(1e-3), lambda: ng.SGD(1e-3, 0.9)])
def test_a_team_makes_the_same_update(make, monkeypatch):
    monkeypatch.setattr("numgan.parallel.MIN_SPAN", 1)
    g, alone, shared = np.linspace(-1, 1, 100), np.ones(100), np.ones(100)
    make().step(alone, g)
    with Team(3).at_work():
        make().step(shared, g)
    assert (alone == shared).all()


@pytest.mark.parametrize("make", [lambda lr: ng.Adam(lr), lambda lr: ng.SGD(lr, 0.9)])
def test_a_rate_may_be_a_numpy_scalar_and_float32_stays(make, xp):
    theta, plain = xp.ones(9, dtype="float32"), xp.ones(9, dtype="float32")
    make(lambda t: np.float64(0.1)).step(theta, theta.copy())
    make(0.1).step(plain, plain.copy())
    assert (theta == plain).all()


def test_the_gradient_is_only_read(xp):
    g = xp.ones(3)
    for opt in (ng.Adam(), ng.SGD(0.1, 0.5)):
        opt.step(xp.zeros(3), g)
        assert (g == 1).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ng.Adam(lr=-1.0), "lr must be.*-1.0"),
        (lambda: ng.Adam(lr=float("nan")), "lr must be.*nan"),
        (lambda: ng.Adam(beta1=1.0), "beta1 must be.*1.0"),
        (lambda: ng.Adam(beta2=-0.1), "beta2 must be.*-0.1"),
        (lambda: ng.Adam(eps=0.0), r"eps must be .*\(0, inf\), got 0\.0"),
        (lambda: ng.SGD(-1.0), "^lr must be.*-1.0"),
        (lambda: ng.SGD(0.1, momentum=1.0), "momentum must be.*1.0"),
        (lambda: ng.SGD(0.1).step(np.zeros(2), np.zeros(3)), "flat vectors alike"),
        (lambda: ng.SGD(0.1).step(np.zeros((2, 2)), np.zeros((2, 2))), "flat vectors"),
        (lambda: ng.Adam().step(np.zeros(2, "float32"), np.zeros(2)), "float32.*float64"),
    ],
)
def test_what_makes_no_sense_is_refused(call, says):
    with pytest.raises(ng.InputError, match=says):
        call()


def test_an_optimiser_serves_one_vector(xp):
    opt = ng.Adam()
    opt.step(xp.zeros(3), xp.ones(3))
    with pytest.raises(ng.InputError, match="this Adam began with 3 parameters and was given 4"):
        opt.step(xp.zeros(4), xp.ones(4))
