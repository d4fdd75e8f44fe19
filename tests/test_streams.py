"""Minibatches and noise as functions of a position: every row once an epoch, and no two streams alike."""

import itertools

import numpy as np
import pytest

import numgan as ng
from numgan.backend import asnumpy, random_generator
from numgan.run import streams
from numgan.run.streams import SAMPLE, Minibatches, Noise


def epoch_of(minibatches, epoch, per_epoch):
    return np.concatenate([asnumpy(minibatches(per_epoch * epoch + i)).ravel() for i in range(per_epoch)])


@pytest.mark.parametrize(("n", "batch"), [(103, 10), (12, 12), (12, 4), (13, 7), (5, 1)])
def test_an_epoch_shows_each_row_at_most_once_and_as_many_as_fit(n, batch, xp):
    minibatches = Minibatches(xp.arange(float(n))[:, None], batch, seed=0)
    per_epoch = n // batch
    epochs = [epoch_of(minibatches, e, per_epoch) for e in range(30)]
    for rows in epochs:
        assert len(rows) == len(set(rows)) == per_epoch * batch
    assert len({tuple(rows) for rows in epochs}) > 1  # another order every time
    assert set(np.concatenate(epochs)) == set(range(n))  # the rows left over are not always the same


def test_a_position_is_enough(xp):
    x = xp.arange(103.0)[:, None]
    there, back = Minibatches(x, 10, seed=4), Minibatches(x, 10, seed=4)
    drawn = [asnumpy(there(i)) for i in range(25)]
    assert all((asnumpy(back(i)) == drawn[i]).all() for i in (24, 3, 11, 0))


def test_noise_has_mean_0_variance_1_and_a_position_is_enough(xp):
    for kind in ("normal", "uniform"):
        noise = Noise(kind, 100, 7, np.dtype("float32"), 6, xp)
        z = asnumpy(xp.stack([noise(i) for i in range(50)]))
        assert z.dtype == np.float32
        assert abs(z.mean()) < 0.03
        assert abs(z.var() - 1) < 0.03
        again = Noise(kind, 100, 7, np.dtype("float32"), 6, xp)
        assert (asnumpy(again(37)) == z[37]).all()
        assert len(np.unique(z[:, 0, 0])) == 50
    assert 1.7 < abs(z).max() <= np.sqrt(3)


def test_fixed_noise_depends_on_its_seed_and_purpose_and_advances_nothing(xp):
    noise, untouched = (Noise("normal", 4, 3, np.dtype("float64"), 6, xp) for _ in range(2))
    a, b, other = (asnumpy(noise.fixed(8, seed)) for seed in (0, 0, 1))
    assert a.shape == (8, 3)
    assert (a == b).all()
    assert (a != other).all()
    assert (a != asnumpy(noise.fixed(8, 0, streams.CALIBRATION))).all()
    assert (asnumpy(noise.fixed(5)) == a[:5]).all()
    assert (asnumpy(noise(0)) == asnumpy(untouched(0))).all()


def test_no_two_streams_of_a_run_draw_the_same_numbers():
    purposes = {streams.EPOCH, streams.NOISE, streams.LAYERS, SAMPLE, streams.CALIBRATION, streams.OBSERVATION}
    purposes |= {streams.LABELS}
    assert len(purposes) == 7
    keys = list(itertools.product(range(3), purposes, range(4)))
    first = {float(random_generator(np, *key).random(1, dtype=np.float64)[0]) for key in keys}
    assert len(first) == len(keys)


def test_whoever_looks_at_a_run_from_outside_advances_nothing(xp):
    G = ng.Network([ng.Linear(3, 2)], xp=xp)
    D = ng.Network([ng.Linear(2, 1)], seed=1, xp=xp)
    seen, left = (ng.Training(G.copy(), D.copy(), ng.data.ring(n=50), batch=8, seed=2) for _ in range(2))
    list(seen.steps(3))
    list(left.steps(3))
    x, z = seen.fixed_batch(5, seed=7)
    assert (asnumpy(x) == seen.data.x[:5]).all()
    assert z.shape == (5, 3)
    assert (asnumpy(seen.fixed_batch(5, seed=7)[1]) == asnumpy(z)).all()
    assert len(seen.fixed_batch(80)[0]) == 50
    assert (asnumpy(seen.G(seen.fixed_batch(6)[1])) == seen.sample(6)).all()  # the noise that samples come from
    assert list(seen.steps(3)) == list(left.steps(3))
