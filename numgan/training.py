"""Algorithm 1 of Goodfellow et al. 2014: k steps for D, one step for G, again and again."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from numgan import resume
from numgan.averaging import average_in, mean_weights
from numgan.backend import Array, array_module, asnumpy, generator
from numgan.checks import check_fit, check_settings, noise_width, two_optimizers
from numgan.data import Data, restore
from numgan.errors import DivergedError, Lazy, check_whole
from numgan.gan import Info, discriminator_gradient, generator_gradient
from numgan.losses import Loss, nonsaturating
from numgan.optim import Optimizer
from numgan.parallel import Team
from numgan.penalty import Penalty, clip_weights
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

    def __str__(self) -> str:
        return "  ".join(f"{name} {figure:.5g}" for name, figure in self._asdict().items())


class Training:
    """A run: two networks, their optimisers, the data, and how far it has come.

    data: a `numgan.data.Data`, or an array of vectors (n, n_x). k: D's updates for each of G's.
    ema: decay of the exponential moving average of θ_g that `sample` uses, or None for the raw weights.
    threads: at most so many; by default as many as there are cores, where the sizes are worth it.
    noise: "normal" or "uniform", mean 0 and variance 1; n_z is asked of G unless given.
    penalty: R1(), R2() or WGANGP(), added to what D descends. clip: bounds D's weights to ±clip after each update.
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
        optimizers: tuple[Optimizer, Optimizer] | None = None,  # for G, for D
        ema: float | None = None,
        noise: str = "normal",
        n_z: int | None = None,
        threads: int | None = None,
        penalty: Penalty | None = None,
        clip: float | None = None,
    ) -> None:
        self.G, self.D, self.loss, self.penalty, self.clip = G, D, loss, penalty, clip
        self.data = data if isinstance(data, Data) else Data(data)
        self.batch, self.k, self.seed, self.ema, self.noise = batch, k, seed, ema, noise
        self.n_z = noise_width(G, n_z)
        self.opt_g, self.opt_d = two_optimizers(optimizers)
        self.threads = (os.cpu_count() or 1) if threads is None else threads
        check_settings(self)

        xp, dtype = array_module(G.theta), G.theta.dtype
        self._minibatch = Minibatches(xp.asarray(self.data.x, dtype=dtype), batch, seed)
        self._noise = Noise(noise, batch, self.n_z, dtype, seed, xp)
        self._team = Team(self.threads if xp is np else 1)
        self._stochastic = any(getattr(part, "stochastic", True) for part in (G, D, penalty) if part is not None)
        self.average = xp.zeros_like(G.theta)  # of θ_g, before its scaling
        self.opt_g.begin(G.theta)
        self.opt_d.begin(D.theta)
        self.step = 0
        self.history: list[Record] = []
        check_fit(G(self._fixed_noise(SAMPLE, batch, 0)), D, self._minibatch.x)

    def steps(self, n: int, every: int = 1) -> Iterator[Record]:
        """Makes n updates as it is iterated over, with a record at each `every`-th one and at the last.

        Break off whenever you like: calling again goes on exactly there. DivergedError when a figure is not finite.
        """
        check_whole("n", n, 0)
        check_whole("every", every, 1)
        advice = f"no update is made outside a loop: for record in run.steps({n}): print(record)"
        return Lazy(self._steps(self.step + n, every), advice)

    def _steps(self, last: int, every: int) -> Iterator[Record]:
        while self.step < last:
            upto = min(last, self.step + every - self.step % every)
            with self._team.at_work(), np.errstate(all="ignore"):  # a value that is not finite shows in the record
                while self.step < upto:
                    info_d, info_g = self._update()
                self.history.append(self._record(info_d, info_g))
            yield self.history[-1]

    def _update(self) -> tuple[Info, Info]:
        """One iteration of Algorithm 1: k updates of D, each on fresh data and noise, then one of G on fresh noise."""
        G, D = self.G, self.D
        for j in range(self.k):
            x, z, rng = self._minibatch(self.step * self.k + j), *self._random(j)
            info_d = discriminator_gradient(G, D, x, z, self.loss, rng)
            if self.penalty:
                info_d = replace(info_d, value=info_d.value + self.penalty(D, x, info_d.x_g, rng))
            self.opt_d.step(D.theta, D.grad)
            clip_weights(D.theta, self.clip)
        z, rng = self._random(self.k)
        info_g = generator_gradient(G, D, z, self.loss, rng)
        self.opt_g.step(G.theta, G.grad)
        self.step += 1
        if self.ema is not None:
            average_in(self.average, G.theta, self.ema)
        return info_d, info_g

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """n samples (n, n_x) on the host, always from the same noise for the same seed: images in [0, 1], else as data.

        Evaluation mode, with the averaged weights where those are kept. Leaves the run as it was.
        """
        check_whole("n", n, 1)
        with self._averaged():
            self._calibrate()
            return restore(asnumpy(self.G(self._fixed_noise(SAMPLE, n, seed))), self.data.range)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything that `load` needs to go on bit for bit, except the data."""
        with self._averaged():
            self._calibrate()
        resume.save(self, path)

    @classmethod
    def load(cls, path: Any, data: Data | np.ndarray, G=None, D=None, optimizers=None, xp: Any = np, threads=None):
        """The run that `save` wrote, on `data`, which must be the data it was trained on.

        Networks of classes of one's own, and learning rates that are functions of one's own, are passed in again.
        """
        data = data if isinstance(data, Data) else Data(data)
        arguments, state = resume.read(path, data, G, D, optimizers, xp)
        run = cls(data=data, **arguments | ({"threads": threads} if threads else {}))
        state.restore(run)
        run.history = [Record(int(row[0]), *row[1:]) for row in state.history]
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
            self.G.theta[...] = mean_weights(self.average, own, self.ema, self.step)
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
