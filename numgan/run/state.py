"""What a checkpoint holds of a training run, and how it is written and read.

Everything that a run draws is a function of its seed and step count, so there is no generator's state in it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

import numpy as np

from numgan.backend import Array, array_module, asnumpy
from numgan.conditional import Conditional
from numgan.data import Data
from numgan.errors import DivergedError, InputError
from numgan.layers.base import Player
from numgan.losses import Loss
from numgan.network import Network
from numgan.optim import Optimizer
from numgan.parallel import Team
from numgan.penalty import Penalty
from numgan.run import archive, integrity
from numgan.run.averaging import mean_weights
from numgan.run.parts import Origin, Parts, Settings, State
from numgan.run.preconditions import plain_settings, two_optimizers
from numgan.run.sampling import Label, sample
from numgan.run.schema import Builder, describe, shown
from numgan.run.streams import Noise

OPTIMIZERS = tuple[Optimizer, Optimizer]


@dataclass(frozen=True)
class Description:
    """What a checkpoint says beside its vectors. The parts stay as they are described until they are asked for: a run
    with a class of one's own can be loaded by whoever passes it."""

    step: int
    updates: tuple[int, int]
    settings: Settings
    data: Origin
    G: Any
    D: Any
    loss: Any
    penalty: Any
    optimizers: tuple[Any, Any]
    view: Any = None


def state_of(parts: Parts, average: Array, step: int, history: np.ndarray) -> State:
    """The state of a run with these parts. Its vectors are theirs: what is written into it, they have."""
    vectors = {"theta_G": parts.G.theta, "theta_D": parts.D.theta, "average": average}
    for player, net, opt in zip("GD", (parts.G, parts.D), parts.optimizers, strict=True):
        if len(buffers := getattr(net, "buffers", ())):
            vectors[f"buffers_{player}"] = buffers
        vectors |= {f"{name}_{player}": vector for name, vector in opt.state.items()}
    opt_g, opt_d = parts.optimizers
    return State(step, (opt_g.t, opt_d.t), vectors, history)


def write(path: str | os.PathLike[str], parts: Parts, settings: Settings, data: Data, state: State) -> None:
    """Writes a checkpoint, unless one of the vectors holds a value that is not finite."""
    vectors = {name: asnumpy(vector) for name, vector in state.vectors.items()}
    for name, vector in vectors.items():
        if not np.isfinite(vector).all():
            raise DivergedError(f"step {state.step}: {name} holds values that are not finite; nothing was written")
    about = {"step": state.step, "updates": list(state.updates), "settings": _plain(settings, Settings)}
    about |= {"data": _plain(data, Origin)} | _plain(parts, Parts)
    archive.write(path, vectors | {"history": state.history}, about)


def _plain(thing: Any, cls: Any) -> dict[str, Any]:
    """The fields of `cls`, as `thing` has them, in plain JSON values."""
    return {field.name: describe(getattr(thing, field.name)) for field in fields(cls)}


class Checkpoint:
    """A checkpoint that was read: `parts` and `settings` to build the run again, `state` to put it where it was.

    However it was made, opening it and building its parts takes at most six times its size and 64 MiB of memory, since
    what it claims is compared with what it holds first. A `Training` of it then takes what its batches need.

    InputError, with the path, for whatever cannot be what `write` wrote.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        vectors, described = archive.read(path)
        with archive.named(path):
            if "G" not in described:
                raise InputError("is not the checkpoint of a training run: give checkpoint.npz")
            self._said: Description = Builder()(described, Description, "checkpoint")
            self.settings, history = self._said.settings, vectors.pop("history", None)
            if history is None:
                raise InputError(f"has no history: {integrity.OTHER}")
            self.state = State(self._said.step, self._said.updates, vectors, history)
            plain_settings(self.settings)
            integrity.check_origin(self._said.data)
            integrity.check_state(self.state, self.settings.k)

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        return self._said.data.image_shape

    def check_data(self, data: Data) -> None:
        """InputError unless this is the data that the run was trained on."""
        if data.fingerprint != self._said.data.fingerprint:
            name = self._said.data.name
            raise InputError(f"{self.path} was trained on other data ({name!r}): load it with that data")
        if self.settings.conditional and data.label_fingerprint != self._said.data.label_fingerprint:
            raise InputError(f"{self.path} was trained on other labels of this data: load it with those labels")

    def parts(
        self,
        n_x: int,
        xp: ModuleType = np,
        G: Player | None = None,
        D: Player | None = None,
        loss: Loss | None = None,
        penalty: Penalty | None = None,
        optimizers: OPTIMIZERS | None = None,
    ) -> Parts:
        """The parts, new and with first values, on the backend xp, for data of width n_x. What is passed is taken as it
        is, and must be passed where a class of one's own was trained."""
        if optimizers is not None:
            optimizers = two_optimizers(optimizers)
            integrity.check_optimizers(self._said.optimizers, optimizers)
        return Parts(
            self._network("G", (self.settings.n_z,), (n_x,), xp) if G is None else G,
            self._network("D", (n_x,), (1,), xp) if D is None else D,
            Builder()(self._said.loss, Loss, "loss") if loss is None else loss,
            Builder()(self._said.penalty, Penalty | None, "penalty") if penalty is None else penalty,
            Builder()(list(self._said.optimizers), OPTIMIZERS, "optimizers") if optimizers is None else optimizers,
            self._view(n_x, xp),
        )

    def fill(self, run: State, optimizers: Sequence[Optimizer]) -> None:
        """Copies all vectors that were saved into those of a run with these optimisers."""
        for name in self.state.vectors.keys() - run.vectors.keys():
            raise InputError(f"{shown(name)} has no place in this run: pass the same G, D and optimizers")
        self._fill(run.vectors)
        integrity.check_squares(optimizers, self.state)

    def sample(self, n: int, seed: int = 0, xp: ModuleType = np, label: Label = None) -> np.ndarray:
        """What `Training.sample` of this run would return on the same backend: no data needed."""
        settings = self.settings
        with archive.named(self.path):
            G = self._generator(xp)
            G.set_step(self.state.step)
            average = xp.empty_like(G.theta)
            self._fill({"theta_G": G.theta, "average": average} | ({"buffers_G": G.buffers} if len(G.buffers) else {}))
        G.theta[...] = mean_weights(average, G.theta, settings.ema, self.state.step)
        noise = Noise(settings.noise, settings.batch, settings.n_z, G.theta.dtype, settings.seed, xp)
        try:
            with Team(settings.threads if xp is np else 1).at_work():
                return sample(G, noise, n, seed, self._said.data.range, label, _classes(G))
        except DivergedError as error:
            raise InputError(f"{self.path}: {error}") from error

    @property
    def classes(self) -> int | None:
        """How many labels there are to sample; None for a run without labels."""
        with archive.named(self.path):
            return _classes(self._generator(np))

    def _generator(self, xp: ModuleType) -> Network:
        shape, conditional = self.image_shape, self.settings.conditional
        G = self._network("G", (self.settings.n_z,), shape and (math.prod(shape),), xp)
        if conditional is not (_classes(G) is not None):
            raise InputError(f"conditional is {conditional}, which its G does not fit: {integrity.OTHER}")
        return G

    def _network(
        self, player: str, x_shape: tuple[int, ...], y_shape: tuple[int, ...] | None, xp: ModuleType
    ) -> Network:
        """G or D, with first values: no larger than its vectors, and for rows of these shapes (None: of any)."""
        theta, buffers = (self.state.vectors.get(f"{name}_{player}", ()) for name in ("theta", "buffers"))
        net = Builder(len(theta), len(buffers))(getattr(self._said, player), Network, player)
        found = integrity.check_rows(net, x_shape, player)
        if len(found) != 1 or y_shape not in (None, found):
            raise InputError(f"{player} makes rows of shape {found}, expected {y_shape or '(n_x,)'}: use another file")
        return net if xp is np else net.copy(xp=xp)

    def _view(self, n_x: int, xp: ModuleType) -> Network | None:
        """The network that data go through, which has no numbers of its own."""
        view = Builder(0, 0)(self._said.view, Network | None, "view")
        if view is None:
            return None
        if (found := integrity.check_rows(view, (n_x,), "view")) != (n_x,):
            raise InputError(f"view makes rows of shape {found}, expected ({n_x},): {integrity.OTHER}")
        return view.copy(xp=xp)

    def _fill(self, vectors: dict[str, Array]) -> None:
        """Copies what was saved into the vectors of the same names."""
        for name, target in vectors.items():
            saved = self.state.vectors.get(name)
            if saved is None or saved.shape != target.shape or saved.dtype != target.dtype:
                found = "is missing" if saved is None else f"has {saved.size} numbers of {saved.dtype}"
                need = f"these networks need {target.size} of {target.dtype}: pass the same G and D"
                raise InputError(f"{name} {found}, but {need}")
            target[...] = array_module(target).asarray(saved)


def _classes(G: Network) -> int | None:
    return G.classes if isinstance(G, Conditional) else None
