"""Minibatches and noise as functions of a position: every row once an epoch, and no two streams alike."""

import itertools

import numpy as np
import pytest
import standin

import numgan as ng
from numgan.backend import asnumpy, random_generator
from numgan.run import streams
from numgan.run.streams import SAMPLE, LayerNumbers, Minibatches, Noise


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


def drawn_by_layers(xp, steps, k=2, in_blocks=None):
    """What two layers draw in every update of these iterations; the second takes a mask, an angle and a shift."""
    numbers = LayerNumbers(xp, 5, k)
    numbers.in_blocks = numbers.in_blocks if in_blocks is None else in_blocks
    for step in steps:
        for j in range(k + 1):
            rng = numbers(step, j)
            yield rng.random((2 + j, 3), dtype=np.float32)
            yield rng.standard_normal(size=4, dtype=np.float64)
            yield rng.integers(-2, 3, size=(2, 5))


@pytest.mark.parametrize("in_blocks", [None, True])
def test_what_layers_draw_depends_on_the_position_alone(in_blocks, xp, monkeypatch):
    for long in (streams.LONG, 40):  # in the second, 40 numbers are a block: 16, 10, 6, 4, 3 iterations of them
        monkeypatch.setattr(streams, "LONG", long)
        straight = [asnumpy(a) for a in drawn_by_layers(xp, range(40), in_blocks=in_blocks)]
        for start in (1, 15, 16, 23):
            again = list(drawn_by_layers(xp, range(start, 40), in_blocks=in_blocks))
            assert all((asnumpy(a) == b).all() for a, b in zip(again, straight[9 * start :], strict=True))
        assert len({float(a.ravel()[0]) for i, a in enumerate(straight) if i % 3 < 2}) == 240  # none comes twice
        assert {a.shape for a in straight} == {(2, 3), (3, 3), (4, 3), (4,), (2, 5)}
        assert {int(i) for a in straight[2::3] for i in a.ravel()} == {-2, -1, 0, 1, 2}


def test_a_block_of_what_layers_draw_takes_one_generator(device, monkeypatch):
    made = []
    monkeypatch.setattr(streams, "random_generator", lambda *key: made.append(key) or random_generator(*key))
    list(drawn_by_layers(standin.cupy, range(streams.BLOCK)))
    assert len(made) == len(set(made)) == 9  # three draws in each of three updates


def test_a_stream_on_a_device_does_not_depend_on_the_model_of_gpu(device, monkeypatch):
    def numbers():
        noise = Noise("normal", 8, 3, np.dtype("float32"), 6, standin.cupy)
        order = Minibatches(standin.cupy.arange(50.0), 7, seed=4).places(3)
        return [asnumpy(a) for a in (noise(5), noise.fixed(4), order, *drawn_by_layers(standin.cupy, range(2)))]

    here = numbers()
    monkeypatch.setattr(device, "multiprocessors", device.multiprocessors + 24)
    assert all((a == b).all() for a, b in zip(numbers(), here, strict=True))
    plain = [standin.cupy.random.Generator(standin.cupy.random.Philox4x3210(1)).random(1).item()]
    monkeypatch.setattr(device, "multiprocessors", 20)  # the stand-in's streams do, unless STATES says how many
    assert plain != [standin.cupy.random.Generator(standin.cupy.random.Philox4x3210(1)).random(1).item()]


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
