"""The state of a training run as vectors and JSON values: written to a checkpoint, and read back.

Everything that a run draws is a function of its seed and step count, so there is no generator's state in it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from numgan import checkpoint
from numgan.averaging import mean_weights
from numgan.backend import Array, array_module, asnumpy, generator
from numgan.data import Data, restore
from numgan.errors import DivergedError, InputError, check_whole
from numgan.optim import Optimizer
from numgan.streams import SAMPLE, draw

SETTINGS = ("batch", "k", "seed", "ema", "noise", "n_z", "threads", "clip")  # Training's plain arguments


def save(run: Any, path: str | os.PathLike[str]) -> None:
    """Writes a run, unless one of its vectors holds a value that is not finite."""
    state = {name: asnumpy(vector) for name, vector in vectors(run).items()}
    for name, vector in state.items():
        if not np.isfinite(vector).all():
            raise DivergedError(f"step {run.step}: {name} holds values that are not finite; nothing was written")
    state["history"] = np.array(run.history, dtype=np.float64)
    checkpoint.write(path, state, _about(run))


@dataclass
class State:
    """What a checkpoint holds beyond the arguments of `Training`."""

    path: Any
    vectors: dict[str, np.ndarray]
    about: dict[str, Any]

    @property
    def history(self) -> list[list[float]]:
        return self.vectors["history"].tolist()

    def restore(self, run: Any) -> None:
        """Puts a new run where the saved one was."""
        run.step, (run.opt_g.t, run.opt_d.t) = self.about["step"], self.about["updates"]
        _fill(self.path, vectors(run), self.vectors)


def read(
    path: str | os.PathLike[str],
    data: Data,
    G: Any,
    D: Any,
    optimizers: tuple[Optimizer, Optimizer] | None,
    xp: ModuleType,
) -> tuple[dict[str, Any], State]:
    """The arguments with which `Training` is built again, less the data, and the state to restore."""
    saved, about = _read(path)
    if data.fingerprint != about["data"]["fingerprint"]:
        raise InputError(f"{path} was trained on other data ({about['data']['name']!r}): load it with that data")
    arguments = {
        "G": G or checkpoint.build(about["G"]).copy(xp=xp),
        "D": D or checkpoint.build(about["D"]).copy(xp=xp),
        "loss": checkpoint.build(about["loss"]),
        "penalty": checkpoint.build(about.get("penalty")),
        "optimizers": optimizers or tuple(checkpoint.build(about["optimizers"])),
    }
    return arguments | about["settings"], State(path, saved, about)


def sample(
    path: str | os.PathLike[str], n: int, seed: int = 0, xp: ModuleType = np
) -> tuple[np.ndarray, tuple[int, ...] | None]:
    """What `Training.sample` would return, and the shape of its images, from a checkpoint alone: no data needed.

    It is the same for a run on the same backend `xp`: each draws noise of its own.
    """
    check_whole("n", n, 1)
    check_whole("seed", seed, 0)
    saved, about = _read(path)
    settings = about["settings"]
    G = checkpoint.build(about["G"]).copy(xp=xp)
    _fill(path, {"theta_G": G.theta} | ({"buffers_G": G.buffers} if len(G.buffers) else {}), saved)
    G.theta[...] = mean_weights(xp.asarray(saved["average"]), G.theta, settings["ema"], about["step"])
    z = draw(generator(xp, settings["seed"], SAMPLE, seed), settings["noise"], (n, settings["n_z"]), G.theta.dtype)
    shape = about["data"]["image_shape"]
    return restore(asnumpy(G(z)), about["data"]["range"]), shape and tuple(shape)


def vectors(run: Any) -> dict[str, Array]:
    """The vectors of a run by name, not copied."""
    found = {"theta_G": run.G.theta, "theta_D": run.D.theta, "average": run.average}
    for player, net, opt in (("G", run.G, run.opt_g), ("D", run.D, run.opt_d)):
        if len(getattr(net, "buffers", ())):
            found[f"buffers_{player}"] = net.buffers
        found |= {f"{name}_{player}": vector for name, vector in opt.state.items()}
    return found


def _about(run: Any) -> dict[str, Any]:
    return {
        "step": run.step,
        "updates": [run.opt_g.t, run.opt_d.t],
        "G": checkpoint.describe(run.G),
        "D": checkpoint.describe(run.D),
        "loss": checkpoint.describe(run.loss),
        "penalty": checkpoint.describe(run.penalty),
        "optimizers": checkpoint.describe([run.opt_g, run.opt_d]),
        "settings": {name: getattr(run, name) for name in SETTINGS},
        "data": {name: getattr(run.data, name) for name in ("name", "fingerprint", "image_shape", "range")},
    }


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    saved, about = checkpoint.read(path)
    if "G" not in about:
        raise InputError(f"{path} is not the checkpoint of a training run: give checkpoint.npz")
    return saved, about


def _fill(path: Any, targets: dict[str, Array], saved: dict[str, np.ndarray]) -> None:
    """Copies saved vectors into those of the same names."""
    for name, target in targets.items():
        vector = saved.get(name)
        if vector is None or vector.shape != target.shape:
            found = "is missing" if vector is None else f"has {vector.size} numbers"
            raise InputError(f"{path}: {name} {found}, but these networks need {target.size}: pass the same G and D")
        target[...] = array_module(target).asarray(vector)
