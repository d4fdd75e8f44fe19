"""The layers that help D: what they do, and that a run with them trains, saves and goes on."""

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error

import numgan as ng

RING = ng.data.ring(n=600)


def judge(*first, n_in=2):
    layers = [ng.Linear(n_in, 16), ng.LeakyReLU(0.2), ng.Linear(16, 1)]
    return ng.Network([*first, *layers], seed=1)


CURES = {
    "noise": lambda: judge(ng.InstanceNoise(0.2)),
    "pack": lambda: judge(ng.Pack(4), n_in=8),
    "std": lambda: judge(ng.MinibatchStd(2), n_in=3),
}


@pytest.mark.parametrize("make", CURES.values(), ids=CURES)
def test_a_run_goes_on_bit_for_bit(tmp_path, make):
    G = ng.Network([ng.Linear(2, 16), ng.ReLU(), ng.Linear(16, 2)])
    straight, first = (ng.Training(G.copy(), make(), RING, batch=32) for _ in range(2))
    list(straight.steps(9))
    list(first.steps(4))
    first.save(tmp_path / "c.npz")
    second = ng.Training.load(tmp_path / "c.npz", RING)
    list(second.steps(5))
    assert (straight.G.theta == second.G.theta).all()
    assert (straight.D.theta == second.D.theta).all()


def test_instance_noise_blurs_in_training_alone():
    layer, x = ng.InstanceNoise(0.5), np.zeros((20_000, 2), dtype="float32")
    assert layer(x) is x
    y, _ = layer.forward(x, train=True, rng=np.random.default_rng(0))
    assert y.dtype == np.float32
    assert y.std() == pytest.approx(0.5, rel=0.02)
    with pytest.raises(ng.InputError, match="draws noise: pass rng="):
        layer.forward(x, train=True)
    with pytest.raises(ng.InputError, match="std must be a number in"):
        ng.InstanceNoise(-1)


def test_pack_puts_neighbours_side_by_side():
    x = np.arange(12.0).reshape(6, 2)
    y, cache = ng.Pack(3).forward(x)
    assert (y == [np.arange(6), np.arange(6, 12)]).all()
    assert (ng.Pack(3).backward(y, cache) == x).all()
    with pytest.raises(ng.InputError, match="a multiple of 4 rows, got 6"):
        ng.Pack(4)(x)
    with pytest.raises(ng.InputError, match="a multiple of 4 rows, got 30"):
        ng.Training(ng.Network([ng.Linear(2, 2)]), judge(ng.Pack(4), n_in=8), RING, batch=30)
    normed = ng.Network([ng.Pack(4), ng.BatchNorm(8), ng.Linear(8, 1)])
    assert normed.calibrate(x.repeat(3, axis=0)).shape == (4, 1)  # 18 rows make 4 packs


def test_minibatch_std_says_how_far_rows_are_apart():
    x = np.random.default_rng(0).standard_normal((8, 3))
    y = ng.MinibatchStd(3)(x)
    assert (y[:, :3] == x).all()
    np.testing.assert_allclose(y[:, 3], x.std(axis=0).mean(), rtol=1e-7)
    alike = ng.MinibatchStd(3)(np.ones((8, 3), dtype="float32"))
    assert alike.dtype == np.float32
    assert alike[0, 3] == pytest.approx(1e-4)


@pytest.mark.parametrize("make", CURES.values(), ids=CURES)
def test_both_steps_through_such_a_D(make):
    G = ng.Network([ng.Linear(2, 5), ng.Tanh(), ng.Linear(5, 2)], dtype="float64")
    D, rng = make().copy(dtype="float64"), np.random.default_rng(0)
    x, z, loss = rng.standard_normal((8, 2)), rng.standard_normal((8, 2)), ng.losses.nonsaturating

    def step_d():
        return ng.discriminator_gradient(G, D, x, z, loss, np.random.default_rng(1))

    def step_g():
        return ng.generator_gradient(G, D, z, loss, np.random.default_rng(1))

    for net, step in ((D, step_d), (G, step_g)):
        step()
        found = net.grad.copy()
        assert rel_error(found, numeric_gradient(lambda step=step: step().value, net.theta)) < 1e-6
