"""Make the moving picture that the README opens with: digits and a ring, from the first step to the last.

python -m benchmarks.make_film [OUT.gif]     some minutes

The digits are those of `numgan train`, the ring is that of `numgan lab collapse-ring --cure R1`, both with seed 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image

import numgan as ng
from benchmarks import RESULTS
from numgan import models
from numgan.lab import plots
from numgan.lab.gallery import GALLERY
from numgan.lab.snapshot import Snapshot, snapshot
from numgan.plots import GENERATED, REAL

OUT = RESULTS / "film.gif"
FRAMES, SIDE = 26, 5  # pictures; digits along a side
SIZE, DPI = (6.4, 3.3), 100  # inches
MOMENT, END = 220, 2600  # milliseconds: a picture, and the last one
COLORS = 64
LEVELS = 9  # shades of D, and of grey: with fewer of them, the file is smaller


def moments(steps: int, first: int) -> list[int]:
    """FRAMES numbers of steps from 0 to `steps`, each further from the last by the same factor."""
    later = np.geomspace(first, steps, FRAMES - 1)
    return [0, *np.maximum(later.round().astype(int), np.arange(1, FRAMES)).tolist()]


def digits(model: models.Model, steps: list[int]) -> list[np.ndarray]:
    """SIDE² digits from the same noise at each of the steps: (SIDE · 28, SIDE · 28) each."""
    data = ng.data.load("digits", range=model.range)
    G, D = model.networks(data, 0)
    optimizers = model.optimizers({}, {})
    run = ng.Training(G, D, data, model.loss, model.batch, optimizers=optimizers, ema=model.ema)
    return [mosaic(run.sample(SIDE**2)) for _ in stops(run, steps)]


def mosaic(x: np.ndarray) -> np.ndarray:
    """Rows x (SIDE², 784) as one picture."""
    return x.reshape(SIDE, SIDE, 28, 28).transpose(0, 2, 1, 3).reshape(SIDE * 28, SIDE * 28)


def ring(steps: list[int]) -> list[Snapshot]:
    run = GALLERY["collapse-ring"].cures["R1"].training(0)
    return [snapshot(run) for _ in stops(run, steps)]


def stops(run: ng.Training, steps: list[int]) -> Iterator[int]:
    """Trains up to each of the steps in turn."""
    for step in steps:
        if step > run.step:
            list(run.steps(step - run.step, every=step))
        yield step


def picture(image: np.ndarray, step: int, s: Snapshot) -> Image.Image:
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    grey = (image * (LEVELS - 1)).round() / (LEVELS - 1)
    left.imshow(grey, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    left.set(title=f"digits that G makes, step {step:,}", xticks=[], yticks=[])
    draw_ring(right, s)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def draw_ring(ax: Axes, s: Snapshot) -> None:
    """Data, samples and the pull on them, on D's surface."""
    ax.contourf(s.surface, np.linspace(0, 1, LEVELS), extent=s.box, cmap=plots.D_COLORS, antialiased=False)
    ax.scatter(s.x[:200, 0], s.x[:200, 1], s=9, color=REAL, linewidths=0, label="data")
    ax.scatter(s.x_g[:200, 0], s.x_g[:200, 1], s=9, color=GENERATED, linewidths=0, label="G(z)")
    arrows = np.stack([s.x_g[:100], s.x_g[:100] + 0.25 * s.pull[:100]], axis=1)
    ax.add_collection(LineCollection(list(arrows), colors="0.25", linewidths=0.6))
    ax.set(xlim=s.box[:2], ylim=s.box[2:], aspect="equal", xticks=[], yticks=[])
    ax.set_title(f"a ring of eight modes, step {s.step:,}")
    ax.legend(loc="upper right", fontsize=7)


def write(pictures: list[Image.Image], out: Path) -> None:
    """One set of colours for all pictures, so that nothing flickers."""
    pure = [Image.new("RGB", (pictures[0].width, 40), color) for color in (REAL, GENERATED)]  # a colour each, unmixed
    sheet = np.concatenate([np.asarray(p) for p in (*pictures[::4], pictures[-1], *pure)])
    palette = Image.fromarray(sheet).quantize(COLORS)
    plain = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    times = [MOMENT] * (len(plain) - 1) + [END]
    plain[0].save(out, save_all=True, append_images=plain[1:], duration=times, loop=0, optimize=True)


def main(out: Path) -> None:
    model = models.IMAGES
    when = moments(model.steps, 5)
    seen = ring(moments(GALLERY["collapse-ring"].setup.steps, 100))
    write([picture(*moment) for moment in zip(digits(model, when), when, seen, strict=True)], out)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.make_film", description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=OUT)
    main(parser.parse_args().out)
