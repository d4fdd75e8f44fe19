"""The checker: what it takes, what it leaves as it was, what it prints, and that it is not fooled at a kink."""

import numpy as np
import pytest
from numeric import numeric_gradient

import numgan as ng
from numgan.check import gradcheck, rel_error
from numgan.check.differences import directional_derivative, jacobian, magnitude_of_terms, perturbed, restored
from numgan.check.survey import discriminator_step, generator_step


def rng(seed=0):
    return np.random.default_rng(seed)


def linear(W, b, wrong=0.0):
    def forward(x):
        return x @ W + b, x

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy * (1 + wrong), "b": dy.sum(axis=0)}

    return {"forward": forward, "backward": backward, "params": {"W": W, "b": b}}


# --- what it takes


@pytest.mark.parametrize("layer", [ng.Linear(4, 3), ng.Tanh(), ng.BatchNorm(4), ng.Dropout(0.5), ng.Maxout(4, 2, 2)])
def test_a_layer_with_and_without_x(layer):
    assert gradcheck(layer).ok
    report = gradcheck(layer, rng().standard_normal((6, 4)).astype("float32"))
    assert report.ok
    assert report.rel_error <= 1e-8


def test_a_network_is_left_as_it_was():
    net = ng.Network([ng.Linear(4, 3), ng.BatchNorm(3), ng.Dropout(0.2), ng.Linear(3, 1)])
    net.grad[...] = 7
    x = rng().standard_normal((5, 4))
    before = [a.copy() for a in (net.theta, net.grad, net.buffers, x)]
    assert gradcheck(net, x).ok
    assert all(np.array_equal(a, b) for a, b in zip(before, (net.theta, net.grad, net.buffers, x), strict=True))
    assert net.theta.dtype == np.float32


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


def test_whole_steps():
    G = ng.Network([ng.Linear(3, 5), ng.ReLU(), ng.Linear(5, 2)], seed=1)
    D = ng.Network([ng.Maxout(2, 4, 2), ng.Linear(4, 1)], seed=2)
    x, z = rng().standard_normal((6, 2)), rng().standard_normal((6, 3))
    theta, grad = D.theta.copy(), D.grad.copy()
    assert discriminator_step(G, D, x, z, ng.losses.minimax).ok
    assert generator_step(G, D, z, ng.losses.minimax).ok
    assert np.array_equal(D.theta, theta)
    assert np.array_equal(D.grad, grad)


def test_a_step_that_forgets_half_of_its_batch_is_found(monkeypatch):
    """The mistake of numpy-ml's WGAN: with add=False twice, only G's rows count."""
    from numgan.check import survey
    from numgan.gan import Info

    def forgetful(G, D, x, z, loss, rng=None):
        x_g = G.forward(z, train=True)[0]
        (a_x, tape_x), (a_g, tape_g) = D.forward(x, train=True), D.forward(x_g, train=True)
        value, da_x, da_g = loss.discriminator(a_x, a_g)
        D.backward(da_x, tape_x, add=False)
        D.backward(da_g, tape_g, add=False)
        return Info(value, a_g, x_g, a_x)

    G, D = survey.players()["smooth"]
    assert survey.discriminator_step(G, D, *survey.batch(), ng.losses.minimax).ok
    monkeypatch.setattr(survey, "discriminator_gradient", forgetful)
    assert not survey.discriminator_step(G, D, *survey.batch(), ng.losses.minimax).ok


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
def test_what_cannot_be_checked_is_refused(arguments, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(**arguments)


# --- slips: one line, and no exception from the inside of the checker

W = np.eye(3)


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
def test_a_slip_in_backward_is_named(backward, says):
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
def test_a_slip_in_forward_is_named(forward, says):
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
def test_a_slip_in_an_object_is_named(arguments, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(**arguments)


@pytest.mark.parametrize(
    ("params", "says"), [({"W": [[1.0]]}, r"params\['W'\] .* got a list"), ([W], "params must be a dict .* got a list")]
)
def test_params_that_cannot_be_moved_are_refused(params, says):
    with pytest.raises(ng.InputError, match=says):
        gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x), x=W, params=params)


def test_a_parameter_without_a_gradient_that_forward_does_not_read():
    report = gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x), x=np.ones(4), params={"W": W.copy()})
    assert "forward does not read params['W']" in report.diagnosis


def test_dy_is_not_the_x_of_the_same_seed():
    """What only holds where dy = x must not pass, whichever seed both were drawn from."""
    for seed in range(5):
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


def test_one_number_that_is_wrong():
    assert "no known mistake" in gradcheck(forward=np.square, backward=lambda dy, x: 3.3 * dy * x, x=2.0).diagnosis


def test_a_layers_noise_is_not_the_x_of_the_same_seed():
    assert not gradcheck(NoiseOf(), rng().standard_normal((6, 4))).ok


def test_where_a_mistake_is_that_nothing_explains():
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


# --- what it leaves as it was


def test_the_arrays_of_a_pair_are_put_back_to_the_last_bit():
    W, b, x = rng().standard_normal((4, 3)), np.zeros(3), rng(1).standard_normal((5, 4))
    before = W.copy(), b.copy(), x.copy()
    for wrong in (0.0, 0.5):
        gradcheck(x=x, **linear(W, b, wrong))
        assert all(np.array_equal(a, c) for a, c in zip((W, b, x), before, strict=True))


def test_they_are_put_back_when_something_fails():
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


def test_moved_and_kept():
    a = np.arange(3.0)
    with perturbed(a, 1.0):
        assert a.tolist() == [1, 2, 3]
    assert a.tolist() == [0, 1, 2]
    with pytest.raises(KeyError), restored([a]):
        a[...] = 9
        raise KeyError
    assert a.tolist() == [0, 1, 2]


# --- what it measures


def test_rel_error_is_the_one_of_the_design():
    assert rel_error(np.array([1.0, 3.0]), np.array([1.0, 4.0])) == 0.25
    assert rel_error(np.array([5.0, 3.0]), np.array([1.0, 4.0])) == 0.8
    assert rel_error(np.array([1e-9]), np.array([0.0]), floor=1e-3) == 1e-6
    assert rel_error(np.zeros(2), np.zeros(2)) == 0
    assert rel_error(np.zeros(0), np.zeros(0)) == 0
    assert rel_error(np.array([np.nan]), np.zeros(1)) == np.inf
    assert rel_error(np.array([np.inf]), np.zeros(1)) == np.inf


@pytest.mark.parametrize("at", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize(("f", "df"), [(np.sin, np.cos), (np.exp, np.exp), (np.log, np.reciprocal)])
def test_a_slope_is_exact_to_ten_digits_and_knows_its_error(f, df, at):
    x = np.array([at])
    s = directional_derivative(lambda: f(x), x, np.ones(1), np.ones(1), magnitude=abs(float(f(x)[0])))
    off = abs(float(s.central[0] - df(at)))
    assert off <= 1e-9 * abs(df(at)) + 1e-12 * abs(float(f(x)[0])) / at
    assert off <= s.error
    assert not s.kink
    assert x.tolist() == [at]


def test_a_slope_sees_both_sides_of_a_kink():
    x = np.zeros(1)
    s = directional_derivative(lambda: np.maximum(x, 0.2 * x), x, np.ones(1), np.ones(1), magnitude=1.0)
    assert s.kink
    assert np.allclose([s.left, s.right], [[0.2], [1.0]])


def test_a_steep_bend_is_no_kink():
    for x in (np.array([1e-3]), np.array([0.0])):
        assert not directional_derivative(lambda x=x: np.tanh(100 * x), x, np.ones(1), np.ones(1), magnitude=1.0).kink
        assert not directional_derivative(lambda x=x: x**2, x, np.ones(1), np.ones(1), magnitude=1.0).kink


def test_columns_are_the_jacobian():
    A, x = rng().standard_normal((3, 4)), rng(1).standard_normal(4)
    found = jacobian(lambda: A @ x, x, np.ones(3), 1.0, np.array([0, 2]))
    assert np.allclose([s.central for s in found.columns], A[:, [0, 2]].T, rtol=1e-9)
    assert np.allclose(found.vjp(np.array([1.0, 0, 0])), A[0, [0, 2]])


def test_the_resolution_of_a_difference_is_that_of_its_terms():
    x = np.full(3, 1e6)
    assert magnitude_of_terms(lambda: x - 1e6, [x], np.ones(3), rng()) > 1e5
    assert magnitude_of_terms(lambda: 2 * x, [x], np.ones(3), rng()) < 1e7


@pytest.mark.parametrize("kind", ["x", "W"])
def test_checks_agree_with_plain_differences(kind):
    """Another implementation of differences, without a line in common, finds the same numbers."""
    W, x = rng().standard_normal((4, 3)), rng(2).standard_normal((5, 4))

    def forward(x):
        return np.tanh(x @ W).sum()

    report = gradcheck(forward=forward, backward=lambda dy, x: (dy * x, {"W": dy * W}), x=x, params={"W": W})
    numbers = next(c for c in report.comparisons if c.name == kind)
    plain = numeric_gradient(lambda: forward(x), {"x": x, "W": W}[kind])
    assert np.allclose(numbers.numeric, plain.ravel(), rtol=1e-7, atol=1e-9)


def test_entries_on_request():
    report = gradcheck(ng.Linear(4, 3), entries=True)
    assert [c.numeric.size for c in report.comparisons] == [20, 12, 3]
    assert all(np.allclose(c.analytic, c.numeric, rtol=1e-6, atol=1e-9) for c in report.comparisons)
    assert all(c.where != "direction" for c in report.comparisons)
    assert all(c.where == "direction" for c in gradcheck(ng.Linear(4, 3)).comparisons)


def test_one_wrong_entry_among_many_is_found():
    W, b = rng().standard_normal((40, 30)), np.zeros(30)
    pair = linear(W, b)

    def backward(dy, x):
        dx, grads = pair["backward"](dy, x)
        grads["W"][17, 5] += 0.001 * np.abs(grads["W"]).max()
        return dx, grads

    report = gradcheck(x=rng(1).standard_normal((6, 40)), **{**pair, "backward": backward})
    assert [c.name for c in report.comparisons if c.verdict != "ok"] == ["W"]


def test_a_large_network_is_quick():
    net = ng.Network([ng.Linear(200, 300), ng.LeakyReLU(0.2), ng.Linear(300, 200), ng.Tanh()])
    report = gradcheck(net, rng().standard_normal((32, 200)))
    assert report.ok, report
    assert report.rel_error <= 1e-6


@pytest.mark.parametrize("wrong", [1e-4, 1e-2, 1.0])
def test_small_mistakes_are_found_too(wrong):
    W, b = rng().standard_normal((4, 3)), np.zeros(3)
    report = gradcheck(x=rng(1).standard_normal((5, 4)), **linear(W, b, wrong))
    assert [c.verdict == "ok" for c in report.comparisons] == [True, False, True]
    assert "off by a constant factor" in report.diagnosis
    assert gradcheck(x=rng(1).standard_normal((5, 4)), tolerance=10 * wrong, **linear(W, b, wrong)).ok


# --- kinks


def test_a_kink_is_reported_and_the_point_is_moved():
    x = rng().standard_normal((4, 3))
    x[1, 2] = 0
    report = gradcheck(ng.ReLU(), x)
    assert report.ok
    assert any("kink" in note and "[1, 2]" in note for note in report.notes)
    assert not gradcheck(ng.ReLU(), rng().standard_normal((4, 3))).notes


@pytest.mark.parametrize("at_zero", [0.0, 0.4, 1.0])
def test_any_slope_between_the_two_sides_is_accepted_at_a_kink(at_zero):
    x = np.array([[0.0, 1.0, -1.0]])
    pair = {"forward": lambda x: np.maximum(x, 0), "backward": lambda dy, x: dy * np.where(x == 0, at_zero, x > 0)}
    assert gradcheck(**pair, x=x).ok


@pytest.mark.parametrize("at_zero", [-0.5, 1.5, np.nan])
def test_a_slope_outside_of_the_two_sides_is_not(at_zero):
    x = np.array([[0.0, 1.0, -1.0]])
    pair = {"forward": lambda x: np.maximum(x, 0), "backward": lambda dy, x: dy * np.where(x == 0, at_zero, x > 0)}
    report = gradcheck(**pair, x=x)
    assert not report.ok
    assert "correct everywhere but at kinks" in report.diagnosis
    assert report.comparisons[0].verdict == "wrong at kinks"


def test_a_check_of_zeros_says_that_it_says_little():
    report = gradcheck(ng.ReLU(), -np.ones((3, 2)))
    assert report.ok
    assert "try another x" in str(report)
    assert "try another x" not in str(gradcheck(ng.Network([ng.Linear(4, 3), ng.BatchNorm(3)])))


def test_a_mistake_is_found_at_a_kink_too():
    x = np.zeros((3, 2))
    report = gradcheck(forward=lambda x: np.maximum(x, 0), backward=lambda dy, x: -dy * (x > 0), x=x)
    assert "sign flipped" in report.diagnosis


# --- conduct that only a layer can show


class Mixing(ng.Layer):
    """Takes the mean over the batch out, and says that rows do not matter to each other."""

    def forward(self, x, train=False, rng=None):
        return x - x.mean(axis=0), None

    def backward(self, dy, cache, params=True, inputs=True, add=True):
        return dy - dy.mean(axis=0)


def test_a_layer_that_mixes_rows_must_say_so(monkeypatch):
    assert "rowwise = False" in gradcheck(Mixing()).diagnosis
    monkeypatch.setattr(Mixing, "rowwise", False)
    assert gradcheck(Mixing()).ok


class InFloat32(ng.Layer):
    def forward(self, x, train=False, rng=None):
        return np.tanh(x.astype("float32")).astype(x.dtype), x

    def backward(self, dy, x, params=True, inputs=True, add=True):
        return dy * (1 - np.tanh(x) ** 2)


def test_a_cast_on_the_way_is_found():
    assert "wrong dtype" in gradcheck(InFloat32()).diagnosis


def test_parameters_in_single_precision_are_pointed_out():
    W, b = rng().standard_normal((4, 3)).astype("float32"), np.zeros(3)
    assert "W is float32" in gradcheck(x=rng(1).standard_normal((5, 4)), **linear(W, b)).diagnosis


def test_a_forward_that_overflows_is_pointed_out():
    report = gradcheck(forward=np.log, backward=lambda dy, x: dy / x, x=np.array([-1.0, 2.0]))
    assert "not finite" in report.diagnosis
    report = gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x) + np.inf, x=np.array([-1.0, 2.0]))
    assert "not finite" in report.diagnosis


def test_a_wrong_shape_is_pointed_out():
    x = rng().standard_normal((5, 4))
    report = gradcheck(forward=np.sin, backward=lambda dy, x: dy[:3], x=x)
    assert "wrong shape" in report.diagnosis


# --- what it prints


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
