"""Algorithm 1 of Goodfellow et al. 2014: k steps for D, one step for G, again and again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from numgan.backend import Array, RandomGenerator, array_module, asnumpy, random_generator
from numgan.data import Data
from numgan.errors import DivergedError, Lazy, check_whole
from numgan.gan import Info, Player, discriminator_gradient, generator_gradient
from numgan.losses import Loss, nonsaturating
from numgan.optim import Optimizer
from numgan.parallel import MOST_THREADS, Team
from numgan.penalty import Penalty, clip_weights
from numgan.run import state
from numgan.run.averaging import average_in, mean_weights
from numgan.run.interrupts import HeldBack, check_finished
from numgan.run.preconditions import check_fit, check_parts, check_settings, noise_width, two_optimizers
from numgan.run.record import Record, record
from numgan.run.sampling import sample
from numgan.run.state import Checkpoint, Parts, Settings, State
from numgan.run.streams import CALIBRATION, LAYERS, Minibatches, Noise

CALIBRATION_ROWS = 1024  # enough for means and variances good to a few per cent


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
        G: Player,
        D: Player,
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
        self.threads = min(os.cpu_count() or 1, MOST_THREADS) if threads is None else threads
        check_settings(self.settings, len(self.data))
        check_parts(self.parts)

        xp, dtype = array_module(G.theta), G.theta.dtype
        self._minibatches = Minibatches(xp.asarray(self.data.x, dtype=dtype), batch, seed)
        self._noise = Noise(noise, batch, self.n_z, dtype, seed, xp)
        self._team = Team(self.threads if xp is np else 1)
        self._stochastic = any(getattr(part, "stochastic", True) for part in (G, D, penalty) if part is not None)
        self.average = xp.zeros_like(G.theta)  # of θ_g, before its scaling
        self.opt_g.begin(G.theta)
        self.opt_d.begin(D.theta)
        self.step = 0
        self.history: list[Record] = []
        self._unfinished = ""  # what is being done, or was broken off
        check_fit(G(self._noise.fixed(batch)), D, self._minibatches.x)

    def steps(self, n: int, every: int = 1) -> Iterator[Record]:
        """Makes n updates as it is iterated over, with a record at each `every`-th one and at the last of them.

        Break off whenever you like: calling again goes on exactly there. DivergedError when a figure is not finite.

        An interrupt (Ctrl-C, a notebook's stop button) waits for the update in progress and, if it is due, its record.
        A second one at once does not, nor does an error: they leave the update half-made, and from then on `steps`,
        `sample` and `save` raise TornError.
        """
        check_whole("n", n, 0)
        check_whole("every", every, 1)
        advice = f"no update is made outside a loop: for record in run.steps({n}): print(record)"
        return Lazy(self._steps(n, every), advice)

    def _steps(self, n: int, every: int) -> Iterator[Record]:
        while n > 0:
            first, due = self.step, self.step + min(n, every - self.step % every)
            # a value that is not finite shows in the record
            with HeldBack() as interrupt, self._team.at_work(), np.errstate(all="ignore"):
                while self.step < due and not interrupt.asked:
                    self._whole_update(due)
            n -= self.step - first
            if self.step == due:
                yield self.history[-1]

    def _whole_update(self, due: int) -> None:
        """One update, with its record at step `due`. If this is broken off, the run is torn."""
        check_finished(self._unfinished)
        self._unfinished = f"update {self.step + 1}"
        info_d, info_g = self._update()
        try:
            if self.step == due:
                self.history.append(record(self.step, self.G, self.D, info_g, info_d))
        except DivergedError:  # it was made whole, and led nowhere
            self._unfinished = ""
            raise
        self._unfinished = ""

    def _update(self) -> tuple[Info, Info]:
        """One iteration of Algorithm 1: k updates of D, each on fresh data and noise, then one of G on fresh noise."""
        G, D, k = self.G, self.D, self.k
        for j in range(k):
            x = self._draw_data(j)
            z = self._draw_noise(j)
            rng = self._layers_rng(j)
            info_d = discriminator_gradient(G, D, x, z, self.loss, rng)
            if self.penalty:
                info_d = replace(info_d, value=info_d.value + self.penalty(D, x, info_d.x_g, rng))
            self.opt_d.step(D.theta, D.grad)
            clip_weights(D.theta, self.clip)
        z = self._draw_noise(k)
        rng = self._layers_rng(k)
        info_g = generator_gradient(G, D, z, self.loss, rng)
        self.opt_g.step(G.theta, G.grad)
        self.step += 1
        if self.ema is not None:
            average_in(self.average, G.theta, self.ema)
        return info_d, info_g

    def _draw_data(self, j: int) -> Array:
        """The minibatch x (batch, n_x) for D's update j of this iteration."""
        return self._minibatches(self.step * self.k + j)

    def _draw_noise(self, j: int) -> Array:
        """The noise z (batch, n_z) for update j of this iteration: D's are 0 … k − 1, G's is k."""
        return self._noise(self.step * (self.k + 1) + j)

    def _layers_rng(self, j: int) -> RandomGenerator | None:
        """What the layers of both networks draw from in update j, where one of them draws at all (Dropout)."""
        if not self._stochastic:
            return None
        return random_generator(array_module(self.G.theta), self.seed, LAYERS, self.step * (self.k + 1) + j)

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """n samples (n, n_x) on the host, always from the same noise for the same seed: images in [0, 1], else as data.

        Evaluation mode, with the averaged weights where those are kept. Leaves the run as it was.
        """
        with self._averaged(), self._team.at_work():
            self._calibrate()
            return sample(self.G, self._noise, n, seed, self.data.range)

    def fixed_batch(self, n: int, seed: int = 0) -> tuple[Array, Array]:
        """The first n rows of the data (or all), and n rows of noise that depend on the seed alone, for whoever looks
        at a run from outside: x (n, n_x) and z (n, n_z), as its networks take them. Advances nothing."""
        return self._minibatches.x[:n], self._noise.fixed(n, seed)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything that `load` needs to go on bit for bit, except the data."""
        with self._averaged(), self._team.at_work():
            self._calibrate()
        state.write(path, self.parts, self.settings, self.data, self.state)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        data: Data | np.ndarray,
        G: Player | None = None,
        D: Player | None = None,
        optimizers: tuple[Optimizer, Optimizer] | None = None,
        xp: ModuleType = np,
        threads: int | None = None,
    ) -> Training:
        """The run that `save` wrote, on `data`, which must be the data it was trained on.

        Networks of classes of one's own, and learning rates that are functions of one's own, are passed in again.
        """
        data = data if isinstance(data, Data) else Data(data)
        checkpoint = Checkpoint(path)
        checkpoint.check_data(data)
        settings = vars(checkpoint.settings) | ({"threads": threads} if threads else {})
        run = cls(data=data, **vars(checkpoint.parts(xp, G, D, optimizers)), **settings)
        run._go_on_from(checkpoint)
        return run

    @property
    def settings(self) -> Settings:
        """The arguments that are plain values."""
        return Settings(self.batch, self.k, self.seed, self.ema, self.noise, self.n_z, self.threads, self.clip)

    @property
    def parts(self) -> Parts:
        """The arguments that are objects."""
        return Parts(self.G, self.D, self.loss, self.penalty, (self.opt_g, self.opt_d))

    @property
    def state(self) -> State:
        """Where the run stands: all that a checkpoint holds beside the arguments. The vectors are the run's own."""
        return state.state_of(self.parts, self.average, self.step, np.array(self.history, dtype=np.float64))

    def _go_on_from(self, checkpoint: Checkpoint) -> None:
        saved = checkpoint.state
        self.step, (self.opt_g.t, self.opt_d.t) = saved.step, saved.updates
        checkpoint.fill(self.state.vectors)
        self.history = [Record(int(row[0]), *row[1:]) for row in saved.history.tolist()]

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Lends G the averaged weights, where kept."""
        check_finished(self._unfinished)
        own = self.G.theta.copy()
        with HeldBack():
            self._unfinished = "a look at its averaged weights"
            try:
                self.G.theta[...] = mean_weights(self.average, own, self.ema, self.step)
                yield
            finally:
                self.G.theta[...] = own
                self._unfinished = ""

    def _calibrate(self) -> None:
        """Sets the statistics for evaluation (BatchNorm's), where there are any: G's from noise, D's from data."""
        players: list[tuple[Any, Callable[[], Array]]] = [
            (self.G, lambda: self._noise.fixed(CALIBRATION_ROWS, purpose=CALIBRATION)),
            (self.D, lambda: self._minibatches.x[:CALIBRATION_ROWS]),
        ]
        for net, x in players:
            if len(getattr(net, "buffers", ())):
                net.calibrate(x())
