"""One run of a sweep, from its options to its result: begun, taken up where another process was killed, or read."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

from numgan.errors import DivergedError, InputError

RESULT = "result.json"
SAMPLES = 2500  # to count modes in: VEEGAN's and PacGAN's protocol
TRAIN = (
    *("data", "size", "hold_out", "model", "loss", "steps", "batch", "k", "lr", "lr_g", "lr_d", "beta1", "beta2"),
    *("ema", "penalty", "penalty_weight", "clip", "seed", "threads", "backend", "out", "resume"),
)  # the options of `numgan train`

Result = dict[str, Any]


class Trial(NamedTuple):
    """A run that is asked for: its folder, and the options of `numgan train` that are set."""

    folder: str
    options: dict[str, Any]

    def train(self, **more: Any) -> argparse.Namespace:
        """The options as `numgan train` has them."""
        return options(**self.options, threads=1, **more)  # so that its figures are the same on any machine

    @property
    def result(self) -> Result | None:
        """What is known of the run, once it has ended. InputError where its file is not as `_make` writes it."""
        path = Path(self.folder, RESULT)
        if not path.exists():
            return None
        if not _whole(found := read_json(path)):
            raise InputError(f"{path} holds no result of a run: remove it, and the same command makes it again")
        return found


def read_json(path: Path) -> Any:
    """The values in a file; None where it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None


def _whole(found: Any) -> bool:
    """Whether this is a result: of a run that diverged, or the health line's word and figures."""
    if not isinstance(found, dict):
        return False
    figures = found.get("figures")
    numbers = isinstance(figures, dict) and all(isinstance(value, int | float) for value in figures.values())
    return isinstance(found.get("diverged"), str) or (numbers and isinstance(found.get("health"), str))


def options(**given: Any) -> argparse.Namespace:
    """The options of `numgan train`, where only these are given."""
    return argparse.Namespace(**dict.fromkeys(TRAIN) | given)


def carry_out(trial: Trial) -> Result:
    """The result, which is in the run's folder from then on. Where another process is at the run, it is waited for."""
    from numgan.app.claim import InUse

    while (result := trial.result) is None:
        try:
            _make(trial)
        except InUse:
            time.sleep(1)
    return result


def _make(trial: Trial) -> None:
    """Trains the run to its end, and writes its result."""
    from numgan.app.begin import new_run, resumed_run
    from numgan.run.output import atomic

    begun = Path(trial.folder, "checkpoint.npz").exists()
    run = resumed_run(options(resume=trial.folder, threads=1)) if begun else new_run(trial.train(out=trial.folder))
    with run.claim:
        if trial.result is not None:  # it was finished while we came for it
            return
        try:
            for _ in run.go():
                pass
            run.save()
            result = measured(run.training)
        except DivergedError as error:
            result = {"diverged": str(error).partition(":")[0]}
        with atomic(Path(trial.folder, RESULT)) as file:
            file.write(json.dumps(result).encode())


def measured(training: Any) -> Result:
    """How a run has ended: the last record, the health line's word, how near and how varied its samples are."""
    from numgan.lab.health import diagnose, health, observe
    from numgan.metrics import mode_coverage

    data, record = training.data, training.history[-1]._asdict()
    if len(data) < 2:
        return {"health": health(training).name, "figures": {}, "record": record}
    signals = observe(training)
    figures = {"fit": signals.fit, "gap": signals.gap}
    if data.centres is not None and data.std is not None:
        figures = mode_coverage(training.sample(SAMPLES), data.centres, data.std)._asdict() | figures
    return {"health": diagnose(signals).name, "figures": figures, "record": record}
