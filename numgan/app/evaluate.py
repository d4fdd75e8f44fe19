"""`numgan evaluate`: how good the samples of a run are, by several measures; a table, a picture and a JSON file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numgan.errors import InputError, check_whole

if TYPE_CHECKING:
    from numgan.app.scores import Sets
    from numgan.data import Data
    from numgan.run.state import Checkpoint

FEWEST, MOST = 20, 100_000  # samples
ROWS = (  # of the table: a key of evaluation.json, what it is called, how it is printed
    ("parzen", "Parzen log-likelihood, nats", "{:.1f}"),
    ("precision", "precision (k = 3): samples near real rows", "{:.3f}"),
    ("recall", "recall (k = 3): real rows near samples", "{:.3f}"),
    ("density", "density (k = 5)", "{:.3f}"),
    ("coverage", "coverage (k = 5)", "{:.3f}"),
    ("kid", "kernel distance (KID) × 1000", "{:.2f}"),
    ("frechet", "Fréchet distance, of our classifier", "{:.2f}"),
    ("modes", "modes found", "{:.0f}"),
    ("quality", "of high quality", "{:.3f}"),
    ("reverse_kl", "reverse KL over the modes", "{:.3f}"),
)


def evaluate(options: argparse.Namespace) -> int:
    from numgan import plots
    from numgan.app.scores import MEASURES, Sets
    from numgan.app.unseen import unseen
    from numgan.run.output import atomic

    if not FEWEST <= check_whole("-n", options.n, 1) <= MOST:
        raise InputError(f"-n is {options.n}, expected {FEWEST} to {MOST} samples")
    check_whole("--seed", options.seed, 0)
    folder, source, data, checkpoint = _run(options)
    x_g = _samples(checkpoint, options)
    sets = Sets(data, x_g, unseen(source, data, options.against))
    found: dict[str, Any] = {name: None for name in MEASURES} | _about(sets, checkpoint, options) | _measured(sets)
    with atomic(folder / "evaluation.json") as file:
        file.write(json.dumps(found, indent=1, ensure_ascii=False).encode())
    with atomic(folder / "evaluation.png") as file:
        figure = plots.evaluation(*_shown(sets), data.image_shape, _bars(found), found["class_histogram"])
        figure.savefig(file, format="png", dpi=120)
    print("\n".join(_report(found, sets)))
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


def _report(found: dict[str, Any], sets: Sets) -> list[str]:
    """The table, and what is to be said of it."""
    step, n = found["step"], found["rows_of_each_set"]
    lines = [f"step {step}: {found['samples']} samples, seed {found['seed']}, beside {found['compared_with']}"]
    real = dict(found["training_rows"])
    if calibration := found.get("calibration"):
        real["parzen"] = calibration["real training rows"]["mean"]
    lines += ["", f"{'':44}{'samples':>10}{'training rows':>16}"]
    for key, name, how in ROWS:
        if found.get(key) is not None:
            factor = 1000 if key == "kid" else 1
            both = [how.format(factor * some[key]) if key in some else "" for some in (found, real)]
            lines.append(f"{name:<44}{both[0]:>10}{both[1]:>16}")
    lines += ["", *_parzen_lines(found), *_memorisation_lines(found), *_class_lines(found)]
    lines += [f"sets against sets: {n} rows each; a model as good as the training rows reaches their column"]
    return [*lines, *_left_out(found, sets)]


def _parzen_lines(found: dict[str, Any]) -> list[str]:
    if found["parzen"] is None:
        return []
    rows = (f"{name} {score['mean']:.1f}" for name, score in found["calibration"].items())
    said = f"Parzen: ± {found['parzen_se']:.1f}, windows of σ {found['parzen_sigma']:.3f}; for comparison, "
    return [said + ", ".join(rows), "  above real rows it rewards blur: see benchmarks/results/table1.md"]


def _memorisation_lines(found: dict[str, Any]) -> list[str]:
    if found["memorisation_p"] is None:
        return []
    said = f"memorisation: p = {found['memorisation_p']:.3g}"
    return [said]


def _class_lines(found: dict[str, Any]) -> list[str]:
    """The fraction of each digit among samples, as the classifier reads them, and among real rows."""
    if found["class_histogram"] is None:
        return []
    lines = ["", "digit".ljust(44) + "".join(f"{digit:>6}" for digit in range(10))]
    for name, of in (("samples, %", found), ("test rows, %", found["test_rows"])):
        lines.append(name.ljust(44) + "".join(f"{100 * share:6.1f}" for share in of["class_histogram"]))
    return lines


def _left_out(found: dict[str, Any], sets: Sets) -> list[str]:
    """What was not measured, and why."""
    lines = []
    if sets.classifier is None:
        lines.append("left out: KID, Fréchet distance, classes: their classifier knows MNIST's digits (digits, mnist) alone")
    if sets.unseen is None:
        lines.append("left out: Parzen, memorisation: they need rows that the run never saw: numgan train --hold-out N")
        lines.append("  before it begins, or evaluate --against DATA; compared with the training rows instead")
    elif found["parzen"] is None:
        lines.append("left out: Parzen: the widths of its windows are for images")
    return lines


def _bars(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """What the picture shows as bars: titles, and named numbers."""
    kinds = {"samples": found, "training rows": found["training_rows"]}
    of_one = ("precision", "recall", "density", "coverage")
    bars = {name: {f"{key}, {name}": kinds[name][key] for key in of_one} for name in kinds}
    return bars
