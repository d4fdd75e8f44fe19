"""A run's folder: what `numgan train` keeps of a run, and how it is taken up again.

    checkpoint.npz   everything needed to go on bit for bit
    run.json         the data, --size and --hold-out, the model, the number of steps that were asked for, the backend
    frames.npz       samples from the same noise over time
    history.csv, history.png, progress.png, samples.png
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from numgan import plots
from numgan.app.claim import Claim, Reader
from numgan.backend import array_module
from numgan.errors import InputError, check_whole, reason
from numgan.plots import Figure
from numgan.run import archive
from numgan.run.output import atomic
from numgan.run.record import Record
from numgan.run.schema import Builder, shown
from numgan.training import Training

FRAMES = 8  # pictures over time
FRAME_ROWS = {True: 12, False: 512}  # rows in each: images or points
SHOWN_ROWS = {True: 64, False: 2000}  # rows in samples.png
SHOWN_CLASSES = 20  # lines in samples.png, where a run has labels
EVERY = 25  # steps between records
SAVE_EVERY = 500  # steps between checkpoints


@dataclass
class Run:
    """A training run in its folder."""

    claim: Claim | Reader
    training: Training
    data: str  # a name, or the path of a file or folder
    model: str
    steps: int  # in all
    size: int | None = None  # --size, for a folder of images
    hold_out: int = 0  # --hold-out, rows that it does not train on
    frames: list[np.ndarray] = field(default_factory=list)
    frame_steps: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = self.claim.folder

    def go(self) -> Iterator[Record]:
        """Trains up to `steps`, with frames and checkpoints on the way. The loop around it may stop after any record.

        A checkpoint that cannot be written is said and tried again later: a full disk may be emptied.
        """
        run, marks = self.training, {round(self.steps * i / (FRAMES - 1) / EVERY) * EVERY for i in range(FRAMES)}
        if not self.frames:
            self.keep_frame()
        for record in run.steps(self.steps - run.step, EVERY):
            if run.step in marks or run.step == self.steps:
                self.keep_frame()
            if run.step % SAVE_EVERY == 0 and run.step < self.steps:
                self._try_to_save()
            yield record

    def keep_frame(self) -> None:
        self.frames.append(self.training.sample(FRAME_ROWS[self._images]))
        self.frame_steps.append(self.training.step)

    def save(self) -> None:
        """The checkpoint, and what goes with it. OSError where that cannot be."""
        self.claim.check()
        self._save_in(self.claim.place)

    def rescue(self) -> Path:
        """Saves the run in a new folder among the temporary files, from which it goes on as from its own."""
        folder = Path(tempfile.mkdtemp(prefix="numgan-"))
        self._save_in(folder)
        return folder

    def draw(self) -> None:
        """The three pictures."""
        data = self.training.data
        x_g, x = self._each_class() if self.training.conditional and self._images else self._first_rows()
        self._picture("samples", plots.samples(x_g, x, data.image_shape))
        self._picture("progress", plots.progress(self.frames, self.frame_steps, data.image_shape, x))
        if self.training.history:
            self._picture("history", plots.history(self.training.history))

    def _first_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """As many samples as rows of the data."""
        data = self.training.data
        n = min(SHOWN_ROWS[self._images], len(data))
        return self.training.sample(n), data.restore(data.x[:n])

    def _each_class(self) -> tuple[np.ndarray, np.ndarray]:
        """A line of the picture for each class: of samples, from the same noise in every line, and of the data."""
        run, data, n = self.training, self.training.data, plots.IMAGE_COLUMNS
        classes = range(min(data.classes, SHOWN_CLASSES))
        x = [np.resize(data.x[data.labels == c][:n], (n, data.x.shape[1])) for c in classes]
        return np.concatenate([run.sample(n, label=c) for c in classes]), data.restore(np.concatenate(x))

    def _save_in(self, folder: Path) -> None:
        """Each file is replaced whole. The checkpoint comes after what it needs beside it: wherever a process dies,
        the folder holds no run yet, or a run with all its frames up to the checkpoint."""
        backend = array_module(self.training.G.theta).__name__
        about = {"data": self.data, "size": self.size, "hold_out": self.hold_out, "model": self.model}
        about |= {"steps": self.steps, "backend": backend}
        archive.write(folder / "frames.npz", {"frames": np.stack(self.frames)}, {"steps": self.frame_steps})
        with atomic(folder / "run.json") as file:
            file.write(json.dumps(about, indent=1).encode())
        self.training.save(folder / "checkpoint.npz")
        with atomic(folder / "history.csv") as file:
            text = StringIO()
            csv.writer(text).writerows([Record._fields, *self.training.history])
            file.write(text.getvalue().encode())

    def _try_to_save(self) -> None:
        try:
            self.save()
        except OSError as error:
            again = f"training goes on, and tries again in {SAVE_EVERY} steps"
            print(f"numgan: step {self.training.step} could not be saved ({reason(error)}); {again}", file=sys.stderr)

    def _picture(self, name: str, figure: Figure) -> None:
        self.claim.check()
        with atomic(self.claim.place / f"{name}.png") as file:
            figure.savefig(file, format="png", dpi=120)

    @property
    def _images(self) -> bool:
        return self.training.data.image_shape is not None


class Along(Run):
    """The same run on a rank other than the first: it trains along, and writes nothing."""

    def keep_frame(self) -> None: ...

    def save(self) -> None: ...

    def draw(self) -> None: ...


@dataclass(frozen=True)
class About:
    """What run.json says."""

    data: str
    model: str
    steps: int
    backend: str
    size: int | None = None
    hold_out: int = 0


def read_about(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What run.json says: data, model, steps, backend, size, hold_out."""
    path = Path(folder) / "run.json"
    with archive.named(path):
        about: About = Builder()(archive.read_json(path), About, "run.json")
        check_whole("steps", about.steps, 1)
        check_whole("hold_out", about.hold_out, 0)
    return vars(about)


@dataclass(frozen=True)
class AboutFrames:
    """What frames.npz says beside the frames."""

    steps: tuple[int, ...]


def read_frames(
    folder: str | os.PathLike[str], upto: int, shape: tuple[int, int]
) -> tuple[list[np.ndarray], list[int]]:
    """The frames kept up to a step, each of this shape (rows, n_x), and their steps."""
    path = Path(folder) / "frames.npz"
    vectors, about = archive.read(path)
    with archive.named(path):
        steps = Builder()(about, AboutFrames, "frames").steps
        frames = vectors.get("frames", np.empty(0))
        if len(vectors) != 1 or frames.shape != (len(steps), *shape):
            found = f"{shown([*vectors])}, frames of {frames.shape}"
            expected = f"frames of {(len(steps), *shape)} alone"
            raise InputError(f"holds {found}; expected {expected}: use another file")
        if list(steps) != sorted(steps) or min(steps, default=0) < 0:
            raise InputError(f"its steps {shown(steps)} do not grow from 0 on: use another file")
    kept = [i for i, step in enumerate(steps) if step <= upto]
    return [frames[i] for i in kept], [steps[i] for i in kept]
