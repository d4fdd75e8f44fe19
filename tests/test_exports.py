"""No gradient path that no test differentiates: whatever the package holds must be in the survey, which must be ok."""

import importlib
import inspect
import pkgutil

import pytest

import numgan as ng
from numgan.check import survey
from numgan.layers.activations import Activation
from numgan.layers.base import Layer
from numgan.losses import Loss
from numgan.network import Network
from numgan.optim import Optimizer
from numgan.penalty import Penalty

ABSTRACT = {Layer, Activation, Loss, Optimizer, Penalty}
REPORTS = dict(survey.survey())


def modules():
    """All of the package but its __main__, which runs when it is imported."""
    for info in pkgutil.walk_packages(ng.__path__, "numgan."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def found(kind):
    """The classes of one kind that the package defines."""
    for module in modules():
        for thing in vars(module).values():
            if inspect.isclass(thing) and issubclass(thing, kind) and thing.__module__.startswith("numgan."):
                yield thing


def concrete(kind):
    return sorted(set(found(kind)) - ABSTRACT, key=lambda cls: cls.__name__)


def surveyed(name):
    return [report for title, report in REPORTS.items() if title.startswith(name)]


def leaves(net):
    """The types of the layers in a network, of networks inside it too."""
    for layer in net.layers:
        yield from leaves(layer) if isinstance(layer, Network) else [type(layer)]


def test_enough_is_found():
    assert {"Linear", "Network", "BatchNorm"} <= {cls.__name__ for cls in concrete(Layer)}
    assert {"Minimax", "Hinge"} <= {cls.__name__ for cls in concrete(Loss)}


@pytest.mark.parametrize("title", REPORTS)
def test_the_survey_is_ok(title):
    assert REPORTS[title].ok, REPORTS[title]
    assert REPORTS[title].rel_error <= 1e-8, REPORTS[title]


@pytest.mark.parametrize("cls", concrete(Layer), ids=lambda cls: cls.__name__)
def test_every_layer_is_surveyed(cls):
    assert surveyed(cls.__name__), f"add a {cls.__name__} to numgan.check.survey.layers()"


@pytest.mark.parametrize("cls", concrete(Layer), ids=lambda cls: cls.__name__)
def test_every_layer_stands_in_a_player_whose_steps_are_surveyed(cls):
    players = {kind for pair in survey.players().values() for net in pair for kind in leaves(net)}
    assert cls in players | {Network}, f"add a {cls.__name__} to numgan.check.survey.players()"


@pytest.mark.parametrize("cls", concrete(Loss), ids=lambda cls: cls.__name__)
def test_every_loss_is_surveyed_alone_and_in_both_steps(cls):
    (alone, *_) = surveyed(f"{cls.__name__}(")
    assert {c.name for c in alone.comparisons} == {"D: a_x", "D: a_g", "G: a_g"}
    for step in ("discriminator_gradient", "generator_gradient"):
        kinds = {title.split()[-1] for title in REPORTS if title.startswith(f"{step} {cls.__name__}(")}
        assert kinds == set(survey.players()), f"add {cls.__name__} to numgan.check.survey.LOSSES"


def test_every_named_loss_is_surveyed():
    assert all(surveyed(repr(loss)) for loss in ng.losses.BY_NAME.values())
    assert len([name for name in REPORTS if name.startswith(("Minimax(", "NonSaturating("))]) == 4  # smooth ones too


@pytest.mark.parametrize("cls", concrete(Penalty), ids=lambda cls: cls.__name__)
def test_every_penalty_is_surveyed(cls):
    assert len(surveyed(f"{cls.__name__}(")) == len(survey.critics()), f"add a {cls.__name__} to survey.PENALTIES"


def test_every_rule_for_penalties_is_surveyed():
    rules = {cls for cls in concrete(Layer) if cls.tangent is not Layer.tangent}
    assert rules <= {kind for net in survey.critics().values() for kind in leaves(net)}


def test_every_gradient_function_is_surveyed():
    names = [name for name in vars(ng.gan) if name.endswith("_gradient")]
    assert names == ["discriminator_gradient", "generator_gradient"]
    assert all(surveyed(name) for name in names)


def test_every_parameter_of_both_players_is_compared():
    for kind, (G, D) in survey.players().items():
        for player, step in ((D, "discriminator_gradient"), (G, "generator_gradient")):
            for title, report in REPORTS.items():
                if title.startswith(step) and title.endswith(kind):
                    assert [c.name for c in report.comparisons] == list(player.slices)


def test_optimisers_have_their_own_referees():
    """An optimiser has no gradient: its recursion is compared with the paper's and with PyTorch's in test_optim."""
    assert {cls.__name__ for cls in concrete(Optimizer)} == {"Adam", "SGD"}
