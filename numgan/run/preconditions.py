"""What must hold before a run begins, said in the words of the person who set it up."""

from __future__ import annotations

from typing import Any

from numgan import penalty
from numgan.backend import Array
from numgan.errors import InputError, check_whole
from numgan.gan import Player
from numgan.layers.activations import Sigmoid
from numgan.losses import Loss
from numgan.network import Network
from numgan.optim import Adam, Optimizer
from numgan.parallel import MOST_THREADS
from numgan.run.state import Parts, Settings


def two_optimizers(optimizers: Any) -> tuple[Optimizer, Optimizer]:
    """The optimisers for G and for D: as given, or two with their defaults."""
    pair = (Adam(), Adam()) if optimizers is None else optimizers
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(opt, Optimizer) for opt in pair):
        raise InputError(f"optimizers={pair!r}: pass two, for G and for D, such as (ng.Adam(1e-3), ng.Adam(1e-3))")
    if pair[0] is pair[1]:
        raise InputError("G and D were given the same optimiser object: make one for each")
    return pair[0], pair[1]


def noise_width(G: Player, n_z: int | None) -> int:
    """The width of z: as given, or as G says."""
    width = n_z if n_z is not None else getattr(G, "n_in", None)
    if width is None:
        raise InputError("G does not say how wide its noise z is (it has no n_in): pass n_z=")
    check_whole("n_z", width, 1)
    return width


def check_settings(settings: Settings, rows: int) -> None:
    """The plain arguments of `Training`, on data of so many rows."""
    for name, least in (("batch", 1), ("k", 1), ("seed", 0), ("threads", 1)):
        check_whole(name, getattr(settings, name), least)
    if settings.threads > MOST_THREADS:
        raise InputError(f"threads is {settings.threads}, expected at most {MOST_THREADS}: take the number of cores")
    if settings.batch > rows:
        raise InputError(f"batch is {settings.batch}, but the data has {rows} rows: use a smaller batch")
    if settings.ema is not None and not 0 < settings.ema < 1:
        raise InputError(f"ema is a decay between 0 and 1, such as 0.999, or None; got {settings.ema!r}")
    if settings.clip is not None and not settings.clip > 0:
        raise InputError(f"clip bounds D's weights by a positive number, such as 0.01, or is None; got {settings.clip!r}")


def check_parts(parts: Parts) -> None:
    """The loss must be one, and the penalty one that can go through this D."""
    if parts.penalty is not None:
        if not isinstance(parts.penalty, penalty.Penalty):
            raise InputError(f"penalty must be R1(), R2(), WGANGP() or None, got {parts.penalty!r}")
        penalty.require_rowwise(parts.D)
    if not isinstance(parts.loss, Loss):
        raise InputError(f"loss={parts.loss!r} is no loss: pass one, such as ng.losses.hinge or ng.losses.Minimax()")


def check_fit(x_g: Array, D: Player, x: Array) -> None:
    """Samples x_g must have the width of the data x, and D must make a column of logits of them."""
    if x_g.shape[1:] != x.shape[1:]:
        wanted = f"a row of this data has {x.shape[1]} numbers"
        raise InputError(f"G gives samples of shape {x_g.shape}, but {wanted}: change G's last layer")
    if isinstance(D, Network) and isinstance(D.layers[-1], Sigmoid):
        raise InputError("D ends in a Sigmoid, but D returns logits, and the losses apply σ: leave the Sigmoid out")
    a_g = D(x_g)
    if a_g.ndim != 2 or a_g.shape[1] != 1:
        raise InputError(f"D must return logits of shape (m, 1), got {a_g.shape}: end it in Linear(n, 1)")
