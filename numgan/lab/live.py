"""A run on points that is changed while it runs: what the board does, without its buttons.

`Board.code` is a program that does again, with the package alone, all that was done on the board.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from numgan.errors import lookup
from numgan.gan import discriminator_gradient, generator_gradient
from numgan.lab.choice import DATA, LOSSES, NETWORKS, PENALTIES, RATES, WITH_D_STAR, Choice
from numgan.lab.film import mode_counts
from numgan.lab.snapshot import Snapshot, optimal_surface, snapshot
from numgan.layers import Layer, LeakyReLU, Linear, Pack
from numgan.network import Network
from numgan.optim import Adam
from numgan.training import Training

BETA1 = 0.5


class Board:
    """A run on points (n, 2), what was seen of it so far, and the program that does the same."""

    def __init__(self, **settings: Any) -> None:
        self.choice = _changed(Choice(), settings)
        self.reset()

    def reset(self) -> None:
        """Back to the start: new networks and step 0, as the seed says."""
        c = self.choice
        self.step, self._rng = 0, np.random.default_rng(c.seed)  # updates of G by play; for single steps
        self.G = Network(hidden(c.n_z, c.layers_g, c.width_g, 2), seed=2 * c.seed)
        front: list[Layer] = [Pack(c.pack)] if c.pack > 1 else []
        self.D = Network([*front, *hidden(2 * c.pack, c.layers_d, c.width_d, 1)], seed=2 * c.seed + 1)
        self._lines: list[str | int] = [*_networks_code(c, self.G, self.D)]
        self._begin(new_data=True)

    def change(self, **settings: Any) -> None:
        """Other settings, from now on. Rates change in the run; other networks start anew; all else begins a new
        Training, with new optimisers, on the networks as they are."""
        before, self.choice = self.choice, _changed(self.choice, settings)
        different = {f.name for f in fields(Choice) if getattr(before, f.name) != getattr(self.choice, f.name)}
        if different & NETWORKS:
            self.reset()
        elif different - RATES.keys():
            self._begin(new_data=bool(different & {"data", "points"}))
        else:
            for name in sorted(different):
                getattr(self.run, RATES[name]).lr = getattr(self.choice, name)
                self._lines.append(f"run.{RATES[name]}.lr = {getattr(self.choice, name)}")

    def play(self, n: int) -> None:
        """n updates of G, each after k of D: Algorithm 1. DivergedError if the last one's figures are not finite."""
        before = self.run.step
        try:
            for _ in self.run.steps(n, every=n):
                pass
        finally:
            self.step += self.run.step - before
            self._lines.append(self.run.step - before)

    def step_D(self) -> None:
        """One update of D alone."""
        x, z = self._draw_x(), self._draw_z()
        info = discriminator_gradient(self.G, self.D, x, z, self.run.loss, self._rng)
        if self.run.penalty:
            self.run.penalty(self.D, x, info.x_g, self._rng)
        self.run.opt_d.step(self.D.theta, self.D.grad)
        self._lines += [DRAW_X, DRAW_Z, "info = ng.discriminator_gradient(G, D, x, z, run.loss, rng)"]
        self._lines += ["run.penalty(D, x, info.x_g, rng)"] * bool(self.run.penalty)
        self._lines += ["run.opt_d.step(D.theta, D.grad)"]

    def step_G(self) -> None:
        """One update of G alone."""
        generator_gradient(self.G, self.D, self._draw_z(), self.run.loss, self._rng)
        self.run.opt_g.step(self.G.theta, self.G.grad)
        self._lines += [DRAW_Z, "ng.generator_gradient(G, D, z, run.loss, rng)", "run.opt_g.step(G.theta, G.grad)"]

    def look(self) -> Snapshot:
        """A snapshot of now, which is put at the end of `seen`."""
        with np.errstate(all="ignore"):
            self.seen.append(snapshot(self.run, self.box)._replace(step=self.step))
        self.modes.append(mode_counts(self.seen[-1].x_g, self.run.data)["modes"])
        return self.seen[-1]

    def optimal(self) -> np.ndarray | None:
        """D* over the box for the data and the samples of the last look; None for losses with another optimum."""
        s = self.seen[-1]
        if self.choice.loss not in WITH_D_STAR or not np.isfinite(s.x_g).all():
            return None
        return optimal_surface(s.x, s.x_g, s.box)

    @property
    def code(self) -> str:
        """A program that does what was done since the start, as far as `reset`."""
        return "\n".join(_joined(self._lines))

    def _begin(self, new_data: bool) -> None:
        """A Training with new optimisers on G and D as they are."""
        c = self.choice
        if new_data:  # what was seen of others cannot be drawn in one chart with it
            self.seen: list[Snapshot] = []
            self.modes: list[int | None] = []  # found at each of `seen`
            self._data = DATA[c.data].make(c.points)
            self._lines.append(f"data = {DATA[c.data].code.format(points=[*c.points])}")
        kind = PENALTIES[c.penalty]
        self.run = Training(
            self.G,
            self.D,
            self._data,
            loss=LOSSES[c.loss],
            batch=c.batch,
            k=c.k,
            seed=c.seed,
            optimizers=(Adam(c.lr_g, BETA1), Adam(c.lr_d, BETA1)),
            penalty=None if kind is None else kind(c.weight),
            threads=1,
        )
        self._lines += _training_code(c)
        self.box = snapshot(self.run).box
        if new_data:
            self.look()

    def _draw_x(self) -> np.ndarray:
        return self._rng.choice(self._data.x, self.choice.batch)

    def _draw_z(self) -> np.ndarray:
        return self._rng.standard_normal((self.choice.batch, self.choice.n_z), dtype="float32")


def hidden(n_in: int, layers: int, width: int, n_out: int) -> list[Layer]:
    """Linear and LeakyReLU, `layers` times, and a Linear at the end."""
    widths = [n_in, *[width] * layers]
    pairs = [[Linear(a, b), LeakyReLU(0.2)] for a, b in itertools.pairwise(widths)]
    return [*(layer for pair in pairs for layer in pair), Linear(widths[-1], n_out)]


def _changed(choice: Choice, settings: dict[str, Any]) -> Choice:
    names = {f.name: f for f in fields(Choice)}
    for name in settings:
        lookup("setting", name, names)
    return replace(choice, **settings)


# The program

DRAW_X = "x = rng.choice(data.x, run.batch)"
DRAW_Z = 'z = rng.standard_normal((run.batch, run.n_z), dtype="float32")'


def _networks_code(c: Choice, G: Network, D: Network) -> list[str]:
    return [
        "import numpy as np",
        "",
        "import numgan as ng",
        "from numgan.lab.choice import around",
        "",
        f"rng = np.random.default_rng({c.seed})",
        f"G = ng.Network({_layers_code(G)}, seed={2 * c.seed})",
        f"D = ng.Network({_layers_code(D)}, seed={2 * c.seed + 1})",
    ]


def _layers_code(net: Network) -> str:
    return f"[{', '.join(map(_layer_code, net.layers))}]"


def _layer_code(layer: Layer) -> str:
    if isinstance(layer, Linear):
        return f"ng.Linear({layer.n_in}, {layer.n_out})"
    return f"ng.Pack({layer.k})" if isinstance(layer, Pack) else "ng.LeakyReLU(0.2)"


def _training_code(c: Choice) -> list[str]:
    kind = PENALTIES[c.penalty]
    text = "None" if kind is None else f"ng.{kind.__name__}({c.weight})"
    return [
        "run = ng.Training(",
        f"    G, D, data, loss=ng.losses.{c.loss}, batch={c.batch}, k={c.k}, seed={c.seed}, penalty={text}, threads=1,",
        f"    optimizers=(ng.Adam({c.lr_g}, beta1={BETA1}), ng.Adam({c.lr_d}, beta1={BETA1})),",
        ")",
    ]


def _joined(lines: Sequence[str | int]) -> list[str]:
    """Numbers of updates made one after another as one loop."""
    text: list[str] = []
    updates = 0
    for line in [*lines, ""]:
        if isinstance(line, int):
            updates += line
            continue
        if updates:
            text += [f"for record in run.steps({updates}):", "    pass"]
        updates = 0
        text.append(line)
    return text
