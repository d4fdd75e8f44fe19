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
    with pytest.raises(ng.InputError, match="as many rows"):
        wgan_gp(maxout(), x, x_g[:3], eps=eps)
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
