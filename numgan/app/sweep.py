"""`numgan sweep`: a run of every combination of settings, over seeds; then a table, and a picture.

Each run has a folder of its own in the sweep's, and is like one of `numgan train`. What has ended is never repeated.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from numgan.app.trial import Result, Trial, carry_out, read_json
from numgan.errors import InputError, check_whole

# The options that may have several values, and their kind.
SEVERAL: dict[str, type] = {
    "model": str, "loss": str, "penalty": str, "penalty_weight": float, "batch": int, "k": int, "lr": float,
    "lr_g": float, "lr_d": float, "beta1": float, "beta2": float, "ema": float, "clip": float,
}  # fmt: skip
ABOUT = "sweep.json"
FIXED = ("data", "size", "hold_out", "steps")  # for the whole of a sweep

MEANING = {  # of the figures of a run
    "modes": "those with a sample within 3 of their standard deviations",
    "quality": "the fraction of such samples",
    "reverse_kl": "0 where each mode gets as many samples, log(number of modes) where one gets all",
    "fit": "distance of samples to the nearest data; 0: as between data rows, 1: as between two at random",
    "gap": "distance of data to the nearest sample, on the same scale",
}

Settings = dict[str, Any]
Failed = list[tuple[str, Exception]]  # the folder, and why
Rows = list[tuple[str, list[Result]]]  # the settings in words, and the results of all seeds


def sweep(options: argparse.Namespace) -> int:
    from numgan.app.begin import asked
    from numgan.app.workers import each

    check_whole("--seeds", options.seeds, 1)
    grid = combinations(options)
    fixed = {name: getattr(options, name) for name in FIXED}
    for settings in grid:  # whatever is refused, is before anything is done
        data = asked(Trial("", {**fixed, **settings, "seed": 0}).train())[0].data
    folder = Path(options.out or Path("sweeps", data.name))
    varied = [name for name in SEVERAL if len(getattr(options, name) or ()) > 1]
    trials = {words(settings, varied): planned(folder, fixed, settings, options.seeds) for settings in grid}
    left = [trial for runs in trials.values() for trial in runs if trial.result is None]
    todo = {trial.folder: partial(in_its_sweep, trial) for trial in left}
    ended = each(todo, options.scheduler, options.workers)
    _open(folder, fixed)
    try:
        made, failed = _follow(ended, len(todo), trials)
    except KeyboardInterrupt:
        print("numgan: stopped; the same command goes on from the runs' last checkpoints", file=sys.stderr)
        raise
    # as returned, for a file system over a network may show this machine a new file only later
    found = {name: [made.get(trial.folder) or trial.result for trial in runs] for name, runs in trials.items()}
    rows = [(name, [result for result in results if result is not None]) for name, results in found.items()]
    _report(folder, [(name, results) for name, results in rows if results], data.name)
    return _say_failed(failed) if failed else 0


def combinations(options: argparse.Namespace) -> list[Settings]:
    """The settings of each kind of run, without those that are left as they are. A weight goes with a penalty only.

    The penalty `none` is left out too, where a model has none of its own that it would turn off.
    """
    from numgan import models

    given = {name: getattr(options, name) for name in SEVERAL if getattr(options, name) is not None}
    found = []
    for values in itertools.product(*given.values()):
        settings = dict(zip(given, values, strict=True))
        if settings.get("penalty") == "none":
            model = models.BY_NAME.get(str(settings.get("model")))
            dropped = ("penalty_weight",) if model and model.penalty else ("penalty", "penalty_weight")
            settings = {name: settings[name] for name in settings if name not in dropped}
        if settings not in found:
            found.append(settings)
    return found


def words(settings: Settings, varied: Sequence[str]) -> str:
    """The settings in which the runs differ."""
    known = {"penalty": "none"} | settings
    return ", ".join(f"{name} {known[name]}" for name in varied if name in known) or "all"


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def planned(folder: Path, fixed: Settings, settings: Settings, seeds: int) -> list[Trial]:
    """The runs with these settings, each with its folder."""
    name = "_".join(f"{key}={value}" for key, value in settings.items())
    place = folder.absolute()
    return [
        Trial(str(place / f"{name}_seed={seed}".lstrip("_")), {**fixed, **settings, "seed": seed})
        for seed in range(seeds)
    ]


def in_its_sweep(trial: Trial) -> Result:
    """The run's result. InputError on a machine that does not see the folder of the sweep: it would make another."""
    folder = Path(trial.folder).parent
    if not (folder / ABOUT).exists():
        advice = "give --out a folder that all workers share, or leave --scheduler out"
        raise InputError(f"{platform.node()} does not see the sweep in {folder}: {advice}")
    return carry_out(trial)


def _open(folder: Path, fixed: Settings) -> None:
    """The folder of this sweep: new, or with runs on the same data, of as many steps."""
    from numgan.app.source import lasting
    from numgan.run.output import atomic, check_writable

    fixed = fixed | {"data": lasting(fixed["data"] or "digits")}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder} cannot be made ({error.strerror}): choose another folder") from error
    about = folder / ABOUT
    if about.exists():
        if not isinstance(found := read_json(about), dict):
            raise InputError(f"{about} is not a sweep's, or is damaged: choose another folder with --out")
        for name in FIXED:
            if found.get(name) != fixed[name]:
                was, asked = (f"{option(name)} {value or '(not given)'}" for value in (found.get(name), fixed[name]))
                raise InputError(f"--out {folder} holds a sweep with {was}, not {asked}: choose another folder")
        return
    check_writable(folder, f"--out {folder}")
    if any(folder.iterdir()):
        raise InputError(f"--out {folder} is not empty, and holds no sweep: choose a new folder")
    with atomic(about) as file:
        file.write(json.dumps(fixed).encode())


def _follow(ended: Any, left: int, trials: dict[str, list[Trial]]) -> tuple[dict[str, Result], Failed]:
    """Waits for the runs, with a progress bar on stderr where that is a terminal. Their results, and those without."""
    from tqdm import tqdm

    made, failed, n = {}, [], sum(map(len, trials.values()))
    with tqdm(total=n, initial=n - left, unit="run", disable=None, dynamic_ncols=True) as bar:
        for place, result, error in ended:
            if error is None:
                made[place] = result
            else:
                failed.append((place, error))
            bar.set_postfix_str(Path(place).name, refresh=False)
            bar.update()
    return made, failed


def _report(folder: Path, rows: Rows, name: str) -> None:
    from numgan import plots
    from numgan.run.output import atomic

    if not rows:
        return
    figures = [figure for figure in _figures(rows) if figure in ("modes", "fit")]
    text = f"{table(rows)}\n{explained(rows, name)}"
    with atomic(folder / "table.md") as file:
        file.write(text.encode())
    print(text, end="")
    if figures:
        spread = {label: [r["figures"][figures[0]] for r in results if "figures" in r] for label, results in rows}
        with atomic(folder / "sweep.png") as file:
            title = f"{figures[0]}, on {name}: each run, and the mean ± its standard error"
            plots.spread(spread, title).savefig(file, format="png", dpi=120)
    print(f"in {folder}: table.md  {'sweep.png  ' * bool(figures)}and a folder for each run")


def table(rows: Rows) -> str:
    """Markdown: for each combination the mean of each figure ± its standard error over seeds, and the health line."""
    figures = _figures(rows)
    lines = [_line("", "seeds", *figures, "health"), f"|---|---:|{'---:|' * len(figures)}---|"]
    for name, results in rows:
        done = [result["figures"] for result in results if "figures" in result]
        cells = [mean_and_error([found[figure] for found in done]) for figure in figures]
        said = Counter(result.get("health", "diverged") for result in results)
        health = ", ".join(f"{word} {n}" for word, n in said.most_common())
        lines.append(_line(name, str(len(results)), *cells, health))
    return "\n".join(lines) + "\n"


def explained(rows: Rows, name: str) -> str:
    """Markdown: what the table is of, and what its columns are."""
    steps = sorted({result["record"]["step"] for _, results in rows for result in results if "record" in result})
    runs = f", runs of {' or '.join(f'{n:,}' for n in steps)} steps" * bool(steps)
    counts = "A run that diverged counts in seeds and health alone."
    about = f"On {name}{runs}. Each figure is the mean over them ± its standard error. {counts}\n"
    meaning = [f"- {figure}: {MEANING[figure]}\n" for figure in _figures(rows)]
    return about + "\n" * bool(meaning) + "".join(meaning)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


def mean_and_error(values: Sequence[float]) -> str:
    """Mean ± standard error, as text."""
    import numpy as np

    if not values:
        return "–"
    error = f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):.3g}{error}"


def _figures(rows: Rows) -> list[str]:
    """The names of the figures, in the order in which a run has them."""
    return next((list(result["figures"]) for _, results in rows for result in results if result.get("figures")), [])


def _say_failed(failed: Failed) -> int:
    place, error = failed[0]
    why = f"{Path(place).name}: {type(error).__name__}: {error}"
    print(f"numgan: error: {len(failed)} runs have no result ({why}); the same command tries again", file=sys.stderr)
    return 1
