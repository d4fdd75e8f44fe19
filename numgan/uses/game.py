"""Networks that learn together, each with an optimiser of its own: what the training loops of all uses share."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from numgan.backend import Array
from numgan.errors import DivergedError, InputError
from numgan.layers.base import rows_of
from numgan.network import Network
from numgan.optim import Optimizer
from numgan.parallel import Team
from numgan.run.averaging import average_in, mean_weights
from numgan.run.streams import LayerNumbers, Minibatches, Noise

Values = dict[str, float]  # what each player descends
ROWS = 500  # that go through a network at a time, where all are wanted


class Game:
    """Players by name, such as G and D, and one step after another in which each learns.

    A game says in `update` what is drawn, and in which order gradients are made and followed; nothing else. seed fixes
    minibatches, noise and what layers draw, each as a function of the step. ema: decay of the average of the weights
    that `apply` uses, or None.
    """

    def __init__(
        self,
        players: Mapping[str, tuple[Network, Optimizer]],
        batch: int,
        seed: int = 0,
        ema: float | None = None,
        threads: int | None = None,
    ) -> None:
        self.nets = {name: net for name, (net, _) in players.items()}
        self.opts = {name: opt for name, (_, opt) in players.items()}
        self.batch, self.seed, self.ema, self.step = batch, seed, ema, 0
        self._averages = {name: np.zeros_like(net.theta) for name, net in self.nets.items()}
        self._layers = LayerNumbers(np, seed, k=len(players), batch=batch)
        self._team = Team(threads or os.cpu_count() or 1)

    def update(self) -> Values:
        """One step of every player."""
        raise NotImplementedError

    def steps(self, n: int) -> Iterator[Values]:
        """n updates, as it is iterated over. DivergedError where a value is not finite."""
        for _ in range(n):
            with self._team.at_work(), np.errstate(all="ignore"):  # a value that is not finite is named below
                values = {name: float(value) for name, value in self.update().items()}
            self.step += 1
            if not all(map(math.isfinite, values.values())):
                raise DivergedError(f"step {self.step}: {values}; try another seed")
            yield values

    def follow(self, name: str) -> None:
        """One step of a player's optimiser along its gradient."""
        net = self.nets[name]
        self.opts[name].step(net.theta, net.grad)
        if self.ema is not None:
            average_in(self._averages[name], net.theta, self.ema)

    def rng(self, j: int) -> np.random.Generator:
        """What layers draw from in pass j of this step."""
        return self._layers(self.step, j)  # type: ignore[return-value]  # a game is on the host, where it is NumPy's

    def minibatches(self, x: Array, stream: int = 0) -> Minibatches:
        """Minibatches of the rows x. Rows that must not be paired have a stream each."""
        if len(x) < self.batch or not np.isfinite(x).all():
            raise InputError(f"x has {len(x)} rows, expected {self.batch} or more, of finite numbers: give others")
        return Minibatches(x.astype(np.float32), self.batch, _seed(self.seed, stream))

    def noise(self, n_z: int) -> Noise:
        return Noise("normal", self.batch, n_z, np.float32, self.seed, np)

    def apply(self, name: str, x: Any) -> np.ndarray:
        """What a player makes of all rows x, or (x, c), in evaluation mode and with averaged weights where kept."""
        net, n = self.ready(name), len(rows_of(x))
        some = (slice(i, i + ROWS) for i in range(0, n, ROWS))
        with self._team.at_work():
            return np.concatenate([net(_taken(x, part)) for part in some])

    def ready(self, name: str) -> Network:
        """A copy of a player with its averaged weights, where kept."""
        net = self.nets[name].copy()
        net.theta[...] = mean_weights(self._averages[name], net.theta, self.ema, self.step)
        return net

    def weights(self) -> dict[str, np.ndarray]:
        """θ of every player, averaged where that is kept: to be saved, and put back by `put`."""
        return {name: self.ready(name).theta for name in self.nets}

    def put(self, weights: Mapping[str, np.ndarray]) -> None:
        """Gives every player these weights; from them, nothing is averaged any more."""
        for name, net in self.nets.items():
            net.theta[...] = weights[name]
        self.ema = None


def _seed(seed: int, stream: int) -> int:
    return int(np.random.SeedSequence((seed, stream)).generate_state(1)[0])


def _taken(x: Any, part: slice) -> Any:
    return tuple(one[part] for one in x) if isinstance(x, tuple) else x[part]
