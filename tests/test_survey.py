"""The survey: what it checks, under which names, and steps of both players, right and wrong ones."""

import numpy as np
import pytest
from pairs import rng

import numgan as ng
from numgan.check import gradcheck, survey
from numgan.check.survey import discriminator_step, generator_step
from numgan.conditional import Conditional
from numgan.gan import Info
from numgan.reconstruction import absolute, squared


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

    G, D = ng.Network([ng.Linear(3, 4)], seed=1), ng.Network([ng.Linear(4, 1)], seed=2)
    assert survey.discriminator_step(G, D, *survey.batch(), ng.losses.minimax).ok
    monkeypatch.setattr(survey, "discriminator_gradient", forgetful)
    assert not survey.discriminator_step(G, D, *survey.batch(), ng.losses.minimax).ok


# What is surveyed


@pytest.fixture(scope="module")
def surveyed():
    """The arguments that gradcheck is called with, by the name of the check."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survey, "gradcheck", lambda *arguments, **named: (arguments, named))
        pairs = list(survey.survey())
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


RECONSTRUCTIONS = [
    *("reconstruction_gradient absolute", "cycle_gradient absolute, G", "cycle_gradient absolute, F"),
    *("reconstruction_gradient squared", "cycle_gradient squared, G", "cycle_gradient squared, F"),
]
LOSSES = {repr(loss): loss for loss in survey.all_losses()}


def test_the_names_of_all_checks(surveyed):
    names = [cls.__name__ for cls in ng.layers.ALL]
    steps = ["discriminator_gradient", "generator_gradient"]
    assert list(surveyed) == [
        *names,
        *("Network", "Label", "Condition", "Conditional"),
        *LOSSES,
        *(f"{step} {loss} {who}" for who in ("smooth", "full", "told", "cured") for loss in LOSSES for step in steps),
        *(f"{step} {ng.losses.least_squares} around {name}" for name in names for step in steps),
        *(
            f"{kind()} {who}"
            for who in [
                "curved",
                "told",
                "bent",
                *(f"around {cls.__name__}" for cls in ng.layers.ALL if with_tangent(cls)),
            ]
            for kind in ng.penalty.BY_NAME.values()
        ),
        *RECONSTRUCTIONS,
    ]
    assert sum("smooth=0.9" in name for name in LOSSES) == len(LOSSES) - len(ng.losses.BY_NAME) == 2


def with_tangent(cls):
    return cls.tangent is not ng.Layer.tangent


def test_layers_and_losses_get_rows_of_their_own_shape(surveyed):
    for cls in ng.layers.ALL:
        (layer, x), named = surveyed[cls.__name__]
        assert (type(layer), x.shape, named) == (cls, (8, *cls.example_row), {})
    (label, (x, c)), _ = surveyed["Label"]
    assert (type(label), x.shape, c.tolist()) == (ng.Label, (8, 4), [0, 1, 2, 0, 1, 2, 0, 1])
    (net, (x, c)), _ = surveyed["Conditional"]
    assert (type(net), net.n_in, x.shape, c.tolist()) == (Conditional, 4, (8, 4), [0, 1, 2, 0, 1, 2, 0, 1])
    ((net,), _) = surveyed["Network"]
    assert [type(layer).__name__ for layer in net.leaves()] == ["Linear", "BatchNorm", "Tanh", "Dropout", "Linear"]
    assert net.size == 6 * 5 + 5 + 10 + 5 * 2 + 2
    assert all(surveyed[name] == ((loss,), {}) for name, loss in LOSSES.items())


PLAYERS = {  # layers, and how many parameters
    "smooth": (("Linear Tanh Linear", 3 * 6 + 6 + 6 * 4 + 4), ("Linear Tanh Linear", 4 * 6 + 6 + 6 + 1)),
    "full": (
        ("Linear BatchNorm ReLU Linear Sigmoid Reshape", 3 * 6 + 6 + 12 + 6 * 4 + 4),
        ("Maxout Dropout BatchNorm LeakyReLU Linear", 2 * (4 * 6 + 6) + 12 + 6 + 1),
    ),
    "told": (
        ("Label Linear Tanh Linear", 6 * 6 + 6 + 6 * 4 + 4),
        ("Linear Tanh Label Linear Tanh Linear", 4 * 5 + 5 + 8 * 6 + 6 + 6 + 1),
    ),
    "cured": (("Linear", 3 * 4 + 4), ("InstanceNoise Pack Linear Tanh MinibatchStd Linear", 8 * 6 + 6 + 7 + 1)),
}
CRITICS = {
    "curved": ("Linear Tanh Linear Sigmoid Linear", 4 * 6 + 6 + 6 * 6 + 6 + 6 + 1),
    "told": PLAYERS["told"][1],
    "bent": (
        "Reshape InstanceNoise Maxout Dropout Linear LeakyReLU Linear ReLU Linear",
        2 * (4 * 6 + 6) + 2 * (6 * 6 + 6) + 6 + 1,
    ),
}


def table(net):
    return " ".join(type(layer).__name__ for layer in net.leaves()), net.size


def test_the_players_and_the_critics():
    assert {name: (table(G), table(D)) for name, (G, D) in survey.players().items()} == PLAYERS
    assert {name: table(D) for name, D in survey.critics().items() if "around" not in name} == CRITICS
    for cls in ng.layers.ALL:
        net = survey.around(cls, 3, 2, seed=5)
        layers = [type(layer).__name__ for layer in net.leaves()]
        assert layers == ["Linear", "Tanh", "Reshape", cls.__name__, "Reshape", "Linear", "Tanh", "Linear"]
        assert net(np.zeros((8, 3))).shape[1:] == (2,)


def test_each_check_is_of_the_step_that_it_names(surveyed):
    """Its function of θ is the loss that the player descends, on 8 rows, and starts where the player stands."""
    x, z = survey.batch()
    first = rng()
    assert np.array_equal(x, first.standard_normal((8, 4)))
    assert np.array_equal(z, first.standard_normal((8, 3)))
    G, D = (net.copy(dtype="float64") for net in survey.players()["smooth"])
    told_G, told_D = (net.copy(dtype="float64") for net in survey.players()["told"])
    c = np.arange(8) % 3
    for name, loss in LOSSES.items():
        a_x, a_g = D.forward(x)[0], D.forward(G.forward(z)[0])[0]
        told_x, told_g = told_D.forward((x, c))[0], told_D.forward((told_G.forward((z, c))[0], c))[0]
        for what, player, value in [
            ("discriminator_gradient {} smooth", D, loss.discriminator(a_x, a_g)[0]),
            ("generator_gradient {} smooth", G, loss.generator(a_g)[0]),
            ("discriminator_gradient {} told", told_D, loss.discriminator(told_x, told_g)[0]),
            ("generator_gradient {} told", told_G, loss.generator(told_g)[0]),
        ]:
            arguments, named = surveyed[what.format(name)]
            assert arguments == ()
            at = named["at"].copy()
            assert np.array_equal(at, player.theta)
            assert named["parts"] == player.slices
            assert named["value"](at) == pytest.approx(value)
            step = 1e-5 * rng(1).standard_normal(player.size)
            slope = named["value"](at + step) - named["value"](at - step)
            assert slope == pytest.approx(2 * step @ named["grad"](at), rel=1e-4, abs=1e-9)


def test_penalties_are_of_real_rows_and_of_others(surveyed):
    x = rng().standard_normal((8, 4))
    D = survey.critics()["curved"].copy(dtype="float64")
    for kind in ng.penalty.BY_NAME.values():
        _, named = surveyed[f"{kind()} curved"]
        value = kind()(D, x, np.tanh(x[::-1]), np.random.default_rng(0))
        assert named["value"](named["at"]) == pytest.approx(value)
        assert np.array_equal(named["at"], D.theta)


def test_reconstructions_are_of_what_their_names_say(surveyed):
    x, z = survey.batch()
    G = survey.players()["smooth"][0].copy(dtype="float64")
    F = ng.Network([ng.Linear(4, 6), ng.Tanh(), ng.Linear(6, 3)], seed=2).copy(dtype="float64")
    for name in RECONSTRUCTIONS:
        distance = absolute if "absolute" in name else squared
        y, wanted = (G(z), x) if "reconstruction" in name else (F(G(z)), z)
        _, named = surveyed[name]
        player = F if name.endswith("F") else G
        assert np.array_equal(named["at"], player.theta) and named["parts"] == player.slices
        assert named["value"](named["at"]) == pytest.approx(3 * distance(y, wanted)[0])
        assert gradcheck(**named).ok


def test_a_cycle_that_forgets_its_way_back_is_found(monkeypatch):
    """The gradient that G would have, did F keep still what it is given."""

    def forgetful(G, F, a, weight, distance, rng=None):
        y, tape = G.forward(a)
        value, dy = distance(F(y), a)
        G.backward(weight * dy @ np.ones((3, 4)), tape, add=True)
        return weight * value

    reports = dict(survey.reconstruction_steps(squared))
    assert all(report.ok for report in reports.values())
    monkeypatch.setattr(survey, "cycle_gradient", forgetful)
    assert [report.ok for report in dict(survey.reconstruction_steps(squared)).values()] == [True, False, False]
