"""Wrong arguments and return values: one line that says what is expected, no exception from inside the checker."""

import numpy as np
import pytest

import numgan as ng
from numgan.check import gradcheck

W = np.eye(3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "one thing"),
        ({"obj": ng.Tanh(), "forward": np.sin}, "one thing"),
        ({"obj": 3}, "got 3"),
        ({"forward": np.sin, "x": np.ones(3)}, "backward="),
        ({"forward": np.sin, "backward": np.cos}, "x="),
        ({"value": np.sum, "grad": np.ones_like}, "at="),
        ({"obj": ng.Network([ng.Linear(3, 2)]), "x": np.ones((2, 4))}, r"\(m, 3\)"),
    ],
)
def test_wrong_combinations_of_arguments(arguments, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(**arguments)


class Bare:
    """Not a layer of numgan's."""

    def forward(self, x):
        return x

    def backward(self, dy):
        return dy


class Short(ng.Layer):
    def forward(self, x):
        return x, None

    def backward(self, dy, cache):
        return dy


class ShortBackward(ng.Tanh):
    def backward(self, dy, cache):
        return dy


class Unfinished(ng.Layer):
    """Has no backward, and its forward is the one of ng.Layer."""


class Lonely(ng.Tanh):
    def forward(self, x, train=False, rng=None):
        return np.tanh(x)


@pytest.mark.parametrize(
    ("backward", "says"),
    [
        (lambda dy, x: None, r"backward returned None \(is a return missing\?\), expected dx, {'W': dW}"),
        (lambda dy, x: (dy, {"dW": dy}), r"backward returned 'dW', expected dx, {'W': dW}"),
        (lambda dy, x: (dy, {"W": W, "V": dy}), r"backward returned 'V', expected dx, {'W': dW}"),
        (lambda dy, x: (dy, W), r"returned dx and an array of shape \(3, 3\), expected dx, {'W': dW}"),
        (lambda dy, x: (dy, W, W), r"backward returned 3 values, expected dx, {'W': dW}"),
        (lambda dy, x: (dy, {"W": "dW"}), "backward returned a str for W"),
        (lambda dy, x: {"W": W}, "backward returned a dict, expected dx, "),
        (lambda dy, x: [dy, {"W": W}], "backward returned a list, expected dx, "),
        (lambda dy, x, W: dy, r"backward\(dy, x, W\) has the wrong arguments: expected backward\(dy, cache\)"),
        (W, r"backward must be a function, got an array of shape \(3, 3\)"),
    ],
)
def test_what_backward_must_not_be_or_return(backward, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(forward=lambda x: x @ W, backward=backward, x=np.ones((3, 3)), params={"W": W})


@pytest.mark.parametrize(
    ("forward", "says"),
    [
        (lambda x: None, r"forward returned None \(is a return missing\?\), expected y or \(y, cache\)"),
        (lambda x: (None, x), "forward returned None"),
        (lambda x: (x, x, x), r"forward returned 3 values, expected y or \(y, cache\)"),
        (lambda x: "y", "forward returned a str"),
        (lambda x, W: x @ W, r"forward\(x, W\) has the wrong arguments: expected forward\(x\)"),
    ],
)
def test_what_forward_must_not_be_or_return(forward, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(forward=forward, backward=lambda dy, x: dy, x=np.ones((3, 3)))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"obj": Bare()}, "a layer, a network or a loss.* or forward=, backward= and x=.* or value=.*: pass its"),
        ({"obj": Bare}, r"call the class, as in Bare\(\)"),
        ({"obj": ng.Tanh}, r"call the class, as in Tanh\(\)"),
        ({"obj": np.tanh}, "pass it as forward=, with a backward="),
        ({"obj": Short()}, r"Short.forward\(x\) has the wrong.*: expected forward\(self, x, train=False, rng=None\)"),
        ({"obj": ShortBackward()}, r"Backward.backward\(dy, cache\) .* params=True, inputs=True, add=True\)"),
        ({"obj": ng.Network([ShortBackward()])}, r"ShortBackward.backward\(dy, cache\) has the wrong arguments"),
        ({"obj": Unfinished()}, "Unfinished.forward is missing"),
        ({"obj": Lonely()}, "Lonely.forward returned an array of shape .*, expected y, cache"),
        ({"value": lambda t: None, "grad": np.cos, "at": np.ones(3)}, "value returned None.*, expected a number"),
        ({"value": np.sum, "grad": lambda t: None, "at": np.ones(3)}, r"grad returned None.* array of shape \(3,\)"),
    ],
)
def test_objects_that_cannot_be_checked(arguments, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(**arguments)


@pytest.mark.parametrize(
    ("params", "says"), [({"W": [[1.0]]}, r"params\['W'\] .* got a list"), ([W], "params must be a dict .* got a list")]
)
def test_params_that_cannot_be_modified(params, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x), x=W, params=params)
