"""What a checkpoint holds of a training run, and how it is written and read.

Everything that a run draws is a function of its seed and step count, so there is no generator's state in it.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np

from numgan.backend import Array, array_module, asnumpy
from numgan.data import Data
from numgan.errors import DivergedError, InputError
from numgan.layers.base import Player
from numgan.losses import Loss
from numgan.optim import Optimizer
from numgan.parallel import Team
from numgan.penalty import Penalty
from numgan.run import archive
from numgan.run.averaging import mean_weights
from numgan.run.sampling import sample
from numgan.run.streams import Noise

DATA_FIELDS = ("name", "fingerprint", "image_shape", "range")  # of the data, no rows


@dataclass(frozen=True)
class Settings:
    """The arguments of `Training` that are plain values."""

    batch: int
    k: int
    seed: int
    ema: float | None
    noise: str
    n_z: int
    threads: int
    clip: float | None


@dataclass(frozen=True)
class Parts:
    """The arguments of `Training` that are objects, except the data."""

    G: Player
    D: Player
    loss: Loss
    penalty: Penalty | None
    optimizers: tuple[Optimizer, Optimizer]  # for G, for D


@dataclass(frozen=True)
class State:
    """Where a run stands."""

    step: int
    updates: tuple[int, int]  # of G's optimiser and of D's
    vectors: dict[str, Array]  # by name: parameters, buffers, the average, the optimisers' state; not copied
    history: np.ndarray  # (records, figures)


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
    about = {
        "step": state.step,
        "updates": list(state.updates),
        "settings": asdict(settings),
        "data": {name: getattr(data, name) for name in DATA_FIELDS},
    }
    about |= {name: archive.describe(getattr(parts, name)) for name in ("G", "D", "loss", "penalty", "optimizers")}
    archive.write(path, vectors | {"history": state.history}, about)


class Checkpoint:
    """A checkpoint that was read: `parts` and `settings` to build the run again, `state` to put it where it was."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        vectors, self._about = archive.read(path)
        if "G" not in self._about:
            raise InputError(f"{path} is not the checkpoint of a training run: give checkpoint.npz")
        self.settings = Settings(**self._about["settings"])
        history = vectors.pop("history")
        self.state = State(self._about["step"], tuple(self._about["updates"]), vectors, history)

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        shape = self._about["data"]["image_shape"]
        return shape and tuple(shape)

    def check_data(self, data: Data) -> None:
        """InputError unless this is the data that the run was trained on."""
        trained_on = self._about["data"]
        if data.fingerprint != trained_on["fingerprint"]:
            raise InputError(f"{self.path} was trained on other data ({trained_on['name']!r}): load it with that data")

    def parts(
        self,
        xp: ModuleType = np,
        G: Player | None = None,
        D: Player | None = None,
        optimizers: tuple[Optimizer, Optimizer] | None = None,
    ) -> Parts:
        """New networks and optimisers on the backend xp, with first values; those of one's own are passed in."""
        return Parts(
            G or self._build("G").copy(xp=xp),
            D or self._build("D").copy(xp=xp),
            self._build("loss"),
            self._build("penalty"),
            optimizers or tuple(self._build("optimizers")),
        )

    def fill(self, vectors: dict[str, Array]) -> None:
        """Copies what was saved into the vectors of the same names."""
        for name, target in vectors.items():
            saved = self.state.vectors.get(name)
            if saved is None or saved.shape != target.shape:
                found = "is missing" if saved is None else f"has {saved.size} numbers"
                need = f"these networks need {target.size}: pass the same G and D"
                raise InputError(f"{self.path}: {name} {found}, but {need}")
            target[...] = array_module(target).asarray(saved)

    def sample(self, n: int, seed: int = 0, xp: ModuleType = np) -> np.ndarray:
        """What `Training.sample` of this run would return on the same backend: no data needed."""
        G, settings = self._build("G").copy(xp=xp), self.settings
        self.fill({"theta_G": G.theta} | ({"buffers_G": G.buffers} if len(G.buffers) else {}))
        average = xp.asarray(self.state.vectors["average"])
        G.theta[...] = mean_weights(average, G.theta, settings.ema, self.state.step)
        noise = Noise(settings.noise, settings.batch, settings.n_z, G.theta.dtype, settings.seed, xp)
        with Team(settings.threads if xp is np else 1).at_work():
            return sample(G, noise, n, seed, self._about["data"]["range"])

    def _build(self, name: str) -> Any:
        return archive.build(self._about.get(name))
