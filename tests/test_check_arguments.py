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


# x


class ThreeColumns(ng.Layer):
    """y = x + (1, 2, 3): does not say how many columns it takes."""

    def forward(self, x, train=False, rng=None):
        return x + np.array([1.0, 2.0, 3.0]), None

    def dx(self, dy, cache):
        return dy


NET = ng.Network([ng.Linear(4, 3), ng.Tanh()])
ROWS = np.random.default_rng(0).standard_normal((6, 3))


@pytest.mark.parametrize("obj", [ng.Tanh(), ng.Linear(4, 3), ng.BatchNorm(4), NET], ids=repr)
@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros((0, 4)), r"x has 0 rows \(shape \(0, 4\)\), so there is nothing to compare: pass at least one row"),
        (np.zeros((4, 0)), r"x is empty \(shape \(4, 0\)\)"),
        (np.zeros(0), "x has 0 rows"),
        (np.arange(8).reshape(2, 4), r"x must hold floating-point numbers, got int.*: pass x.astype\(float\)"),
        (np.zeros((2, 4), dtype=bool), "x must hold floating-point numbers, got bool"),
        ([[1, 2, 3, 4]], "x must hold floating-point numbers, got int"),
        (np.zeros((2, 4), dtype=complex), "x must be one array of numbers, got an array of complex128"),
        (np.array([["1"]]), "x must be one array of numbers, got an array of <U1"),
        ([[1.0], [1.0, 2.0]], "x must be one array of numbers, got a list"),
        ("x", "x must be one array of numbers, got a str"),
        (2.0, r"x must be a batch of rows, of shape \(m, …\), got one number"),
    ],
)
def test_an_x_that_is_no_batch(obj, x, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(obj, x)


def test_a_tuple_is_for_a_loss_alone():
    for obj in (ng.Tanh(), ng.Linear(3, 3), ng.Network([ng.Tanh()])):
        with pytest.raises(ng.InputError, match="x must be one array of numbers, got 2 values"):
            gradcheck(obj, (ROWS, ROWS))
    with pytest.raises(ng.InputError, match="x must be one array of numbers, got 2 values"):
        gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x), x=(ROWS, ROWS))
    with pytest.raises(ng.InputError, match=r"two, \(a_x, a_g\); got 3"):
        gradcheck(ng.losses.minimax, (ROWS[:, :1],) * 3)


@pytest.mark.parametrize(
    ("obj", "says"),
    [
        (ng.Linear(4, 2), r"x must have shape \(m, 4\) for Linear.*, got \(6, 3\)"),
        (ng.Maxout(4, 2, 2), r"\(m, 4\) for Maxout.*, got \(6, 3\)"),
        (ng.BatchNorm(1), r"\(m, 1\) for BatchNorm.*, got \(6, 3\)"),
        (ng.MinibatchStd(4), r"\(m, 4\) for MinibatchStd.*, got \(6, 3\)"),
        (NET, r"\(m, 4\) for Network.*, got \(6, 3\)"),
        (ng.Reshape((2, 2)), r"needs 4 numbers a row, got 3"),
        (ng.Network([ng.Tanh(), ng.Reshape((2, 2))]), r"needs 4 numbers a row, got 3"),
        (ng.Pack(4), "a multiple of 4 rows, got 6"),
        (ng.losses.hinge, r"logits must have shape \(m, 1\)"),
    ],
    ids=lambda v: getattr(type(v), "__name__", ""),
)
def test_an_x_of_the_wrong_width(obj, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(obj, ROWS)


def test_an_x_that_was_drawn_and_does_not_fit():
    assert gradcheck(ThreeColumns(), ROWS).ok
    with pytest.raises(ng.InputError, match=r"ThreeColumns does not accept x of shape \(5, 4\): .* pass one that fits"):
        gradcheck(ThreeColumns())
    with pytest.raises(ng.InputError, match=r"ThreeColumns .* \(6, 2\): [^:]*$"):
        gradcheck(ThreeColumns(), ROWS[:, :2])


@pytest.mark.parametrize("empty", [np.zeros((0, 3)), []])
def test_functions_of_nothing(empty):
    with pytest.raises(ng.InputError, match="x has 0 rows"):
        gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x), x=empty)
    with pytest.raises(ng.InputError, match="at has 0 rows"):
        gradcheck(value=np.sum, grad=np.ones_like, at=empty)


def test_a_scalar_function_needs_a_vector():
    with pytest.raises(ng.InputError, match=r"at must be a vector, got one number: pass np.array\(\[2.0\]\)"):
        gradcheck(value=np.sum, grad=np.ones_like, at=2.0)


def test_functions_and_losses_may_be_given_whole_numbers():
    """They are functions of real numbers all the same: x is converted."""
    for x in (np.arange(1, 4), [1, 2, 3], 3):
        assert gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x), x=x).ok
    assert gradcheck(ng.losses.minimax, np.arange(-1, 2)[:, None]).ok


@pytest.mark.parametrize(
    ("x", "says"),
    [(np.zeros((0, 1)), "x has 0 rows"), ("x", "got a str"), (2.0, r"\(m, 1\)"), ([[1], [1, 2]], "a list")],
)
def test_logits_that_are_none(x, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(ng.losses.minimax, x)


# Word by word


def refused(**arguments):
    with pytest.raises(ng.InputError) as error:
        gradcheck(**arguments)
    return str(error.value)


FORMS = (
    "an object (a layer, a network or a loss), or forward=, backward= and x= (two functions), "
    "or value=, grad= and at= (a scalar function of a vector)"
)


def test_each_refusal_word_by_word():
    def f(x):
        return x

    x = np.ones((2, 3))
    assert refused(obj=ng.Tanh(), value=np.sum) == refused() == f"gradcheck takes one thing: {FORMS}"
    assert refused(obj=ng.Tanh) == f"gradcheck takes {FORMS}; got {ng.Tanh!r}: call the class, as in Tanh()"
    assert refused(obj=f) == f"gradcheck takes {FORMS}; got {f!r}: pass it as forward=, with a backward= and an x="
    bare = Bare()
    assert refused(obj=bare) == (
        f"gradcheck takes {FORMS}; got {bare!r}: pass its forward=, its backward= and an x=, "
        "or derive its class from ng.Layer"
    )
    assert refused(obj="x") == f"gradcheck takes {FORMS}; got 'x'"
    assert refused(forward=f, x=x) == "a pair of functions needs all of forward=, backward= and x="
    assert refused(value=f, grad=f) == "a scalar function needs all of value=, grad= and at="
    assert refused(forward=f, backward=3, x=x) == (
        "backward must be a function, got a int: expected backward(dy, cache) or backward(dy)"
    )
    assert refused(forward=3, backward=f, x=x) == (
        "forward must be a function, got a int: expected forward(x), which reads the arrays in params by itself"
    )
    assert refused(forward=f, backward=lambda dy, x: (dy, {"W": W}), x=x) == (
        "backward returned 'W', expected dx alone, for params= is empty"
    )
    assert refused(forward=f, backward=lambda dy, x: (dy, {"a": "b", "b": [1]}), x=x, params={"a": W, "b": W}) == (
        "backward returned a str for a, expected dx, {'a': da, 'b': db}"
    )
    assert refused(forward=f, backward=f, x=x, params={"W": 2.0}) == (
        "params['W'] must be the NumPy array that forward reads, got a float"
    )
    assert refused(forward=f, backward=f, x=x, params=W) == (
        "params must be a dict such as {'W': W}, got an array of shape (3, 3)"
    )
    assert refused(value=lambda t: "1", grad=f, at=x[0]) == "value returned a str, expected a number"
    assert refused(value=np.sum, grad=lambda t: ("a",), at=x[0]) == (
        "grad returned 1 values, expected an array of shape (3,)"
    )
    assert refused(obj=Unfinished()) == (
        "Unfinished.forward is missing: a layer needs forward(self, x, train=False, rng=None)"
    )
    assert refused(obj=Lonely(), x=x) == "Lonely.forward returned an array of shape (2, 3), expected y, cache"
    assert refused(obj=ng.Tanh(), x=np.ones((2, 0))) == (
        "x is empty (shape (2, 0)), so there is nothing to compare: pass at least one row"
    )
    assert refused(obj=ThreeColumns()).endswith("; this x was drawn at random: pass one that fits")


class Backless(ng.Layer):
    """Has no backward and no dx."""

    def forward(self, x, train=False, rng=None):
        return x, None


def test_a_layer_without_a_backward():
    assert (
        refused(obj=Backless())
        == refused(obj=ng.Network([ng.Tanh(), Backless()]))
        == ("Backless.backward is missing: a layer needs backward(self, dy, cache, params=True, inputs=True, add=True)")
    )
