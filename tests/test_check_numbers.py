"""Differences, the criterion and the contract by numbers: closed forms, and each bound probed from both sides."""

import numpy as np
import pytest
from pairs import linear, rng

import numgan as ng
from numgan.check import gradcheck
from numgan.check.compare import Criterion, Point
from numgan.check.contract import _holds_only_float32, nondeterministic
from numgan.check.differences import (
    EPS,
    directional_derivative,
    gradient_floor,
    jacobian,
    magnitude_of_terms,
    rms,
)
from numgan.check.pairs import Pair, gradient_name, pair_of_functions

ONE = np.ones(1)


# Differences


def test_a_cubic_by_its_closed_form():
    """x³ at 2 with h = 2e-4: coarse 3x² + h², fine 3x² + h²/4, and (4 fine − coarse)/3 has no error at all."""
    x, dy, calls = np.array([2.0]), np.array([5.0]), []

    def cube():
        calls.append(x[0] - 2)
        return x**3

    h = 2e-4
    d = directional_derivative(cube, x, np.array([1.0]), dy, magnitude=40.0)
    assert calls == pytest.approx([0, h, -h, h / 2, -h / 2], abs=1e-12)
    assert d.central == pytest.approx(12, rel=1e-11)
    assert d.right == pytest.approx(12 + 6 * h / 2 + h**2 / 4, rel=1e-11)
    assert d.left == pytest.approx(12 - 6 * h / 2 + h**2 / 4, rel=1e-11)
    assert d.error == pytest.approx(5 * 0.75 * h**2 + EPS * 40 / h, rel=0.01)
    assert not d.kink
    backwards = directional_derivative(cube, x, np.array([-3.0]), dy, magnitude=40.0)
    assert backwards.central == pytest.approx(-36, rel=1e-11)
    assert backwards.left < backwards.central < backwards.right


def test_step_sizes_are_tried_in_order_until_one_is_good():
    x, moved, noise = np.array([0.5]), [], rng()

    def noisy():
        moved.append(x[0] - 0.5)
        return noise.standard_normal(1)

    directional_derivative(noisy, x, ONE, ONE, magnitude=1.0)
    steps = np.array([1e-4, 1e-5, 1e-6, 1e-7, 1e-3, 1e-2]) / 2
    assert np.array(moved[1::4]) == pytest.approx(steps, rel=1e-6)
    assert np.array(moved[2::4]) == pytest.approx(-steps, rel=1e-6)
    assert np.array(moved[3::4]) == pytest.approx(steps / 2, rel=1e-6)
    assert len(moved) == 25


@pytest.mark.parametrize(("digits", "tried"), [(0.9, 1), (1.1, 2)])
def test_a_step_is_good_whose_error_is_a_hundred_millionth_of_the_derivative(digits, tried):
    """a x³ + x at 1: the error is ¾ a h², h = 1e-4, of a derivative of 3 a + 1."""
    x, a, calls = np.ones(1), digits / 0.75, []

    def f():
        calls.append(1)
        return a * x**3 + (1 - 3 * a) * x

    directional_derivative(f, x, ONE, ONE, magnitude=1e-9)
    assert len(calls) == 1 + 4 * tried


@pytest.mark.parametrize(
    ("bend", "curve", "slope", "magnitude", "kink"),
    [
        (0.9 * 1.11e-9, 0, 0, 1, False),  # 2 bend against 1000 EPS magnitude / h, where h = 1e-4
        (1.1 * 1.11e-9, 0, 0, 1, True),
        (1.1 * 1.11e-9, 0, 0, 3, False),
        (0.45e-6, 0, 1, 1, False),  # against a millionth of the slope
        (0.55e-6, 0, 1, 1, True),
        (0.9e-4, 1, 0, 1, False),  # against the curvature, h / 2 of which is left in half of the step
        (1.1e-4, 1, 0, 1, True),
    ],
)
def test_what_counts_as_a_kink(bend, curve, slope, magnitude, kink):
    x = np.zeros(1)
    f = lambda: bend * np.abs(x) + curve * x**2 + slope * x  # noqa: E731
    assert directional_derivative(f, x, ONE, ONE, magnitude).kink == kink


def test_a_kink_beside_the_point_is_none():
    for distance in (2e-4, 2e-5, 2e-6, 3e-7):
        x = np.ones(1)
        d = directional_derivative(lambda x=x, k=1 + distance: np.abs(x - k), x, ONE, ONE, 1.0)
        assert (d.kink, float(d.central[0])) == (False, pytest.approx(-1, rel=1e-8))


def test_bounds_at_a_kink_go_by_each_output():
    """y = (|x|, −2|x|, 3x) and dy = (1, 3, −1): −1 … 1, −6 … 6 and −3."""
    x, dy = np.zeros(2), np.array([1.0, 3.0, -1.0])
    J = jacobian(lambda: np.array([abs(x[1]), -2 * abs(x[1]), 3 * x[1] + x[0]]), x, dy, 1.0, np.array([1, 0]))
    low, high = J.bounds(dy)
    assert low == pytest.approx([-10, -1])
    assert high == pytest.approx([4, -1])
    assert J.kinks.tolist() == [True, False]
    assert J.vjp(dy) == pytest.approx([-3, -1])
    assert J.errors.shape == (2,)


def test_magnitudes_and_floors():
    x = np.full(2, 4.0)
    dy = np.array([2.0, 1.0])
    assert magnitude_of_terms(lambda: x.copy(), [x], dy, rng()) == pytest.approx(np.sqrt(80), rel=1e-12)
    assert magnitude_of_terms(lambda: 0 * x, [x], dy, rng()) == 1e-3
    cancelling = magnitude_of_terms(lambda: (x + 1024) - 1024, [x], np.ones(2), rng())
    assert cancelling == pytest.approx(np.sqrt(32), rel=1e-12) or cancelling >= 256
    assert x.tolist() == [4, 4]
    assert rms(np.array([3.0, 4.0])) == pytest.approx(np.sqrt(12.5))
    assert rms(np.zeros(3)) == 1
    assert gradient_floor(np.array([3.0, 4.0]), 50.0) == pytest.approx(0.05 / np.sqrt(12.5))


# The criterion


def test_a_verdict_on_its_border():
    criterion = Criterion(rng(), 1e-6)
    assert criterion.verdict(1e-6, False) == "ok"
    assert criterion.verdict(1.0001e-6, False) == "wrong"
    assert criterion.verdict(1.0, True) == "ok"


@pytest.mark.parametrize(
    ("error", "off", "errors", "rounding"),
    [
        (2e-6, 0.099, [0.01, 0.01], True),
        (2e-6, 0.101, [0.01, 0.01], False),
        (2e-6, 0.099, [0.01, 0.0101], True),
        (0.9e-6, 0.099, [0.01, 0.01], False),
        (2e-6, 0.05, [0.01, 0.0199], True),
        (2e-6, 0.05, [0.01, 0.0201], False),
    ],
)
def test_what_is_put_down_to_rounding(error, off, errors, rounding):
    """Ten times the error of each difference, if that is at most a hundredth of the largest gradient, 2."""
    numeric, analytic = np.array([-2.0, 1.0]), np.array([-2.0, 1.0 - off])
    for a, n in ((analytic, numeric), (numeric, analytic)):
        assert Criterion(rng(), 1e-6).is_rounding(error, a, n, np.array(errors)[::-1]) == (
            rounding and off <= 10 * errors[0]
        )


def test_which_entries_are_compared_one_by_one():
    criterion = Criterion(rng(), 1e-6)
    assert criterion.sample_entries(np.zeros((20, 20))).tolist() == list(range(400))
    some = criterion.sample_entries(np.zeros((3, 134)))
    assert len({*some.tolist()}) == len(some) == 400
    assert min(some) >= 0
    assert max(some) < 402


def point(forward, backward, x, params=None, tolerance=1e-6):
    pair = pair_of_functions(forward, backward, x, params)
    return Point(pair, rng(1).standard_normal(pair.y().shape), Criterion(rng(2), tolerance))


def test_directions_are_signs_times_one_half_to_three_halves():
    """The derivative of Σ x along v is Σ v: of one number, v itself."""
    at = point(lambda x: x.sum(), lambda dy, x: dy * np.ones_like(x), np.array([3.0]))
    at.dy = np.array(1.0)
    v = np.array([float(at.along_a_direction("x", np.ones(1)).analytic) for _ in range(200)])
    assert 0.5 <= np.abs(v).min() < 0.6
    assert 1.4 < np.abs(v).max() <= 1.5
    assert 60 < (v > 0).sum() < 140


def test_the_error_along_a_direction():
    """Against the largest entry of the gradient, where the derivative itself is small by chance."""
    x = np.linspace(1, 2, 12).reshape(4, 3)
    seen = set()
    for seed in range(12):
        report = gradcheck(
            forward=lambda x: (x**2).sum(), backward=lambda dy, x: dy * 1.02 * 2 * x, x=x, tolerance=0.9, seed=seed
        )
        (c,) = report.comparisons
        a, n = float(c.analytic), float(c.numeric)
        assert a == pytest.approx(1.02 * n)
        assert c.rel_error == pytest.approx(abs(a - n) / max(abs(a), 1.02 * 2 * x.max()), rel=1e-4)
        seen.add(abs(a) > 1.02 * 2 * x.max())
    assert seen == {True, False}


@pytest.mark.parametrize("wrong", [1e-3, 0.1])
def test_a_tolerance_from_both_sides(wrong):
    """Entry by entry a factor 1 + w is an error of w / (1 + w)."""
    error, x = wrong / (1 + wrong), rng(1).standard_normal((5, 4))
    for tolerance, verdict in ((1.001 * error, "ok"), (0.999 * error, "off by a constant factor")):
        pair = linear(rng().standard_normal((4, 3)), np.zeros(3), wrong)
        report = gradcheck(x=x, tolerance=tolerance, entries=True, **pair)
        assert [c.verdict for c in report.comparisons] == ["ok", verdict, "ok"]
        assert report.comparisons[1].rel_error == pytest.approx(error, rel=1e-6)
        assert report.rel_error == report.comparisons[1].rel_error


def test_what_is_negligible_goes_by_the_terms_of_the_loss_and_by_the_gradient():
    x = np.array([[3.0, 4.0]])
    at = point(lambda x: 1000 * x, lambda dy, x: 1000 * dy, x)
    terms = 1000 * np.linalg.norm(at.dy * x)
    assert 0.99 * terms <= at.magnitude < 2 * terms
    assert at.negligible("x") == pytest.approx(1e-6 * 1e-3 * at.magnitude / np.sqrt(12.5))
    large = point(lambda x: 0.001 * x, lambda dy, x: 1e6 * dy, x)
    assert large.magnitude == pytest.approx(1e6 * np.abs(large.dy).max() * rms(x))
    broken = point(lambda x: 1000 * x, lambda dy, x: np.nan * dy, x)
    assert 0.99 * terms <= broken.magnitude < 2 * terms


def test_two_wrong_tensors_each_with_its_own_numbers():
    W, b, x = rng().standard_normal((4, 3)), rng(3).standard_normal(3), rng(1).standard_normal((5, 4))
    dys = []

    def backward(dy, x):
        dys.append(dy.copy())
        return dy @ W.T, {"W": 3 * x.T @ dy, "b": -dy.sum(axis=0)}

    report = gradcheck(forward=lambda x: x @ W + b, backward=backward, x=x, params={"W": W, "b": b})
    dW, db = x.T @ dys[0], dys[0].sum(axis=0)
    i, j = np.unravel_index(np.abs(dW).argmax(), dW.shape)
    k = np.abs(db).argmax()
    assert report.diagnosis.splitlines() == [
        f"W: off by a constant factor: dW is n = 3 times the correct one. "
        f"dW[{i}, {j}] is {3 * dW[i, j]:.6g}, central differences give {dW[i, j]:.6g}",
        f"b: sign flipped: −db is correct. db[{k}] is {-db[k]:.6g}, central differences give {db[k]:.6g}",
    ]
    assert [c.verdict for c in report.comparisons] == ["ok", "off by a constant factor", "sign flipped"]
    assert [c.rel_error for c in report.comparisons[1:]] == pytest.approx([2 / 3, 2])


# The contract


@pytest.mark.parametrize(("difference", "found"), [(0.8e-12, False), (1.6e-12, True)])
def test_two_calls_may_differ_by_rounding(difference, found):
    calls = []

    def forward(x):
        calls.append(1)
        return np.array([[1.0, 2.0 + 2 * difference * (len(calls) % 2)]]), None

    says = nondeterministic(Pair("f", forward, lambda dy, cache: {}, np.ones((1, 2))), None)
    assert says == (
        "non-deterministic forward: two calls with the same x gave 2, then 2, at [0, 1]: "
        "give each call a random generator with the same seed, or pass the mask as an argument"
        if found
        else None
    )


class Shared(ng.Layer):
    """Adds a share of the other rows to each."""

    share = 0.0

    def forward(self, x, train=False, rng=None):
        return x + self.share * x[::-1] * (len(x) > 1), None

    def backward(self, dy, cache, params=True, inputs=True, add=True):
        return dy + self.share * dy[::-1] * (len(dy) > 1)


def violated(forward, backward, x=None, **params):
    x = rng().standard_normal((3, 2)) if x is None else x
    report = gradcheck(forward=forward, backward=backward, x=x, params=params)
    assert {c.verdict for c in report.comparisons} == {"not compared"}
    return report.diagnosis


def test_rules_in_their_own_words():
    W, x = np.array([[1.0, 2.0], [3.0, 4.0]]), rng().standard_normal((3, 2))

    def backward_that_doubles(dy, x):
        W[1, 0] *= 2
        return dy @ W.T, {"W": x.T @ dy}

    assert violated(lambda x: x @ W, backward_that_doubles, x, W=W) == (
        "input modified in place: backward changes W (a side effect), 3, then 6, at [1, 0]: work on a copy"
    )
    assert W[1, 0] == 3
    single = W.astype("float32")
    assert violated(lambda x: x @ single, lambda dy, x: (dy @ single.T, {"W": x.T @ dy}), x, W=single) == (
        "wrong dtype: W is float32: differences need float64, as in W.astype(np.float64)"
    )
    assert violated(lambda x: x @ W, lambda dy, x: (dy @ W.T, {"W": (x.T @ dy).astype("float32")}), x, W=W) == (
        "wrong dtype: dW is float32 although x is float64"
    )
    assert violated(np.log, lambda dy, x: dy / x, np.array([-1.0, 2.0])) == (
        "forward is not finite: y holds inf or nan, so it has no derivative here"
    )
    longer = []

    def forward_that_grows(x):
        longer.append(1)
        return np.zeros(len(longer))

    assert violated(forward_that_grows, lambda dy, x: 0 * x).startswith(
        "non-deterministic forward: two calls with the same x gave shape (4,), then (5,): give"
    )


@pytest.mark.parametrize(("share", "ok"), [(0.7e-9, True), (1.5e-9, False), (0.5, False)])
def test_rows_may_differ_by_rounding(share, ok, monkeypatch):
    monkeypatch.setattr(Shared, "share", share)
    report = gradcheck(Shared(), np.array([[4.0, -2.0], [1.0, 1.0], [4.0, 4.0]]))
    first = 4 + share * 4
    assert report.diagnosis == (
        ""
        if ok
        else f"rows depend on each other: row 0 of y, alone and in a batch, is 4, then {first:.6g}, at [0, 0]: "
        "set rowwise = False, or else D's step puts real and generated rows into one batch"
    )


class Careless(Shared):
    """Overwrites dy, and calls itself rowwise: two rules are broken."""

    share = 0.5

    def backward(self, dy, cache, params=True, inputs=True, add=True):
        dy *= 2
        return dy


def test_of_two_broken_rules_the_side_effect_is_told_first():
    assert gradcheck(Careless()).diagnosis == (
        "input modified in place: backward changes dy, its caller's array (a side effect): work on a copy"
    )


def test_long_float32_numbers_are_told_from_short_ones():
    thirteen, twelve = 4097 / 4096, 2049 / 2048  # so many bits
    assert _holds_only_float32(np.full(4, thirteen))
    assert not _holds_only_float32(np.full(4, twelve))
    assert not _holds_only_float32(np.full(3, thirteen))
    assert not _holds_only_float32(np.append(np.full(4, thirteen), 1 / 3))
    assert _holds_only_float32(np.append(np.full(4, np.float32(1 / 3)), [0, 1, 0.75]))


# What is checked


def test_names_of_gradients():
    assert [gradient_name(n) for n in ("W", "0.W", "1.2.beta", "x (evaluation)")] == [
        "dW", "0.dW", "1.2.dbeta", "dx (evaluation)"
    ]  # fmt: skip


def test_names_of_what_is_compared():
    names = ["x", "gamma", "beta"]
    assert [c.name for c in gradcheck(ng.BatchNorm(3)).comparisons] == [
        *names, *(f"{name} (evaluation)" for name in names)
    ]  # fmt: skip
    net = ng.Network([ng.Linear(3, 2), ng.Tanh()])
    assert [c.name for c in gradcheck(net).comparisons] == ["x", "0.W", "0.b"]
    assert [c.shape for c in gradcheck(net).comparisons] == [(5, 3), (3, 2), (2,)]


def test_a_layer_of_a_network_is_checked_at_its_own_parameters():
    """dx = W dy, so that Σ dx / db is W, but for a little noise."""
    net = ng.Network([ng.Linear(1, 1)])
    net.layers[0].W[...] = 100
    for obj in (net, net.layers[0]):
        dx, _, db = gradcheck(obj, entries=True).comparisons
        W = dx.analytic.sum() / db.analytic.sum()
        assert 0 < abs(W - 100) < 1
    assert net.layers[0].W == 100


class WrongInEvaluation(ng.Dropout):
    """Scales dx by 3 in evaluation."""

    def forward(self, x, train=False, rng=None):
        y, cache = super().forward(x, train, rng)
        return y, (train, cache)

    def backward(self, dy, cache, params=True, inputs=True, add=True):
        train, inner = cache
        return super().backward(dy, inner, params, inputs, add) * (1 if train else 3)


def test_a_mistake_in_evaluation_alone_is_named_with_its_mode():
    report = gradcheck(WrongInEvaluation(0.5), rng().standard_normal((6, 4)))
    assert [(c.name, c.verdict) for c in report.comparisons] == [
        ("x", "ok"),
        ("x (evaluation)", "off by a constant factor"),
    ]
    assert report.diagnosis.startswith(
        "x (evaluation): off by a constant factor: dx (evaluation) is 3 times the correct"
    )


def test_what_is_drawn_where_no_x_is_given():
    assert gradcheck(ng.Tanh()).comparisons[0].shape == (5, 4)
    assert [c.shape for c in gradcheck(ng.losses.hinge).comparisons] == [(5, 1), (4, 1), (4, 1)]
    assert gradcheck(ng.Tanh(), seed=1).comparisons[0].numeric != gradcheck(ng.Tanh()).comparisons[0].numeric
    assert gradcheck(ng.Tanh(), seed=1).comparisons[0].numeric == gradcheck(ng.Tanh(), seed=1).comparisons[0].numeric


def test_a_label_needs_its_labels():
    for x in (np.ones((4, 3)), (np.ones((4, 3)),), (np.ones((4, 3)), np.zeros(4, int), 1)):
        with pytest.raises(ng.InputError, match=r"Label takes rows and their labels: pass x=\(x, c\)"):
            gradcheck(ng.Label(3, 2), x)
    assert gradcheck(ng.Label(3, 2), (np.ones((4, 3)), np.array([0, 1, 1, 0]))).ok
