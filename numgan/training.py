"""Algorithm 1 of Goodfellow et al. 2014: k steps for D, one step for G, again and again."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from numgan import checkpoint
from numgan.backend import Array, array_module, asnumpy, generator
from numgan.data import Data, restore
from numgan.errors import DivergedError, InputError
from numgan.gan import Info, discriminator_gradient, generator_gradient
from numgan.losses import Loss, nonsaturating
from numgan.optim import Adam, Optimizer
from numgan.streams import CALIBRATION, LAYERS, SAMPLE, Minibatches, Noise, draw

CALIBRATION_ROWS = 1024  # enough for means and variances good to a few per cent


class Record(NamedTuple):
    """What one update looked like."""

    step: int  # updates of G made so far
    loss_D: float  # what D descended
    loss_G: float  # what G descended
    V: float  # the paper's value, eq. 1
    D_x: float  # mean D(x), before D's update
    D_Gz: float  # mean D(G(z)), before D's update
    norm_D: float  # ‖∇θ_d‖
    norm_G: float  # ‖∇θ_g‖


class Training:
    """A run: two networks, their optimisers, the data, and how far it has come.

    data: a `numgan.data.Data`, or an array of vectors (n, n_x).
    k: D's updates for each of G's. optimizers: (for G, for D).
    ema: decay of the exponential moving average of θ_g that `sample` uses, or None for the raw weights.
    noise: "normal" or "uniform", mean 0 and variance 1; n_z is asked of G unless given.
    seed fixes minibatches, noise and dropout masks. The networks have seeds of their own.
    """

    def __init__(
        self,
        G: Any,
        D: Any,
        data: Data | np.ndarray,
        loss: Loss = nonsaturating,
        batch: int = 64,
        k: int = 1,
        seed: int = 0,
        optimizers: tuple[Optimizer, Optimizer] | None = None,
        ema: float | None = None,
        noise: str = "normal",
        n_z: int | None = None,
    ) -> None:
        self.G, self.D, self.loss = G, D, loss
        self.data = data if isinstance(data, Data) else Data(data)
        self.batch, self.k, self.seed, self.ema, self.noise = batch, k, seed, ema, noise
        self.n_z = n_z if n_z is not None else getattr(G, "n_in", None)
        self.opt_g, self.opt_d = optimizers or (Adam(), Adam())
        self._check()

        xp, dtype = array_module(G.theta), G.theta.dtype
        self._minibatch = Minibatches(xp.asarray(self.data.x, dtype=dtype), batch, seed)
        self._noise = Noise(noise, batch, self.n_z, dtype, seed, xp)
        self._stochastic = getattr(G, "stochastic", True) or getattr(D, "stochastic", True)
        self.average = xp.zeros_like(G.theta)  # Σ ema^(t−i) θ_g,i: `_averaged` scales it
        for opt, net in ((self.opt_g, G), (self.opt_d, D)):
            if not opt.state:
                opt.begin(net.theta)
        self.step = 0
        self.history: list[Record] = []
        self._check_fit()

    def steps(self, n: int, every: int = 1) -> Iterator[Record]:
        """Makes n updates as it is iterated over, with a record at each `every`-th one and at the last.

        Break off whenever you like: calling again goes on exactly there. DivergedError when a figure is not finite.
        """
        for name, value, least in (("n", n, 0), ("every", every, 1)):
            _check_whole(name, value, least)
        return self._steps(self.step + n, every)

    def _steps(self, last: int, every: int) -> Iterator[Record]:
        while self.step < last:
            info_d, info_g = self.update()
            if self.step % every == 0 or self.step == last:
                record = self._record(info_d, info_g)
                self.history.append(record)
                yield record

    def update(self) -> tuple[Info, Info]:
        """One iteration of Algorithm 1: k updates of D, each on fresh data and noise, then one of G on fresh noise."""
        G, D = self.G, self.D
        for j in range(self.k):
            x, z, rng = self._minibatch(self.step * self.k + j), *self._random(j)
            info_d = discriminator_gradient(G, D, x, z, self.loss, rng)
            self.opt_d.step(D.theta, D.grad)
        z, rng = self._random(self.k)
        info_g = generator_gradient(G, D, z, self.loss, rng)
        self.opt_g.step(G.theta, G.grad)
        self.step += 1
        if self.ema is not None:
            self.average *= self.ema
            self.average += G.theta
        return info_d, info_g

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """n samples (n, n_x) on the host, always from the same noise for the same seed: images in [0, 1], else as data.

        Evaluation mode, with the averaged weights where those are kept. Leaves the run as it was.
        """
        _check_whole("n", n, 1)
        with self._averaged():
            self._calibrate()
            return restore(asnumpy(self.G(self._fixed_noise(SAMPLE, n, seed))), self.data.range)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything that `load` needs to go on bit for bit, except the data."""
        with self._averaged():
            self._calibrate()
        vectors = {name: asnumpy(vector) for name, vector in self._vectors().items()}
        for name, vector in vectors.items():
            if not np.isfinite(vector).all():
                raise DivergedError(f"step {self.step}: {name} holds values that are not finite; nothing was written")
        vectors["history"] = np.array(self.history, dtype=np.float64).reshape(-1, len(Record._fields))
        checkpoint.write(path, vectors, self._about())

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        data: Data | np.ndarray,
        G: Any = None,
        D: Any = None,
        optimizers: tuple[Optimizer, Optimizer] | None = None,
        xp: ModuleType = np,
    ) -> Training:
        """The run that `save` wrote, on `data`, which must be the data it was trained on.

        Networks of classes of one's own, and learning rates that are functions of one's own, are passed in again.
        """
        vectors, about = checkpoint.read(path)
        data = data if isinstance(data, Data) else Data(data)
        if data.fingerprint != about["data"]["fingerprint"]:
            raise InputError(f"{path} was trained on other data ({about['data']['name']!r}): load it with that data")
        networks = [net or checkpoint.build(about[p]) for p, net in (("G", G), ("D", D))]
        networks = [net if given else net.copy(xp=xp) for net, given in zip(networks, (G, D), strict=True)]
        run = cls(
            *networks,
            data,
            checkpoint.build(about["loss"]),
            optimizers=optimizers or tuple(checkpoint.build(opt) for opt in about["optimizers"]),  # type: ignore[arg-type]
            **about["settings"],
        )
        run.step, (run.opt_g.t, run.opt_d.t) = about["step"], about["updates"]
        run.history = [Record(int(row[0]), *row[1:]) for row in vectors.pop("history").tolist()]
        _fill(path, run._vectors(), vectors)
        return run

    def _random(self, j: int) -> tuple[Array, Any]:
        """The noise, and the layers' generator where one is needed, of part j of this iteration."""
        i = self.step * (self.k + 1) + j
        rng = generator(array_module(self.G.theta), self.seed, LAYERS, i) if self._stochastic else None
        return self._noise(i), rng

    def _record(self, info_d: Info, info_g: Info) -> Record:
        """The figures of this update, read back from the device together."""
        xp = array_module(self.G.theta)
        norms = [xp.sqrt(net.grad @ net.grad) for net in (self.D, self.G)]
        figures = [info_d.value, info_g.value, info_d.V, info_d.D_x, info_d.D_Gz, *norms]
        record = Record(self.step, *asnumpy(xp.stack(figures)).tolist())
        if not all(map(math.isfinite, record)):
            bad = ", ".join(f"{name} = {value}" for name, value in record._asdict().items() if not math.isfinite(value))
            raise DivergedError(f"step {self.step}: {bad}; try a lower learning rate, or another loss")
        return record

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Lends G the averaged weights, where kept."""
        own = self.G.theta.copy()
        try:
            self.G.theta[...] = _mean_weights(own, self.average, self.ema, self.step)
            yield
        finally:
            self.G.theta[...] = own

    def _calibrate(self) -> None:
        """Sets the statistics for evaluation (BatchNorm's), where there are any: G's from noise, D's from data."""
        for net, x in (
            (self.G, lambda: self._fixed_noise(CALIBRATION, CALIBRATION_ROWS, 0)),
            (self.D, lambda: self._minibatch.x[:CALIBRATION_ROWS]),
        ):
            if len(getattr(net, "buffers", ())):
                net.calibrate(x())

    def _fixed_noise(self, purpose: int, n: int, seed: int) -> Array:
        theta = self.G.theta
        return draw(generator(array_module(theta), self.seed, purpose, seed), self.noise, (n, self.n_z), theta.dtype)

    def _vectors(self) -> dict[str, Array]:
        """The state of the run as vectors by name."""
        vectors = {"theta_G": self.G.theta, "theta_D": self.D.theta, "average": self.average}
        for player, net in (("G", self.G), ("D", self.D)):
            if len(getattr(net, "buffers", ())):
                vectors[f"buffers_{player}"] = net.buffers
        for player, opt in (("G", self.opt_g), ("D", self.opt_d)):
            vectors |= {f"{name}_{player}": vector for name, vector in opt.state.items()}
        return vectors

    def _about(self) -> dict[str, Any]:
        """The rest of the state, and what it takes to build the run again, as JSON values."""
        data = self.data
        return {
            "step": self.step,
            "updates": [self.opt_g.t, self.opt_d.t],
            "G": checkpoint.describe(self.G),
            "D": checkpoint.describe(self.D),
            "loss": checkpoint.describe(self.loss),
            "optimizers": checkpoint.describe([self.opt_g, self.opt_d]),
            "settings": {name: getattr(self, name) for name in ("batch", "k", "seed", "ema", "noise", "n_z")},
            "data": {name: getattr(data, name) for name in ("name", "fingerprint", "image_shape", "range")},
        }

    def _check(self) -> None:
        for name, value, least in (("batch", self.batch, 1), ("k", self.k, 1), ("seed", self.seed, 0)):
            _check_whole(name, value, least)
        if self.n_z is None:
            raise InputError("the width of z is not to be read off this G: pass n_z=")
        if self.batch > len(self.data):
            raise InputError(f"batch is {self.batch}, but the data has {len(self.data)} rows: use a smaller batch")
        if self.ema is not None and not 0 < self.ema < 1:
            raise InputError(f"ema is a decay between 0 and 1, such as 0.999, or None; got {self.ema!r}")
        if self.opt_g is self.opt_d:
            raise InputError("G and D were given the same optimiser object: make one for each")

    def _check_fit(self) -> None:
        """One batch through G and D: the shapes must fit the data and the losses."""
        x_g = self.G(self._fixed_noise(SAMPLE, self.batch, 0))
        if x_g.shape != (self.batch, self.data.x.shape[1]):
            raise InputError(
                f"G gives rows of {x_g.shape[1:]} numbers, but the data has {self.data.x.shape[1]}: change G's last layer"
            )
        a_g = self.D(x_g)
        if a_g.ndim != 2 or a_g.shape[1] != 1:
            raise InputError(f"D must return logits of shape (m, 1), got {a_g.shape}: end it in Linear(n, 1)")


def sample(path: str | os.PathLike[str], n: int, seed: int = 0) -> tuple[np.ndarray, tuple[int, ...] | None]:
    """What `Training.sample` would return, and the shape of its images, from a checkpoint alone: no data needed."""
    _check_whole("n", n, 1)
    vectors, about = checkpoint.read(path)
    settings = about["settings"]
    G = checkpoint.build(about["G"])
    _fill(path, {"theta_G": G.theta} | ({"buffers_G": G.buffers} if len(G.buffers) else {}), vectors)
    G.theta[...] = _mean_weights(G.theta, vectors["average"], settings["ema"], about["step"])
    z = draw(generator(np, settings["seed"], SAMPLE, seed), settings["noise"], (n, settings["n_z"]), G.theta.dtype)
    shape = about["data"]["image_shape"]
    return restore(G(z), about["data"]["range"]), shape and tuple(shape)


def _mean_weights(theta: Array, average: Array, ema: float | None, t: int) -> Array:
    """The exponential moving average of θ after t updates, its start at zero corrected for as in Adam."""
    return theta if ema is None or t == 0 else average * ((1 - ema) / (1 - ema**t))


def _fill(path: Any, targets: dict[str, Array], vectors: dict[str, np.ndarray]) -> None:
    """Copies saved vectors into those of the same names."""
    for name, target in targets.items():
        saved = vectors.get(name)
        if saved is None or saved.shape != target.shape:
            found = "is missing" if saved is None else f"has {saved.size} numbers"
            raise InputError(f"{path}: {name} {found}, but these networks need {target.size}: pass the same G and D")
        target[...] = array_module(target).asarray(saved)


def _check_whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number of {least} or more, got {value!r}")
