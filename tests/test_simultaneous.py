"""Both players at once: each gradient against differences of its own loss, with the other player and all masks held."""

from dataclasses import dataclass

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error
from small import networks, rows, training

import numgan as ng
from numgan.backend import array_module, asnumpy, random_generator

LOSSES = list(ng.losses.BY_NAME.values())


def pair(xp, rowwise=True, dropout=True):
    how = {"dtype": "float64", "xp": xp}
    G = ng.Network([ng.Linear(3, 6), ng.ReLU(), ng.Linear(6, 4), ng.Sigmoid()], seed=0, **how)
    masks = [ng.Dropout(0.2)] * dropout, [ng.Dropout(0.5)] * dropout
    norm = [] if rowwise else [ng.BatchNorm(6)]
    D = ng.Network([*masks[0], ng.Maxout(4, 6, 3), *norm, *masks[1], ng.Linear(6, 1)], seed=1, **how)
    rng = np.random.default_rng(0)
    return G, D, xp.asarray(rng.random((7, 4))), xp.asarray(rng.standard_normal((7, 3)))


def masks(xp, seed=5):
    return random_generator(xp, seed, 0, 0)


@pytest.mark.parametrize("rowwise", [True, False])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_each_gradient_is_the_slope_of_its_own_loss(loss, rowwise, xp):
    """Both with the same masks of dropout: D's seen by G's gradient are those that D's own was taken with."""
    G, D, x, z = pair(xp, rowwise)

    def seen():
        rng = masks(xp)
        x_g = G.forward(z, train=True, rng=rng)[0]
        return [D.forward(of, train=True, rng=rng)[0] for of in (x, x_g)]

    info_d, info_g = ng.simultaneous_gradients(G, D, x, z, loss, masks(xp))
    grad_d, grad_g = D.grad.copy(), G.grad.copy()
    assert rel_error(grad_d, numeric_gradient(lambda: loss.discriminator(*seen())[0], D.theta)) < 1e-6
    assert rel_error(grad_g, numeric_gradient(lambda: loss.generator(seen()[1])[0], G.theta)) < 1e-6
    a_x, a_g = seen()
    assert float(info_d.value) == pytest.approx(float(loss.discriminator(a_x, a_g)[0]), rel=1e-12)
    assert float(info_g.value) == pytest.approx(float(loss.generator(a_g)[0]), rel=1e-12)
    assert (info_d.a_x == a_x).all() and (info_d.a_g == a_g).all() and (info_g.a_g == a_g).all()
    assert (info_d.x_g == info_g.x_g).all() and info_g.a_x is None


@pytest.mark.parametrize("rowwise", [True, False])
def test_without_random_layers_they_are_the_two_gradients_of_the_same_samples(rowwise, xp):
    G, D, x, z = pair(xp, rowwise, dropout=False)
    D.grad[...] = G.grad[...] = 7.0  # written over
    ng.simultaneous_gradients(G, D, x, z, ng.losses.minimax)
    both = D.grad.copy(), G.grad.copy()
    ng.discriminator_gradient(G, D, x, z, ng.losses.minimax)
    ng.generator_gradient(G, D, z, ng.losses.minimax)
    assert rel_error(both[0], D.grad) < 1e-12 and rel_error(both[1], G.grad) < 1e-12


def test_labels_go_with_both():
    how = {"dtype": "float64"}
    G = ng.Conditional([ng.Label(2, 3), ng.Linear(5, 4), ng.Tanh()], seed=0, **how)
    D = ng.Conditional([ng.Label(4, 3), ng.Linear(7, 1)], seed=1, **how)
    rng, c = np.random.default_rng(0), np.array([0, 2, 1, 1, 2])
    x, z = (rng.standard_normal((5, 4)), c), (rng.standard_normal((5, 2)), c[::-1].copy())
    ng.simultaneous_gradients(G, D, x, z, ng.losses.nonsaturating)
    both = D.grad.copy(), G.grad.copy()
    ng.discriminator_gradient(G, D, x, z, ng.losses.nonsaturating)
    ng.generator_gradient(G, D, z, ng.losses.nonsaturating)
    assert rel_error(both[0], D.grad) < 1e-12 and rel_error(both[1], G.grad) < 1e-12


def by_hand(n, **settings):
    """The run of `small.training` as a loop: both gradients, from one minibatch and one noise, then both updates."""
    G, D = networks()
    run = training(G=G, D=D, **settings)
    for i in range(n):
        x, z = run._minibatches(i), run._noise(2 * i)
        ng.discriminator_gradient(G, D, x, z, ng.losses.nonsaturating)
        ng.generator_gradient(G, D, z, ng.losses.nonsaturating)
        run.opt_d.step(D.theta, D.grad)
        run.opt_g.step(G.theta, G.grad)
    return G, D


def sgd():
    return ng.SGD(0.1, 0.5), ng.SGD(0.05, 0.5)


def test_a_run_together_is_that_loop_and_differs_from_algorithm_1():
    G, D = by_hand(6, optimizers=sgd())
    run = training(optimizers=sgd(), together=True)
    records = list(run.steps(6))
    assert np.allclose(run.G.theta, G.theta, atol=1e-6) and np.allclose(run.D.theta, D.theta, atol=1e-6)
    other = training(optimizers=sgd())
    list(other.steps(6))
    assert abs(other.G.theta - G.theta).max() > 1e-3
    assert [record.step for record in records] == [1, 2, 3, 4, 5, 6] and run.opt_g.t == run.opt_d.t == 6


def test_it_resumes_bit_for_bit_with_dropout_and_an_average(tmp_path):
    def new():
        D = ng.Network([ng.Dropout(0.5), ng.Maxout(2, 4, 2), ng.Linear(4, 1)], seed=3)
        return training(D=D, optimizers=sgd(), together=True, ema=0.9)

    whole, half = new(), new()
    list(whole.steps(7))
    list(half.steps(4))
    half.save(tmp_path / "c.npz")
    again = ng.Training.load(tmp_path / "c.npz", rows(), threads=1)
    assert again.together and again.settings.together
    list(again.steps(3))
    assert all((again.state.vectors[name] == vector).all() for name, vector in whole.state.vectors.items())


def test_the_halved_objective_of_the_published_code_is_half_the_rate():
    """D's mean of two cross-entropies at rate r, and their sum at r/2, are the same SGD with momentum."""
    G, D, x, z = pair(np, dropout=False)
    theta, opts = [D.theta.copy(), D.theta.copy()], (ng.SGD(0.1, 0.5), ng.SGD(0.05, 0.5))
    for _ in range(3):
        for at, opt, share in zip(theta, opts, (0.5, 1.0), strict=True):
            D.theta[...] = at
            ng.simultaneous_gradients(G, D, x, z, ng.losses.nonsaturating)
            opt.step(at, share * D.grad)
    assert rel_error(theta[0], theta[1]) < 1e-12


@dataclass(eq=False)
class One(ng.SGD):
    """SGD on one parameter alone."""

    only: int = 0

    def update(self, theta, grad, *state):
        theta[self.only] -= self.lr * grad[self.only]


@pytest.mark.parametrize("together", [True, False])
def test_the_bilinear_game_spirals_out_only_where_both_move_at_once(together):
    """G(z) = θ, D(x) = ψ x, and all data 0: θ' = ψ, ψ' = −θ. Moved at once, the radius grows by √(1 + h²) in each step;
    moved by turns, D first, θ² + ψ² − hθψ stays."""
    h, n = 0.2, 100
    G, D = (ng.Network([ng.Linear(1, 1)], dtype="float64") for _ in "GD")
    optimizers = One(h, only=1), One(h, only=0)
    run = ng.Training(
        G, D, np.zeros((2, 1)), ng.losses.wasserstein, 2, optimizers=optimizers, together=together, threads=1
    )
    G.theta[...], D.theta[...] = (0.0, 1.0), (1.0, 0.0)  # W and b
    list(run.steps(n))
    theta, psi = G.theta[1], D.theta[0]
    if together:
        assert np.hypot(theta, psi) == pytest.approx(np.sqrt(2) * (1 + h**2) ** (n / 2), rel=1e-9)
    else:
        assert theta**2 + psi**2 - h * theta * psi == pytest.approx(2 - h, rel=1e-9)


def test_on_a_device_it_is_numpys(device):
    import standin

    G, D, x, z = pair(np)
    theirs = [net.copy(xp=standin.cupy) for net in (G, D)]
    ng.simultaneous_gradients(G, D, x, z, ng.losses.nonsaturating, masks(np))
    far = array_module(theirs[0].theta)
    ng.simultaneous_gradients(*theirs, far.asarray(x), far.asarray(z), ng.losses.nonsaturating, masks(far))
    for ours, others in zip((G, D), theirs, strict=True):
        assert rel_error(ours.grad, asnumpy(others.grad)) < 1e-12
