"""Checkpoints: whole or not there, data and never code."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import numgan as ng
from numgan.losses import BY_NAME
from numgan.run import archive, schema
from numgan.run.state import Checkpoint


def test_description_and_back():
    net = ng.Network(
        [
            ng.Linear(3, 4, scale=0.1),
            ng.Network([ng.Maxout(4, 2, 3), ng.Dropout(0.1)]),
            ng.BatchNorm(2),
            ng.Reshape((2, 1)),
        ],
        dtype="float64",
    )
    again = schema.Builder()(schema.describe(net), ng.Network)
    assert repr(again) == repr(net)
    assert again.theta.dtype == np.float64
    for thing in (*BY_NAME.values(), ng.losses.Minimax(0.9), ng.Ramp(0, 1, 2, 3), ng.Adam(ng.Decay(0.1, 1.1), 0.4)):
        assert repr(schema.Builder()(schema.describe(thing), object)) == repr(thing)


def test_every_layer_loss_optimiser_and_schedule_is_known():
    for name in ng.__all__:
        thing = getattr(ng, name)
        if isinstance(thing, type) and thing not in (ng.Layer, ng.Network, ng.Training):
            assert issubclass(thing, Exception) or schema.KNOWN[name] is thing


def test_vectors_and_description_come_back(tmp_path):
    vectors = {"a": np.arange(3.0), "b": np.zeros((2, 2), dtype="float32")}
    archive.write(tmp_path / "c.npz", vectors, {"n": 1, "s": "ü"})
    found, about = archive.read(tmp_path / "c.npz")
    assert about["n"] == 1
    assert about["s"] == "ü"
    for name, vector in vectors.items():
        assert (found[name] == vector).all()
        assert found[name].dtype == vector.dtype
    assert os.listdir(tmp_path) == ["c.npz"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "c.npz"
    archive.write(path, {"a": np.ones(3)}, {})
    kept = path.read_bytes()
    with pytest.raises(RuntimeError), archive.atomic(path) as file:
        file.write(b"half of")
        raise RuntimeError
    assert path.read_bytes() == kept
    assert os.listdir(tmp_path) == ["c.npz"]


def broken(kind, tmp_path):
    """A path to something that is not a checkpoint of ours."""
    path = tmp_path / "c.npz"
    archive.write(path, {"a": np.ones(300)}, {})
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:700])
    elif kind == "text":
        path.write_text("not an archive")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "foreign":
        np.savez(path, weights=np.ones(3))
    elif kind == "pickled":
        np.savez(path, about=np.array([{"format": "numgan-1"}], dtype=object))
    elif kind == "array":
        with open(path, "wb") as file:
            np.save(file, np.ones(3))
    elif kind == "missing":
        path.unlink()
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "other format":
        np.savez(path, about=np.array('{"format": "numgan-99"}'))
    return path


@pytest.mark.parametrize(
    "kind", ["truncated", "text", "empty", "foreign", "pickled", "array", "missing", "folder", "other format"]
)
def test_what_is_not_a_checkpoint_is_refused_in_one_line(kind, tmp_path):
    path = broken(kind, tmp_path)
    with pytest.raises(ng.InputError, match=r"c\.npz") as caught:
        archive.read(path)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    archive.write(tmp_path / "frames.npz", {"frames": np.ones(3)}, {"steps": []})
    with pytest.raises(ng.InputError, match="training run"):
        Checkpoint(tmp_path / "frames.npz").sample(3)


def test_names_in_a_checkpoint_build_nothing_but_known_classes():
    with pytest.raises(ng.InputError, match=r"os\.system"):
        schema.Builder()({"type": "os.system", "command": "true"}, object)


def test_samples_from_a_checkpoint_are_those_of_the_run(tmp_path):
    G = ng.Network([ng.Linear(3, 8), ng.BatchNorm(8), ng.ReLU(), ng.Linear(8, 784), ng.Tanh()])
    D = ng.Network([ng.Linear(784, 1)], seed=1)
    run = ng.Training(G, D, ng.data.load("digits"), ema=0.9)
    list(run.steps(5))
    run.save(tmp_path / "c.npz")
    checkpoint = Checkpoint(tmp_path / "c.npz")
    assert checkpoint.image_shape == (28, 28)
    assert (checkpoint.sample(20) == run.sample(20)).all()
    assert (checkpoint.sample(20, seed=2) == run.sample(20, seed=2)).all()


WRITER = """
import sys, numpy as np
from numgan.run import archive
print("ready", flush=True)
i = 0
while True:
    i += 1
    archive.write(sys.argv[1], {"a": np.full(200_000, float(i))}, {"i": i})
"""


def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path):
    path = tmp_path / "c.npz"
    archive.write(path, {"a": np.zeros(200_000)}, {"i": 0})
    for delay in (0.0, 0.003, 0.011, 0.017, 0.029):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        vectors, about = archive.read(path)
        assert (vectors["a"] == about["i"]).all()


def test_other_data_is_refused_with_the_name_of_the_runs_own(tmp_path):
    x = np.random.default_rng(0).standard_normal((8, 2))
    G, D = ng.Network([ng.Linear(2, 2)], seed=1), ng.Network([ng.Linear(2, 1)], seed=2)
    ng.Training(G, D, ng.data.Data(x, name="mine"), batch=4).save(tmp_path / "c.npz")
    with pytest.raises(ng.InputError, match=r"was trained on other data \('mine'\): load it with that data"):
        ng.Training.load(tmp_path / "c.npz", ng.data.Data(x + 1, name="another"))
