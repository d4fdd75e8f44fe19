"""The classifier of digits: softmax cross-entropy, the whole training step, the weights that come with the package."""

import hashlib
import math
import re

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error

import numgan as ng
from benchmarks import make_classifier
from numgan.backend import asnumpy
from numgan.classifier import cross_entropy, digits, load

DIGITS = ng.data.load("digits", range=(0, 1))
NOTE = digits.WEIGHTS.with_name("CLASSIFIER.md").read_text(encoding="utf-8")
FEW = DIGITS.x[:600]


@pytest.fixture(scope="module")
def classifier():
    return load()


def example(m=5, C=4, scale=3.0, seed=0):
    """Logits and labels, in which one class occurs twice and another not at all."""
    return scale * np.random.default_rng(seed).standard_normal((m, C)), np.arange(m) % (C - 1)


# Softmax cross-entropy


def test_the_gradient_is_that_of_the_value():
    a, labels = example()
    _, da = cross_entropy(a, labels)
    assert rel_error(da, numeric_gradient(lambda: cross_entropy(a, labels)[0], a)) <= 1e-8


def test_value_and_gradient_are_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is the referee: pip install 'numgan[bench]'")
    a, labels = example(m=20, C=10, scale=30)
    theirs = torch.tensor(a, requires_grad=True)
    value = torch.nn.functional.cross_entropy(theirs, torch.tensor(labels))
    value.backward()
    ours, da = cross_entropy(a, labels)
    np.testing.assert_allclose(ours, value.item(), rtol=1e-12)
    np.testing.assert_allclose(da, theirs.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_closed_forms():
    value, da = cross_entropy(np.zeros((3, 10)), np.array([0, 9, 9]))
    assert value == pytest.approx(math.log(10), rel=1e-14)
    np.testing.assert_allclose(da, (0.1 - np.eye(10)[[0, 9, 9]]) / 3, rtol=1e-14)
    value, _ = cross_entropy(np.log([[1.0, 2.0, 5.0]]), np.array([1]))
    assert value == pytest.approx(math.log(4), rel=1e-14)  # p = 2/8


def test_a_constant_added_to_a_row_changes_nothing():
    a, labels = example()
    value, da = cross_entropy(a, labels)
    moved, da_moved = cross_entropy(a + np.array([[100.0], [-100], [0], [7], [-3]]), labels)
    assert moved == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(da_moved, da, atol=1e-14)
    np.testing.assert_allclose(da.sum(axis=1), 0, atol=1e-15)  # the same, said of the slope


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_logits(dtype):
    value, da = cross_entropy(np.array([[1e30, 0, -1e30], [1e30, 0, -1e30]], dtype), np.array([0, 1]))
    assert value == pytest.approx(5e29) and value.dtype == dtype
    np.testing.assert_array_equal(da, np.array([[0, 0, 0], [0.5, -0.5, 0]], dtype))
    assert da.dtype == dtype


def test_arguments_are_only_read():
    a, labels = example()
    kept = a.copy(), labels.copy()
    cross_entropy(a, labels)
    np.testing.assert_array_equal(a, kept[0])
    np.testing.assert_array_equal(labels, kept[1])


def test_backends_agree(xp):
    a, labels = example()
    a = a.astype("float32")
    value, da = cross_entropy(xp.asarray(a), xp.asarray(labels))
    wanted, da_wanted = cross_entropy(a.astype("float64"), labels)
    assert da.dtype == value.dtype == "float32"
    np.testing.assert_allclose(float(value), wanted, rtol=1e-6)
    np.testing.assert_allclose(asnumpy(da), da_wanted, rtol=1e-5, atol=1e-7)


def test_labels_lie_beside_the_logits(device):
    import cupy

    a, labels = example()
    with pytest.raises(ng.InputError, match=r"labels are of numpy, logits of cupy.*cupy\.asarray"):
        cross_entropy(cupy.asarray(a), labels)


@pytest.mark.parametrize(
    ("a", "labels", "says"),
    [
        (np.zeros((2, 3)), np.array([0, -1]), r"-1 … 0, expected classes 0 … 2"),
        (np.zeros((2, 3)), np.array([3, 1]), r"1 … 3, expected classes 0 … 2"),
        (np.zeros((2, 3)), np.array([0, 1, 2]), r"integers \(2,\), got int64\(3,\)"),
        (np.zeros((2, 3)), np.array([0.0, 1.0]), "got float64"),
        (np.zeros((2, 3)), np.array([True, False]), "got bool"),
        (np.zeros((2, 3)), np.eye(3, dtype=int)[:2], "argmax"),
        (np.zeros((2, 3)), [0, 1], "got list"),
        ([[0.0, 1.0]], np.array([0]), "got list"),
        (np.zeros(3), np.array([0, 1, 2]), r"\(m, C\).*float64\(3,\)"),
        (np.zeros((0, 3)), np.zeros(0, int), r"\(0, 3\)"),
        (np.zeros((2, 0)), np.zeros(2, int), r"\(2, 0\)"),
        (np.zeros((2, 3), int), np.array([0, 1]), "floats"),
    ],
)
def test_wrong_arguments_of_cross_entropy(a, labels, says):
    with pytest.raises(ng.InputError, match=says):
        cross_entropy(a, labels)


# The training step, and the program that made the weights


def test_the_whole_step_is_the_gradient_of_the_loss():
    """For each array of parameters, along a random direction; images moved and parts dropped the same each time."""
    net, x, labels = digits.network(seed=3, dtype="float64"), DIGITS.x[:6].astype("float64"), DIGITS.labels[:6]
    rng = np.random.default_rng(0)
    net.theta += 0.05 * rng.standard_normal(net.theta.shape)  # b = 0 would put black pixels at LeakyReLU's kink

    def forward():
        a, tape = net.forward(x, train=True, rng=np.random.default_rng(5))
        return *cross_entropy(a, labels), tape

    _, da, tape = forward()
    net.backward(da, tape, inputs=False, add=False)
    assert len(net.slices) == 8  # W and b of two convolutions and two Linear
    theta, h = net.theta.copy(), 1e-6
    for span in net.slices.values():
        v = rng.standard_normal(theta[span].shape)
        values = []
        for sign in (1, -1):
            net.theta[...] = theta
            net.theta[span] += sign * h * v
            values.append(forward()[0])
        numerical = (values[0] - values[1]) / (2 * h)
        assert net.grad[span] @ v == pytest.approx(numerical, rel=1e-6)


def few_epochs(grad=0.0):
    net = digits.network()
    net.grad[...] = grad  # what it held before does not count
    return list(make_classifier.training(net, FEW, DIGITS.labels[:600], epochs=3)), net


def test_the_program_learns_and_repeats():
    (losses, net), (again, twin) = few_epochs(), few_epochs(grad=100.0)
    assert math.log(10) > losses[0] > losses[1] > losses[2]
    assert losses == again
    np.testing.assert_array_equal(net.theta, twin.theta)


def test_the_program_writes_what_load_reads(tmp_path, monkeypatch, capsys):
    few = ng.data.Data(FEW, DIGITS.labels[:600])
    monkeypatch.setattr(ng.data, "load", lambda name, range, split: few)
    monkeypatch.setattr(make_classifier, "EPOCHS", 2)
    paths = tmp_path / "a.npz", tmp_path / "b.npz"
    for path in paths:
        make_classifier.main(str(path))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    monkeypatch.setattr(digits, "WEIGHTS", paths[0])
    right = make_classifier.accuracy(load(), few)
    assert 0.2 < right < 0.95
    assert f"test accuracy {right:.2%} as saved" in capsys.readouterr().out


# The classifier of the package


def test_the_weights_are_the_documented_bytes():
    with np.load(digits.WEIGHTS, allow_pickle=False) as file:
        (theta,) = (file[name] for name in file.files)
    assert theta.dtype == np.float16 and np.isfinite(theta).all()
    assert hashlib.sha256(theta.tobytes()).hexdigest() in NOTE
    assert hashlib.sha256(digits.WEIGHTS.read_bytes()).hexdigest() in NOTE
    assert f"({theta.size},)" in NOTE
    assert digits.WEIGHTS.stat().st_size < 1e6


def test_the_note_says_where_the_weights_come_from():
    assert all(word in NOTE for word in ("LeCun", "Cortes", "CC BY-SA 3.0", "benchmarks/make_classifier.py"))
    for name, value in (("Epochs", make_classifier.EPOCHS), ("Batch", make_classifier.BATCH)):
        assert f"| {name} | {value} |" in NOTE


def stated(images):
    """The fraction of these images that are right, as the note has it; another BLAS may see an image otherwise."""
    (percent,) = re.findall(rf"^\| .*{images}.* \| ([\d.]+) % \|$", NOTE, re.MULTILINE)
    return float(percent) / 100


def test_the_embedded_digits_are_classified(classifier):
    right = make_classifier.accuracy(classifier, DIGITS)
    assert right >= 0.985
    assert right == pytest.approx(stated("embedded digits"), abs=5e-4)


@pytest.mark.notebooks
def test_the_test_images_are_classified(classifier):
    try:
        test = ng.data.load("mnist", range=(0, 1), split="test")
    except ng.InputError as error:
        pytest.skip(str(error))
    right = make_classifier.accuracy(classifier, test)
    assert right >= 0.985
    assert right == pytest.approx(stated("test images"), abs=5e-4)


def test_features_are_what_the_last_layer_sees(classifier):
    features, last = classifier.features(FEW), classifier.network.layers[-1]
    assert features.shape == (600, 64) and features.dtype == np.float32
    np.testing.assert_allclose(features @ last.W + last.b, classifier.logits(FEW), rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(classifier.logits(FEW).argmax(axis=1), classifier.classify(FEW))
    np.testing.assert_allclose(classifier.network(FEW), classifier.logits(FEW), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 7, 599, 600, 10_000])
def test_blocks_change_nothing(classifier, rows, monkeypatch):
    wanted = classifier.features(FEW[:50])
    monkeypatch.setattr(digits, "ROWS", rows)
    np.testing.assert_allclose(classifier.features(FEW[:50]), wanted, rtol=1e-4, atol=1e-4)


def test_blocks_are_blocks():
    classifier, seen = load(), []
    classifier._body = lambda x: seen.append(len(x)) or np.zeros((len(x), 64))
    assert classifier.features(np.zeros((1201, 784))).shape == (1201, 64)
    assert seen == [500, 500, 201]


def test_it_repeats_bit_for_bit_and_reads_only(classifier):
    x = FEW.copy()
    np.testing.assert_array_equal(classifier.features(x), load().features(x))
    np.testing.assert_array_equal(x, FEW)
    np.testing.assert_array_equal(classifier.features(x.astype("float64")), classifier.features(x))


def test_whoever_loads_it_has_one_of_ones_own(classifier):
    load().network.theta[...] = 0
    assert np.any(load().network.theta) and np.any(classifier.network.theta)


WRONG = {
    "width": (np.zeros((2, 785)), r"\(2, 785\), expected \(n, 784\)"),
    "images": (np.zeros((2, 28, 28)), r"x\.reshape\(len\(x\), -1\)"),
    "flat": (np.zeros(784), r"\(784,\)"),
    "empty": (np.zeros((0, 784)), r"\(0, 784\)"),
    "text": ("digits", "expected"),
    "complex": (np.zeros((2, 784), complex), "holds complex128"),
    "bool": (np.zeros((2, 784), bool), "holds bool"),
    "above": (np.full((2, 784), 1.5), r"holds 1\.5 … 1\.5.*restore"),
    "below": (np.full((2, 784), -1.0), r"expected pixels in \[0, 1\]"),
    "bytes": (np.full((2, 784), 255, np.uint8), "255 … 255"),
    "nan": (np.full((2, 784), np.nan), "nan"),
    "inf": (np.full((2, 784), np.inf), "inf"),
    "ragged": ([[0.0], [0.0, 1.0]], "no array of numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_rows_that_are_no_such_images(name, classifier):
    x, says = WRONG[name]
    for method in (classifier.features, classifier.logits, classifier.classify):
        with pytest.raises(ng.InputError, match=says):
            method(x)


def test_weights_are_read_when_they_are_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(digits, "WEIGHTS", tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError):
        load()
