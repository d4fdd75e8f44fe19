"""gradcheck: what it takes, what it restores, which mistakes it finds, and what it prints."""

import numpy as np
import pytest
from pairs import linear, rng

import numgan as ng
from numgan.check import gradcheck

# What it takes


@pytest.mark.parametrize("layer", [ng.Linear(4, 3), ng.Tanh(), ng.BatchNorm(4), ng.Dropout(0.5), ng.Maxout(4, 2, 2)])
def test_a_layer_with_and_without_x(layer):
    assert gradcheck(layer).ok
    report = gradcheck(layer, rng().standard_normal((6, 4)).astype("float32"))
    assert report.ok
    assert report.rel_error <= 1e-8


def test_a_layer_is_not_bound_by_a_check():
    layer = ng.Linear(4, 3)
    gradcheck(layer)
    ng.Network([layer])


def test_a_layer_in_a_network_may_be_checked():
    net = ng.Network([ng.Linear(4, 3), ng.Tanh()])
    assert gradcheck(net.layers[0]).ok
    assert np.shares_memory(net.layers[0].W, net.theta)


def test_batchnorm_and_dropout_are_checked_in_both_modes():
    for layer in (ng.BatchNorm(4), ng.Network([ng.Linear(4, 4), ng.Dropout(0.5)])):
        names = [c.name for c in gradcheck(layer).comparisons]
        assert any(name.endswith("(evaluation)") for name in names)
        assert any(not name.endswith("(evaluation)") for name in names[1:])
        assert len(names) == len(set(names))


@pytest.mark.parametrize("loss", ng.losses.BY_NAME.values(), ids=repr)
def test_a_loss_for_both_players(loss):
    for x in (None, rng().standard_normal((4, 1)), (rng().standard_normal((4, 1)), rng(1).standard_normal((3, 1)))):
        report = gradcheck(loss, x)
        assert report.ok
        assert [c.name for c in report.comparisons] == ["D: a_x", "D: a_g", "G: a_g"]


def test_a_pair_with_a_cache_without_one_and_with_its_own_memory():
    x = rng().standard_normal((5, 3))
    assert gradcheck(forward=lambda x: (np.sin(x), np.cos(x)), backward=lambda dy, c: dy * c, x=x).ok
    assert gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x), x=x).ok
    assert gradcheck(forward=np.sin, backward=lambda dy, x: (dy * np.cos(x), {}), x=x.tolist()).ok
    memory = {}

    def forward(x):
        memory["x"] = x
        return np.sin(x)

    assert gradcheck(forward=forward, backward=lambda dy: dy * np.cos(memory["x"]), x=x).ok


def test_a_pair_with_a_scalar_output():
    x = rng().standard_normal(6)
    assert gradcheck(forward=lambda x: float((x**2).sum()), backward=lambda dy, x: dy * 2 * x, x=x).ok
    assert not gradcheck(forward=lambda x: float((x**2).sum()), backward=lambda dy, x: dy * x, x=x).ok


def test_a_scalar_function_of_a_vector_by_parts():
    theta = rng().standard_normal(5)
    parts = {"a": slice(0, 2), "b": slice(2, 5)}
    report = gradcheck(value=lambda t: (t**3).sum(), grad=lambda t: 3 * t**2, at=theta, parts=parts)
    assert report.ok
    assert [(c.name, c.shape) for c in report.comparisons] == [("a", (2,)), ("b", (3,))]
    wrong = gradcheck(value=lambda t: (t**3).sum(), grad=lambda t: np.append(3 * t[:4] ** 2, 0), at=theta, parts=parts)
    assert [c.verdict == "ok" for c in wrong.comparisons] == [True, False]


def test_entries_on_request():
    report = gradcheck(ng.Linear(4, 3), entries=True)
    assert [c.numeric.size for c in report.comparisons] == [20, 12, 3]
    assert all(np.allclose(c.analytic, c.numeric, rtol=1e-6, atol=1e-9) for c in report.comparisons)
    assert all(c.where != "direction" for c in report.comparisons)
    assert all(c.where == "direction" for c in gradcheck(ng.Linear(4, 3)).comparisons)


# What it restores


def test_a_network_is_left_as_it_was():
    net = ng.Network([ng.Linear(4, 3), ng.BatchNorm(3), ng.Dropout(0.2), ng.Linear(3, 1)])
    net.grad[...] = 7
    x = rng().standard_normal((5, 4))
    before = [a.copy() for a in (net.theta, net.grad, net.buffers, x)]
    assert gradcheck(net, x).ok
    assert all(np.array_equal(a, b) for a, b in zip(before, (net.theta, net.grad, net.buffers, x), strict=True))
    assert net.theta.dtype == np.float32


def test_the_arrays_of_a_pair_are_restored_to_the_last_bit():
    W, b, x = rng().standard_normal((4, 3)), np.zeros(3), rng(1).standard_normal((5, 4))
    before = W.copy(), b.copy(), x.copy()
    for wrong in (0.0, 0.5):
        gradcheck(x=x, **linear(W, b, wrong))
        assert all(np.array_equal(a, c) for a, c in zip((W, b, x), before, strict=True))


def test_they_are_restored_when_something_fails():
    W = rng().standard_normal((4, 3))
    before, calls = W.copy(), []

    def forward(x):
        calls.append(1)
        if len(calls) > 20:
            raise RuntimeError
        return x @ W, x

    with pytest.raises(RuntimeError):
        gradcheck(forward=forward, backward=lambda dy, x: (dy @ W.T, {"W": x.T @ dy}), x=np.eye(4), params={"W": W})
    assert np.array_equal(W, before)


# Which mistakes it finds


@pytest.mark.parametrize("wrong", [1e-4, 1e-2, 1.0])
def test_small_mistakes_are_found_too(wrong):
    W, b = rng().standard_normal((4, 3)), np.zeros(3)
    report = gradcheck(x=rng(1).standard_normal((5, 4)), **linear(W, b, wrong))
    assert [c.verdict == "ok" for c in report.comparisons] == [True, False, True]
    assert "off by a constant factor" in report.diagnosis
    assert gradcheck(x=rng(1).standard_normal((5, 4)), tolerance=10 * wrong, **linear(W, b, wrong)).ok


def test_one_wrong_entry_among_many_is_found():
    W, b = rng().standard_normal((25, 18)), np.zeros(18)
    pair = linear(W, b)

    def backward(dy, x):
        dx, grads = pair["backward"](dy, x)
        grads["W"][17, 5] += 0.001 * np.abs(grads["W"]).max()
        return dx, grads

    report = gradcheck(x=rng(1).standard_normal((6, 25)), **{**pair, "backward": backward})
    assert [c.name for c in report.comparisons if c.verdict != "ok"] == ["W"]


def test_a_large_network_is_quick():
    net = ng.Network([ng.Linear(200, 300), ng.LeakyReLU(0.2), ng.Linear(300, 200), ng.Tanh()])
    report = gradcheck(net, rng().standard_normal((32, 200)))
    assert report.ok, report
    assert report.rel_error <= 1e-6


def test_dy_is_not_the_x_of_the_same_seed():
    """What only holds where dy = x must not pass, whichever seed both were drawn from."""
    for seed in range(2):
        for shape in ((6, 4), (24,), (5, 1)):
            x = rng(seed).standard_normal(shape)
            assert not gradcheck(forward=lambda x: x * x, backward=lambda dy, x: 2 * dy * dy, x=x, seed=seed).ok


class NoiseOf(ng.Layer):
    """y = x times noise, and a backward that takes x for the noise."""

    stochastic = True

    def forward(self, x, train=False, rng=None):
        noise = rng.standard_normal(x.shape) if train else np.ones(x.shape)
        return x * noise, x if train else noise

    def backward(self, dy, cache, params=True, inputs=True, add=True):
        return dy * cache


def test_a_layers_noise_is_not_the_x_of_the_same_seed():
    assert not gradcheck(NoiseOf(), rng().standard_normal((6, 4))).ok


# What it prints


def test_the_table():
    W, b = rng().standard_normal((4, 3)), np.zeros(3)
    report = gradcheck(x=rng(1).standard_normal((5, 4)), **linear(W, b, 1.0))
    text = str(report)
    assert text == repr(report)
    lines = text.splitlines()
    assert lines[0].startswith("forward: WRONG, largest relative error ")
    assert lines[1].split()[:4] == ["tensor", "shape", "at", "analytic"]
    assert [line.split()[0] for line in lines[2:5]] == ["x", "W", "b"]
    assert lines[3].endswith("off by a constant factor")
    assert lines[5].startswith("W: off by a constant factor: dW is 2 times the correct one. dW[")
    assert lines[2].endswith("ok")
    assert all(len(line) < 160 for line in lines)


def test_the_table_of_a_right_one_has_no_more_to_say():
    report = gradcheck(ng.Tanh())
    assert str(report).splitlines()[0].startswith("Tanh(): ok, largest relative error ")
    assert len(str(report).splitlines()) == 3
    assert report.diagnosis == ""
    assert report.rel_error == report.comparisons[0].rel_error


def test_a_report_is_a_table_in_a_notebook_and_its_texts_stay_texts():
    report = gradcheck(ng.Linear(4, 3))
    page = report._repr_html_()
    assert page.count("<tr>") == 1 + len(report.comparisons)
    assert all(cell in page for comparison in report.comparisons for cell in comparison.cells)
    assert report.head in page and report.head == str(report).splitlines()[0]
    report.diagnosis, report.title = "W: <b>", "a & b"
    page = report._repr_html_()
    assert "<div>W: &lt;b&gt;</div>" in page and "a &amp; b: WRONG" in page
