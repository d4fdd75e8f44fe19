"""`numgan evaluate`: how good the samples of a run are, by several measures; a table, a picture and a JSON file."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numgan.errors import InputError, check_whole

if TYPE_CHECKING:
    from numgan.app.scores import Sets
    from numgan.data import Data
    from numgan.run.state import Checkpoint

FEWEST, MOST = 100, 100_000  # samples


def evaluate(options: argparse.Namespace) -> int:
    from numgan.app.scores import MEASURES, Sets
    from numgan.app.scoresheet import lines, picture
    from numgan.app.unseen import unseen
    from numgan.run.output import atomic, check_writable

    if not FEWEST <= check_whole("-n", options.n, 1) <= MOST:
        raise InputError(f"-n is {options.n}, expected {FEWEST} to {MOST} samples")
    check_whole("--seed", options.seed, 0)
    folder, source, data, checkpoint = _run(options)
    check_writable(folder, str(folder))  # said before any work is done
    x_g = _samples(checkpoint, options)
    sets = Sets(data, x_g, unseen(source, data, options.against))
    sets.check()
    found: dict[str, Any] = {name: None for name in MEASURES} | _about(sets, checkpoint, options) | _measured(sets)
    drawn = io.BytesIO()
    picture(found, sets).savefig(drawn, format="png", dpi=120)
    of_file = {"json": json.dumps(found, indent=1, ensure_ascii=False).encode(), "png": drawn.getvalue()}
    for ending, content in of_file.items():  # only once both are there, so that they belong together
        with atomic(folder / f"evaluation.{ending}") as file:
            file.write(content)
    print("\n".join(lines(found, sets)))
    print(f"in {folder}: evaluation.json  evaluation.png")
    return 0


def _run(options: argparse.Namespace) -> tuple[Path, str, Data, Checkpoint]:
    """The run's folder, where its data are from, the data, and its checkpoint."""
    from numgan.app.folder import read_about
    from numgan.app.source import of_a_run
    from numgan.run.state import Checkpoint

    folder = Path(options.run)
    if not (folder / "checkpoint.npz").is_file():
        raise InputError(f"{folder} holds no run (no checkpoint.npz): give a folder that numgan train wrote")
    checkpoint = Checkpoint(folder / "checkpoint.npz")
    source, data = of_a_run(read_about(folder), options.data)
    checkpoint.check_data(data)
    return folder, source, data, checkpoint


def _samples(checkpoint: Checkpoint, options: argparse.Namespace) -> Any:
    from numgan.backend import backend

    return checkpoint.sample(options.n, options.seed, backend(options.backend))


def _about(sets: Sets, checkpoint: Checkpoint, options: argparse.Namespace) -> dict[str, Any]:
    """What was measured: beside the measures, in evaluation.json."""
    of = {"step": checkpoint.state.step, "samples": options.n, "seed": options.seed, "data": sets.data.name}
    rows = {"training_rows_in_all": len(sets.data), "rows_of_each_set": sets.rows}
    return of | rows | {"compared_with": "training rows" if sets.unseen is None else sets.unseen.where}


def _measured(sets: Sets) -> dict[str, Any]:
    """All measures, with a progress bar on stderr, where that is a terminal."""
    from tqdm import tqdm

    from numgan.app.scores import measures

    found: dict[str, Any] = {"training_rows": {}}
    with tqdm(measures(sets), unit="measure", disable=None, leave=False) as bar:
        for name, measure in bar:
            bar.set_postfix_str(name)
            scores = measure()
            found["training_rows"] |= scores.pop("training_rows", {})
            found |= scores
    return found
