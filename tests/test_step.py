"""The unit of test is the step: θ_d and θ_g against differences of the loss, through both networks."""

import copy

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error

import numgan as ng
from numgan.backend import array_module
from numgan.losses import LeastSquares, Minimax, NonSaturating

LOSSES = [*ng.losses.BY_NAME.values(), Minimax(smooth=0.9), NonSaturating(smooth=0.8)]


def pair(xp, hidden=lambda: ng.LeakyReLU(0.2), norm=False, seed=0):
    """A small G: 3 → 6 → 4 and D: 4 → 5 → 1 in float64, with a batch of data and of noise."""
    how = {"dtype": "float64", "xp": xp}
    extra = [ng.BatchNorm(6)] if norm else []
    G = ng.Network([ng.Linear(3, 6), *extra, hidden(), ng.Linear(6, 4), ng.Tanh()], seed=seed, **how)
    extra = [ng.BatchNorm(5)] if norm else []
    D = ng.Network([ng.Linear(4, 5), *extra, hidden(), ng.Linear(5, 1)], seed=seed + 1, **how)
    rng = np.random.default_rng(seed)
    for net in (G, D):
        net.theta[...] += xp.asarray(0.1 * rng.standard_normal(net.theta.shape))  # biases away from zero
    return G, D, xp.asarray(rng.standard_normal((7, 4))), xp.asarray(rng.standard_normal((7, 3)))


def logits(D, x, **how):
    return D.forward(x, train=True, **how)[0]


@pytest.mark.parametrize("norm", [False, True], ids=["plain", "batchnorm"])
@pytest.mark.parametrize("hidden", [ng.LeakyReLU, ng.ReLU, ng.Tanh, ng.Sigmoid])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_discriminator_gradient_is_the_slope_of_its_loss(loss, hidden, norm, xp):
    G, D, x, z = pair(xp, hidden, norm)
    x_g = G.forward(z, train=True)[0]
    theta_g, grad_g = G.theta.copy(), G.grad.copy()
    info = ng.discriminator_gradient(G, D, x, z, loss)
    slope = numeric_gradient(lambda: loss.discriminator(logits(D, x), logits(D, x_g))[0], D.theta)
    assert rel_error(D.grad, slope) < 1e-6
    assert np.isclose(float(info.value), float(loss.discriminator(logits(D, x), logits(D, x_g))[0]), rtol=1e-12)
    assert (G.theta == theta_g).all()
    assert (G.grad == grad_g).all()


@pytest.mark.parametrize("norm", [False, True], ids=["plain", "batchnorm"])
@pytest.mark.parametrize("hidden", [ng.LeakyReLU, ng.ReLU, ng.Tanh, ng.Sigmoid])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_generator_gradient_is_the_slope_of_its_loss_through_D(loss, hidden, norm, xp):
    G, D, _, z = pair(xp, hidden, norm)
    D.grad[...] = 7.0
    theta_d = D.theta.copy()
    ng.generator_gradient(G, D, z, loss)
    slope = numeric_gradient(lambda: loss.generator(logits(D, G.forward(z, train=True)[0]))[0], G.theta)
    assert rel_error(G.grad, slope) < 1e-6
    assert (D.grad == 7.0).all()
    assert (D.theta == theta_d).all()


def test_minimax_discriminator_ascends_the_papers_V(xp):
    """Eq. 1 in its own words: differentiate V with D(x) = σ(a), and D.grad must be its negative."""
    G, D, x, z = pair(xp)
    x_g = G(z)

    def V():
        D_x, D_Gz = (1 / (1 + xp.exp(-D(rows))) for rows in (x, x_g))
        return xp.log(D_x).mean() + xp.log(1 - D_Gz).mean()

    info = ng.discriminator_gradient(G, D, x, z, ng.losses.minimax)
    assert np.isclose(float(info.V), float(V()), rtol=1e-12)
    assert rel_error(-D.grad, numeric_gradient(V, D.theta)) < 1e-6
    ng.generator_gradient(G, D, z, ng.losses.minimax)

    def second_term():
        return xp.log(1 - 1 / (1 + xp.exp(-D(G(z))))).mean()

    assert rel_error(G.grad, numeric_gradient(second_term, G.theta)) < 1e-6  # G descends it


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_every_entry_of_theta_g_gets_a_gradient(loss, xp):
    """The generator that never moves is the best-known bug of the genre."""
    G, D, _, z = pair(xp)
    ng.generator_gradient(G, D, z, loss)
    assert (G.grad != 0).all()


def test_gradients_overwrite_what_was_there(xp):
    G, D, x, z = pair(xp)
    loss = ng.losses.nonsaturating
    ng.discriminator_gradient(G, D, x, z, loss)
    ng.generator_gradient(G, D, z, loss)
    once = D.grad.copy(), G.grad.copy()
    ng.discriminator_gradient(G, D, x, z, loss)
    ng.generator_gradient(G, D, z, loss)
    assert (D.grad == once[0]).all()
    assert (G.grad == once[1]).all()


def test_a_step_draws_no_random_number_of_its_own():
    G, D, x, z = pair(np)
    rng = np.random.default_rng(3)
    before = copy.deepcopy(rng.bit_generator.state)
    ng.discriminator_gradient(G, D, x, z, ng.losses.minimax, rng)
    ng.generator_gradient(G, D, z, ng.losses.minimax, rng)
    assert rng.bit_generator.state == before


def test_one_batch_of_2m_rows_equals_two_passes(xp):
    """D with BatchNorm must see data and samples apart; a row-wise D may see them together."""

    class Apart(ng.Network):
        rowwise = False

    G, D, x, z = pair(xp)
    apart = Apart(copy.deepcopy(D.layers), dtype="float64", xp=xp)
    apart.theta[...] = D.theta
    for net in (D, apart):
        ng.discriminator_gradient(G, net, x, z, LeastSquares())
    assert rel_error(D.grad, apart.grad) < 1e-13


def test_dropout_in_a_step_follows_the_rng_it_is_given(xp):
    G, D, _, z = pair(xp)
    D = ng.Network([ng.Dropout(0.4), *copy.deepcopy(D.layers)], seed=5, dtype="float64", xp=xp)
    loss = ng.losses.nonsaturating
    ng.generator_gradient(G, D, z, loss, xp.random.default_rng(9))

    def value():
        return loss.generator(logits(D, G.forward(z, train=True)[0], rng=xp.random.default_rng(9)))[0]

    assert rel_error(G.grad, numeric_gradient(value, G.theta)) < 1e-6
    with pytest.raises(ng.InputError, match="rng="):
        ng.generator_gradient(G, D, z, loss)


def test_dropout_sees_both_halves_of_one_batch_in_training(xp):
    G, D, x, z = pair(xp, ng.Tanh)
    D = ng.Network([ng.Dropout(0.4), *copy.deepcopy(D.layers)], seed=5, dtype="float64", xp=xp)
    loss, rows = ng.losses.nonsaturating, xp.concatenate([x, G(z)])
    ng.discriminator_gradient(G, D, x, z, loss, xp.random.default_rng(9))

    def value():
        a = logits(D, rows, rng=xp.random.default_rng(9))
        return loss.discriminator(a[:7], a[7:])[0]

    assert rel_error(D.grad, numeric_gradient(value, D.theta)) < 1e-6


def test_dropout_in_two_passes_draws_a_mask_for_each(xp):
    G, D, x, z = pair(xp, ng.Tanh)
    extra = [ng.Dropout(0.4), ng.BatchNorm(4)]
    D = ng.Network([*extra, *copy.deepcopy(D.layers)], seed=5, dtype="float64", xp=xp)
    loss, x_g = ng.losses.nonsaturating, G(z)
    ng.discriminator_gradient(G, D, x, z, loss, xp.random.default_rng(9))

    def value():
        rng = xp.random.default_rng(9)
        return loss.discriminator(logits(D, x, rng=rng), logits(D, x_g, rng=rng))[0]

    assert rel_error(D.grad, numeric_gradient(value, D.theta)) < 1e-6


@pytest.mark.parametrize(("rowwise", "batches"), [(True, [14]), (False, [7, 7]), (None, [7, 7])])
def test_only_a_player_that_says_rowwise_sees_one_batch(rowwise, batches):
    class Player:
        def __init__(self, net):
            self.net, self.seen, self.backward = net, [], net.backward

        def forward(self, x, train=False, rng=None):
            self.seen.append(len(x))
            return self.net.forward(x, train, rng)

    if rowwise is not None:
        Player.rowwise = rowwise
    G, D, x, z = pair(np)
    D = Player(D)
    ng.discriminator_gradient(G, D, x, z, LeastSquares())
    assert D.seen == batches


@pytest.mark.parametrize("rowwise", [True, False])
def test_a_step_does_no_work_below_the_parameters_it_is_for(rowwise, xp):
    class Watched(ng.Tanh):
        seen = 0

        def dx(self, dy, y):
            Watched.seen += 1
            return super().dx(dy, y)

    Watched.rowwise = rowwise
    how = {"dtype": "float64", "xp": xp}
    G = ng.Network([Watched(), ng.Linear(3, 4)], **how)
    D = ng.Network([Watched(), ng.Linear(4, 1)], seed=1, **how)
    _, _, x, z = pair(xp)
    ng.discriminator_gradient(G, D, x, z, LeastSquares())
    assert Watched.seen == 0
    ng.generator_gradient(G, D, z, LeastSquares())
    assert Watched.seen == 1  # D's, on the way to x_g


@pytest.mark.parametrize("norm", [False, True], ids=["plain", "batchnorm"])
def test_info_is_what_the_step_saw(norm, xp):
    G, D, x, z = pair(xp, norm=norm)
    x_g, loss = G.forward(z, train=True)[0], ng.losses.minimax
    a_x, a_g = logits(D, x), logits(D, x_g)
    of_d, of_g = ng.discriminator_gradient(G, D, x, z, loss), ng.generator_gradient(G, D, z, loss)
    for info in (of_d, of_g):
        assert (info.x_g == x_g).all()
        assert rel_error(info.a_g, a_g) < 1e-12
        assert np.isclose(float(info.D_Gz), float((1 / (1 + xp.exp(-a_g))).mean()), rtol=1e-12)
    assert rel_error(of_d.a_x, a_x) < 1e-12
    assert np.isclose(float(of_d.D_x), float((1 / (1 + xp.exp(-a_x))).mean()), rtol=1e-12)
    assert np.isclose(float(of_d.value), float(loss.discriminator(a_x, a_g)[0]), rtol=1e-12)
    assert np.isclose(float(of_g.value), float(loss.generator(a_g)[0]), rtol=1e-12)
    assert of_g.a_x is None


class Conditional:
    """A player of one's own: the five names of the protocol, and inputs that are tuples (rows, labels)."""

    def __init__(self, net, keep_label):
        self.net, self.keep_label = net, keep_label
        self.theta, self.grad = net.theta, net.grad

    def forward(self, inputs, train=False, rng=None):
        rows, label = inputs
        y, tape = self.net.forward(array_module(rows).concatenate([rows, label], axis=1), train, rng)
        return ((y, label) if self.keep_label else y), tape

    def backward(self, dy, tape, params=True, inputs=True, add=True):
        dx = self.net.backward(dy, tape, params, inputs, add)
        return None if dx is None else dx[:, :-1]

    def __call__(self, inputs):
        return self.forward(inputs)[0]


def test_tuples_and_classes_of_ones_own_pass_through(xp):
    rng = np.random.default_rng(0)
    label = xp.asarray(rng.integers(0, 2, (6, 1)).astype(float))
    x, z = xp.asarray(rng.standard_normal((6, 3))), xp.asarray(rng.standard_normal((6, 2)))
    how = {"dtype": "float64", "xp": xp}
    G = Conditional(ng.Network([ng.Linear(3, 5), ng.Tanh(), ng.Linear(5, 3)], **how), keep_label=True)
    D = Conditional(ng.Network([ng.Linear(4, 5), ng.Tanh(), ng.Linear(5, 1)], seed=1, **how), keep_label=False)
    loss = ng.losses.hinge
    ng.discriminator_gradient(G, D, (x, label), (z, label), loss)
    slope = numeric_gradient(lambda: loss.discriminator(D((x, label)), D(G((z, label))))[0], D.theta)
    assert rel_error(D.grad, slope) < 1e-6
    ng.generator_gradient(G, D, (z, label), loss)
    assert rel_error(G.grad, numeric_gradient(lambda: loss.generator(D(G((z, label))))[0], G.theta)) < 1e-6


def test_info_of_a_generator_step_has_no_V(xp):
    G, D, _, z = pair(xp)
    with pytest.raises(AttributeError, match="sees no data"):
        _ = ng.generator_gradient(G, D, z, ng.losses.minimax).V
