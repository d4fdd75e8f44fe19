"""What a person may pass in the place of what is meant: an InputError that says so, or an answer that is documented.

The sweep passes each of nine wrong values for each argument of everything that is public. Its table says which of them
are right after all; every other must be refused, by an InputError and by nothing from the inside.
"""

import inspect
import math
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
import pytest
from small import networks, rows, training

import numgan as ng
from numgan import metrics, plots
from numgan.run.record import Record

NOTHING = object()
WRONG = [None, "a", math.nan, math.inf, -1, 0, True, [], NOTHING]
ANY = WRONG  # for an argument that is not used, or that may be anything
NONE = [None]


@dataclass
class Case:
    """Something public, arguments that are right, and which of the wrong values are right for which argument."""

    call: object
    right: object  # () -> a new dict of arguments
    fine: dict = field(default_factory=dict)

    @property
    def arguments(self):
        """All that it takes, but for switches, which are taken by their truth."""
        parameters = inspect.signature(self.call).parameters.values()
        return [p.name for p in parameters if p.name != "self" and p.annotation not in (bool, "bool")]


def loss_cases(loss):
    name, value = type(loss).__name__, lambda: rows(4, 1)
    yield f"losses.{name}.discriminator", Case(loss.discriminator, lambda: {"a_x": value(), "a_g": value()})
    yield f"losses.{name}.generator", Case(loss.generator, lambda: {"a_g": value()})


def noisy():
    """A player that draws random numbers, so that its rng is used."""
    return ng.Network([ng.Dropout(0.3), ng.Linear(2, 1)])


def game(**more):
    players = {"G": networks()[0], "D": noisy()}
    return players | {"z": rows(), "loss": ng.losses.hinge, "rng": np.random.default_rng(0)} | more


def tape_of(net):
    return net.forward(rows())[1]


def a_method(method, made=training):
    """A method of something made anew for each call."""
    parameters = [p for p in inspect.signature(method).parameters.values() if p.name != "self"]

    def call(**arguments):
        result = method(made(), **arguments)
        return list(result) if method is ng.Training.steps else result

    call.__signature__ = inspect.Signature(parameters)
    return call


def a_network():
    return networks()[0]


def a_run_with_labels():
    G, D = (ng.Conditional([ng.Label(2, 2), ng.Linear(4, n)]) for n in (2, 1))
    return ng.Training(G, D, ng.data.Data(rows(), labels=LABELS), batch=4, threads=1, conditional=True)


LABELS = np.arange(8) % 2
TOLD = ng.Conditional([ng.Label(2, 2), ng.Linear(4, 1)])
NET = a_network()
MADE = training()
POINT = {"x": rows(), "x_g": rows()}
RECORDS = [Record(1, 1.0, 1.0, -1.0, 0.5, 0.5, 1.0, 1.0)]
LAYERS = {"Linear", "Maxout", "LeakyReLU", "BatchNorm", "Dropout", "InstanceNoise", "MinibatchStd", "Pack", "Reshape"}

CONVOLUTION = {"n_in": 2, "n_out": 3, "kernel": 4, "stride": 2, "padding": 1, "bias": True, "std": 0.02}

SHEET = {"image_shape": NONE, "columns": NONE}
CASES = {
    "Linear": Case(ng.Linear, lambda: {"n_in": 2, "n_out": 3, "scale": 0.1}, {"scale": [None, 0]}),
    "Maxout": Case(ng.Maxout, lambda: {"n_in": 2, "n_out": 3, "pieces": 2, "scale": 0.1}, {"scale": [None, 0]}),
    "LeakyReLU": Case(ng.LeakyReLU, lambda: {"slope": 0.2}),
    "BatchNorm": Case(ng.BatchNorm, lambda: {"n": 3, "eps": 1e-5, "std": 0.02}, {"std": [0]}),
    "Conv2d": Case(ng.Conv2d, lambda: CONVOLUTION, {"padding": [0], "std": NONE, "bias": [True]}),
    "ConvTranspose2d": Case(ng.ConvTranspose2d, lambda: CONVOLUTION, {"padding": [0], "std": NONE, "bias": [True]}),
    "Conv1d": Case(ng.Conv1d, lambda: CONVOLUTION, {"padding": [0], "std": NONE, "bias": [True]}),
    "ConvTranspose1d": Case(ng.ConvTranspose1d, lambda: CONVOLUTION, {"padding": [0], "std": NONE, "bias": [True]}),
    "AvgPool2d": Case(ng.AvgPool2d, lambda: {"factor": 2}),
    "Upsample": Case(ng.Upsample, lambda: {"factor": 2}),
    "Dropout": Case(ng.Dropout, lambda: {"p": 0.5}, {"p": [0]}),
    "InstanceNoise": Case(ng.InstanceNoise, lambda: {"std": 0.1}, {"std": [0]}),
    "Shift": Case(ng.Shift, lambda: {"most": 2}),
    "MinibatchStd": Case(ng.MinibatchStd, lambda: {"n": 3, "group": 2}, {"group": NONE}),
    "PixelNorm": Case(ng.PixelNorm, lambda: {"eps": 1e-8}),
    "Rescale": Case(ng.Rescale, lambda: {"factor": 0.5}),
    "Pad": Case(ng.Pad, lambda: {"width": 2, "value": 0.5}, {"value": [0, -1]}),
    "Crop": Case(ng.Crop, lambda: {"width": 2}),
    "Concat": Case(ng.Concat, lambda: {"layers": [ng.Linear(2, 3), ng.Linear(2, 3)]}),
    "Skip": Case(ng.Skip, lambda: {"layer": ng.Linear(3, 2)}),
    "Split": Case(ng.Split, lambda: {"layers": [ng.Linear(2, 3), ng.Linear(2, 3)]}),
    "Fade": Case(ng.Fade, lambda: {"layers": [ng.Linear(2, 3), ng.Linear(2, 3)], "alpha": 0.5}, {"alpha": [0]}),
    "StyleMixing": Case(ng.StyleMixing, lambda: {"mapping": ng.Linear(2, 3), "levels": 4, "p": 0.5}, {"p": [0]}),
    "Truncation": Case(ng.Truncation, lambda: {"n": 3, "psi": 0.7, "first": 2}, {"psi": [-1, 0], "first": [None, 0]}),
    "Constant": Case(ng.Constant, lambda: {"n": 3, "h": 4, "w": 4}),
    "NoiseInput": Case(ng.NoiseInput, lambda: {"n": 3, "h": 4, "w": 4}),
    "AdaIN": Case(ng.AdaIN, lambda: {"n": 3, "n_w": 2, "eps": 1e-8}),
    "Blur": Case(ng.Blur, dict),
    "Synthesis": Case(ng.Synthesis, lambda: {"layers": [ng.Constant(3), ng.AdaIN(3, 2)]}),
    "Pack": Case(ng.Pack, lambda: {"k": 2}),
    "Reshape": Case(ng.Reshape, lambda: {"shape": (2, 3)}),
    "ReLU": Case(ng.ReLU, dict),
    "Tanh": Case(ng.Tanh, dict),
    "Sigmoid": Case(ng.Sigmoid, dict),
    "Layer": Case(ng.Layer, dict),
    "Network": Case(
        ng.Network,
        lambda: {"layers": [ng.Linear(2, 1)], "seed": 0, "dtype": "float64", "xp": np},
        {"seed": [0]},
    ),
    "Label": Case(ng.Label, lambda: {"n_in": 2, "classes": 3}),
    "Condition": Case(ng.Condition, lambda: {"n_in": 2, "n_c": 3}),
    "Conditional": Case(
        ng.Conditional,
        lambda: {"layers": [ng.Label(2, 3), ng.Linear(5, 1)], "seed": 0, "dtype": "float64", "xp": np},
        {"seed": [0]},
    ),
    "Conditional.forward": Case(TOLD.forward, lambda: {"x": (rows(), LABELS), "rng": None}, {"rng": ANY}),
    "Conditional.calibrate": Case(TOLD.calibrate, lambda: {"x": (rows(), LABELS)}),
    "Conditional.__call__": Case(TOLD.__call__, lambda: {"x": (rows(), LABELS)}),
    "Network.copy": Case(NET.copy, lambda: {"xp": np, "dtype": "float64"}, {"xp": NONE, "dtype": NONE}),
    "Network.forward": Case(NET.forward, lambda: {"x": rows(), "rng": None}, {"rng": ANY}),
    "Network.backward": Case(NET.backward, lambda: {"dy": rows(), "tape": tape_of(NET)}),
    "Network.calibrate": Case(NET.calibrate, lambda: {"x": rows()}),
    "Network.__call__": Case(NET.__call__, lambda: {"x": rows()}),
    "ReLU.__call__": Case(ng.ReLU().__call__, lambda: {"x": rows()}),
    "SGD": Case(ng.SGD, lambda: {"lr": 0.1, "momentum": 0.5}, {"lr": [0], "momentum": [0]}),
    "Adam": Case(
        ng.Adam,
        lambda: {"lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 1e-8},
        {"lr": [0], "beta1": [0], "beta2": [0]},
    ),
    "SGD.step": Case(a_method(ng.SGD.step, lambda: ng.SGD(0.1)), lambda: {"theta": np.ones(3), "grad": np.ones(3)}),
    "Adam.step": Case(a_method(ng.Adam.step, ng.Adam), lambda: {"theta": np.ones(3), "grad": np.ones(3)}),
    "Ramp": Case(
        ng.Ramp,
        lambda: {"start": 0.1, "end": 0.2, "begin": 1, "finish": 9},
        {"start": [0], "end": [0], "begin": [0]},
    ),
    "Decay": Case(
        ng.Decay, lambda: {"start": 0.1, "factor": 1.1, "floor": 0.01}, {"start": [0], "floor": [0]}
    ),
    "Training": Case(
        ng.Training,
        lambda: dict(zip("GD", networks(), strict=True))
        | {"data": rows(), "loss": ng.losses.hinge, "batch": 4, "k": 1, "seed": 0, "noise": "normal", "threads": 1}
        | {"optimizers": (ng.Adam(), ng.Adam()), "ema": 0.9, "n_z": 2, "penalty": ng.R1(), "clip": 1.0, "comm": None}
        | {"view": ng.Network([ng.Tanh()])},
        {"seed": [0]} | dict.fromkeys(("optimizers", "ema", "n_z", "penalty", "clip", "threads", "view", "comm"), NONE),
    ),
    "Training.steps": Case(a_method(ng.Training.steps), lambda: {"n": 2, "every": 1}, {"n": [0]}),
    "Training.sample": Case(MADE.sample, lambda: {"n": 2, "seed": 1}, {"seed": [0], "label": NONE}),
    "Training.sample, with labels": Case(
        a_run_with_labels().sample, lambda: {"n": 2, "label": [1, 0]}, {"seed": [0], "label": [None, 0]}
    ),
    "Training.fixed_batch": Case(MADE.fixed_batch, lambda: {"n": 2, "seed": 1}, {"seed": [0]}),
    "Info": Case(ng.discriminator_gradient, lambda: game(x=rows()), {}),
    "discriminator_gradient": Case(ng.discriminator_gradient, lambda: game(x=rows())),
    "generator_gradient": Case(ng.generator_gradient, game),
    "simultaneous_gradients": Case(ng.simultaneous_gradients, lambda: game(x=rows())),
    "gradcheck": Case(
        lambda seed, tolerance: ng.gradcheck(ng.Tanh(), seed=seed, tolerance=tolerance),
        lambda: {"seed": 0, "tolerance": 1e-6},
        {"seed": [0]},
    ),
    "losses.Minimax": Case(ng.losses.Minimax, lambda: {"smooth": 0.9}),
    "losses.NonSaturating": Case(ng.losses.NonSaturating, lambda: {"smooth": 0.9}),
    "losses.LeastSquares": Case(ng.losses.LeastSquares, dict),
    "losses.Wasserstein": Case(ng.losses.Wasserstein, dict),
    "losses.WassersteinDrift": Case(ng.losses.WassersteinDrift, lambda: {"drift": 0.1}, {"drift": [0]}),
    "losses.Hinge": Case(ng.losses.Hinge, dict),
    "losses.Loss": Case(ng.losses.Loss, dict),
    "losses.softplus": Case(ng.losses.softplus, lambda: {"a": rows()}),
    "losses.sigmoid": Case(ng.losses.sigmoid, lambda: {"a": rows()}),
    **{name: case for loss in ng.losses.BY_NAME.values() for name, case in loss_cases(loss)},
    "penalty.R1": Case(ng.R1, lambda: {"gamma": 1.0, "every": 16}, {"gamma": [0]}),
    "penalty.R2": Case(ng.R2, lambda: {"gamma": 1.0, "every": 16}, {"gamma": [0]}),
    "penalty.WGANGP": Case(ng.WGANGP, lambda: {"lam": 1.0, "every": 16}, {"lam": [0]}),
    "penalty.Penalty": Case(ng.penalty.Penalty, dict),
    "penalty.r1": Case(
        ng.penalty.r1,
        lambda: {"D": noisy(), "x": rows(), "gamma": 1.0, "rng": np.random.default_rng(0)},
        {"gamma": [0], "rng": NONE},
    ),
    "penalty.r2": Case(
        ng.penalty.r2,
        lambda: {"D": noisy(), "x_g": rows(), "gamma": 1.0, "rng": np.random.default_rng(0)},
        {"gamma": [0], "rng": NONE},
    ),
    "penalty.wgan_gp": Case(
        ng.penalty.wgan_gp,
        lambda: {"D": noisy(), "lam": 1.0, "eps": abs(rows(8, 1)), "rng": np.random.default_rng(0)} | POINT,
        {"lam": [0], "rng": NONE},
    ),
    "penalty.clip_weights": Case(ng.penalty.clip_weights, lambda: {"theta": np.ones(3), "c": 0.1}),
    "penalty.rowwise_network": Case(ng.penalty.rowwise_network, lambda: {"D": noisy()}),
    "data.Data": Case(
        ng.data.Data,
        lambda: {"x": rows(), "labels": np.arange(8), "image_shape": (1, 2), "range": (-1, 1), "name": "mine"}
        | {"centres": np.zeros((1, 2)), "std": 0.1},
        {"name": ["a"]} | dict.fromkeys(("labels", "image_shape", "range", "centres", "std", "held_out"), NONE),
    ),
    "data.gaussian": Case(
        ng.data.gaussian, lambda: {"n": 9, "mean": 0.0, "std": 1.0, "seed": 0}, {"mean": [-1, 0], "seed": [0]}
    ),
    "data.mixture": Case(
        ng.data.mixture, lambda: {"n": 9, "means": [0, 1], "stds": 1.0, "seed": 0}, {"means": [-1, 0], "seed": [0]}
    ),
    "data.ring": Case(
        ng.data.ring,
        lambda: {"n": 9, "modes": 3, "radius": 1.0, "std": 1.0, "seed": 0},
        {"radius": [-1, 0], "seed": [0]},
    ),
    "data.grid": Case(
        ng.data.grid,
        lambda: {"n": 9, "side": 3, "spacing": 1.0, "std": 1.0, "seed": 0},
        {"spacing": [-1, 0], "seed": [0]},
    ),
    "data.load": Case(
        ng.data.load,
        lambda: {"name_or_path": "ring", "range": (0, 1), "split": "train"},
        {"size": NONE, "hold_out": [0]},
    ),
    "data.coupled": Case(
        ng.data.coupled,
        lambda: {"data": ng.data.load("digits"), "transform": ng.data.edges, "seed": 0, "name": "both"},
        {"seed": [0], "name": ["a", *NONE]},
    ),
    "data.edges": Case(ng.data.edges, lambda: {"x": np.zeros((2, 4, 4))}),
    "data.negatives": Case(ng.data.negatives, lambda: {"x": np.zeros((2, 4, 4))}),
    "data.restore": Case(ng.data.restore, lambda: {"x": rows(), "range": (0, 1)}, {"range": NONE}),
    "metrics.mode_coverage": Case(
        metrics.mode_coverage, lambda: {"x_g": rows(), "centres": rows(), "std": 0.1}
    ),
    "metrics.precision_recall": Case(metrics.precision_recall, lambda: {"k": 2} | POINT),
    "metrics.density_coverage": Case(metrics.density_coverage, lambda: {"k": 2} | POINT),
    "metrics.grid_divergences": Case(metrics.grid_divergences, lambda: {"bins": 3} | POINT),
    "metrics.distance_blocks": Case(
        lambda a, b: list(metrics.distance_blocks(a, b)), lambda: {"a": rows(), "b": rows()}
    ),
    "metrics.log_likelihoods": Case(metrics.log_likelihoods, lambda: {"sigma": 0.5} | POINT),
    "metrics.parzen": Case(
        metrics.parzen, lambda: {"x_g": rows(), "x_valid": rows(), "x_test": rows(), "sigmas": [0.1, 1]}
    ),
    "metrics.memorisation": Case(
        metrics.memorisation,
        lambda: {"x_train": rows(), "x_held_out": rows() + 1, "x_g": rows() - 1, "image_shape": (1, 2)},
        {"image_shape": NONE, "allowed": [0]},
    ),
    "metrics.nearest": Case(metrics.nearest, POINT.copy),
    "metrics.agreement": Case(metrics.agreement, lambda: {"expected": rows(), "found": rows()}),
    "metrics.slant": Case(metrics.slant, lambda: {"x": np.eye(3, 4), "image_shape": (2, 2)}),
    "metrics.stroke_width": Case(metrics.stroke_width, lambda: {"x": np.eye(3, 4), "image_shape": (2, 2)}),
    "metrics.kid": Case(metrics.kid, lambda: {"f": rows(), "f_g": rows()}),
    "metrics.frechet": Case(metrics.frechet, lambda: {"f": rows(), "f_g": rows()}),
    "metrics.calibration": Case(
        metrics.calibration,
        lambda: {"x": rows(), "labels": LABELS, "n": 4, "seed": 0},
        {"labels": NONE, "seed": [0]},
    ),
    "plots.samples": Case(plots.samples, lambda: {"image_shape": (1, 2)} | POINT, {"image_shape": NONE}),
    "plots.sheet": Case(plots.sheet, lambda: {"x": rows(), "image_shape": (1, 2), "columns": 4}, SHEET),
    "plots.progress": Case(
        plots.progress,
        lambda: {"frames": [rows()] * 2, "steps": [0, 1], "image_shape": None, "x": rows()},
        {"image_shape": NONE, "x": NONE},
    ),
    "plots.growth": Case(plots.growth, lambda: {"frames": [rows()] * 2, "sides": [1, 2], "image_shape": (1, 2)}),
    "plots.history": Case(plots.history, lambda: {"records": RECORDS}, {"records": [[]]}),
}


def same(a, b):
    return a is b or (type(a) is type(b) and (a == b or (a != a and b != b)))


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n, case in CASES.items() for a in case.arguments])
def test_a_wrong_value_is_refused_or_right(name, argument):
    case = CASES[name]
    case.call(**case.right())
    for value in WRONG:
        fine = any(same(value, right) for right in case.fine.get(argument, ()))
        try:
            case.call(**case.right() | {argument: value})
            got = "nothing"
        except ng.InputError as error:
            got = "InputError"
            assert "\n" not in str(error)
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
        assert got == ("nothing" if fine else "InputError"), f"{name}({argument}={value!r})"


def public(module):
    """The classes and functions that a module defines without an underscore."""
    for name, thing in vars(module).items():
        if callable(thing) and not name.startswith("_") and getattr(thing, "__module__", "") == module.__name__:
            yield name


# Not to be made by hand; a formula on arrays; what numgan evaluate, sweep and uses alone draw, of what they measured.
NOT_SWEPT = {"DivergedError", "InputError", "TornError", "losses.game_value"}
NOT_SWEPT |= {"plots.evaluation", "plots.beside_nearest", "plots.spread", "plots.lines"}
RESULTS = {"Agreement", "Memorisation", "Parzen", "ModeCoverage", "PrecisionRecall", "DensityCoverage", "Divergences"}


def test_everything_public_is_swept():
    names = {n for n in ng.__all__ if not isinstance(getattr(ng, n), ModuleType)} - {"R1", "R2", "WGANGP"}
    for module in (ng.losses, ng.penalty, plots):
        names |= {f"{module.__name__.removeprefix('numgan.')}.{name}" for name in public(module)}
    for room in (ng.data, metrics):
        names |= {f"{room.__name__.removeprefix('numgan.')}.{n}" for n in room.__all__ if callable(getattr(room, n))}
    assert names - NOT_SWEPT - {f"metrics.{n}" for n in RESULTS} <= set(CASES)
