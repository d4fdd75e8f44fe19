"""Networks made ready for evaluation: averaged weights, and BatchNorm's statistics."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from numgan.backend import Array
from numgan.layers.base import Layer, Player
from numgan.run.averaging import mean_weights
from numgan.run.interrupts import HeldBack, Whole


@contextlib.contextmanager
def averaged(
    G: Player, average: Array, decay: float | None, t: int, whole: Whole | None = None
) -> Iterator[None]:
    """Lends G the averaged weights, where kept, and gives it back its own. An interrupt waits until it has them.

    whole: the run's, which is torn where even that is broken off.
    """
    own, whole = G.theta.copy(), whole or Whole()
    with HeldBack():
        whole.begin("a look at its averaged weights")
        try:
            G.theta[...] = mean_weights(average, own, decay, t)
            yield
        finally:
            G.theta[...] = own
            whole.end()


def calibrate(net: Player, x: Callable[[], Array]) -> None:
    """Sets the statistics for evaluation from a pass over the rows x(), where the network has any."""
    if len(getattr(net, "buffers", ())):
        with np.errstate(all="ignore"):  # what overflows is not finite: then no sample is, and nothing is saved
            net.calibrate(x())  # type: ignore[attr-defined]


def set_step(nets: Iterable[object], step: int) -> None:
    """Where networks change with the step of the run (`Fade`), they are as they are at this one."""
    for net in nets:
        if isinstance(net, Layer):
            net.set_step(step)
