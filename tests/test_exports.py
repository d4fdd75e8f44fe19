"""No gradient that no test differentiates: layers, losses and penalties are in their tables and in the survey."""

import importlib
import inspect
import pkgutil
from dataclasses import dataclass

import numpy as np
import pytest

import numgan as ng
from numgan import layers, losses, penalty
from numgan.check import survey
from numgan.conditional import Conditional
from numgan.lab import setup
from numgan.layers.activations import Activation
from numgan.layers.adain import AdaIN
from numgan.layers.base import Layer
from numgan.layers.branches import Branches
from numgan.layers.compound import Compound
from numgan.layers.convolution import Convolution
from numgan.layers.convolution1d import Signals
from numgan.layers.label import Condition, Conditioning, Label
from numgan.losses import Loss
from numgan.network import Network
from numgan.optim import Optimizer
from numgan.penalty import R1, Penalty

BASES = {Layer, Activation, Branches, Compound, Conditioning, Convolution, Signals, Loss, Optimizer, Penalty}
TABLES = {
    Layer: lambda: {*layers.ALL, Network, Conditional, Label, Condition, AdaIN},
    Loss: lambda: set(map(type, losses.BY_NAME.values())),
    Penalty: lambda: set(penalty.BY_NAME.values()),
}
REPORTS = dict(survey.survey())


def modules():
    """All of the package but its __main__, which runs when it is imported."""
    for info in pkgutil.walk_packages(ng.__path__, "numgan."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def defined(kind):
    """The classes of one kind that the package defines, but for base classes."""
    found = {thing for module in modules() for thing in vars(module).values() if inspect.isclass(thing)}
    return {cls for cls in found if issubclass(cls, kind) and cls.__module__.startswith("numgan.")} - BASES


def by_name(classes):
    return sorted(classes, key=lambda cls: cls.__name__)


def surveyed(title, reports=REPORTS):
    """The reports whose title begins so."""
    return [report for name, report in reports.items() if name.startswith(title)]


def players(title):
    """The players with which a check of both steps was made: the end of its name."""
    return {name.removeprefix(title).strip() for name in REPORTS if name.startswith(title)}


each = pytest.mark.parametrize
each_layer = each("cls", by_name(layers.ALL), ids=lambda cls: cls.__name__)


# The tables


@each("kind", TABLES, ids=lambda kind: kind.__name__)
def test_every_class_is_in_its_table(kind):
    assert defined(kind) == TABLES[kind]()


@each(("kind", "module"), [(Layer, layers.linear), (Loss, ng.losses), (Penalty, setup)])
def test_a_class_that_is_in_no_table_is_noticed(kind, module, monkeypatch):
    stray = type("Stray", (kind,), {"__module__": module.__name__})
    monkeypatch.setattr(module, "Stray", stray, raising=False)
    assert defined(kind) - TABLES[kind]() == {stray}


def test_tables_are_of_what_a_person_can_reach():
    assert all(getattr(ng, cls.__name__) is cls for cls in (*layers.ALL, *penalty.BY_NAME.values()))
    assert all(getattr(losses, name) is loss for name, loss in losses.BY_NAME.items())


# The survey


@each("title", REPORTS)
def test_the_survey_is_ok(title):
    assert REPORTS[title].ok, REPORTS[title]
    assert REPORTS[title].rel_error <= 1e-8, REPORTS[title]


@each_layer
def test_every_layer_is_surveyed_alone_and_in_both_steps(cls):
    assert surveyed(cls.__name__)
    for step in ("discriminator_gradient", "generator_gradient"):
        assert [title for title in REPORTS if title.startswith(step) and title.endswith(f" around {cls.__name__}")]
    assert cls in map(type, survey.around(cls, 3, 4, seed=0).leaves())


@each_layer
def test_every_layer_with_a_tangent_is_surveyed_with_every_penalty(cls):
    titles = {f"{kind()} around {cls.__name__}" for kind in penalty.BY_NAME.values()}
    assert (titles <= set(REPORTS)) == (cls.tangent is not Layer.tangent)


@each("cls", by_name(defined(Loss)), ids=lambda cls: cls.__name__)
def test_every_loss_is_surveyed_alone_and_in_both_steps(cls):
    (alone, *_) = surveyed(f"{cls.__name__}(")
    assert {c.name for c in alone.comparisons} == {"D: a_x", "D: a_g", "G: a_g"}
    (loss, *smoothed) = [loss for loss in survey.all_losses() if type(loss) is cls]
    assert len(smoothed) == hasattr(loss, "smooth")
    for variant in (loss, *smoothed):
        for step in ("discriminator_gradient", "generator_gradient"):
            assert set(survey.players()) <= players(f"{step} {variant}")


@each("cls", by_name(defined(Penalty)), ids=lambda cls: cls.__name__)
def test_every_penalty_is_surveyed(cls):
    assert len(surveyed(f"{cls.__name__}(")) == len(survey.critics())


def test_every_gradient_function_is_surveyed():
    names = [name for name in vars(ng.gan) if name.endswith("_gradient")]
    assert names == ["discriminator_gradient", "generator_gradient"]
    assert all(surveyed(name) for name in names)


def test_every_parameter_of_both_players_is_compared():
    for kind, (G, D) in survey.players().items():
        for player, step in ((D, "discriminator_gradient"), (G, "generator_gradient")):
            for title, report in REPORTS.items():
                if title.startswith(step) and title.endswith(f" {kind}"):
                    assert [c.name for c in report.comparisons] == list(player.slices)


def test_optimisers_are_tested_elsewhere():
    """An optimiser has no gradient: its recursion is compared with the paper's and with PyTorch's in test_optim."""
    assert {cls.__name__ for cls in defined(Optimizer)} == {"Adam", "SGD"}


# One entry is enough


class MeanPool(Layer):
    """The mean of 2×2 pixels: x (m, h, w, c) → y (m, h/2, w/2, c). A layer on images, which the package has not."""

    example_row = (2, 4, 1)
    keeps_width = False
    share = 1 / 4

    def forward(self, x, train=False, rng=None):
        m, h, w, c = x.shape
        return x.reshape(m, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4)), None

    def dx(self, dy, cache):
        return dy.repeat(2, axis=1).repeat(2, axis=2) * self.share

    def tangent(self, v, dy, cache):
        return self.forward(v)[0], None


class WrongBackward(MeanPool):
    share = 1


class WrongTangent(MeanPool):
    def tangent(self, v, dy, cache):
        return 4 * self.forward(v)[0], None


@dataclass(frozen=True)
class Squares(Loss):
    """L_D = ½ mean a_x² − mean a_g; L_G = mean a_g."""

    def discriminator(self, a_x, a_g):
        return (a_x**2).mean() / 2 - a_g.mean(), a_x / len(a_x), -np.ones_like(a_g) / len(a_g)

    def generator(self, a_g):
        return a_g.mean(), np.ones_like(a_g) / len(a_g)


class Other(R1):
    """Another penalty."""


@each(
    ("layer", "wrong"),
    [
        (MeanPool, set()),
        (WrongBackward, {"alone", "discriminator_gradient", "generator_gradient", "R1", "R2", "WGANGP"}),
        (WrongTangent, {"R1", "R2", "WGANGP"}),
    ],
)
def test_a_new_layer_needs_one_entry(layer, wrong, monkeypatch):
    monkeypatch.setattr(layers, "ALL", (layer,))
    monkeypatch.setattr(survey, "players", dict)
    about = {title: report for title, report in survey.survey() if title.endswith(layer.__name__)}
    assert len(about) == 1 + 2 + 3
    kind = {title: title.split("(")[0].split()[0].replace(layer.__name__, "alone") for title in about}
    assert {kind[title] for title, report in about.items() if not report.ok} == wrong


def test_a_new_loss_and_a_new_penalty_need_one_entry(monkeypatch):
    monkeypatch.setattr(losses, "BY_NAME", {"squares": Squares()})
    monkeypatch.setattr(penalty, "BY_NAME", {"other": Other})
    monkeypatch.setattr(layers, "ALL", ())
    reports = dict(survey.survey())
    assert len(surveyed("Squares()", reports)) == 1
    assert sum("_gradient Squares()" in title for title in reports) == 2 * len(survey.players())
    assert len(surveyed("Other(", reports)) == len(survey.critics())
    assert all(report.ok for report in reports.values())
