"""Files from a stranger: checkpoints, frames and run.json that are not what `save` wrote are refused, in one line, and
before they take memory. The campaign of which the last test is a short form is `python -m benchmarks.attack.files`."""

import json
import os
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import numgan as ng
from numgan.app.folder import read_about, read_frames
from numgan.run import archive, integrity, schema
from numgan.run.parts import State
from numgan.run.state import Checkpoint

sys.path.append(str(Path(__file__).parent.parent))  # for benchmarks, which are not installed

X = np.random.default_rng(0).standard_normal((40, 2)).astype("float32")


def optimizers():
    return ng.Adam(ng.Ramp(0.01, 0.001, 0, 50)), ng.SGD(0.05, 0.5)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The bytes of a checkpoint after three steps: vectors and description."""
    G = ng.Network([ng.Linear(3, 4), ng.BatchNorm(4), ng.LeakyReLU(0.1), ng.Network([ng.Linear(4, 2), ng.Tanh()])])
    D = ng.Network([ng.Linear(2, 4), ng.ReLU(), ng.Linear(4, 1)], seed=1)
    run = ng.Training(G, D, X, batch=8, ema=0.9, penalty=ng.R1(0.1), optimizers=optimizers(), threads=1)
    list(run.steps(3))
    path = tmp_path_factory.mktemp("saved") / "c.npz"
    run.save(path)
    return archive.read(path)


@pytest.fixture
def spoil(saved, tmp_path):
    """Writes the checkpoint after an edit of its description and vectors, with no check of what comes out."""

    def written(edit):
        vectors, about = {name: v.copy() for name, v in saved[0].items()}, json.loads(json.dumps(saved[1]))
        about["format"] = "numgan-1"
        edit(about, vectors)
        np.savez(tmp_path / "c.npz", about=np.array(json.dumps(about)), **vectors)
        return tmp_path / "c.npz"

    return written


def refused(match, call, *args, **kwargs):
    """The call must raise InputError, in one line that names the file."""
    with pytest.raises(ng.InputError, match=match) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("c.npz") == 1
    assert not isinstance(caught.value.__cause__, MemoryError)  # nothing was even asked for
    return str(caught.value)


def test_the_checkpoint_that_the_others_are_made_from_loads(spoil):
    path = spoil(lambda about, vectors: None)
    run = ng.Training.load(path, X)
    list(run.steps(1))
    assert run.step == 4
    assert np.isfinite(Checkpoint(path).sample(3)).all()


G0 = ("G", "layers", 0)
LINEAR = {"type": "Linear", "n_in": 3, "n_out": 4, "scale": None}


@pytest.mark.parametrize(
    ("place", "value", "match"),
    [
        # types
        (("step",), False, r"step is False, expected a whole number"),
        (("step",), 3.0, r"step is 3\.0"),
        (("step",), "3", r"step is '3'"),
        (("updates",), [3], r"updates is \[3\], expected \[a whole number, a whole number\]"),
        (("updates",), [3, True], r"updates\[1\] is True"),
        (("settings", "batch"), 8.0, r"settings\.batch is 8\.0"),
        (("settings", "ema"), "0.9", r"settings\.ema is '0\.9', expected a number or null"),
        (("settings", "clip"), True, r"settings\.clip is True"),
        (("settings", "noise"), None, r"settings\.noise is None, expected a text"),
        (("settings",), [], r"settings is \[\], expected an object"),
        (("data", "image_shape"), "ab", r"data\.image_shape is 'ab'"),
        (("data", "range"), [0, 1, 2], r"data\.range is \[0, 1, 2\], expected \[a number, a number\] or null"),
        (("data", "name"), 5, r"data\.name is 5"),
        ((*G0, "n_in"), "3", r"G\.layers\[0\]\.n_in is '3', expected a whole number"),
        ((*G0, "n_in"), True, r"G\.layers\[0\]\.n_in is True"),
        ((*G0, "scale"), [], r"scale is \[\], expected a number or null"),
        (("G", "layers"), {}, r"G\.layers is \{\}"),
        (("G", "dtype"), "float16", r"G\.dtype is 'float16', expected float32 or float64"),
        (("optimizers",), [], r"optimizers is \[\]"),
        (("optimizers", 0, "lr"), "fast", r"optimizers\[0\]\.lr is 'fast', expected a number or Ramp or Decay"),
        # numbers
        (("optimizers", 1, "lr"), float("nan"), r"lr is nan"),
        (("optimizers", 1, "lr"), float("inf"), r"lr is inf"),
        (("optimizers", 1, "lr"), 10**400, r"lr is 1000"),
        (("optimizers", 1, "lr"), -0.1, r"lr must be"),
        (("optimizers", 1, "momentum"), 1.0, r"momentum must be"),
        (("optimizers", 0, "lr", "start"), 1e300, r"lr\.start is 1e\+300"),
        (("optimizers", 0, "lr", "start"), -1.0, r"Ramp"),
        (("penalty", "gamma"), -1.0, r"gamma"),
        (("loss", "smooth"), 0.0, r"smooth"),
        (("G", "layers", 2, "slope"), 5.0, r"slope"),
        (("step",), -1, r"-1 steps"),
        (("step",), 2**60, r"steps"),
        (("step",), 9, r"9 steps and 3 and 3 updates of G and D do not agree"),
        (("updates",), [3, 2], r"do not agree"),
        (("settings", "k"), 0, r"k must be a whole number of 1 or more"),
        (("settings", "k"), 10**9, r"do not agree, with k = 1000000000"),
        (("settings", "seed"), -1, r"seed must be"),
        (("settings", "threads"), 10**5, r"threads is 100000"),
        (("settings", "ema"), 1.0, r"ema"),
        (("settings", "clip"), 0.0, r"clip"),
        (("settings", "n_z"), 10**9, r"takes rows of shape \(3,\), got \(1000000000,\)"),
        (("settings", "n_z"), 4, r"takes rows of shape \(3,\), got \(4,\)"),
        (("settings", "batch"), 10**9, r"batch is 1000000000, but the data has 40 rows"),
        (("settings", "noise"), "pink", r"unknown noise 'pink'"),
        (("data", "range"), [1.0, -1.0], r"range"),
        (("data", "image_shape"), [2], r"image_shape is \(2,\)"),
        (("data", "image_shape"), [0, 2], r"image_shape"),
        (("data", "fingerprint"), "00000000", r"other data"),
        # names
        (("format",), "numgan-2", r"format 'numgan-2'"),
        (("format",), None, r"format None"),
        (("xp",), "x", r"checkpoint has the fields"),
        (("G", "xp"), "x", r"G has the fields \[.*'xp'.*\], expected \['layers', 'dtype'\]"),
        ((*G0, "seed"), 1, r"G\.layers\[0\] has the fields"),
        (("settings", "type"), "Settings", r"settings has the fields"),
        (
            (*G0, "type"),
            "os.system",
            r"G\.layers\[0\] is a 'os\.system', which is not one of numgan's: pass it to load",
        ),
        ((*G0, "type"), "a\nb", r"is a 'a\\nb'"),
        ((*G0, "type"), ["Linear"], r"is of the type \['Linear'\]"),
        ((*G0, "type"), "Adam", r"G\.layers\[0\] is of the type 'Adam', expected Network or Linear"),
        (("loss", "type"), "Linear", r"loss is of the type 'Linear', expected Minimax"),
        (("loss",), LINEAR, r"loss is of the type 'Linear'"),
        (("G", "type"), "Linear", r"G is of the type 'Linear', expected Network"),
        (("optimizers", 1, "type"), "Adam", r"optimizers\[1\] has the fields"),
        # what fits together
        (("G", "layers"), [], r"at least one layer"),
        (G0, {**LINEAR, "n_in": 10**9, "n_out": 10**9}, r"does not hold numbers for so many"),
        (G0, {**LINEAR, "n_out": 3}, r"takes 4 features"),
        (("G", "layers", 2), {"type": "Reshape", "shape": [4, 1]}, "takes vectors .* give arrays of 2 axes"),
        (("G", "layers", 2), {"type": "Reshape", "shape": [10**9]}, r"takes"),
        (("G", "layers", 2), {"type": "Pack", "k": 2**100}, r"makes rows of|takes"),
        (("G", "layers", 3, "layers", 1), {"type": "Reshape", "shape": [1, 2]}, r"G makes rows of shape \(1, 2\)"),
        (("D", "layers", 2), {"type": "ReLU"}, r"D makes rows of shape \(4,\), expected \(1,\)"),
        (("D", "layers", 1), {"type": "MinibatchStd", "n": 4}, r"takes 4 features, but the layers before it give 5"),
        (("D", "layers", 1), {"type": "BatchNorm", "n": 4, "eps": 1e-5}, r"D.layers\[2\] is|does not hold numbers"),
    ],
)
def test_a_description_that_is_not_ours_is_refused(place, value, match, spoil):
    def edit(about, vectors):
        *way, last = place
        for name in way:
            about = about[name]
        about[last] = value

    refused(match, ng.Training.load, spoil(edit), X)


@pytest.mark.parametrize("place", [("step",), ("settings", "ema"), ("data", "range"), ("G", "dtype"), (*G0, "scale")])
def test_a_field_that_is_missing_is_refused(place, spoil):
    def edit(about, vectors):
        *way, last = place
        for name in way:
            about = about[name]
        del about[last]

    refused("has the fields", ng.Training.load, spoil(edit), X)


def vector(name, change):
    return lambda about, vectors: vectors.update({name: change(vectors[name])})


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (vector("theta_G", lambda v: v * np.nan), "'theta_G' holds numbers that are not finite"),
        (vector("v_D", lambda v: v + np.inf), "'v_D' holds numbers that are not finite"),
        (vector("theta_D", lambda v: v.astype(str)), "'theta_D' holds <U"),
        (vector("theta_D", lambda v: v.astype(complex)), "complex128, expected float32 or float64"),
        (vector("theta_D", lambda v: v > 0), "bool"),
        (vector("theta_D", lambda v: v.astype("M8[s]")), "datetime64"),
        (vector("theta_D", lambda v: v.astype("float16")), "float16"),
        (vector("theta_D", lambda v: v.astype(int)), "int64"),
        (vector("theta_D", lambda v: v.astype("float64")), "theta_D has 17 numbers of float64, but .* 17 of float32"),
        (vector("theta_D", lambda v: v[:-1]), "does not hold numbers for so many"),
        (vector("theta_D", lambda v: np.append(v, v)), "theta_D has 34 numbers"),
        (vector("theta_D", lambda v: v[None]), r"'theta_D' has the shape \(1, 17\), expected a flat vector"),
        (vector("average", lambda v: v[:0]), "average has 0 numbers"),
        (vector("buffers_G", lambda v: v[:3]), "does not hold numbers for so many"),
        (vector("m_G", lambda v: v[:3]), "m_G has 3 numbers"),
        (vector("v_G", lambda v: -v), "v_G is a mean of squares"),
        (vector("history", lambda h: h[:, :3]), r"history has the shape \(3, 3\), expected \(records, 8\)"),
        (vector("history", lambda h: h[::-1]), "history holds no growing numbers of steps"),
        (vector("history", lambda h: h + 0.5), "history holds no growing numbers of steps"),
        (vector("history", lambda h: h + 1), "history holds no growing numbers of steps from 1 to 3"),
        (lambda about, vectors: vectors.pop("average"), "has no average"),
        (lambda about, vectors: vectors.pop("history"), "has no history"),
        (lambda about, vectors: vectors.pop("m_G"), "m_G is missing"),
        (lambda about, vectors: vectors.update(spare=np.ones(3)), "'spare' has no place"),
        (lambda about, vectors: vectors.update(average=vectors["average"] * 1e38), None),
    ],
)
def test_vectors_that_are_not_ours_are_refused(edit, match, spoil):
    path = spoil(edit)
    if match:
        refused(match, ng.Training.load, path, X)
    else:
        refused("samples hold values that are not finite", Checkpoint(path).sample, 3)
        with pytest.raises(ng.DivergedError, match="samples hold values that are not finite"):
            ng.Training.load(path, X).sample(3)


def test_a_rate_beyond_all_numbers_is_said_by_the_run(spoil):
    """It is what such a file asks for."""

    def edit(about, vectors):
        about["optimizers"][0]["lr"] = {"type": "Decay", "start": 0.1, "factor": 1e-300, "floor": 0.0}

    run = ng.Training.load(spoil(edit), X)
    with pytest.raises(ng.DivergedError):
        list(run.steps(2))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ' * 900,
        "[" * 60_000,
        "[" * 60_000 + "]" * 60_000,
        '{"format": "numgan-1", "format": "numgan-1"}',
        "NaN",
        "9" * 5000,
        "",
        "null",
    ],
)
def test_json_that_is_none_of_ours_is_refused(text, tmp_path):
    np.savez(tmp_path / "c.npz", about=np.array(text))
    refused("JSON|format|characters", archive.read, tmp_path / "c.npz")
    np.savez(tmp_path / "c.npz", about=np.array(" " * 70_000 + "{}"))
    refused("more than 65536 characters", archive.read, tmp_path / "c.npz")


@dataclass
class Record:
    """A class with a field of each kind."""

    whole: int
    number: float
    truth: bool
    text: str | None
    pair: tuple[int, float]
    many: tuple[str, ...]
    name: Literal["a", "b"]
    rate: float | Callable[[int], float]
    layer: ng.Layer | None
    anything: Any


GOOD = {"whole": 3, "number": 1, "truth": True, "text": None, "pair": [1, 2.5], "many": ["x"], "name": "b", "rate": 0.5}
GOOD |= {"layer": {"type": "ReLU"}, "anything": {"x": [1]}}


def test_a_class_is_its_own_schema():
    built = schema.Builder()(GOOD, Record)
    assert (built.pair, built.many, repr(built.layer), built.anything) == ((1, 2.5), ("x",), "ReLU()", {"x": [1]})
    ramp = {"type": "Ramp", "start": 1, "end": 0, "begin": 0, "finish": 5}
    assert schema.Builder()({**GOOD, "rate": ramp, "many": [], "text": "y"}, Record).rate == ng.Ramp(1, 0, 0, 5)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("whole", [True, 3.0, "3", None, [3], 2**129, -(2**129)]),
        ("number", [True, "1", None, float("nan"), float("inf"), 1.1e30, -1.1e30, 10**400, 1j]),
        ("truth", [0, 1, None, "true"]),
        ("text", [3, False, [], "x" * 4097]),
        ("pair", [[1], [1, 2, 3], [1.0, 2], [1, True], {"0": 1}, 3]),
        ("many", ["x", [3], ["x", None], {}]),
        ("name", ["c", None, True, ["a"], ""]),
        ("rate", ["fast", True, {"type": "Adam"}, {"type": "Ramp"}, {}, [0.5]]),
        ("layer", ["ReLU", {"type": "Hinge"}, {"type": "ReLU", "slope": 1}, {"type": None}, {}, [{"type": "ReLU"}]]),
    ],
)
def test_each_field_takes_its_own_kind_alone(field, values):
    for value in values:
        with pytest.raises(ng.InputError, match=rf"^it\.{field}(\[\d\])? (is|has)"):
            schema.Builder()({**GOOD, field: value}, Record)


def test_networks_within_networks_have_an_end(spoil):
    def edit(about, vectors):
        for _ in range(40):
            about["G"] = {"type": "Network", "layers": [about["G"]], "dtype": "float32"}

    refused("stands within more than 32 lists and objects", ng.Training.load, spoil(edit), X)


def taken(call):
    """The most bytes that the call had at one time."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def network(*layers):
    return {"type": "Network", "layers": list(layers), "dtype": "float32"}


def linear(n_in, n_out):
    return {"type": "Linear", "n_in": n_in, "n_out": n_out, "scale": None}


def large(tmp_path, player, layers, n):
    """A checkpoint of 4n bytes and a little: one player with these layers and a θ of n numbers, and the other tiny."""
    about = {"format": "numgan-1", "step": 0, "updates": [0, 0], "loss": {"type": "Hinge"}, "penalty": None}
    about["optimizers"] = [{"type": "SGD", "lr": 0.1, "momentum": 0.0}] * 2
    about["settings"] = {"batch": 1, "k": 1, "seed": 0, "ema": None, "noise": "normal"}
    about["settings"] |= {"n_z": 1, "threads": 1, "clip": None}
    about["data"] = {"name": "x", "fingerprint": ng.data.Data(X).fingerprint, "image_shape": None, "range": None}
    about |= {"G": network(linear(1, 2)), "D": network(linear(2, 1)), player: network(*layers)}
    sizes = {"theta_G": 4, "theta_D": 3, "average": 1, f"theta_{player}": n}
    vectors = {name: np.zeros(size, dtype="float32") for name, size in sizes.items()} | {"history": np.empty(0)}
    np.savez(tmp_path / "c.npz", about=np.array(json.dumps(about)), **vectors)
    return tmp_path / "c.npz"


N = 2_000_000


MANY = "does not hold numbers for so many"


@pytest.mark.parametrize("player", ["G", "D"])
@pytest.mark.parametrize(
    ("layers", "match"),
    [
        ([linear(2, N // 3), {"type": "MinibatchStd", "n": N // 3}], "rows of shape"),  # as large as the file
        ([network(linear(2, N // 3))] * 20, MANY),  # each as large as the file
        ([linear(2, N // 6), network(network(network(linear(N // 6, 1))))], "rows of shape|theta_D has 2000000"),
        ([linear(10**6, 10**6)], MANY),
        # a row would be (N/4, N/4)
        ([linear(1, N // 4), {"type": "Reshape", "shape": [N // 4, 1]}, linear(1, N // 4)], "takes"),
        ([{"type": "Pack", "k": 10**8}, {"type": "ReLU"}], "makes rows of [12]00000000 numbers, at most"),
        ([{"type": "BatchNorm", "n": 10**9, "eps": 1e-5}], MANY),
        ([{"type": "Maxout", "n_in": 1, "n_out": 1, "pieces": 10**9, "scale": None}], MANY),
        ([{"type": "MinibatchStd", "n": 10**9}], "takes rows of shape"),
    ],
)
def test_no_more_memory_is_taken_than_the_file_allows(player, layers, match, tmp_path):
    """At most six times the file, and 64 MiB, as `Checkpoint` says: whatever the layers claim to be."""
    path = large(tmp_path, player, layers, N)
    limit = 6 * path.stat().st_size + (64 << 20)
    assert taken(lambda: refused(match, ng.Training.load, path, X)) < limit
    if player == "G":
        assert taken(lambda: refused(match, Checkpoint(path).sample, 1)) < limit


def test_what_is_as_large_as_its_file_takes_what_is_promised(tmp_path):
    """The most that can be built from θ alone: both vectors of a network, and the first values on their way there."""
    path = large(tmp_path, "D", [linear(2, N // 4), linear(N // 4, 1)], N // 4 * 4 + 1)
    size = path.stat().st_size
    most = taken(lambda: refused("average has 1 numbers", ng.Training.load, path, X))
    assert 3 * size < most < 6 * size + (64 << 20)


def header(shape, descr="<f4"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        *(header(shape) + bytes(40) for shape in [(10**15,), (10**9, 10**9), (-10,), (2**63,), (9,), (11,)]),
        *(header((0, 10**18)), header((10**12,), "<U0"), header((10**12,), "|V0"), header((1,), "<U999999999")),
        *(header("(" * 200 + ")" * 200), header("None"), b"", b"\x93NUMPY", b"text", header((1,), "|O") + bytes(8)),
    ],
)
def test_a_header_that_claims_what_is_not_there_is_refused(content, tmp_path):
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as file:
        file.writestr("about.npy", content)
    assert taken(lambda: refused(".", archive.read, tmp_path / "c.npz")) < 2 << 20


def test_archives_that_unpack_to_more_than_they_weigh_are_refused(saved, tmp_path):
    path = tmp_path / "c.npz"
    np.savez_compressed(path, about=np.array('{"format": "numgan-1"}'), theta_G=np.zeros(5_000_000, dtype="float32"))
    assert taken(lambda: refused("unpacks to", archive.read, path)) < 2 << 20
    with zipfile.ZipFile(path, "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("a.npy", b"")
        file.writestr("a.npy", b"")
    refused("two arrays of one name", archive.read, path)


@pytest.mark.parametrize("entries", [3000, 70_000])  # the second needs the larger record at the end, ZIP64
def test_an_archive_of_very_many_members_is_refused_before_its_list_is_read(entries, tmp_path):
    path, info = tmp_path / "c.npz", zipfile.ZipInfo("a")
    info.header_offset = info.CRC = info.compress_size = info.file_size = 0
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("about.npy", b"")
        file.filelist.extend([info] * entries)
    if entries > 65535:  # readers take the length of the list from there, so the smaller record may lie
        content = path.read_bytes()
        path.write_bytes(content[:-10] + (100).to_bytes(4, "little") + content[-6:])
    assert taken(lambda: refused("lists its contents|no archive that ends", archive.read, path)) < 1 << 18


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "c.npz")
    refused("is not a file", archive.read, tmp_path / "c.npz")
    refused("a device or a pipe", ng.data.load, tmp_path / "c.npz")


def test_three_thousand_layers_load_at_once(tmp_path):
    x = np.zeros((4, 2), dtype="float32")
    G = ng.Network([ng.Linear(2, 2), *(ng.ReLU() for _ in range(3000))])
    ng.Training(G, ng.Network([ng.Linear(2, 1)]), x, batch=2).save(tmp_path / "c.npz")
    began = time.perf_counter()
    ng.Training.load(tmp_path / "c.npz", x)
    assert time.perf_counter() - began < 5


def test_what_cannot_be_read_again_is_not_written(tmp_path):
    G = ng.Network([ng.Linear(2, 2), *(ng.ReLU() for _ in range(5000))])
    run = ng.Training(G, ng.Network([ng.Linear(2, 1)]), X, batch=2)
    refused("use fewer layers", run.save, tmp_path / "c.npz")
    assert not list(tmp_path.iterdir())


def test_fields_that_a_class_got_later_may_be_missing(spoil, monkeypatch):
    def edit(about, vectors):
        del about["G"]["layers"][2]["slope"]

    path = spoil(edit)
    refused(r"G\.layers\[2\] has the fields \[\], expected \['slope'\]", ng.Training.load, path, X)
    monkeypatch.setitem(schema.ADDED, "LeakyReLU", {"slope"})
    assert ng.Training.load(path, X).G.layers[2].slope == 0.2


# --- classes of one's own


class Mine(ng.Network):
    """A network with a forward pass of its own."""

    def forward(self, x, train=False, rng=None):
        y, tape = super().forward(x, train, rng)
        return y + 1, tape


class Linear(ng.Linear):
    """A layer that has the name of one of numgan's."""


class Weighted(ng.losses.Hinge):
    """A loss of one's own."""


class Halved(ng.R1):
    """A penalty of one's own."""


class Adam(ng.Adam):
    """An optimiser that has the name of one of numgan's."""


def pair():
    return [ng.Linear(3, 2)], [ng.Linear(2, 1)]


@pytest.mark.parametrize("own", [Mine, ng.Network])
def test_a_subclass_of_network_is_not_taken_for_a_network(own, tmp_path):
    G, D = pair()
    run = ng.Training(own(G), ng.Network(D, seed=1), X, batch=8)
    run.save(tmp_path / "c.npz")
    if own is ng.Network:
        ng.Training.load(tmp_path / "c.npz", X)
        return
    refused(
        r"G is a 'test_hostile\.Mine', which is not one of numgan's: pass it to load, as G=",
        ng.Training.load,
        tmp_path / "c.npz",
        X,
    )
    refused("Mine", Checkpoint(tmp_path / "c.npz").sample, 3)
    again = ng.Training.load(tmp_path / "c.npz", X, G=own(pair()[0]))
    assert (again.sample(3) == run.sample(3)).all()


def test_a_subclass_that_has_the_name_of_one_of_ours_is_not_taken_for_it(tmp_path):
    D = ng.Network(pair()[1], seed=1)
    ng.Training(ng.Network([Linear(3, 2)]), D, X, batch=8).save(tmp_path / "c.npz")
    refused(r"G\.layers\[0\] is a 'test_hostile\.Linear'", ng.Training.load, tmp_path / "c.npz", X)


def test_a_loss_and_a_penalty_of_ones_own_are_passed_to_load(tmp_path):
    run = ng.Training(*map(ng.Network, pair()), X, Weighted(), batch=8, penalty=Halved(0.1))
    list(run.steps(2))
    run.save(tmp_path / "c.npz")
    refused("loss is a 'test_hostile.Weighted'.*as loss=", ng.Training.load, tmp_path / "c.npz", X)
    refused("penalty is a .*as penalty=", ng.Training.load, tmp_path / "c.npz", X, loss=Weighted())
    again = ng.Training.load(tmp_path / "c.npz", X, loss=Weighted(), penalty=Halved(0.1))
    assert [*run.steps(2)] == [*again.steps(2)]


def test_the_state_of_one_optimiser_is_not_poured_into_another(spoil):
    path, load = spoil(lambda about, vectors: None), ng.Training.load
    refused("G was trained with 'Adam', got SGD", load, path, X, optimizers=(ng.SGD(0.1), ng.SGD(0.1)))
    refused("D was trained with 'SGD', got Adam", load, path, X, optimizers=(ng.Adam(), ng.Adam()))
    refused("pass two", load, path, X, optimizers=ng.Adam())
    assert load(path, X, optimizers=(ng.Adam(lambda t: 0.1), ng.SGD(0.1))).opt_g.t == 3


def test_an_optimiser_of_ones_own_goes_by_its_name(tmp_path):
    run = ng.Training(*map(ng.Network, pair()), X, batch=8, optimizers=(Adam(0.1), ng.Adam(0.1)))
    run.save(tmp_path / "c.npz")
    refused(r"optimizers\[0\] is a 'test_hostile\.Adam'", ng.Training.load, tmp_path / "c.npz", X)
    assert isinstance(ng.Training.load(tmp_path / "c.npz", X, optimizers=(Adam(0.1), ng.Adam(0.1))).opt_g, Adam)


def test_arguments_of_load_and_sample(spoil):
    path = spoil(lambda about, vectors: None)
    for threads in (0, -1, 1.5, True, "2"):
        refused("threads must be a whole number of 1 or more", ng.Training.load, path, X, threads=threads)
    assert ng.Training.load(path, X, threads=2).threads == 2
    for sample in (Checkpoint(path).sample, ng.Training.load(path, X).sample):
        for arguments in ({"n": 3, "seed": -1}, {"n": 3, "seed": 0.5}, {"n": 3, "seed": None}):
            with pytest.raises(ng.InputError, match="seed must be a whole number"):
                sample(**arguments)
        for n in (0, -1, "3", 2.0, None, True):
            with pytest.raises(ng.InputError, match="n must be a whole number"):
                sample(n)


def test_numbers_of_numpys_are_saved_as_plain_ones(tmp_path):
    settings = {"batch": np.int64(8), "k": np.int32(1), "seed": np.uint8(3), "ema": np.float32(0.5)}
    ng.Training(*map(ng.Network, pair()), X, **settings).save(tmp_path / "c.npz")
    assert ng.Training.load(tmp_path / "c.npz", X).settings.batch == 8


# --- the shape of a row, which is known before anything is computed


@pytest.mark.parametrize("kind", ng.layers.ALL, ids=lambda kind: kind.__name__)
def test_every_layer_says_what_shape_it_makes(kind):
    layer = kind.example()
    net, x = ng.Network([layer]), np.ones((6, *kind.example_row), dtype="float32")
    assert layer.y_shape(kind.example_row) == net(x).shape[1:]


# --- frames and run.json


def frames(tmp_path, frames=None, **about):
    (tmp_path / "c.npz").mkdir()  # so that `refused` finds the name
    frames = {"frames": np.zeros((3, 5, 2))} if frames is None else frames
    np.savez(tmp_path / "c.npz" / "frames.npz", about=np.array(json.dumps({"format": "numgan-1", **about})), **frames)
    return tmp_path / "c.npz"


def test_frames_up_to_a_step(tmp_path):
    found, steps = read_frames(frames(tmp_path, steps=[0, 10, 20]), 10, (5, 2))
    assert steps == [0, 10]
    assert [frame.shape for frame in found] == [(5, 2)] * 2


@pytest.mark.parametrize(
    ("spoiled", "match"),
    [
        ({}, "frames has the fields"),
        ({"steps": 3}, "frames.steps is 3"),
        ({"steps": [0, 10]}, r"expected frames of \(2, 5, 2\)"),
        ({"steps": [0, 1.0, 2]}, r"frames\.steps\[1\] is 1\.0"),
        ({"steps": [0, 20, 10]}, "do not grow"),
        ({"steps": [-1, 20, 30]}, "do not grow"),
        ({"steps": [0, 1, 2], "x": 1}, "frames has the fields"),
        ({"steps": [0, 1, 2], "frames": {}}, "expected frames"),
        ({"steps": [0, 1, 2], "frames": {"frames": np.zeros((3, 5, 3))}}, "expected frames"),
        ({"steps": [0, 1, 2], "frames": {"frames": np.zeros((3, 5, 2)), "x": np.zeros(1)}}, "expected frames"),
        ({"steps": [0, 1, 2], "frames": {"frames": np.full((3, 5, 2), np.nan)}}, "not finite"),
        ({"steps": [0, 1, 2], "frames": {"frames": np.zeros((3, 5, 2), dtype=int)}}, "int64"),
    ],
)
def test_frames_that_are_not_ours_are_refused(spoiled, match, tmp_path):
    refused(match, read_frames, frames(tmp_path, **spoiled), 100, (5, 2))


RUN = {"data": "ring", "model": "points", "steps": 50, "backend": "numpy", "size": None, "hold_out": 0}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (json.dumps({**RUN, "steps": "50"}), "steps is '50'"),
        (json.dumps({**RUN, "steps": 50.0}), "steps is 50.0"),
        (json.dumps({**RUN, "steps": 0}), "steps must be"),
        (json.dumps({**RUN, "steps": True}), "steps is True"),
        (json.dumps({**RUN, "size": "64"}), "size is '64'"),
        (json.dumps({**RUN, "data": None}), "data is None, expected a text"),
        (json.dumps({**RUN, "model": "x" * 5000}), "model is 'xxx"),
        (json.dumps({**RUN, "more": 1}), "has the fields"),
        (json.dumps({"data": "ring"}), "has the fields"),
        ("[1]", "expected an object"),
        ("{", "JSON"),
        ("[" * 9000, "JSON"),
        (" " * 70_000, "more than 65536 bytes"),
        (b"\xff\xfe{}", "is not a numgan file"),
    ],
)
def test_a_run_json_that_is_not_ours_is_refused(text, match, tmp_path):
    folder = tmp_path / "c.npz"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(RUN), encoding="utf-8")
    assert read_about(folder) == RUN
    (folder / "run.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(match, read_about, folder)


def test_a_run_json_from_before_there_was_a_size_is_read(tmp_path):
    before = {name: value for name, value in RUN.items() if name not in ("size", "hold_out")}
    (tmp_path / "run.json").write_text(json.dumps(before), encoding="utf-8")
    assert read_about(tmp_path) == RUN


def test_a_missing_run_json_is_said(tmp_path):
    with pytest.raises(ng.InputError, match=r"run\.json: no such file"):
        read_about(tmp_path)


# --- all of it, at random


def test_three_hundred_spoiled_files():
    from benchmarks.attack import files

    counts, _, stories, _ = files.campaign(300, seed=1)
    assert not stories, stories[0]
    assert counts.total() == 300
    assert counts["checkpoint.npz", "refused"] > 50
    assert {name for name, happened in counts if happened == "works"} >= {"frames.npz", "images.npz", "vectors.npy"}


def test_the_campaign_sees_what_goes_wrong(monkeypatch):
    """A reader that checks nothing is found out."""
    from benchmarks.attack import files

    monkeypatch.setattr(files, "read_about", lambda folder: json.loads((folder / "run.json").read_text()))
    monkeypatch.setattr(files, "read_frames", lambda folder, upto, shape: ([np.full(shape, np.nan)], [0]))
    counts, *_ = files.campaign(40, seed=1)
    assert counts["run.json", "traceback"] + counts["run.json", "nonsense"] > 0
    assert counts["frames.npz", "nonsense"] == sum(
        counts["frames.npz", happened] for happened in ("nonsense", "traceback")
    )
    assert counts["frames.npz", "nonsense"] > 0


def test_counts_of_updates_are_each_their_own_players():
    state = State(9, (5, 7), {}, np.empty(0))
    with pytest.raises(ng.InputError, match=r"^9 steps and 5 and 7 updates of G and D do not agree, with k = 1"):
        integrity.check_state(state, 1)
