"""What must hold before a run begins, said in the words of the person who set it up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from numgan import penalty
from numgan.backend import Array, array_module
from numgan.conditional import Conditional
from numgan.data import Data
from numgan.errors import InputError, check_number, check_whole
from numgan.gan import seen
from numgan.layers.activations import Sigmoid
from numgan.layers.arguments import check_game
from numgan.layers.base import Player, rows_of
from numgan.layers.reshape import Reshape
from numgan.network import Network
from numgan.optim import BY_NAME, Adam, Optimizer
from numgan.parallel import MOST_THREADS
from numgan.run.parts import Parts, Settings

EXAMPLE = "ng.Conditional([ng.Label(n_in, classes), ng.Linear(n_in + classes, n), …])"
LEAST = {"batch": 1, "k": 1, "seed": 0, "threads": 1}
ARGUMENTS = {"data", *(f.name for cls in (Settings, Parts) for f in fields(cls)), "opt_g", "opt_d"}


def two_optimizers(optimizers: object) -> tuple[Optimizer, Optimizer]:
    """The optimisers for G and for D: as given, or two with their defaults."""
    pair = (Adam(), Adam()) if optimizers is None else optimizers
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(opt, Optimizer) for opt in pair):
        raise InputError(f"optimizers={pair!r}: pass two, for G and for D, such as (ng.Adam(1e-3), ng.Adam(1e-3))")
    if pair[0] is pair[1]:
        raise InputError("G and D were given the same optimiser object: make one for each")
    check_names(*pair)
    for player, opt in zip("GD", pair, strict=True):
        if opt.t or opt.state:
            used = f"the optimiser for {player} is in use already (it has made {opt.t} updates)"
            raise InputError(f"{used}, and would bring its state along: make a new one, or call its reset() first")
    return pair[0], pair[1]


def check_names(*optimizers: Optimizer) -> None:
    """InputError where one of ours was given a setting that it does not have: opt.learning_rate = 1e-4, say."""
    for opt in optimizers:
        strange = {name for name in vars(opt) if not hasattr(type(opt), name)} - {field.name for field in fields(opt)}
        if strange and type(opt) in BY_NAME.values():
            raise InputError(f"{opt} has no {min(strange)!r}, so that setting it changes nothing: delete it")


def noise_width(G: Player, n_z: int | None) -> int:
    """The width of z: as given, or as G says."""
    width = n_z if n_z is not None else getattr(G, "n_in", None)
    if width is None and isinstance(G, Network) and isinstance(first := next(G.leaves()), Reshape):
        width = math.prod(first.shape)
    if width is None:
        raise InputError("G does not say how wide its noise z is (it has no n_in): pass n_z=")
    return check_whole("n_z", width, 1)


def plain_settings(settings: Settings, penalised: object = None) -> Settings:
    """The plain arguments of `Training`, once each is possible, as Python's own numbers. penalised: its penalty."""
    plain: dict[str, Any] = {name: check_whole(name, getattr(settings, name), least) for name, least in LEAST.items()}
    if settings.threads > MOST_THREADS:
        raise InputError(f"threads is {settings.threads}, expected {MOST_THREADS} or fewer: one for each core is best")
    if settings.ema is not None:
        plain["ema"] = check_number("ema, a decay such as 0.999,", settings.ema, "(0, 1)", "None for no average")
    if settings.clip is not None:
        plain["clip"] = check_number("clip, the bound of D's weights,", settings.clip, "(0, inf)", "None for no bound")
    if not isinstance(settings.conditional, bool):
        raise InputError(f"conditional must be True (G and D are given labels) or False, got {settings.conditional!r}")
    if not isinstance(settings.together, bool):
        raise InputError(f"together must be True (both players at once) or False, got {settings.together!r}")
    if settings.together and (settings.k != 1 or settings.clip is not None or penalised is not None):
        raise InputError("together=True, the published code of 2014, has k=1 and neither penalty nor clip: drop these")
    return replace(settings, **plain)


def check_batch(batch: int, x: Array) -> None:
    """The data x (n, n_x) must have the rows of a minibatch."""
    if batch > len(x):
        turned = ", or x.T if the examples are its columns" if len(x) < x.shape[1] else ""
        raise InputError(f"batch is {batch}, but the data has {len(x)} rows: use a smaller batch{turned}")


def check_parts(parts: Parts) -> None:
    """G and D must be two players that share nothing, the loss one, and the penalty one that can go through this D."""
    G, D = parts.G, parts.D
    check_game(G, D, parts.loss)
    for name, net in (("G", G), ("D", D)):
        if not (hasattr(net, "theta") and hasattr(net, "grad")):
            raise InputError(f"{name} is {net!r}, which has no theta and no grad: put it into ng.Network([…])")
    if array_module(G.theta) is array_module(D.theta) and array_module(G.theta).may_share_memory(G.theta, D.theta):
        raise InputError("G and D share parameters, and each would undo what the other learns: make layers for each")
    view = parts.view
    if view is not None and (not isinstance(view, Network) or view.size or view.stochastic or not view.rowwise):
        raise InputError(f"view must be a Network without parameters or randomness, row by row, or None, got {view!r}")
    if parts.penalty is not None:
        if not isinstance(parts.penalty, penalty.Penalty):
            raise InputError(f"penalty must be R1(), R2(), WGANGP() or None, got {parts.penalty!r}")
        penalty.rowwise_network(D)


def check_labels(G: Player, D: Player, data: Data, conditional: bool) -> None:
    """A conditional run needs data with rows of every class, and networks that take labels of as many; others, none."""
    for name, net in (("G", G), ("D", D)):
        if isinstance(net, Network) and isinstance(net, Conditional) is not conditional:
            advice = f"make it {EXAMPLE}" if conditional else "pass conditional=True"
            raise InputError(f"{name} takes {'no ' * conditional}labels, but conditional is {conditional}: {advice}")
        classes = getattr(net, "classes", data.classes) if conditional else None
        if conditional and classes is None:
            advice = f"make it {EXAMPLE}, or write a loop with ng.discriminator_gradient and ng.generator_gradient"
            raise InputError(f"{name} takes conditions c (m, n_c), but a Training knows labels only: {advice}")
        if conditional and classes != data.classes:
            raise InputError(f"{name} has {classes} classes, but the data has {data.classes}: give both as many")


def check_argument(run: object, name: str) -> None:
    """InputError where an argument of a finished `Training` is set, or a name that it does not have."""
    if name in ARGUMENTS or not (name.startswith("_") or hasattr(run, name)):
        what = "is fixed when a Training is made" if name in ARGUMENTS else "is nothing that a Training has"
        advice = "make a new one, ng.Training(run.G, run.D, run.data, …)"
        raise InputError(f"run.{name} {what}: {advice}; learning rates are run.opt_g.lr and run.opt_d.lr")


def check_fit(G: Player, D: Player, batches: Sequence[Any], x: Array) -> None:
    """Of noise z of each of these sizes (or (z, c)), samples G(z) must have the width of the data x, and D must make a
    column of logits of them."""
    for z in batches:
        _check_fit(G, D, z, x)


def _check_fit(G: Player, D: Player, z: Any, x: Array) -> None:
    for name, net in (("G", G), ("D", D)):
        if len(rows_of(z)) == 1 and not getattr(net, "rowwise", True):
            advice = "use a larger batch, or fewer ranks"
            raise InputError(f"batch is 1, but {name} compares the rows of a batch: {advice}")
    made = _output("G", G, z)
    x_g = rows_of(made)
    if x_g.shape[1:] != x.shape[1:]:
        wanted = f"a row of this data has {x.shape[1]} numbers"
        swapped = " (or are G and D swapped?)" if x_g.shape[1:] == (1,) else ""
        raise InputError(f"G gives samples of shape {x_g.shape}, but {wanted}: change G's last layer{swapped}")
    if isinstance(D, Network) and isinstance([*D.leaves()][-1], Sigmoid):
        raise InputError("D ends in a Sigmoid, but D returns logits, and the losses apply σ: leave the Sigmoid out")
    a_g = _output("D", D, seen(D, made, z))
    if a_g.ndim != 2 or a_g.shape[1] != 1:
        raise InputError(f"D must return logits of shape (m, 1), got {a_g.shape}: end it in Linear(n, 1)")


def _output(name: str, net: Player, x: Array) -> Array:
    """net(x); InputError where its layers do not fit each other on these rows."""
    try:
        return net(x)
    except InputError:
        raise
    except ValueError as error:  # of NumPy, where no layer names its width: after Pack, say
        raise InputError(f"{name} cannot take rows of shape {rows_of(x).shape}: {error}") from error
