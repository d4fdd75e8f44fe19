"""Algorithm 1 of Goodfellow et al. 2014: k steps for D, one step for G, again and again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import astuple, fields, replace
from types import ModuleType

import numpy as np

from numgan.backend import Array, RandomGenerator, array_module
from numgan.data import Data
from numgan.errors import DivergedError, Lazy, check_path, check_whole
from numgan.gan import Info, discriminator_gradient, generator_gradient
from numgan.layers.base import Player, rows_of, with_rows
from numgan.losses import Loss, nonsaturating
from numgan.network import Network
from numgan.optim import Optimizer
from numgan.parallel import MOST_THREADS, Team
from numgan.penalty import Penalty, clip_weights
from numgan.run import state
from numgan.run.archive import named
from numgan.run.averaging import average_in
from numgan.run.evaluation import averaged, calibrate, set_step
from numgan.run.interrupts import HeldBack, Whole
from numgan.run.parts import Parts, Settings, State
from numgan.run.preconditions import (
    check_argument,
    check_batch,
    check_fit,
    check_labels,
    check_names,
    check_parts,
    noise_width,
    plain_settings,
    two_optimizers,
)
from numgan.run.ranks import Comm, Ranks
from numgan.run.record import History, Record, record, standing
from numgan.run.sampling import Label, sample
from numgan.run.state import Checkpoint
from numgan.run.streams import CALIBRATION, Labels, LayerNumbers, Minibatches, Noise
from numgan.simultaneous import simultaneous_gradients

CHANGING = {"step", "average", "history"}  # of a run's attributes; its arguments are fixed
CALIBRATION_ROWS = 1024  # enough for means and variances good to a few per cent


class Training:
    """A run: two networks, their optimisers, the data, and how far it has come.

    data: a `numgan.data.Data`, or an array of vectors (n, n_x). k: D's updates for each of G's.
    ema: decay of the exponential moving average of θ_g that `sample` uses, or None for the raw weights.
    threads: at most so many; by default as many as there are cores, where the sizes are worth it.
    noise: "normal" or "uniform", mean 0 and variance 1; n_z is asked of G unless given.
    penalty: R1(), R2() or WGANGP(), added to what D descends. clip: bounds D's weights to ±clip after each update.
    conditional: G and D, two `Conditional` networks, are given the labels of the data: (z, c) and (x, c).
    together: both players are updated at once, from the same samples, as in the paper's published code; k is 1 then.
    view: a network without parameters through which data go before D sees them, at a resolution that grows, say.
    comm: a communicator of mpi4py, whose ranks make this run together, each on its share of the rows; see `run.ranks`.
    seed fixes minibatches, noise and dropout masks. The networks have seeds of their own.
    optimizers: two new ones, for G and for D: one that has made updates already would bring its state along.
    All of these hold for the whole run; only a rate may be changed in its course: run.opt_g.lr = 1e-4.
    """

    _made = False

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
        conditional: bool = False,
        together: bool = False,
        view: Network | None = None,
        comm: Comm | None = None,
    ) -> None:
        self.G, self.D, self.loss, self.penalty, self.view = G, D, loss, penalty, view
        self.data = data if isinstance(data, Data) else Data(data)
        self.opt_g, self.opt_d = two_optimizers(optimizers)
        check_parts(self.parts)
        self.ranks = Ranks(comm, check_whole("batch", batch, 1))
        threads = min(self.ranks.cores, MOST_THREADS) if threads is None else threads
        settings = Settings(batch, k, seed, ema, noise, noise_width(G, n_z), threads, clip, conditional, together)
        settings = plain_settings(settings, penalty)
        check_batch(settings.batch, self.data.x)
        self.batch, self.k, self.seed, self.ema, self.noise, self.n_z, *others = astuple(settings)
        self.threads, self.clip, self.conditional, self.together = others
        check_labels(G, D, self.data, self.conditional)

        xp, dtype = array_module(G.theta), G.theta.dtype
        self._minibatches = Minibatches(xp.asarray(self.data.x, dtype=dtype), self.batch, self.seed, self.ranks.rows)
        self._labels = Labels(self.data.labels if self.conditional else None, self._minibatches, self.k)
        self._noise = Noise(noise, self.batch, self.n_z, dtype, self.seed, xp, self.ranks.rows)
        self._layers = LayerNumbers(xp, self.seed, self.k, self.batch, self.ranks.rows)
        self._team = Team(self.threads if xp is np else 1)
        self._stochastic = any(getattr(part, "stochastic", True) for part in (G, D, penalty) if part is not None)
        self.average = xp.zeros_like(G.theta)  # of θ_g, before its scaling
        self.step = 0
        self.history: list[Record] = History()
        self._whole = Whole()
        check_fit(G, D, [self._labels.first(self._noise.fixed(m)) for m in self.ranks.shares], self._minibatches.x)
        set_step((self.G, self.D, self.view), self.step)
        self.opt_g.begin(G.theta)
        self.opt_d.begin(D.theta)
        self._made = True

    def __setattr__(self, name: str, value: object) -> None:
        if self._made and name not in CHANGING and not name.startswith("_"):
            check_argument(self, name)
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return standing(self.data.name, self.step, self.history, self._whole.unfinished)

    def steps(self, n: int, every: int = 1) -> Iterator[Record]:
        """Makes n updates as it is iterated over, with a record at each `every`-th one and at the last of them.

        Break off whenever you like: calling again goes on exactly there. DivergedError when a figure is not finite.

        An interrupt (Ctrl-C, a notebook's stop button) waits for the update in progress, and for its record if one is
        due; it adds no record. A second one at once does not wait, nor does an error: they leave the update half-made,
        and from then on `steps`, `sample` and `save` raise TornError.
        """
        check_whole("n", n, 0)
        check_whole("every", every, 1)
        check_names(self.opt_g, self.opt_d)
        advice = f"no update is made outside a loop: for record in run.steps({n}): print(record)"
        return Lazy(self._steps(n, every), advice)

    def _steps(self, n: int, every: int) -> Iterator[Record]:
        self.ranks.check_alike(self)
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
        self._whole.begin(f"update {self.step + 1}")
        info_d, info_g = self._update_together() if self.together else self._update()
        try:
            if self.step == due:
                self.history.append(record(self.step, self.G, self.D, info_g, info_d, self.ranks))
        except DivergedError:  # it was made whole, and led nowhere
            self._whole.end()
            raise
        self._whole.end()

    def _update(self) -> tuple[Info, Info]:
        """One iteration of Algorithm 1: k updates of D, each on fresh data and noise, then one of G on fresh noise."""
        G, D, k = self.G, self.D, self.k
        for j in range(k):
            x = self._draw_data(j)
            z = self._draw_noise(j)
            rng = self._layers_rng(j)
            info_d = discriminator_gradient(G, D, x, z, self.loss, rng)
            if self.penalty and (self.step * k + j) % self.penalty.every == 0:
                info_d = replace(info_d, value=info_d.value + self.penalty(D, x, info_d.x_g, rng))
            self.ranks.mean(D.grad)
            self.opt_d.step(D.theta, D.grad)
            if self.clip:
                clip_weights(D.theta, self.clip)
        z = self._draw_noise(k)
        rng = self._layers_rng(k)
        info_g = generator_gradient(G, D, z, self.loss, rng)
        self.ranks.mean(G.grad)
        self.opt_g.step(G.theta, G.grad)
        self._count()
        return info_d, info_g

    def _update_together(self) -> tuple[Info, Info]:
        """The published code's iteration: both gradients from the same samples, then both updates."""
        x, z = self._draw_data(0), self._draw_noise(0)
        infos = simultaneous_gradients(self.G, self.D, x, z, self.loss, self._layers_rng(0))
        for net, opt in ((self.D, self.opt_d), (self.G, self.opt_g)):
            self.ranks.mean(net.grad)
            opt.step(net.theta, net.grad)
        self._count()
        return infos

    def _count(self) -> None:
        self.step += 1
        set_step((self.G, self.D, self.view), self.step)
        if self.ema is not None:
            average_in(self.average, self.G.theta, self.ema)

    def _draw_data(self, j: int) -> Array:
        """The minibatch x (batch, n_x) for D's update j of this iteration; (x, c) in a conditional run."""
        return self._viewed(self._labels(self._minibatches(self.step * self.k + j), self.step, j))

    def _viewed(self, x: Array) -> Array:
        return x if self.view is None else with_rows(x, self.view(rows_of(x)))

    def _draw_noise(self, j: int) -> Array:
        """The noise z (batch, n_z), or (z, c), for update j of this iteration: D's are 0 … k − 1, G's is k."""
        return self._labels(self._noise(self.step * (self.k + 1) + j), self.step, j)

    def _layers_rng(self, j: int) -> RandomGenerator | None:
        """What the layers of both networks draw from in update j, where one of them draws at all (Dropout)."""
        return self._layers(self.step, j) if self._stochastic else None

    def sample(self, n: int, seed: int = 0, label: Label = None) -> np.ndarray:
        """n samples (n, n_x) on the host, always from the same noise for the same seed: images in [0, 1], else as data.

        Evaluation mode, with the averaged weights where those are kept. Leaves the run as it was.
        label, in a conditional run: one for all, or one for each; without it, 0, 1, … C − 1 in turn.
        """
        with self._averaged(), self._team.at_work():
            self._calibrate_g()
            classes = self.data.classes if self.conditional else None
            return sample(self.G, self._noise, n, seed, self.data.range, label, classes)

    def fixed_batch(self, n: int, seed: int = 0) -> tuple[Array, Array]:
        """The first n rows of the data (or all), and n rows of noise that depend on the seed alone, for whoever looks
        at a run from outside: x (n, n_x) and z (n, n_z), as its networks take them. Advances nothing."""
        n, seed = check_whole("n", n, 1), check_whole("seed", seed, 0)
        return self._viewed(self._labels.first(self._minibatches.x[:n])), self._labels.first(self._noise.fixed(n, seed))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything that `load` needs to go on bit for bit, except the data."""
        check_path("a checkpoint", path)
        with self._averaged(), self._team.at_work():
            self._calibrate_g()
            calibrate(self.D, lambda: self._labels.first(self._minibatches.x[:CALIBRATION_ROWS]))
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
        loss: Loss | None = None,
        penalty: Penalty | None = None,
        comm: Comm | None = None,
    ) -> Training:
        """The run that `save` wrote, on `data`, which must be the data it was trained on.

        Parts of classes of one's own, and learning rates that are functions of one's own, are passed in again.
        InputError for a file that cannot be what `save` wrote; see `Checkpoint` for what is checked.
        """
        data = data if isinstance(data, Data) else Data(data)
        checkpoint = Checkpoint(check_path("a checkpoint", path))
        checkpoint.check_data(data)
        settings = vars(checkpoint.settings) | ({} if threads is comm is None else {"threads": threads})
        with named(path):
            parts = checkpoint.parts(data.x.shape[1], xp, G, D, loss, penalty, optimizers)
            run = cls(data=data, comm=comm, **vars(parts), **settings)
            run._go_on_from(checkpoint)
        return run

    @property
    def settings(self) -> Settings:
        """The arguments that are plain values."""
        return Settings(**{field.name: getattr(self, field.name) for field in fields(Settings)})

    @property
    def parts(self) -> Parts:
        """The arguments that are objects."""
        return Parts(self.G, self.D, self.loss, self.penalty, (self.opt_g, self.opt_d), self.view)

    @property
    def state(self) -> State:
        """Where the run stands: all that a checkpoint holds beside the arguments. The vectors are the run's own."""
        return state.state_of(self.parts, self.average, self.step, np.array(self.history, dtype=np.float64))

    def _go_on_from(self, checkpoint: Checkpoint) -> None:
        saved = checkpoint.state
        self.step, (self.opt_g.t, self.opt_d.t) = saved.step, saved.updates
        set_step((self.G, self.D, self.view), self.step)
        checkpoint.fill(self.state, (self.opt_g, self.opt_d))
        self.history = History(Record(int(row[0]), *row[1:]) for row in saved.history.tolist())

    def _calibrate_g(self) -> None:
        """The statistics of G's BatchNorm for evaluation, from noise. D's, from data, matter only where D is saved."""
        calibrate(self.G, lambda: self._labels.spread(self._noise.fixed(CALIBRATION_ROWS, purpose=CALIBRATION)))

    def _averaged(self) -> AbstractContextManager[None]:
        return averaged(self.G, self.average, self.ema, self.step, self._whole)
