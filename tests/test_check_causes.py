"""The cause of a wrong gradient, in exact sentences: factors by their names, borders from both sides, odd shapes."""

import numpy as np
import pytest
from pairs import rng

from numgan.check import gradcheck
from numgan.check.evidence import Evidence, close
from numgan.check.pairs import Pair


def normal(*shape, seed=0):
    return rng([seed, *shape]).standard_normal(shape)


def text(backward, x, forward=np.sin, **params):
    """The diagnosis without its numbers."""
    lines = gradcheck(forward=forward, backward=backward, x=x, params=params).diagnosis.splitlines()
    return "\n".join(line.partition(". d")[0] for line in lines)


X = normal(5, 3)


def scaled(c, x=X):
    return text(lambda dy, x: c * dy * np.cos(x), x)


# Factors


@pytest.mark.parametrize(
    ("factor", "name"),
    [(5, "m = 5"), (1 / 5, "1/m = 1/5"), (2, "2"), (1 / 2, "½"), (3, "n = 3"), (1 / 3, "1/n = 1/3"), (15, "m n = 15"),
     (1 / 15, "1/(m n) = 1/15"), (1.25, "1.25"), (-2, "-2"), (-1.003, "-1.003"), (0.1234567, "0.123457"),
     (2 + 3e-5, "2.00003"), (1 + 2e-5, "1.00002")],
)  # fmt: skip
def test_a_factor_by_its_name(factor, name):
    assert scaled(factor) == f"x: off by a constant factor: dx is {name} times the correct one"


def test_a_flipped_sign_is_a_factor_of_minus_one_to_five_digits():
    for c in (-1, -1 - 0.9e-5, -1 + 0.9e-5):
        assert scaled(c) == "x: sign flipped: −dx is correct"
    assert scaled(-1 - 1.2e-5) == "x: off by a constant factor: dx is -1.00001 times the correct one"
    assert scaled(-1 + 1.2e-5) == "x: off by a constant factor: dx is -0.999988 times the correct one"


def test_factors_of_one_row_of_a_sum_and_of_a_weight():
    assert scaled(3, X[:1]) == "x: off by a constant factor: dx is n = 3 times the correct one"
    assert scaled(2, X[0]) == "x: off by a constant factor: dx is 2 times the correct one"
    assert scaled(5, np.array(0.3)) == "x: no known mistake explains it: all 1 entries are wrong"
    of_sum = text(lambda dy, x: 3 * dy * np.cos(x), X, lambda x: np.sin(x).sum())
    assert of_sum == "x: off by a constant factor: dx is n = 3 times the correct one"
    W, x = normal(4, 3), normal(5, 4)
    for c, name in ((15, "m n = 15"), (3, "n = 3"), (4, "4"), (1 / 15, "1/(m n) = 1/15")):
        found = text(lambda dy, x, c=c: (dy @ W.T, {"W": c * x.T @ dy}), x, lambda x: x @ W, W=W)
        assert found == f"W: off by a constant factor: dW is {name} times the correct one"


def test_what_is_averaged_everywhere_is_a_factor_and_what_is_averaged_in_sums_is_a_mean():
    W, b, x = normal(4, 3), normal(3), normal(5, 4)

    def forward(x):
        return x @ W + b

    def averaged(dx):
        return text(lambda dy, x: (dy @ W.T / dx, {"W": x.T @ dy / 5, "b": dy.mean(axis=0)}), x, forward, W=W, b=b)

    assert averaged(5).splitlines() == [
        f"{name}: off by a constant factor: d{name} is 1/m = 1/5 times the correct one" for name in ("x", "W", "b")
    ]
    assert averaged(1).splitlines() == [
        f"{name}: averaged over the batch instead of summed: d{name} is a sum over rows; any 1/m (m = 5) is in dy"
        for name in ("W", "b")
    ]


def test_a_scalar_function_has_no_batch_and_no_bias():
    def says(c):
        lines = gradcheck(value=lambda t: (t**3).sum(), grad=lambda t: c * 3 * t**2, at=np.arange(1.0, 5)).diagnosis
        return lines.partition(". d")[0]

    assert says(1 / 4) == "theta: off by a constant factor: dtheta is 1/m = 1/4 times the correct one"
    assert says(0) == "theta: gradient missing: backward returns zeros for theta, but y depends on it"


def test_what_differs_after_the_fifth_digit_is_put_down_to_nothing_else():
    says = "x: wrong after the fifth digit: dx is off by {} of its largest entry, as by a rounded constant"
    assert scaled(1 + 0.5e-5) == says.format("5.0e-06")
    assert scaled(1 - 0.9e-5) == says.format("9.0e-06")
    assert gradcheck(forward=np.sin, backward=lambda dy, x: (1 + 0.9e-6) * dy * np.cos(x), x=X).ok
    assert gradcheck(forward=np.sin, backward=lambda dy, x: (1 + 0.9e-5) * dy * np.cos(x), x=X, tolerance=1e-5).ok
    softplus = gradcheck(
        forward=lambda x: np.logaddexp(0, x), backward=lambda dy, x: 1.000008 * dy / (1 + np.exp(-x)), x=X, entries=True
    )
    assert softplus.diagnosis.partition(". d")[0] == says.format("8.0e-06")


# Shapes


@pytest.mark.parametrize("m", [2, 5])
def test_a_column_against_a_row(m):
    t, a = normal(m, seed=1), normal(m)
    for x, target, other in ((a, t[:, None], (m, 1)), (a[:, None], t, (m,))):

        def right_one(dy, a, t=t):
            return dy * 2 * (a - t.reshape(a.shape)) / m

        assert text(right_one, x, lambda a, target=target: ((a - target) ** 2).mean()) == (
            "x: (m,) against (m, 1) broadcast: forward makes an array (m, m); "
            f"with x of shape {other} the gradient is correct"
        )
        assert text(lambda dy, a, t=t: dy * (a.reshape(-1, 1) - t), x, lambda a: (a**2).sum()) == (
            f"x: (m,) against (m, 1) broadcast: dx has the shape (m, m) = ({m}, {m}); x has {x.shape}"
        )


def test_one_row_cannot_be_broadcast():
    assert text(lambda dy, x: dy[None], np.array([0.7])) == (
        "x: wrong shape: dx must have the shape of x, (1,); got (1, 1)"
    )


@pytest.mark.parametrize(("m", "row"), [(2, 0), (2, 1), (4, 2)])
def test_one_row_alone(m, row):
    W, x = normal(3, 2), normal(m, 3)
    found = text(lambda dy, x: (dy @ W.T, {"W": np.outer(x[row], dy[row])}), x, lambda x: x @ W, W=W)
    assert found == f"W: not summed over the batch: dW contains only the contribution of row {row}"
    found = text(lambda dy, x: (dy @ W.T, {"W": x[:, :, None] * dy[:, None]}), x, lambda x: x @ W, W=W)
    assert found == (
        f"W: not summed over the batch: dW ({m}, 3, 2) has a row per example; its sum over rows is correct"
    )


# Values


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_entry_that_is_not_finite(value):
    def backward(dy, x):
        dx = dy * np.cos(x)
        dx[1, 2] = dx[3, 0] = value
        return dx

    assert text(backward, X) == f"x: not finite: dx[1, 2] is {value}: look for a division by 0 or the log of 0"


def test_a_tensor_that_is_read_only_far_away_is_read():
    """Where it changes its sign; where it is large; where it is far below 0."""
    W = np.array([-1.0, 2.0])
    for read in (lambda W: float(W[0] > 0 > W[1]), lambda W: max(W[0] - 50, 0.0), lambda W: max(-W[0] - 50, 0.0)):
        found = text(lambda dy, x: (dy, {"W": dy.sum() * W}), X, lambda x, read=read: x + read(W), W=W)
        assert found.startswith("W: no known mistake explains it"), found
    unread = text(lambda dy, x: (dy, {"W": W}), X, lambda x: x + 0, W=W)
    assert unread == (
        "W: forward does not read params['W']: its derivative is 0 everywhere while the gradient is not; "
        "use that array itself, no copy"
    )
    assert text(lambda dy, x: dy, X, lambda x: x + 0, W=W) == (
        "W: forward does not read params['W']: its derivative is 0 everywhere while backward returns no gradient; "
        "use that array itself, no copy"
    )
    assert text(lambda dy, x: dy, X, lambda x: np.ones(4)).startswith("x: forward does not read x: ")
    found = gradcheck(value=lambda t: 1.0, grad=np.ones_like, at=np.ones(3)).diagnosis
    assert found.startswith("theta: forward does not read its argument (theta): its derivative is 0")


def test_a_gradient_must_be_linear_in_dy_in_its_size_and_in_its_sign():
    says = "x: not linear in dy: backward(2 dy) is not 2 backward(dy), or backward(−dy) not −backward(dy), in dx"
    assert text(lambda dy, x: np.abs(dy) * np.cos(x) * x**2, X) == says
    assert text(lambda dy, x: dy**3 * np.cos(x) * x**2, X) == says
    assert text(lambda dy, x: dy * (1 + x**2), X).startswith("x: no known mistake explains it: ")


# Activations


@pytest.mark.parametrize(
    ("f", "df", "formula"),
    [
        (np.tanh, lambda y: 1 - y * y, "1 − y²"),
        (lambda h: 1 / (1 + np.exp(-h)), lambda y: y * (1 - y), "y (1 − y)"),
        (np.exp, lambda y: y, "y"),
    ],
)
def test_the_formula_in_y_that_was_computed_from_h(f, df, formula):
    W, b, x = normal(4, 3), normal(3), normal(5, 4)

    def backward(dy, x):
        g = dy * df(x @ W + b)
        return g @ W.T, {"W": x.T @ g, "b": g.sum(axis=0)}

    assert text(backward, x, lambda x: f(x @ W + b), W=W, b=b).splitlines() == [
        f"{name}: derivative taken at the input instead of the output: {formula} must be computed from y = f(x)"
        for name in ("x", "W", "b")
    ]


@pytest.mark.parametrize(
    "cached", [lambda v: {"n": 3, "y": v}, lambda v: [v, None], lambda v: (1.0, {"a": [v]}), lambda v: v]
)
def test_what_a_cache_holds_is_found_in_any_container(cached):
    def inside(cache):
        while not isinstance(cache, np.ndarray):
            values = cache.values() if isinstance(cache, dict) else cache
            cache = next(v for v in values if isinstance(v, np.ndarray | dict | list))
        return cache

    found = text(
        lambda dy, cache: dy / (1 + np.exp(-inside(cache))),
        X,
        lambda x: (np.logaddexp(0, x), cached(np.logaddexp(0, x))),
    )
    assert found == (
        "x: derivative taken at the output instead of the input: f′ is written in x, but the cache holds y = f(x)"
    )
    found = text(lambda dy, cache: dy * (1 - inside(cache) ** 2), X, lambda x: (np.tanh(x), cached(x)))
    assert found == (
        "x: derivative taken at the input instead of the output: f′ is written in y = f(x), but the cache holds x"
    )


def test_a_derivative_at_the_output_that_no_cache_shows():
    found = text(lambda dy, x: dy * np.cos(np.sin(x)), X)
    assert found == "x: derivative taken at the output instead of the input: dx is dy f′(y), it must be dy f′(x)"


@pytest.mark.parametrize(("divided", "by"), [("nothing", 1), ("rows", 5), ("entries", 15)])
def test_logits_without_their_softmax_or_their_sigmoid(divided, by):
    t = np.eye(3)[[0, 2, 1, 1, 2]]

    def softmax_loss(a):
        return (np.log(np.exp(a).sum(axis=1)).sum() - (t * a).sum()) / by

    def sigmoid_loss(a):
        return (np.logaddexp(0, a) - t * a).sum() / by

    for name, loss in (("softmax", softmax_loss), ("sigmoid", sigmoid_loss)):
        says = f"x: {name} forgotten: dx is written as x − t, must be {name}(x) − t"
        assert text(lambda dy, a: dy * (a - t) / by, X, loss) == says
        assert text(lambda dy, a: -2.5 * dy * (a - t) / by, X, loss) == f"{says}, and there is a factor of -2.5 too"


def test_a_column_of_constants_is_no_normalisation_and_warns_nobody():
    x = X.copy()
    x[:, 1] = 0.5
    assert text(lambda dy, x: dy * (np.cos(x) + x**2), x).startswith("x: no known mistake explains it")


# Where


def slopes(below, above):
    return text(lambda dy, x: dy * np.where(x > 0, above, below), X, lambda x: np.where(x > 0, x, 0.2 * x))


def test_the_slope_that_is_wrong_and_the_one_it_must_be():
    assert slopes(0.3, 1) == "x: wrong only where x < 0: off by the factor 1.5 there, the slope is 0.3, must be 0.2"
    assert slopes(0.2, 1.5) == "x: wrong only where x > 0: off by the factor 1.5 there, the slope is 1.5, must be 1"
    assert slopes(0, 1) == "x: wrong only where x < 0: the slope is 0, must be 0.2"
    assert slopes(0.4, -3) == (
        "x: wrong on both sides of 0: where x < 0 the slope is 0.4, must be 0.2, where x > 0 the slope is -3, must be 1"
    )
    assert slopes(1, 0.2) == "x: mask flipped: the slope for x > 0 is used where x < 0, and vice versa"
    found = text(lambda dy, x: dy * np.where(x > 0, 1, 0.1), X, lambda x: np.maximum(x, 0))
    assert found == "x: wrong only where x < 0: the slope is 0.1, must be 0"
    assert slopes(0.20004, 1) == (
        "x: wrong only where x < 0: off by the factor 1.0002 there, the slope is 0.20004, must be 0.2"
    )


def square(wrong, x=X, c=2.0, curve=0.0):
    """2 x dy, times c (1 + curve x) where `wrong` is true."""
    return text(lambda dy, x: 2 * dy * x * np.where(wrong, c + curve * x, 1), x, np.square)


def places(*where, shape=(5, 3)):
    wrong = np.zeros(shape, dtype=bool)
    for w in where:
        wrong[w] = True
    return wrong


def test_rows_and_columns_that_are_wrong():
    there = "off by the factor 2 there"
    assert square(places(2)) == f"x: wrong only in row 2: {there}"
    assert square(places(0, 3)) == f"x: wrong only in rows 0, 3: {there}"
    assert square(places((slice(None), 2))) == f"x: wrong only in column 2: {there}"
    assert square(places((2, 0), (2, 2))) == f"x: wrong only in row 2: {there}"
    assert (
        square(places((0, 0), (2, 1)))
        == "x: no known mistake explains it: 2 of 15 entries are wrong, at [0, 0], [2, 1]"
    )
    assert square(places(0, 1, 3)) == (
        "x: no known mistake explains it: 9 of 15 entries are wrong, at [0, 0], [0, 1], [0, 2] …"
    )
    assert square(places((0, 1), (2, 1), (3, 1)), curve=1.0) == (
        "x: wrong only in column 1: no known mistake explains it"
    )
    wide = normal(3, 6)
    half = places((1, 0), (1, 2), (1, 5), shape=(3, 6))
    assert square(half, wide) == "x: no known mistake explains it: 3 of 18 entries are wrong, at [1, 0], [1, 2], [1, 5]"
    half[1, 1] = True
    assert square(half, wide) == "x: wrong only in row 1: off by the factor 2 there"


def test_a_border_in_x_or_in_its_size():
    x = np.array([-4.0, -3, -2, -1, 0.5, 2, 3, 5])
    assert square(x > 2.5, x) == "x: wrong only where x > 2.5: off by the factor 2 there"
    assert square(x < -2.5, x) == "x: wrong only where x < -2.5: off by the factor 2 there"
    assert square(x < -0.5, x, c=3) == "x: wrong only where x < 0: off by the factor 3 there"
    assert square(np.abs(x) > 3.5, x) == "x: wrong only where |x| > 3.5: off by the factor 2 there"
    assert square(np.abs(x) < 1.5, x) == "x: wrong only where |x| < 1.5: off by the factor 2 there"
    assert square(x > 2.5, x, curve=1.0) == "x: wrong only where x > 2.5: no known mistake explains it"
    one = "x: no known mistake explains it: {} entries are wrong, at {}"
    assert square(x > 4, x) == one.format("1 of 8", "[7]")
    assert square(x[1:] > 2.5, x[1:]) == one.format("2 of 7", "[5], [6]")
    assert square((x > 1) & (x < 4), x) == one.format("2 of 8", "[5], [6]")


# What the evidence holds


def test_close_is_five_digits_of_the_largest_and_nan_is_unknown():
    v = np.array([[100.0, -3.0], [0.0, 1.0]])
    assert close(v + 0.99e-3, v)
    assert not close(v + 1.01e-3, v)
    assert close(np.where(v < 0, np.nan, v), v)
    assert not close(np.full((2, 2), np.nan), v)
    assert not close(None, v)
    assert not close(v[:1], v)
    assert not close(np.zeros((2, 2)), np.zeros((2, 2)))


def evidence(x, y, dy, name="x", **params):
    return Evidence(Pair("f", lambda x: (y, None), None, x, params), name, dy, y, 1.0, {}, {})


def equal(found, *expected):
    found = list(found)
    assert len(found) == len(expected)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_the_inputs_that_an_activation_may_have_had():
    W, V, b, c, x = normal(4, 3), normal(3, 2), normal(3), normal(2), normal(5, 4)
    e = evidence(x, normal(5, 3), normal(5, 3), W=W, b=b, c=c)
    equal(e.last_inputs(), x @ W, x @ W + b)
    assert [name for name, _ in e.first_inputs()] == ["x", "x W", "x W + b"]
    equal([h for _, h in e.first_inputs()], x, x @ W, x @ W + b)
    equal(evidence(x, x, x, W=W).last_inputs(), x)
    e = evidence(x, normal(5, 2), normal(5, 2), W=W, b=b, V=V, c=c)
    equal(e.last_inputs())
    assert [name for name, _ in e.first_inputs()] == ["x", "x W", "x W + b"]
    dh = e.dy
    g = dh @ V.T
    equal(
        e.backpropagated(dh), dh, x.T @ dh, dh.sum(0), g, x.T @ g, g.sum(0), g @ W.T, x.T @ (g @ W.T), (g @ W.T).sum(0)
    )
    equal(evidence(None, W, W, W=W).last_inputs())
    equal(evidence(None, W, W, W=W).first_inputs())
    equal(evidence(x, b, b, W=W).backpropagated(b), b)


def test_how_many_rows_there_are():
    assert evidence(X, X, X).m == 5
    assert evidence(X[0], X, X).m == 3
    assert evidence(np.array(2.0), X, X).m == 1
    assert evidence(None, X, X, "t", t=np.ones(7)).m == 7
    e = evidence(X, X, X, W=np.ones((7, 2)))
    assert (e.of("W").m, e.is_x, e.of("W").is_x, e.of("W").dname, e.dname) == (5, True, False, "dW", "dx")


def test_entries_count_as_wrong_from_the_fifth_digit_on():
    """Three of fifteen are off by some 1e-4 of the largest, in places that have nothing in common."""

    def backward(dy, x):
        off = np.zeros_like(x)
        off[[0, 2, 4], [0, 1, 2]] = 1e-4
        return dy * (np.cos(x) + off)

    assert text(backward, X) == "x: no known mistake explains it: 3 of 15 entries are wrong, at [0, 0], [2, 1], [4, 2]"
