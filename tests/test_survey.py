"""The steps of both players as the survey checks them: right ones, and one that forgets half of its batch."""

import numpy as np
from pairs import rng

import numgan as ng
from numgan.check import survey
from numgan.check.survey import discriminator_step, generator_step
from numgan.gan import Info


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
