"""What must hold for every network, batch, loss and seed, and not only for the examples that someone thought of."""

import copy
import pickle
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from numeric import rel_error
from strategies import arrays, batches, cases, games, logits, losses, networks, scales, seeds, widths

import numgan as ng
from numgan.check import gradcheck
from numgan.check.survey import discriminator_step, generator_step
from numgan.run import archive, schema


def run(net, x, train):
    return net.forward(x, train=train, rng=np.random.default_rng(0))


def back(net, dy, tape):
    """∂L/∂x and ∂L/∂θ."""
    dx = net.backward(dy, tape, add=False)
    return dx, net.grad.copy()


def along(f, a, v, h=1e-5):
    """J v by a central difference in t of f(a + t v); assumed away where a kink lies within reach."""
    kept = a.copy()

    def at(t):
        a[...] = kept + t * v
        y = f()
        a[...] = kept
        return y

    wide, narrow = (at(h) - at(-h)) / (2 * h), (at(h / 4) - at(-h / 4)) / (h / 2)
    assume(np.max(np.abs(wide - narrow)) <= 1e-6 * (1 + np.max(np.abs(wide))))
    return wide


# --- layers and networks


@given(cases(), seeds)
def test_backward_is_the_adjoint_of_the_slope_in_x(case, seed):
    """⟨u, J v⟩ = ⟨Jᵀ u, v⟩."""
    net, x, train = case
    y, tape = run(net, x, train)
    rng = np.random.default_rng(seed)
    u, v = rng.standard_normal(y.shape), rng.standard_normal(x.shape)
    forth = along(lambda: run(net, x, train)[0], x, v)
    assert np.isclose(np.vdot(u, forth), np.vdot(back(net, u, tape)[0], v), rtol=1e-5, atol=1e-6)


@given(cases(), seeds)
def test_backward_is_the_adjoint_of_the_slope_in_theta(case, seed):
    net, x, train = case
    y, tape = run(net, x, train)
    rng = np.random.default_rng(seed)
    u, v = rng.standard_normal(y.shape), rng.standard_normal(net.size)
    forth = along(lambda: run(net, x, train)[0], net.theta, v)
    assert np.isclose(np.vdot(u, forth), np.vdot(back(net, u, tape)[1], v), rtol=1e-5, atol=1e-6)


@given(cases(), seeds, st.floats(-3, 3), st.floats(-3, 3))
def test_backward_is_linear_in_dy(case, seed, alpha, beta):
    net, x, train = case
    y, tape = run(net, x, train)
    u, w = np.random.default_rng(seed).standard_normal((2, *y.shape))
    for both, one, other in zip(*(back(net, dy, tape) for dy in (alpha * u + beta * w, u, w)), strict=True):
        assert np.allclose(both, alpha * one + beta * other, rtol=1e-10, atol=1e-10)


@given(cases(), seeds)
def test_the_order_of_a_batch_does_not_matter(case, seed):
    net, x, train = case
    assume(not (train and net.stochastic))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    y, tape = run(net, x, train)
    y_p, tape_p = run(net, x[order], train)
    dy = rng.standard_normal(y.shape)
    assert np.allclose(y_p, y[order], rtol=1e-10, atol=1e-10)
    (dx, grad), (dx_p, grad_p) = back(net, dy, tape), back(net, dy[order], tape_p)
    assert np.allclose(dx_p, dx[order], rtol=1e-8, atol=1e-10)
    assert np.allclose(grad_p, grad, rtol=1e-8, atol=1e-10)


@given(cases(rowwise=True))
def test_a_rowwise_network_looks_at_each_row_alone(case):
    net, x, train = case
    assume(not (train and net.stochastic))
    assert net.rowwise
    together = run(net, x, train)[0]
    assert np.allclose(together, np.concatenate([run(net, row[None], train)[0] for row in x]), rtol=1e-10, atol=1e-12)


@given(cases(), seeds)
def test_nothing_that_was_given_is_changed(case, seed):
    net, x, train = case
    x_before, theta, buffers = x.copy(), net.theta.copy(), net.buffers.copy()
    y, tape = run(net, x, train)
    dy = np.random.default_rng(seed).standard_normal(y.shape)
    dy_before, y_before = dy.copy(), y.copy()
    once, twice = back(net, dy, tape), back(net, dy, tape)
    pairs = [(x, x_before), (dy, dy_before), (y, y_before), (net.theta, theta), (net.buffers, buffers)]
    assert all(np.array_equal(now, before) for now, before in pairs)
    assert all(np.array_equal(a, b) for a, b in zip(once, twice, strict=True))


@given(cases())
def test_forward_twice_is_the_same(case):
    net, x, train = case
    assert np.array_equal(run(net, x, train)[0], run(net, x, train)[0])


@given(cases(), seeds)
def test_two_tapes_may_be_played_in_any_order(case, seed):
    net, x, train = case
    y, tape = run(net, x, train)
    dy = np.random.default_rng(seed).standard_normal(y.shape)
    at_once = back(net, dy, tape)
    _, tape = run(net, x, train)
    run(net, 2 * x, train)
    assert all(np.array_equal(a, b) for a, b in zip(at_once, back(net, dy, tape), strict=True))


@given(cases(), seeds)
def test_backward_adds_writes_over_or_leaves_alone(case, seed):
    net, x, train = case
    y, tape = run(net, x, train)
    rng = np.random.default_rng(seed)
    dy, before = rng.standard_normal(y.shape), rng.standard_normal(net.size)
    dx, grad = back(net, dy, tape)
    net.grad[...] = before
    assert np.array_equal(net.backward(dy, tape, params=False), dx)
    assert np.array_equal(net.grad, before)
    assert net.backward(dy, tape, inputs=False) is None
    assert np.allclose(net.grad, before + grad, rtol=1e-12, atol=1e-12)


@given(cases())
def test_any_network_passes_gradcheck(case):
    net, x, _ = case
    report = gradcheck(net, x)
    assert report.ok, report
    assert report.rel_error <= 1e-6


@given(batches, widths, scales, seeds)
def test_smooth_layers_are_exact_at_any_scale(m, n, scale, seed):
    x = scale * np.random.default_rng(seed).standard_normal((m, n))
    for layer in (ng.Linear(n, 3), ng.Reshape((n, 1)), ng.Dropout(0.3), ng.Tanh(), ng.Sigmoid()):
        report = gradcheck(layer, x)
        saturated = scale > 1 and isinstance(layer, ng.Tanh | ng.Sigmoid)  # few digits of the slope are left there
        assert report.ok, report
        assert report.rel_error <= 1e-8 or saturated, report


@given(cases())
def test_copies_pickles_and_checkpoints_are_the_same_network(case):
    net, x, _ = case
    again = schema.Builder()(schema.describe(net), ng.Network)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.npz"
        archive.write(path, {"theta": net.theta, "buffers": net.buffers}, {})
        vectors, _ = archive.read(path)
    again.theta[...], again.buffers[...] = vectors["theta"], vectors["buffers"]
    for other in (again, net.copy(), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert repr(other) == repr(net)
        assert np.array_equal(run(other, x, train=False)[0], run(net, x, train=False)[0])
        other.theta[...] = 0  # the layers read θ through views
        assert not run(other, x, train=False)[0].any()
        net.theta[...], again.theta[...] = vectors["theta"], vectors["theta"]


# --- losses and steps


@given(losses, logits(), logits())
def test_losses_and_their_derivatives_are_finite_for_any_logits(loss, a_x, a_g):
    for dtype in ("float32", "float64"):
        out = [*loss.discriminator(a_x.astype(dtype), a_g.astype(dtype)), *loss.generator(a_g.astype(dtype))]
        assert all(np.isfinite(v).all() for v in out)
        assert all(v.dtype == dtype for v in out if v.ndim)
        assert [v.shape for v in out] == [(), a_x.shape, a_g.shape, (), a_g.shape]


@given(losses, logits(largest=30), logits(largest=30))
def test_any_loss_passes_gradcheck(loss, a_x, a_g):
    report = gradcheck(loss, (a_x, a_g))
    assert report.ok, report


@given(losses, batches, seeds)
def test_a_batch_written_twice_has_the_same_value_and_half_the_derivative(loss, m, seed):
    a_x, a_g = np.random.default_rng(seed).standard_normal((2, m, 1))
    once, twice = loss.discriminator(a_x, a_g), loss.discriminator(np.tile(a_x, (2, 1)), np.tile(a_g, (2, 1)))
    assert np.isclose(once[0], twice[0], rtol=1e-12, atol=1e-12)
    for single, double in zip(once[1:], twice[1:], strict=True):
        assert np.allclose(np.tile(single, (2, 1)) / 2, double, rtol=1e-12)


@given(games())
def test_any_discriminator_step_passes_gradcheck(game):
    G, D, x, z, loss = game
    report = discriminator_step(G, D, x, z, loss)
    assert report.ok, report


@given(games())
def test_any_generator_step_passes_gradcheck(game):
    G, D, _, z, loss = game
    report = generator_step(G, D, z, loss)
    assert report.ok, report


@given(games())
def test_each_step_writes_its_own_players_gradient_and_nothing_else(game):
    G, D, x, z, loss = game
    rng = np.random.default_rng(0)
    G.grad[...], D.grad[...] = 1, 2
    others = G.theta, D.theta, x, z, G.buffers, D.buffers
    before = [a.copy() for a in others]
    ng.discriminator_gradient(G, D, x, z, loss, rng)
    assert (G.grad == 1).all()
    D.grad[...] = 2
    ng.generator_gradient(G, D, z, loss, rng)
    assert (D.grad == 2).all()
    assert all(np.array_equal(a, b) for a, b in zip(before, others, strict=True))


# --- optimisers


@given(st.integers(1, 20), st.floats(-6, 6), seeds)
def test_adam_does_not_see_the_scale_of_the_gradient(n, power, seed):
    """m̂ / √v̂ has no scale, so only eps could tell."""
    rng = np.random.default_rng(seed)
    plain, scaled = rng.standard_normal((1, n)).repeat(2, axis=0)
    one, other = ng.Adam(lr=0.1, eps=1e-30), ng.Adam(lr=0.1, eps=1e-30)
    for _ in range(4):
        g = rng.standard_normal(n)
        one.step(plain, g)
        other.step(scaled, 10**power * g)
    assert rel_error(plain, scaled) < 1e-12


@given(st.floats(0, 0.99), st.floats(0, 0.9999), st.integers(1, 30), seeds)
def test_adam_walks_at_its_learning_rate_down_a_constant_slope(beta1, beta2, steps, seed):
    """m̂ = g and v̂ = g² at every t, if both are corrected by the right power of β."""
    g = np.random.default_rng(seed).standard_normal(5)
    theta, adam = np.zeros(5), ng.Adam(lr=0.1, beta1=beta1, beta2=beta2, eps=1e-30)
    for _ in range(steps):
        adam.step(theta, g)
    assert np.allclose(theta, -0.1 * steps * np.sign(g), rtol=1e-9)


@given(st.integers(1, 20), st.floats(0, 0.99), seeds)
def test_sgd_is_linear_in_the_gradient(n, momentum, seed):
    g = np.random.default_rng(seed).standard_normal((3, n))
    one, two = np.zeros(n), np.zeros(n)
    a, b = ng.SGD(lr=0.1, momentum=momentum), ng.SGD(lr=0.1, momentum=momentum)
    for row in g:
        a.step(one, row)
        b.step(two, -2 * row)
    assert np.allclose(two, -2 * one, rtol=1e-12)


@given(networks(), arrays(3))
def test_float32_follows_float64(net, _):
    single = net.copy(dtype="float32")
    x = np.random.default_rng(0).standard_normal((4, net.n_in))
    assert np.allclose(single(x), net(x), rtol=1e-3, atol=1e-4)
