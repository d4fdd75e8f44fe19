"""Gradient penalties: by differences of the penalty, by two ordinary backward passes, and by PyTorch where present."""

import numpy as np
import pytest
from hypothesis import given
from numeric import numeric_gradient, rel_error
from strategies import arrays, networks

import numgan as ng
from numgan.penalty import R1, R2, WGANGP, r1, r2, wgan_gp

SEED = 5  # of the dropout masks


def stack(*hidden, n_in=4, width=6, seed=0):
    """Linear, hidden, Linear, hidden, Linear in float64, with biases away from zero."""
    layers = [ng.Linear(n_in, width), *hidden[:1], ng.Linear(width, width), *hidden[1:], ng.Linear(width, 1)]
    D = ng.Network(layers, seed=seed, dtype="float64")
    D.theta += 0.2 * np.random.default_rng(seed).standard_normal(D.size)
    return D


def maxout():
    return ng.Network([ng.Maxout(4, 6, 3), ng.Maxout(6, 5, 2), ng.Linear(5, 1)], dtype="float64")


def goodfellow():
    """The stack of the 2014 paper's D, small."""
    hidden = [ng.Dropout(0.2), ng.Maxout(4, 6, 3), ng.Dropout(0.5), ng.Maxout(6, 5, 2)]
    return ng.Network([*hidden, ng.Dropout(0.5), ng.Linear(5, 1)], dtype="float64")


def _layers(hidden):
    return [ng.Linear(4, 6), hidden(), ng.Linear(6, 1)]


def nested():
    inside = ng.Network([ng.Linear(4, 6), ng.Tanh(), ng.Network([ng.Dropout(0.3), ng.Linear(6, 6)])])
    return ng.Network([ng.Reshape((4,)), inside, ng.Sigmoid(), ng.Linear(6, 1)], dtype="float64")


NETWORKS = {
    "linear": lambda: ng.Network([ng.Linear(4, 1)], dtype="float64"),
    "deep linear": stack,
    "relu": lambda: stack(ng.ReLU(), ng.ReLU()),
    "leaky": lambda: stack(ng.LeakyReLU(0.2), ng.LeakyReLU(0.1)),
    "tanh": lambda: stack(ng.Tanh(), ng.Tanh()),
    "sigmoid": lambda: stack(ng.Sigmoid(), ng.Sigmoid()),
    "mixed": lambda: stack(ng.Tanh(), ng.LeakyReLU(0.2)),
    "sigmoid at the end": lambda: ng.Network([ng.Linear(4, 1), ng.Sigmoid()], dtype="float64"),
    "maxout": maxout,
    "dropout": lambda: stack(ng.Dropout(0.3), ng.Tanh()),
    "instance noise": lambda: ng.Network([ng.InstanceNoise(0.2), *_layers(ng.Tanh)], dtype="float64"),
    "goodfellow2014": goodfellow,
    "nested": nested,
}


def rows(m=7, n=4, seed=1):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, n)), rng.standard_normal((m, n)), rng.random((m, 1))


def masks(D):
    return np.random.default_rng(SEED) if D.stochastic else None


PENALTIES = {
    "r1": lambda D: r1(D, rows()[0], 3.0, rng=masks(D)),
    "r2": lambda D: r2(D, rows()[1], 3.0, rng=masks(D)),
    "wgan_gp": lambda D: wgan_gp(D, *rows()[:2], lam=3.0, eps=rows()[2], rng=masks(D)),
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_gradient_is_the_slope_of_the_penalty(penalty, make):
    D = make()
    penalty(D)
    found = D.grad.copy()
    assert rel_error(found, numeric_gradient(lambda: penalty(D), D.theta)) < 1e-6


@given(networks(n_in=3, n_out=1, rowwise=True), arrays(4, 3))
def test_any_network_that_the_library_can_build(D, x):
    """Where no kink is near: both sides of the difference must lie in one piece."""
    train = np.random.default_rng(SEED) if D.stochastic else None
    D.grad[...] = 0
    r1(D, x, 1.0, rng=train)

    def slope(h):
        u = np.random.default_rng(0).standard_normal(D.size)
        values = []
        for side in (h, -h):
            D.theta += side * u
            values.append(r1(D.copy(), x, 1.0, rng=np.random.default_rng(SEED) if D.stochastic else None))
            D.theta -= side * u
        return D.grad @ u, (values[0] - values[1]) / (2 * h)

    (exact, coarse), (_, fine) = slope(1e-5), slope(5e-6)
    scale = max(abs(exact), abs(fine), np.abs(D.grad).max(), 1e-6)
    assert abs(coarse - fine) > 1e-7 * scale or abs(exact - fine) < 1e-6 * scale


def two_backprops(D, x, v, h):
    """∂S/∂θ for S = Σ v · ∇ₓ a, from ordinary backward passes: [∇θ Σ a(x + h v) − ∇θ Σ a(x − h v)] / 2h."""
    grads = []
    for side in (h, -h):
        a, tape = D.forward(x + side * v)
        D.backward(np.ones_like(a), tape, add=False)
        grads.append(D.grad.copy())
    return (grads[0] - grads[1]) / (2 * h)


H = {"leaky": 1e-3, "relu": 1e-3, "maxout": 1e-3, "tanh": 1e-5, "sigmoid": 1e-5}


@pytest.mark.parametrize(("name", "h"), H.items(), ids=H)
def test_two_ordinary_backward_passes_agree(name, h):
    D, x = NETWORKS[name](), rows()[0]
    a, tape = D.forward(x)
    g = D.backward(np.ones_like(a), tape, params=False)
    oracle = two_backprops(D, x, 3.0 * g / len(x), h)
    D.grad[...] = 0
    value = r1(D, x, 3.0)
    assert np.isclose(value, 1.5 * (g**2).sum(axis=1).mean(), rtol=1e-13)
    assert rel_error(D.grad, oracle) < 1e-8


def test_wgan_gp_is_its_formula():
    D, (x, x_g, eps) = stack(ng.Tanh(), ng.Tanh()), rows()
    x_hat = eps * x + (1 - eps) * x_g
    a, tape = D.forward(x_hat)
    norm = np.linalg.norm(D.backward(np.ones_like(a), tape, params=False), axis=1)
    assert np.isclose(wgan_gp(D, x, x_g, lam=10.0, eps=eps), 10 * np.mean((norm - 1) ** 2), rtol=1e-13)


def test_the_gradient_is_added_and_bias_gradients_are_0_without_curvature():
    D, x = stack(ng.LeakyReLU(0.2), ng.ReLU()), rows()[0]
    r1(D, x, 10.0)
    once = D.grad.copy()
    r1(D, x, 10.0)
    np.testing.assert_allclose(D.grad, 2 * once, rtol=1e-13)
    assert all((once[D.slices[name]] == 0).all() for name in D.slices if name.endswith("b"))


def test_where_the_slope_is_0_wgan_gp_has_gradient_0():
    D = stack(ng.ReLU())
    D.theta[...] = 0
    assert wgan_gp(D, *rows()[:2], lam=2.0, eps=rows()[2]) == 2.0
    assert (D.grad == 0).all()


def test_inputs_and_weights_are_left_alone_and_float32_stays():
    D = ng.Network([ng.Linear(4, 6), ng.Tanh(), ng.Linear(6, 1)])
    x, x_g, eps = (a.astype("float32") for a in rows())
    before = [a.copy() for a in (x, x_g, eps, D.theta)]
    for value in (r1(D, x, np.float64(3.0)), wgan_gp(D, x, x_g, eps=eps)):
        assert value.shape == ()
        assert value.dtype == np.float32
    assert all((a == b).all() for a, b in zip((x, x_g, eps, D.theta), before, strict=True))


# By hand. a(x) = 3 x₁ + 4 x₂ has the slope 5 everywhere, and a(x) = ReLU(x₁) + 2 ReLU(x₂) another in each quadrant:
# 0 below both axes, 1 and 2 where one number is positive, √5 where both are.


def straight():
    D = ng.Network([ng.Linear(2, 1)], dtype="float64")
    D.theta[...] = [3, 4, 0.5]
    return D


def quadrants():
    D = ng.Network([ng.Linear(2, 2), ng.ReLU(), ng.Linear(2, 1)], dtype="float64")
    D.theta[...] = [1, 0, 0, 1, 0, 0, 1, 2, 0]
    return D


DATA, GENERATED = np.array([[1.0, 1.0], [1.0, -1.0], [1.0, -2.0]]), np.array([[-1.0, 1.0], [-1.0, -1.0], [-2.0, 3.0]])


def test_weights_are_10_unless_asked_otherwise():
    """γ/2 · 5² and λ (5 − 1)²."""
    x, eps, rng = np.ones((3, 2)), np.full((3, 1), 0.5), np.random.default_rng(0)
    for found, expected in (
        (r1(straight(), x), 125), (r2(straight(), x), 125), (wgan_gp(straight(), x, x, eps=eps), 160),
        (R1()(straight(), x, x, None), 125), (R2()(straight(), x, x, None), 125),
        (WGANGP()(straight(), x, x, rng), 160),
        (r1(straight(), x, 2.0), 25), (r2(straight(), x, 2.0), 25), (wgan_gp(straight(), x, x, 0.5, eps), 8),
        (R1(4.0)(straight(), x, x, None), 50), (R2(6.0)(straight(), x, x, None), 75),
        (WGANGP(3.0)(straight(), x, x, rng), 48),
    ):  # fmt: skip
        assert float(found) == pytest.approx(expected)
    assert (R1(), R2(), WGANGP()) == (R1(10.0), R2(10.0), WGANGP(10.0))
    assert (R1.stochastic, R2.stochastic, WGANGP.stochastic) == (False, False, True)
    assert ng.penalty.BY_NAME == {"r1": R1, "r2": R2, "wgan_gp": WGANGP}


def test_dropout_draws_a_mask_where_there_is_a_generator_and_is_left_out_where_there_is_none():
    D = ng.Network([ng.Dropout(0.5), ng.Linear(2, 1)], dtype="float64")
    D.theta[...] = [3, 4, 0]
    x = np.ones((400, 2))
    assert [float(r1(D, x, 2.0)), float(r2(D, x, 2.0))] == pytest.approx([25, 25])
    for penalise in (r1, r2):
        found = float(penalise(D, x, 2.0, np.random.default_rng(0)))
        assert found != 25 and found == pytest.approx(2 * 25, rel=0.15)  # half of the numbers, each twice as large
    found = float(R1(2.0)(D, x, x, np.random.default_rng(0)))
    assert found == float(r1(D, x, 2.0, np.random.default_rng(0)))


def test_their_gradients_by_hand():
    """∂/∂w of γ/2 ‖w‖² is γ w; of λ (‖w‖ − 1)² it is 2 λ (‖w‖ − 1) w / ‖w‖."""
    x, eps = np.ones((3, 2)), np.full((3, 1), 0.5)
    for penalise, expected in (
        (lambda D: r1(D, x, 2.0), [6, 8, 0]),
        (lambda D: r2(D, x, 0.5), [1.5, 2, 0]),
        (lambda D: wgan_gp(D, x, x, 0.5, eps), [2.4, 3.2, 0]),
    ):
        D = straight()
        penalise(D)
        np.testing.assert_allclose(D.grad, expected)


def test_each_looks_at_its_own_rows():
    """Slopes² of the data 5, 1, 1; of what is generated 4, 0, 4; and between the two as eps says."""
    assert float(R1(6.0)(quadrants(), DATA, GENERATED, None)) == pytest.approx(3 * 7 / 3)
    assert float(R2(6.0)(quadrants(), DATA, GENERATED, None)) == pytest.approx(3 * 8 / 3)
    for eps, slopes in (
        ([1, 1, 1], [5**0.5, 1, 1]),
        ([0, 0, 0], [2, 0, 2]),
        ([0.9, 0.9, 0.9], [5**0.5, 1, 1]),
        ([0.25, 0.6, 0.7], [2, 1, 1]),  # (−0.5, 1), (0.2, −1), (0.1, −0.5)
        ([0.4, 0.75, 0.5], [2, 1, 2]),  # (−0.2, 1), (0.5, −1), (−0.5, 0.5)
    ):
        found = wgan_gp(quadrants(), DATA, GENERATED, 3.0, np.array(eps)[:, None])
        assert float(found) == pytest.approx(sum((s - 1) ** 2 for s in slopes)), eps


def test_images_are_penalised_as_the_vectors_that_they_are():
    rng = np.random.default_rng(2)
    x, x_g, eps = rng.standard_normal((3, 2, 2, 1)), rng.standard_normal((3, 2, 2, 1)), rng.random((3, 1))
    as_images = ng.Network([ng.Reshape((4,)), *_layers(ng.Tanh)], dtype="float64")
    flat = ng.Network(_layers(ng.Tanh), dtype="float64")
    flat.theta[...] = as_images.theta
    rows, rows_g = x.reshape(3, 4), x_g.reshape(3, 4)
    for of_images, of_rows in (
        (lambda: r1(as_images, x, 3.0), lambda: r1(flat, rows, 3.0)),
        (lambda: wgan_gp(as_images, x, x_g, 3.0, eps), lambda: wgan_gp(flat, rows, rows_g, 3.0, eps)),
    ):
        assert float(of_images()) == pytest.approx(float(of_rows()))
        np.testing.assert_allclose(as_images.grad, flat.grad, atol=1e-12)


def test_eps_is_uniform_one_number_for_each_row(monkeypatch):
    seen = []
    monkeypatch.setattr(ng.penalty, "wgan_gp", lambda D, x, x_g, lam, eps, rng: seen.append((lam, eps)))
    for dtype in ("float32", "float64"):
        x = np.zeros((20000, 2), dtype)
        WGANGP(2.0)(None, x, x, np.random.default_rng(0))
        lam, eps = seen.pop()
        assert lam == 2.0 and eps.shape == (20000, 1) and eps.dtype == dtype
        assert abs(np.histogram(eps, 10, (0, 1))[0] / 2000 - 1).max() < 0.1
    WGANGP()(None, (np.zeros((5, 2)), np.arange(5)), np.zeros((5, 2)), np.random.default_rng(0))
    assert seen.pop()[1].shape == (5, 1)  # beside labels
    WGANGP()(None, x, x, None)
    assert seen == [(10.0, None)]  # which wgan_gp refuses


def test_clipping_cuts_off_at_both_ends_in_place():
    theta = np.array([-3.0, -0.5, -0.2, 0.0, 0.3, 0.5, 4.0])
    ng.penalty.clip_weights(theta, 0.5)
    assert theta.tolist() == [-0.5, -0.5, -0.2, 0, 0.3, 0.5, 0.5]


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_what_cannot_be_penalised_is_refused(penalty):
    inner = ng.Network([ng.Linear(4, 5), ng.BatchNorm(5)])
    with pytest.raises(ng.InputError, match=r"looks at each row alone: leave BatchNorm\(n=5.* out"):
        penalty(ng.Network([inner, ng.Linear(5, 1)], dtype="float64"))
    with pytest.raises(ng.InputError, match=r"end D in Linear\(n, 1\)"):
        penalty(ng.Network([ng.Linear(4, 2)], dtype="float64"))

    class Cube(ng.Layer):
        def forward(self, x, train=False, rng=None):
            return x**3, x

        def backward(self, dy, x, params=True, inputs=True, add=True):
            return 3 * x**2 * dy

    with pytest.raises(ng.InputError, match="Cube has no tangent rule"):
        penalty(ng.Network([Cube(), ng.Linear(4, 1)], dtype="float64"))


def test_a_network_of_ones_own_and_missing_numbers_are_refused():
    with pytest.raises(ng.InputError, match=r"object is no numgan\.Network"):
        r1(object(), rows()[0])
    x, x_g, eps = rows()
    with pytest.raises(ng.InputError, match="pass eps="):
        wgan_gp(maxout(), x, x_g)
    for wrong in ({"x_g": x_g[:3]}, {"x_g": x_g[:, :3]}, {"eps": eps[:3]}, {"eps": np.ones((7, 4))}):
        with pytest.raises(ng.InputError, match="as many rows"):
            wgan_gp(maxout(), **{"x": x, "x_g": x_g, "eps": eps} | wrong)
    assert wgan_gp(maxout(), x, x_g, eps=eps[:, 0]) == wgan_gp(maxout(), x, x_g, eps=eps)  # (m,) will do
    for bad in (lambda: R1(-1.0), lambda: R2(gamma=float("nan")), lambda: WGANGP(lam=-2)):
        with pytest.raises(ng.InputError, match=r"must be a number in \[0, inf\)"):
            bad()


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("nested", "instance noise")])
@pytest.mark.parametrize("kind", ["r1", "wgan_gp"])
def test_pytorch_agrees(name, kind):
    torch = pytest.importorskip("torch")
    D, (x, x_g, eps) = NETWORKS[name](), rows()
    value = PENALTIES[kind](D)
    theta = [torch.tensor(D.theta[s].reshape(D.shapes[n]), requires_grad=True) for n, s in D.slices.items()]
    at = torch.tensor(x if kind == "r1" else eps * x + (1 - eps) * x_g, requires_grad=True)
    g = torch.autograd.grad(_torch_forward(torch, D, theta, at).sum(), at, create_graph=True)[0]
    norm = g.pow(2).sum(dim=1)
    penalty = 1.5 * norm.mean() if kind == "r1" else 3 * (norm.sqrt() - 1).pow(2).mean()
    grads = torch.autograd.grad(penalty, theta, allow_unused=True)
    parts = [np.zeros(t.numel()) if g is None else g.numpy().ravel() for g, t in zip(grads, theta, strict=True)]
    assert np.isclose(value, penalty.item(), rtol=1e-12)
    assert rel_error(D.grad, np.concatenate(parts)) < 1e-9


def _torch_forward(torch, D, theta, x):
    """D in PyTorch's operations, with the masks that D draws."""
    rng, parts = masks(D), iter(theta)
    activations = {ng.ReLU: torch.relu, ng.Tanh: torch.tanh, ng.Sigmoid: torch.sigmoid}
    for layer in D.layers:
        if isinstance(layer, ng.Linear):
            x = x @ next(parts) + next(parts)
        elif isinstance(layer, ng.Maxout):
            x = (x @ next(parts) + next(parts)).reshape(len(x), layer.pieces, -1).max(dim=1).values
        elif isinstance(layer, ng.LeakyReLU):
            x = torch.nn.functional.leaky_relu(x, layer.slope)
        elif isinstance(layer, ng.Dropout):
            x = x * torch.tensor(layer.forward(np.ones(x.shape), True, rng)[1])
        else:
            x = activations[type(layer)](x)
    return x


def test_the_shapes_in_a_message_stand_for_what_they_are_said_to_be():
    x, x_g, eps = np.zeros((2, 3)), np.zeros((4, 3)), np.zeros((5, 1))
    with pytest.raises(ng.InputError, match=r"^x, x_g and eps .* got \(2, 3\), \(4, 3\) and \(5, 1\)$"):
        wgan_gp(ng.Network([ng.Linear(3, 1)], dtype="float64"), x, x_g, eps=eps)


@pytest.mark.parametrize("kind", ["R1", "R2", "WGANGP"])
def test_a_penalty_with_an_rng_is_of_D_in_training_mode(kind):
    """a = w · (mask x): with its mask, drawn from the rng that was given, the slope of D is w/keep or 0."""
    x = np.random.default_rng(0).standard_normal((6, 3))
    D = ng.Network([ng.Dropout(0.5), ng.Linear(3, 1)], seed=1, dtype="float64")
    P = getattr(ng, kind)(2.0)(D, x, x, np.random.default_rng(7))
    rng = np.random.default_rng(7)
    if kind == "WGANGP":
        rng.random((6, 1))  # eps comes first
    slope = np.sqrt(((2 * D.layers[1].W[:, 0]) ** 2 * (rng.random(x.shape, dtype=np.float32) < 0.5)).sum(axis=1))
    assert float(P) == pytest.approx((2 * (slope - 1) ** 2 if kind == "WGANGP" else slope**2).mean(), rel=1e-12)
