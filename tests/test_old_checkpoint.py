"""A checkpoint written by version 0.1.0, before the modules moved into folders: it loads, samples and goes on alike.

tests/data/before.npz is the run after 13 steps: BatchNorm, Maxout, Dropout, instance noise, a nested network, Adam
with a ramp, momentum with a decay, WGAN-GP, clipping, averaging, k = 2, uniform noise. sampled.npz holds 6 samples
of it; after.npz its data x, and its vectors, records and samples after 17 steps more.
"""

from pathlib import Path

import numpy as np
import pytest

import numgan as ng
from numgan.run.state import Checkpoint

DATA = Path(__file__).with_name("data")
AFTER, SAMPLED = np.load(DATA / "after.npz"), np.load(DATA / "sampled.npz")


def close(a, b):
    """Equal but for the last bits, in which another BLAS or NumPy may differ."""
    return np.allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.fixture
def run():
    return ng.Training.load(DATA / "before.npz", AFTER["x"])


def test_it_loads_and_samples_alike(run):
    assert run.step == 13
    assert [record.step for record in run.history] == [4, 8, 12, 13]
    assert close(run.sample(6, seed=3), SAMPLED["sample"])
    assert (Checkpoint(DATA / "before.npz").sample(6, seed=3) == run.sample(6, seed=3)).all()


def test_it_goes_on_alike(run):
    list(run.steps(17, every=4))
    for name, vector in (("theta_G", run.G.theta), ("theta_D", run.D.theta), ("average", run.average)):
        assert close(vector, AFTER[name]), name
    assert close(np.array(run.history), AFTER["history"])
    assert close(run.sample(6, seed=3), AFTER["sample"])


def test_everything_in_it_matters(run):
    """The comparison above is not blind: another momentum, average or step count would show."""
    run.opt_d.state["v"][...] = 0
    list(run.steps(17, every=4))
    assert not close(run.D.theta, AFTER["theta_D"])
