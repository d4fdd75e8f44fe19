"""The gradient check where things differ from each other: several tensors at once, of which one is wrong; training and
evaluation; two seeds; layers and functions with some of their methods or arguments only; arguments that are no default.
"""

import functools

import numpy as np
import pytest
from pairs import rng

import numgan as ng
from numgan.check import gradcheck, gradient_error, survey


def normal(*shape, seed=0):
    return rng([seed, *shape]).standard_normal(shape)


def causes(report):
    """The diagnosis without its numbers, line by line."""
    return [line.partition(". d")[0] for line in report.diagnosis.splitlines()]


def verdicts(report):
    return {c.name: c.verdict for c in report.comparisons}


# Kinks


def test_a_right_gradient_at_a_kink_is_ok_in_its_row_too():
    report = gradcheck(ng.ReLU(), np.array([[1.0, 0.0, -2.0], [3.0, -1.0, 0.5]]))
    assert (report.ok, verdicts(report)) == (True, {"x": "ok"})


def at_kinks(dx, dW):
    """|x| + Σ |W| with a 0 in either, where backward returns these slopes at the two zeros."""
    x, W = np.array([[1.0, 2.0, -3.0], [4.0, 0.0, 5.0]]), np.array([0.5, 0.0])
    return gradcheck(
        forward=lambda x: np.abs(x) + np.abs(W).sum(),
        backward=lambda dy, x: (
            dy * np.where(x == 0, dx, np.sign(x)),
            {"W": dy.sum() * np.where(W == 0, dW, np.sign(W))},
        ),
        x=x,
        params={"W": W},
    )


@pytest.mark.parametrize(("dx", "dW"), [(0.5, -0.5), (3, 0.5), (0.5, -3), (3, -3)])
def test_of_two_tensors_at_kinks_each_has_its_own_verdict_and_line(dx, dW):
    report = at_kinks(dx, dW)
    assert verdicts(report) == {"x": "wrong at kinks" if dx == 3 else "ok", "W": "wrong at kinks" if dW == -3 else "ok"}
    said = [line.partition(" is ")[0] for line in report.diagnosis.splitlines()]
    assert said == ["x: correct everywhere but at kinks: dx[1, 1]"] * (dx == 3) + [
        "W: correct everywhere but at kinks: dW[1]"
    ] * (dW == -3)
    assert [c.where for c in report.comparisons] == ["direction", "direction"]  # both have moved away


@pytest.mark.parametrize(
    ("given", "ok"), [(0.006, True), (0.008, False), (-7.006, True), (-7.008, False), (-3.0, True)]
)
def test_a_kink_whose_slopes_are_minus_seven_and_zero(given, ok):
    report = gradcheck(
        value=lambda t: max(-7 * t[0], 0.0) + t[1],
        grad=lambda t: np.array([given if t[0] == 0 else -7.0 * (t[0] < 0), 1]),
        at=np.array([0.0, 1.0]),
    )
    assert report.ok == ok
    assert ok or report.diagnosis.endswith(f"is {given}, the one-sided derivatives are -7 and 0")


# The cause


@pytest.mark.parametrize(("k", "l", "padding", "stride"), [(2, 2, 2, 1), (2, 1, 2, 1), (1, 3, 3, 2)])
def test_a_convolution_whose_padding_is_its_kernels_longer_side(k, l, padding, stride):  # noqa: E741
    """Images without channels; the kernel is turned about in dx and in dW."""
    W, x = normal(k, l), normal(2, 4, 5)
    padded = [(0, 0), (padding, padding), (padding, padding)]

    def windows(x):
        """(entry of the kernel, the pixels that it sees)."""
        big = np.pad(x, padded)
        for i, j in np.ndindex(k, l):
            rows, columns = big.shape[1] - k + 1, big.shape[2] - l + 1
            yield (i, j), big[:, i : i + rows : stride, j : j + columns : stride]

    def forward(x):
        return sum(W[entry] * pixels for entry, pixels in windows(x))

    def backward(turn):
        def of(dy, x):
            dx = np.zeros(np.pad(x, padded).shape)
            dW = np.zeros((k, l))
            V = np.flip(W, turn)
            for (i, j), pixels in windows(x):
                dx[:, i:, j:][:, : stride * dy.shape[1] : stride, : stride * dy.shape[2] : stride] += V[i, j] * dy
                dW[i, j] = (pixels * dy).sum()
            return dx[:, padding:-padding, padding:-padding], {"W": np.flip(dW, turn)}

        return of

    arguments = {"forward": forward, "x": x, "params": {"W": W}}
    assert gradcheck(backward=backward(()), **arguments).ok
    assert causes(gradcheck(backward=backward((0, 1)), **arguments)) == [
        f"{name}: kernel flipped: d{name} is correct with {what} turned about, [::-1, ::-1] along its rows and columns"
        for name, what in (("x", "W"), ("W", "itself"))
    ]


T = np.eye(3)[[0, 2, 1, 1, 2]]
A = normal(5, 3)


@pytest.mark.parametrize("c", [1, -1, 2.5])
def test_logits_whose_losses_are_one_number_a_row_or_an_entry(c):
    def softmax_rows(a):
        return np.log(np.exp(a).sum(axis=1)) - (T * a).sum(axis=1)

    def sigmoid_rows(a):
        return (np.logaddexp(0, a) - T * a).sum(axis=1)

    def sigmoid_entries(a):
        return np.logaddexp(0, a) - T * a

    too = "" if c == 1 else f", and there is a factor of {c} too"
    for name, loss in (("softmax", softmax_rows), ("sigmoid", sigmoid_rows), ("sigmoid", sigmoid_entries)):
        report = gradcheck(forward=loss, backward=lambda dy, a: c * dy.reshape(5, -1) * (a - T), x=A)
        assert causes(report) == [f"x: {name} forgotten: dx is written as x − t, must be {name}(x) − t{too}"]


def test_logits_of_a_scalar_function_that_are_only_three():
    a, t = np.array([0.3, -1.2, 2.0]), np.array([0.0, 1.0, 0.0])

    def says(value, grad):
        return causes(gradcheck(value=value, grad=grad, at=a))

    written = "theta: {0} forgotten: dtheta is written as x − t, must be {0}(x) − t"
    assert says(lambda a: (np.logaddexp(0, a) - t * a).sum(), lambda a: a - t) == [written.format("sigmoid")]
    assert says(lambda a: np.log(np.exp(a).sum()) - t @ a, lambda a: a - t) == [written.format("softmax")]
    p = 1 / (1 + np.exp(-a))
    assert says(lambda a: (np.logaddexp(0, a) - t * a).sum(), lambda a: (p - t) * p * (1 - p)) == [
        "theta: one factor f′ too many: dtheta is sigmoid′(x) times the correct one (with logits it cancels)"
    ]


def test_a_cause_must_explain_a_second_dy():
    """Where dy opens with a positive number, f′ is left out, else dx is doubled: with two dy of one sign, a cause."""
    x, seen = normal(4, 3), set()
    for seed in range(8):
        dys = []

        def backward(dy, x, dys=dys):
            if not any(np.array_equal(dy, old) for old in dys):
                dys.append(dy.copy())
            return dy if dy[0, 0] > 0 else 2 * dy * np.cos(x)

        report = gradcheck(forward=np.sin, backward=backward, x=x, seed=seed)
        first, second = (dy[0, 0] > 0 for dy in dys[:2])
        one = "activation's derivative forgotten" if first else "off by a constant factor"
        assert report.comparisons[0].verdict == (one if first == second else "not linear in dy")
        seen.add((first, second))
    assert len(seen) >= 3


def test_a_factor_that_goes_by_dy_is_no_constant():
    x = normal(4, 3)
    squared = gradcheck(forward=np.sin, backward=lambda dy, x: np.abs(dy).sum() * dy * np.cos(x), x=x)
    assert verdicts(squared) == {"x": "not linear in dy"}
    scalar = gradcheck(forward=lambda x: (x**2).sum(), backward=lambda dy, x: 1.25 * 2 * x, x=x)
    assert causes(scalar) == ["x: off by a constant factor: dx is 1.25 times the correct one"]


def test_which_of_two_square_matrices_was_transposed():
    W, V, x = normal(3, 3), normal(3, 3, seed=1), normal(5, 3)

    def dx(left, right):
        def backward(dy, x):
            return dy @ right @ left, {"W": x.T @ (dy @ V.T), "V": (x @ W).T @ dy}

        return causes(gradcheck(forward=lambda x: x @ W @ V, backward=backward, x=x, params={"W": W, "V": V}))

    says = "x: transposed: dx with {0}ᵀ for {0} is correct: dx = dy Wᵀ where y = x W"
    assert dx(W.T, V.T) == []
    assert dx(W, V.T) == [says.format("W")]
    assert dx(W.T, V) == [says.format("V")]


def test_gradients_that_are_exchanged_are_named_each_way():
    W, V = normal(2, 3), normal(2, 3, seed=1)

    def backward(dy, x):
        return dy, {"W": dy.sum() * np.cos(V), "V": dy.sum() * 2 * W}

    report = gradcheck(
        forward=lambda x: x + (W**2).sum() + np.sin(V).sum(), backward=backward, x=normal(4), params={"W": W, "V": V}
    )
    assert causes(report) == [
        "W: gradient of another argument returned: backward returns dV as dW",
        "V: gradient of another argument returned: backward returns dW as dV",
    ]


@pytest.mark.parametrize("wrong", ["x", "V", "beta"])
def test_what_is_missing_is_named_by_what_it_is(wrong):
    W, b, x = normal(4, 3), normal(3), normal(5, 4)

    def backward(zero):
        def of(dy, x):
            grads = {"x": dy @ W.T, "V": x.T @ dy, "beta": dy.sum(axis=0)}
            grads[wrong] = 0 * grads[wrong] if zero else None
            return grads.pop("x"), grads

        return of

    for zero, got in ((True, "zeros"), (False, "nothing")):
        report = gradcheck(forward=lambda x: x @ W + b, backward=backward(zero), x=x, params={"V": W, "beta": b})
        says = {
            "beta": f"bias gradient missing: backward returns {got} for beta; where y = x W + b, db = Σ_rows dy",
        }.get(wrong, f"gradient missing: backward returns {got} for {wrong}, but y depends on it")
        assert causes(report) == [f"{wrong}: {says}"]
        assert [name for name, verdict in verdicts(report).items() if verdict != "ok"] == [wrong]


# The contract


@pytest.mark.parametrize("x", [np.array([[0.3, -1.1, 2.0]]), np.full((4, 3), 0.7), np.array([0.5, 1.0, 0.5])])
def test_the_first_batch_is_another_one_whatever_x_is(x):
    """One row, equal rows, and rows that are the same backwards: a function that keeps its first batch is found out."""
    first = []

    def forward(x):
        first.append(x.copy())
        return np.exp(x)

    report = gradcheck(forward=forward, backward=lambda dy, x: dy * np.exp(first[0]), x=x)
    assert [v.partition(":")[0] for v in verdicts(report).values()] != ["ok"]


@pytest.mark.parametrize("cast", ["y", "dx", "dW"])
def test_which_array_was_cast_to_float32(cast):
    W, x = normal(4, 3), normal(5, 4)

    def of(name, a):
        return a.astype("float32").astype("float64") if name == cast else a

    report = gradcheck(
        forward=lambda x: of("y", x @ W),
        backward=lambda dy, x: (of("dx", dy @ W.T), {"W": of("dW", x.T @ dy)}),
        x=x,
        params={"W": W},
    )
    assert report.diagnosis == (
        f"wrong dtype: {cast} holds only float32 numbers although x is float64: an array is cast to float32"
    )


class Careless(ng.Linear):
    """A Linear with one broken rule, in one of its parameters."""

    name = rule = ""

    def backward(self, dy, x, params=True, inputs=True, add=True):
        g = getattr(self, f"d{self.name}")
        before, own = g.copy(), {"W": x.T @ dy, "b": dy.sum(axis=0)}[self.name]
        dx = super().backward(dy, x, params, inputs, add)
        if self.rule == "overwrites" and params:
            g[...] = own
        elif self.rule == "adds" and params:
            g[...] = before + own
        elif self.rule == "writes" and not params:
            g[...] = own
        elif self.rule == "adds unasked" and not params and add:
            g[...] = before + own
        return dx


@pytest.mark.parametrize("name", ["W", "b"])
@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("overwrites", "accumulation overwritten: with add=True backward must add to {}"),
        ("adds", "accumulation doubled on a second call: each call adds to the {} of the last: start from zeros"),
        ("writes", "gradient written although params=False: backward must then not modify {}"),
        ("adds unasked", "gradient written although params=False: backward must then not modify {}"),
    ],
)
def test_the_parameter_in_which_a_rule_is_broken(rule, says, name, monkeypatch):
    monkeypatch.setattr(Careless, "name", name)
    monkeypatch.setattr(Careless, "rule", rule)
    assert gradcheck(Careless(4, 3)).diagnosis == says.format(f"d{name}")
    assert gradcheck(ng.Network([ng.Tanh(), Careless(4, 3)])).diagnosis == says.format(f"1.d{name}")


class MixesInEvaluation(ng.Layer):
    """Noise in training; in evaluation the mean over the batch is taken out, and no row should depend on others."""

    stochastic = True

    def forward(self, x, train=False, rng=None):
        noise = rng.standard_normal(x.shape) if train else None
        return (x * noise if train else x - x.mean(axis=0)), noise

    def backward(self, dy, noise, params=True, inputs=True, add=True):
        return dy - dy.mean(axis=0) if noise is None else dy * noise


def test_rows_that_depend_on_each_other_in_evaluation_alone(monkeypatch):
    assert gradcheck(MixesInEvaluation()).diagnosis.startswith("rows depend on each other: row 0 of y, alone and in a")
    assert verdicts(gradcheck(MixesInEvaluation())) == {"x": "ok", "x (evaluation)": "not compared"}
    monkeypatch.setattr(MixesInEvaluation, "rowwise", False)
    assert gradcheck(MixesInEvaluation()).ok


# Which tensor, and by whom


def linear_but(*, forward=None, backward=None):
    """A Linear whose forward or backward also does this to the arrays that it was given, by name."""
    W, b, x = normal(4, 3), normal(3), normal(5, 4)

    def run(x):
        y = x @ W + b
        if forward:
            forward({"x": x, "W": W, "b": b})
        return y, x.copy()

    def back(dy, x_then):
        dx, grads = dy @ W.T, {"W": x_then.T @ dy, "b": dy.sum(axis=0)}
        if backward:
            backward({"W": W, "b": b, "dx": dx, **{f"d{name}": g for name, g in grads.items()}})
        return dx, grads

    return gradcheck(forward=run, backward=back, x=x, params={"W": W, "b": b}).diagnosis


@pytest.mark.parametrize("name", ["x", "W", "b"])
def test_the_array_that_is_changed_and_by_which_function(name):
    def change(arrays):
        arrays[name] += 1

    def says(by):
        return f"input modified in place: {by} changes {name} (a side effect), "

    assert linear_but() == ""
    assert linear_but(forward=change).startswith(says("forward"))
    if name != "x":
        assert linear_but(backward=change).startswith(says("backward"))


@pytest.mark.parametrize("name", ["dx", "dW", "db"])
def test_the_gradient_that_changes_from_call_to_call(name):
    calls = []

    def grows(arrays):
        calls.append(1)
        arrays[name] *= len(calls)

    def alternates(arrays):
        calls.append(1)
        arrays[name] *= (-1) ** len(calls)

    assert linear_but(backward=grows) == (
        f"accumulation doubled on a second call: each call adds to the {name} of the last: start from zeros"
    )
    assert linear_but(backward=alternates) == (
        f"input modified in place: a second backward with the same cache returns a different {name}"
    )


@pytest.mark.parametrize("name", ["dx", "dW", "db"])
def test_the_gradient_that_reads_the_last_batch(name):
    last = {}

    def scale(arrays):
        arrays[name] *= last["x"].sum()

    assert linear_but(forward=lambda arrays: last.update(x=arrays["x"].copy()), backward=scale) == (
        "stale cache: after a forward pass of another batch, backward returns a different "
        f"{name} for the same cache: it reads state kept between calls; it must read the cache that forward returned"
    )


@pytest.mark.parametrize("wrong", ["W", "b"])
def test_the_parameter_of_the_wrong_dtype_or_shape(wrong):
    params = {"W": normal(4, 3), "b": normal(3)}
    shape = params[wrong].shape

    def check(params, change=lambda g: g):
        def backward(dy, x):
            grads = {"W": x.T @ dy, "b": dy.sum(axis=0)}
            return dy @ params["W"].T, {**grads, wrong: change(grads[wrong])}

        return gradcheck(
            forward=lambda x: x @ params["W"] + params["b"], backward=backward, x=normal(5, 4), params=params
        )

    y = gradcheck(forward=lambda x: np.sin(x).astype("float32"), backward=lambda dy, x: dy * np.cos(x), x=normal(3))
    assert y.diagnosis == "wrong dtype: y is float32 although x is float64"
    single = check({**params, wrong: params[wrong].astype("float32")})
    assert single.diagnosis.startswith(f"wrong dtype: {wrong} is float32: differences need float64, as in {wrong}.as")
    assert check(params, lambda g: g.astype("float32")).diagnosis == (
        f"wrong dtype: d{wrong} is float32 although x is float64"
    )
    report = check(params, lambda g: g[:2])
    assert report.diagnosis == (
        f"{wrong}: wrong shape: d{wrong} must have the shape of {wrong}, {shape}; got {(2, *shape[1:])}"
    )
    assert [name for name, verdict in verdicts(report).items() if verdict != "ok"] == [wrong]


def test_a_backward_may_return_one_array_again_and_again():
    """Its numbers are read before the next call."""
    x = normal(4, 3)
    for c, found in ((1, []), (-1, ["x: sign flipped: −dx is correct"])):
        out = np.empty(x.shape)

        def backward(dy, x, out=out, c=c):
            out[...] = c * dy * np.cos(x)
            return out

        assert causes(gradcheck(forward=np.sin, backward=backward, x=x)) == found


def test_the_dy_of_a_number_is_a_number_and_of_one_row_an_array():
    kinds = set()

    def backward(dy, x):
        kinds.add(type(dy))
        return dy * np.cos(x)

    assert gradcheck(forward=lambda x: np.sin(x).sum(), backward=backward, x=normal(3)).ok
    assert kinds == {float}
    kinds.clear()
    assert gradcheck(forward=np.sin, backward=backward, x=normal(1)).ok
    assert kinds == {np.ndarray}


def test_a_scalar_function_of_one_number_and_parts_that_leave_some_out():
    assert gradcheck(value=lambda t: t[0] ** 2, grad=lambda t: 2 * t[0], at=[3.0]).ok
    assert gradcheck(value=lambda t: t[0] ** 2, grad=lambda t: [2 * t[0]], at=np.array([3])).ok
    at = np.arange(1.0, 7)
    report = gradcheck(
        value=lambda t: (t**2).sum(),
        grad=lambda t: 2 * t * np.array([9, 1, 9, -1, -1, 9]),  # wrong where no part looks, too
        at=at,
        parts={"late": slice(3, 5), "early": slice(1, 2)},
        entries=True,
    )
    assert verdicts(report) == {"late": "sign flipped", "early": "ok"}
    assert report.comparisons[0].numeric == pytest.approx([8, 10])
    assert at.tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_pixels_are_floats_for_a_layer_and_any_numbers_for_a_function(dtype):
    x = np.array([[1, 0, 1], [0, 1, 1]], dtype=dtype)
    assert refused(ng.Tanh(), x) == f"x must hold floating-point numbers, got {dtype}: pass x.astype(float)"
    assert gradcheck(forward=np.sin, backward=lambda dy, x: dy * np.cos(x), x=x).ok
    assert gradcheck(ng.losses.least_squares, x[:, :1]).ok


def test_rows_may_be_lists():
    rows = [[0.5, -1.0, 2.0], [1.5, 0.25, -3.0]]
    for obj in (ng.Tanh(), ng.Network([ng.Linear(3, 2)])):
        report = gradcheck(obj, rows, entries=True)
        assert report.ok
        assert report.comparisons[0].shape == (2, 3)
    (c,) = gradcheck(ng.Tanh(), rows, entries=True).comparisons
    (same,) = gradcheck(ng.Tanh(), np.array(rows), entries=True).comparisons
    assert np.array_equal(c.numeric, same.numeric)


# Both modes, both players, two seeds


class Both(ng.Linear):
    """Stochastic, so that it is checked in both modes, and wrong in one of them."""

    stochastic = True
    wrong: bool | None = None  # in training

    def forward(self, x, train=False, rng=None):
        return super().forward(x, train, rng)[0], (x, train)

    def backward(self, dy, cache, params=True, inputs=True, add=True):
        x, train = cache
        if params:
            by = len(x) if train == self.wrong else 1
            self.dW[...] = x.T @ dy / by + (self.dW if add else 0)
            self.db[...] = dy.sum(axis=0) / by + (self.db if add else 0)
        return dy @ self.W.T


class SineInEvaluation(ng.Layer):
    """y = x times noise in training; in evaluation sin x, with its derivative taken at the output."""

    stochastic = True

    def forward(self, x, train=False, rng=None):
        return (x * (noise := rng.random(x.shape)), noise) if train else (np.sin(x), np.cos(np.sin(x)))

    def dx(self, dy, factor):
        return dy * factor


def test_the_cause_of_a_mistake_in_one_mode(monkeypatch):
    says = "averaged over the batch instead of summed"
    for wrong, suffix in ((True, ""), (False, " (evaluation)")):
        monkeypatch.setattr(Both, "wrong", wrong)
        found = verdicts(gradcheck(Both(4, 3)))
        assert [*found] == ["x", "W", "b", "x (evaluation)", "W (evaluation)", "b (evaluation)"]
        assert {name for name, v in found.items() if v != "ok"} == {f"W{suffix}", f"b{suffix}"}
        assert {v for v in found.values() if v != "ok"} == {says}
    assert verdicts(gradcheck(SineInEvaluation())) == {
        "x": "ok",
        "x (evaluation)": "derivative taken at the output instead of the input",
    }


class TanhOfTheInput(ng.Tanh):
    """dx = dy (1 − x²), where it must be dy (1 − y²)."""

    def forward(self, x, train=False, rng=None):
        return np.tanh(x), x


def test_the_cause_of_a_mistake_in_a_layer_alone_and_in_a_network():
    says = "derivative taken at the input instead of the output"
    assert verdicts(gradcheck(TanhOfTheInput())) == {"x": says}
    net = ng.Network([ng.Linear(4, 3), TanhOfTheInput()])
    assert verdicts(gradcheck(net)) == {"x": says, "0.W": says, "0.b": says}
    inner = ng.Network([ng.Linear(4, 3), ng.Network([TanhOfTheInput()])])
    assert verdicts(gradcheck(inner)) == {"x": says, "0.W": says, "0.b": says}


class BatchsOwn(ng.BatchNorm):
    """In evaluation backward divides by the batch's own deviation, where forward divided by the constant one."""

    def forward(self, x, train=False, rng=None):
        y, (x_hat, s, _) = super().forward(x, train, rng)
        return y, (x_hat, s if train else 1 / np.sqrt(x.var(axis=0) + self.eps), train)


def test_the_statistics_of_evaluation_are_not_the_batchs():
    report = gradcheck(BatchsOwn(3), normal(6, 3))
    assert [name for name, verdict in verdicts(report).items() if verdict != "ok"] == ["x (evaluation)"]
    assert gradcheck(ng.BatchNorm(3), normal(6, 3)).ok


def test_the_noise_of_a_layer_goes_by_the_seed():
    """Which of the entries are dropped."""

    def dropped(obj, seed):
        training, evaluation = gradcheck(obj, normal(3, 4), seed=seed, entries=True).comparisons
        assert (evaluation.numeric != 0).all()
        return tuple(training.numeric == 0)

    for obj in (ng.Dropout(0.5), ng.Network([ng.Dropout(0.5)])):
        masks = [dropped(obj, seed) for seed in (0, 1, 0)]
        assert masks[0] == masks[2] != masks[1]
        assert all(1 < sum(mask) < 11 for mask in masks)


class Scaled(ng.Layer):
    """y = scale · x, where scale is a buffer that `calibrate` leaves as it is."""

    buffer_shapes = {"scale": (1,)}  # noqa: RUF012

    def init(self, rng):
        self.scale[...] = 1

    def forward(self, x, train=False, rng=None):
        return self.scale * x, None

    def dx(self, dy, cache):
        return self.scale * dy


def test_a_layer_of_a_network_is_checked_with_its_own_buffers():
    numbers = []
    for scale in (1, 100):
        net = ng.Network([Scaled()])
        net.layers[0].scale[...] = scale
        numbers.append([[float(c.numeric) for c in gradcheck(obj).comparisons] for obj in (net.layers[0], net)])
    one, hundred = numbers
    assert np.allclose(hundred, 100 * np.array(one))
    assert np.shape(one) == (2, 2)  # in both modes


class Gain(ng.Layer):
    """y = g x, where g starts at 1, and a backward that leaves g out of dx."""

    shapes = {"g": (1,)}  # noqa: RUF012

    def init(self, rng):
        self.g[...] = 1

    def forward(self, x, train=False, rng=None):
        return self.g * x, x

    def backward(self, dy, x, params=True, inputs=True, add=True):
        if params:
            self.dg[...] = (dy * x).sum() + (self.dg if add else 0)
        return dy


def test_first_values_of_parameters_hide_nothing():
    for obj in (Gain(), ng.Network([Gain()])):
        assert [c.verdict for c in gradcheck(obj).comparisons] == ["off by a constant factor", "ok"]


class Recording(ng.Label):
    """Keeps the labels that it was given."""

    labels: list = []  # noqa: RUF012

    def forward(self, x, train=False, rng=None):
        self.labels.append(x[1].tolist())
        return super().forward(x, train, rng)


@pytest.mark.parametrize(("classes", "labels"), [(2, [0, 1, 0, 1, 0]), (3, [0, 1, 2, 0, 1]), (7, [0, 1, 2, 3, 4])])
def test_labels_that_are_not_given(classes, labels, monkeypatch):
    monkeypatch.setattr(Recording, "labels", [])
    report = gradcheck(Recording(3, classes))
    assert report.ok
    assert report.comparisons[0].shape == (5, 3)
    assert {*map(tuple, Recording.labels)} == {tuple(labels), tuple(labels[:1])}


def test_two_players_with_different_logits():
    """Each tensor of a loss is where it was given: the slopes of ½ mean (a − t)² tell the logits."""
    a_x, a_g = normal(3, 1), normal(2, 1, seed=1)
    for x, x_g in (((a_x, a_g), a_g), (a_x, a_x)):
        report = gradcheck(ng.losses.least_squares, x, entries=True)
        found = {c.name: c.numeric for c in report.comparisons}
        m = len(x_g)
        for name, expected in (
            ("D: a_x", (a_x - 1) / 3),
            ("D: a_g", x_g / m),
            ("G: a_g", (x_g - 1) / m),
        ):
            assert found[name] == pytest.approx(expected.ravel())


# Functions and layers with some of their parts


def test_functions_that_have_no_name_and_arrays_that_are_read_only():
    x = normal(4, 3)
    x.flags.writeable = False
    power = functools.partial(lambda k, x: x**k, 3)
    report = gradcheck(forward=power, backward=lambda dy, x: dy * 3 * x**2, x=x)
    assert report.ok
    assert report.head.startswith("forward: ok, ")
    report = gradcheck(value=functools.partial(np.sum, axis=None), grad=np.ones_like, at=x[0])
    assert report.ok
    assert report.head.startswith("value: ok, ")


def test_an_argument_with_a_default_is_still_given_the_cache():
    def backward(dy, cache=0.0):
        return dy * cache

    assert gradcheck(forward=lambda x: (np.sin(x), np.cos(x)), backward=backward, x=normal(4, 3)).ok


def test_a_backward_that_hands_any_arguments_on_is_given_dy_and_the_cache():
    def backward(*arguments):
        dy, x = arguments
        return dy * np.cos(x)

    assert gradcheck(forward=np.sin, backward=backward, x=normal(4, 3)).ok


def refused(*arguments, **named):
    with pytest.raises(ng.InputError) as error:
        gradcheck(*arguments, **named)
    return str(error.value)


BACKWARD = "backward(self, dy, cache, params=True, inputs=True, add=True)"


class NoBackward(ng.Linear):
    backward = ng.Layer.backward

    def dx(self, dy, x):
        return dy @ self.W.T


class NoAdd(ng.Linear):
    def backward(self, dy, x, params, inputs):
        return dy @ self.W.T


class NoRng(ng.Tanh):
    def forward(self, x, train):
        return np.tanh(x), np.tanh(x)


class Sixth(ng.Tanh):
    """Looks at a column that is not there."""

    def forward(self, x, train=False, rng=None):
        return x + x[:, 5:6][:, [0]], None


def test_layers_with_some_of_what_they_need():
    for wrap in (lambda layer: layer, lambda layer: ng.Network([ng.Network([layer])])):
        assert refused(wrap(NoBackward(4, 3))) == f"NoBackward.backward is missing: a layer needs {BACKWARD}"
        assert refused(wrap(NoAdd(4, 3))) == (
            f"NoAdd.backward(dy, x, params, inputs) has the wrong arguments: expected {BACKWARD}"
        )
        assert refused(wrap(NoRng())) == (
            "NoRng.forward(x, train) has the wrong arguments: expected forward(self, x, train=False, rng=None)"
        )
    assert refused(Sixth()).startswith("Sixth does not accept x of shape (5, 4): index 0 is out of bounds")


class Half:
    """Has a forward alone."""

    def forward(self, x):
        return x


class OtherHalf:
    """Can be called, and has a backward alone."""

    def backward(self, dy):
        return dy

    def __call__(self, x):
        return x


def test_advice_for_objects_with_one_of_both_methods():
    half, other = Half(), OtherHalf()
    assert refused(half).endswith(f"; got {half!r}")
    assert refused(other).endswith(f"; got {other!r}: pass it as forward=, with a backward= and an x=")


# Numbers that are given


def test_the_tolerance_is_a_positive_number_and_the_seed_a_whole_one():
    for name, values in (("tolerance", (0, -1e-6, np.inf, np.nan, "1")), ("seed", (-1, 0.5, "0"))):
        for value in values:
            assert refused(ng.Tanh(), **{name: value}).startswith(name)


@pytest.mark.parametrize("h", [0.1, 0.02])
def test_the_step_of_the_short_check(h):
    """(x³)′ by differences is 3 x² + h²."""
    assert gradient_error(lambda x: (x**3).sum(), np.ones(2), np.full(2, 3.0), h) == pytest.approx(h**2 / (3 + h**2))


def test_the_default_step_and_floor_of_the_short_check():
    at = []
    gradient_error(lambda x: at.append(float(x[0])) or 0.0, np.zeros(1), np.zeros(1))
    assert at == [1e-5, -1e-5]
    assert gradient_error(lambda x: 0.0, np.zeros(1), np.array([1e-9])) == pytest.approx(0.1)


# The survey


@pytest.fixture(scope="module")
def surveyed():
    """The arguments of each check of the survey, none of which is made, by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survey, "gradcheck", lambda *arguments, **named: named)
        return dict(survey.survey())


def logits(G, D, x, z, seed):
    """Of x and of G(z) as D's step draws them (both batches as one, if D is rowwise), and of G(z) as G's step does."""
    draws = np.random.default_rng(seed)
    x_g = G.forward(z, True, draws)[0]
    if D.rowwise:
        a_x, a_g = np.split(D.forward(np.concatenate([x, x_g]), True, draws)[0], 2)
    else:
        a_x, a_g = (D.forward(rows, True, draws)[0] for rows in (x, x_g))
    draws = np.random.default_rng(seed)
    return a_x, a_g, D.forward(G.forward(z, True, draws)[0], True, draws)[0]


def assert_steps(G, D, loss, of_d, of_g, seed=0):
    """The two checks are of these players' losses, beginning where they stand."""
    G, D = (net.copy(dtype="float64") for net in (G, D))
    a_x, a_g, again = logits(G, D, *survey.batch(), seed)
    for named, player, value in ((of_d, D, loss.discriminator(a_x, a_g)[0]), (of_g, G, loss.generator(again)[0])):
        assert np.array_equal(named["at"], player.theta)
        assert named["parts"] == player.slices
        assert named["value"](named["at"].copy()) == pytest.approx(value)


@pytest.mark.parametrize("cls", ng.layers.ALL, ids=lambda cls: cls.__name__)
def test_both_players_around_a_layer_hold_that_layer(surveyed, cls):
    loss = ng.losses.least_squares
    steps = [surveyed[f"{step}_gradient {loss} around {cls.__name__}"] for step in ("discriminator", "generator")]
    assert_steps(survey.around(cls, 3, 4, seed=1), survey.around(cls, 4, 1, seed=3), loss, *steps)


@pytest.mark.parametrize("who", ["full", "cured"])
def test_every_loss_is_checked_with_every_players(surveyed, who):
    for loss in survey.all_losses():
        steps = [surveyed[f"{step}_gradient {loss} {who}"] for step in ("discriminator", "generator")]
        assert_steps(*survey.players()[who], loss, *steps)


def test_every_penalty_is_checked_with_every_critic(surveyed):
    x = survey.rows(4)
    for name, critic in survey.critics().items():
        D = critic.copy(dtype="float64")
        for kind in ng.penalty.BY_NAME.values():
            named = surveyed[f"{kind()} {name}"]
            rows = (x, np.arange(8) % 3) if name == "told" else x
            assert np.array_equal(named["at"], D.theta)
            assert named["parts"] == D.slices
            value = kind()(D, rows, np.tanh(x[::-1]), np.random.default_rng(0))
            assert named["value"](named["at"].copy()) == pytest.approx(value)
    for cls in ng.layers.ALL:
        if f"{ng.penalty.R1()} around {cls.__name__}" in surveyed:
            assert np.array_equal(
                surveyed[f"{ng.penalty.R1()} around {cls.__name__}"]["at"],
                survey.around(cls, 4, 1, seed=5).copy(dtype="float64").theta,
            )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_step_draws_by_its_seed(seed, monkeypatch):
    """What noise and dropout make of the rows, of G's and of D's."""
    monkeypatch.setattr(survey, "gradcheck", lambda **named: named)
    G = ng.Network([ng.Linear(3, 4), ng.Dropout(0.5), ng.Linear(4, 4)], seed=1)
    D = ng.Network([ng.InstanceNoise(0.3), ng.Linear(4, 5), ng.Tanh(), ng.Linear(5, 1)], seed=2)
    (x, z), loss = survey.batch(), ng.losses.hinge
    assert_steps(
        G,
        D,
        loss,
        survey.discriminator_step(G, D, x, z, loss, seed=seed),
        survey.generator_step(G, D, z, loss, seed=seed),
        seed,
    )
    named = survey.penalty_step(D, x, ng.penalty.R1(), seed=seed)
    value = ng.penalty.R1()(D.copy(dtype="float64"), x, np.tanh(x[::-1]), np.random.default_rng(seed))
    assert named["value"](named["at"].copy()) == pytest.approx(value)
