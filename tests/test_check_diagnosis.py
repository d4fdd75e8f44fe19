"""The contract of forward and backward, and the diagnosis, where `mistakes` has no case for them."""

import numpy as np
from pairs import linear, rng

import numgan as ng
from numgan.check import compare, gradcheck

# The contract


class Mixing(ng.Layer):
    """Takes the mean over the batch out, and says that rows do not matter to each other."""

    def forward(self, x, train=False, rng=None):
        return x - x.mean(axis=0), None

    def backward(self, dy, cache, params=True, inputs=True, add=True):
        return dy - dy.mean(axis=0)


def test_a_layer_whose_rows_depend_on_each_other_must_say_so(monkeypatch):
    assert "rowwise = False" in gradcheck(Mixing()).diagnosis
    monkeypatch.setattr(Mixing, "rowwise", False)
    assert gradcheck(Mixing()).ok


class InFloat32(ng.Layer):
    def forward(self, x, train=False, rng=None):
        return np.tanh(x.astype("float32")).astype(x.dtype), x

    def backward(self, dy, x, params=True, inputs=True, add=True):
        return dy * (1 - np.tanh(x) ** 2)


def test_a_cast_to_float32_is_found():
    assert "wrong dtype" in gradcheck(InFloat32()).diagnosis


def test_parameters_in_single_precision_are_pointed_out():
    W, b = rng().standard_normal((4, 3)).astype("float32"), np.zeros(3)
    assert "W is float32" in gradcheck(x=rng(1).standard_normal((5, 4)), **linear(W, b)).diagnosis


def test_a_forward_that_overflows_is_pointed_out():
    report = gradcheck(forward=np.log, backward=lambda dy, x: dy / x, x=np.array([-1.0, 2.0]))
    assert "not finite" in report.diagnosis
    report = gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x) + np.inf, x=np.array([-1.0, 2.0]))
    assert "not finite" in report.diagnosis


# The diagnosis


def test_a_wrong_shape_is_pointed_out():
    x = rng().standard_normal((5, 4))
    report = gradcheck(forward=np.sin, backward=lambda dy, x: dy[:3], x=x)
    assert "wrong shape" in report.diagnosis


def test_a_parameter_without_a_gradient_that_forward_does_not_read():
    report = gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x), x=np.ones(4), params={"W": np.eye(3)})
    assert "forward does not read params['W']" in report.diagnosis


def test_one_number_that_is_wrong():
    assert "no known mistake" in gradcheck(forward=np.square, backward=lambda dy, x: 3.3 * dy * x, x=2.0).diagnosis


def test_a_wrong_entry_that_is_not_among_those_measured_one_by_one(monkeypatch):
    """Of a large tensor only some are: the sum along random directions finds it, and no factor is made up."""
    monkeypatch.setattr(compare, "ENTRIES", 40)
    x, found = rng().standard_normal((12, 10)), []
    for i in (0, 13, 39):
        twice = np.where(np.arange(x.size) == i, 2, 1).reshape(x.shape)
        found.append(gradcheck(forward=np.sin, backward=lambda dy, x, t=twice: t * dy * np.cos(x), x=x))
    assert not any(report.ok for report in found)
    measured = (
        "x: no known mistake explains it: the 40 entries that were measured one by one are right, but others are not. "
    )
    assert [report.diagnosis.partition("dx")[0] for report in found] == [
        measured,
        "x: no known mistake explains it: 1 of 40 entries are wrong, at [1, 3]. ",
        measured,
    ]
    assert [report.comparisons[0].where for report in found] == ["[0, 0]", "[1, 3]", "[3, 9]"]


def test_the_place_of_a_mistake_that_nothing_explains():
    def wrong_at(*entries):
        def backward(dy, x):
            dx = dy * np.cos(x)
            for i in entries:
                dx[i] *= 2 + x[i] ** 2
            return dx

        return gradcheck(forward=np.sin, backward=backward, x=rng().standard_normal((6, 4))).diagnosis

    assert "1 of 24 entries are wrong, at [2, 1]." in wrong_at((2, 1))
    assert "4 of 24 entries are wrong, at [0, 0], [1, 1], [2, 2] …" in wrong_at((0, 0), (1, 1), (2, 2), (3, 3))
    assert "all 24 entries are wrong" in wrong_at(...)
    assert "wrong only in columns 0, 2" in wrong_at((slice(None), 0), (slice(None), 2))
