"""A run in the plane as a film: a page of HTML that opens without a network, or a .gif.

The page is film.html, with the numbers of the snapshots in it as JSON: it draws them itself.
"""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numgan import metrics
from numgan.data import Data
from numgan.errors import DivergedError
from numgan.lab import plots
from numgan.lab.health import health
from numgan.lab.snapshot import Snapshot, snapshot
from numgan.run.output import atomic, new_file
from numgan.training import Training

PAGE, SLOT = Path(__file__).with_name("film.html"), "{{FILM}}"
DIGITS = 4  # of a number in the file
NO_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}  # in JSON, so that no text of it ends the script

Box = tuple[float, float, float, float]


class Frame(NamedTuple):
    """A moment of a run: what is seen, and what the health line says of it."""

    seen: Snapshot
    health: str


def film(run: Training, steps: int, path: str | Path, frames: int = 40, title: str = "") -> str:
    """Trains a run on points (n, 2) and films it: a .gif, or an .html with a play bar, layers and charts.

    Returns why the run stopped before its last step, or "": the film of a run that diverges ends where it did.
    """
    write = {".html": _html, ".gif": _gif}
    path = new_file(path, list(write))
    shot = [_frame(run, None)]
    broke = ""
    try:
        for _ in run.steps(steps, every=max(1, steps // frames)):
            shot.append(_frame(run, shot[0].seen.box))
    except DivergedError as error:
        broke = f"diverging: {error}"
    write[path.suffix](shot, run, title, broke, path)
    return broke


def page(shot: list[Frame], run: Training, title: str = "", broke: str = "") -> str:
    """The film as one page of HTML."""
    text = json.dumps(_content(shot, run, title, broke), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter, code in NO_HTML.items():
        text = text.replace(letter, code)
    return PAGE.read_text(encoding="utf-8").replace(SLOT, text)


def _frame(run: Training, box: Box | None) -> Frame:
    with np.errstate(all="ignore"):  # a run that diverges is filmed as well
        return Frame(snapshot(run, box), str(health(run)))


def _html(shot: list[Frame], run: Training, title: str, broke: str, path: Path) -> None:
    with atomic(path) as file:
        file.write(page(shot, run, title, broke).encode())


def _gif(shot: list[Frame], run: Training, title: str, broke: str, path: Path) -> None:
    plots.gif([frame.seen for frame in shot], path)


def _content(shot: list[Frame], run: Training, title: str, broke: str) -> dict[str, Any]:
    first, data = shot[0].seen, run.data
    return {
        "title": title or data.name,
        "broke": broke,
        "n_z": run.n_z,
        "box": _plain(first.box),
        "x": _plain(first.x),
        "centres": None if data.centres is None or data.std is None else _plain(data.centres),
        "frames": [_moment(frame, data) for frame in shot],
    }


def _moment(frame: Frame, data: Data) -> dict[str, Any]:
    s = frame.seen
    return {
        "step": s.step,
        "health": frame.health,
        "x_g": _plain(s.x_g),
        "pull": _plain(s.pull),
        "surface": None if s.surface is None else _bytes(s.surface),
        "mesh": None if s.mesh is None else _plain(s.mesh),
        **{name: _number(getattr(s, name)) for name in ("loss_D", "loss_G", "kl", "js")},
        **mode_counts(s.x_g, data),
    }


def mode_counts(x_g: np.ndarray, data: Data) -> dict[str, Any]:
    """How many of x_g (m, 2) are within 3 std of each mode, as the scores of `metrics.mode_coverage` count them."""
    if data.centres is None or data.std is None or not np.isfinite(x_g).all():
        return {"counts": None, "modes": None, "quality": None}
    d2 = np.concatenate(list(metrics.distance_blocks(x_g, data.centres)))
    good = d2.min(axis=1) < (3 * data.std) ** 2
    counts = np.bincount(d2.argmin(axis=1)[good], minlength=len(data.centres))
    return {"counts": counts.tolist(), "modes": int((counts > 0).sum()), "quality": _number(good.mean())}


def _plain(rows: Any) -> list[float | None]:
    """Its numbers in a row, the last index fastest."""
    return [_number(value) for value in np.ravel(rows).tolist()]


def _number(value: float) -> float | None:
    """To DIGITS digits; JSON knows no NaN."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _bytes(surface: np.ndarray) -> str:
    """D in steps of 1/255, in Base64."""
    return base64.b64encode((255 * surface).round().astype(np.uint8).tobytes()).decode()
