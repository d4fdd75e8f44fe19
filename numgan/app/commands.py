"""What each command does, given its options. Each returns the status: 0 done, 1 the answer is no.

numpy, matplotlib and tqdm are imported where they are used: `numgan --help` should answer at once.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numgan.errors import DivergedError, InputError, check_whole, lookup

HEALTH_EVERY = 500  # steps between looks at a run's health

# Options that a resumed run takes from its checkpoint.
_SETTINGS = (
    *("data", "model", "loss", "batch", "k", "lr", "lr_g", "lr_d", "beta1", "beta2", "seed", "ema", "out"),
    *("penalty", "penalty_weight", "clip"),
)


def train(options: argparse.Namespace) -> int:
    run = _resumed(options) if options.resume else _new(options)
    with _stop_signals() as stopped:
        began, first = time.perf_counter(), run.training.step
        try:
            _follow(run, stopped)
        except DivergedError as error:
            return _report_divergence(run, error)
        seconds = time.perf_counter() - began
        run.save()
        run.draw()
    _report(run, run.training.step - first, seconds)
    if stopped:
        print(f"stopped early; to go on exactly here:  {_program()} train --resume {run.folder}")
    return 0


def sample(options: argparse.Namespace) -> int:
    from numgan import plots
    from numgan.backend import backend
    from numgan.run.archive import atomic
    from numgan.run.state import Checkpoint

    path = Path(options.run)
    if path.is_dir() and not (path / "checkpoint.npz").exists():
        raise InputError(f"{path} holds no run (no checkpoint.npz): give a folder that numgan train wrote")
    path = path / "checkpoint.npz" if path.is_dir() else path
    out = Path(options.out or path.parent / f"samples-{options.n}-seed{options.seed}.png")
    if out.suffix not in (".png", ".npz"):
        raise InputError(f"--out {out}: expected a name ending in .png (a picture) or .npz (the array x)")
    if options.out and out.exists():
        raise InputError(f"--out {out} is there already: choose another name")
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}: make it first")
    checkpoint = Checkpoint(path)
    x = checkpoint.sample(options.n, options.seed, backend(options.backend))
    with atomic(out) as file:
        if out.suffix == ".npz":
            import numpy as np

            np.savez(file, x=x)
        else:
            plots.sheet(x, checkpoint.image_shape).savefig(file, format="png", dpi=120)
    print(f"{options.n} samples: {out}")
    return 0


def gradcheck(options: argparse.Namespace) -> int:
    from numgan.check.survey import survey

    wrong = 0
    print(f"{'what':<60} {'relative error':>14}")
    for name, report in survey():
        print(f"{name:<60} {report.rel_error:14.1e} {'' if report.ok else 'WRONG'}")
        if not report.ok:
            wrong += 1
            print(report)
    print("every gradient agrees with central differences" if not wrong else f"{wrong} wrong")
    return 1 if wrong else 0


def gpucheck(options: argparse.Namespace) -> int:
    from numgan.backend import backend
    from numgan.check.gpu import report

    good = True
    for line, ok in report(backend("cupy")):
        print(line, flush=True)
        good = good and ok
    print("the GPU computes what NumPy computes" if good else "WRONG: please open an issue with these lines")
    return 0 if good else 1


def lab(options: argparse.Namespace) -> int:
    from numgan.lab import console

    if options.name is None:
        print(*console.listing(), sep="\n")
        return 0
    chosen = console.setups(options.name, options.cure)
    if options.out:
        return _film(options, chosen)
    for title, setup in chosen.items():
        print(f"{options.name}, cure: {title}, seed {options.seed}")
        for line in console.watch(setup.training(options.seed), setup.steps):
            print(line, flush=True)
    return 0


def _film(options: argparse.Namespace, chosen: dict[str, Any]) -> int:
    from numgan.lab import plots

    if len(chosen) > 1:
        raise InputError("--out films one run: choose it with --cure NAME, or --cure none")
    (setup,) = chosen.values()
    plots.film(setup.training(options.seed), setup.steps, options.out)
    print(f"{options.name}, cure: {options.cure}, seed {options.seed}: {options.out}")
    return 0


def _new(options: argparse.Namespace) -> Any:
    """The run that the options ask for; its folder is made only when everything has been checked."""
    from numgan import data, losses, models
    from numgan.backend import backend
    from numgan.app.folder import Run, new_folder
    from numgan.training import Training

    _check_counts(options)
    source, seed = options.data or "digits", options.seed or 0
    chosen = lookup("model", options.model, models.BY_NAME) if options.model else None
    x = data.load(source, range=chosen.range if chosen else (-1.0, 1.0))
    model_name = options.model or ("images" if x.image_shape else "points")
    model = models.BY_NAME[model_name]
    both = {"lr": options.lr, "beta1": options.beta1, "beta2": options.beta2}
    optimizers = model.optimizers(
        for_g=_given({**both, "lr": _or(options.lr_g, options.lr)}),
        for_d=_given({**both, "lr": _or(options.lr_d, options.lr)}),
    )
    training = Training(
        *model.networks(x, seed, backend(options.backend or "numpy")),
        x,
        loss=lookup("loss", options.loss or model.loss, losses.BY_NAME),
        batch=_or(options.batch, model.batch),
        k=_or(options.k, 1),
        seed=seed,
        optimizers=optimizers,
        ema=_or(options.ema, model.ema) or None,  # --ema 0 turns it off
        noise=model.noise,
        threads=options.threads,
        penalty=_penalty(options),
        clip=options.clip,
    )
    folder = new_folder(options.out, x.name)
    source = source if source in data.NAMES else str(Path(source).resolve())
    return Run(folder, training, source, model_name, _or(options.steps, model.steps))


def _penalty(options: argparse.Namespace) -> Any:
    from numgan import penalty

    if options.penalty is None:
        if options.penalty_weight is not None:
            raise InputError("--penalty-weight says how much of which penalty: add --penalty r1, r2 or wgan_gp")
        return None
    kind = lookup("penalty", options.penalty, penalty.BY_NAME)
    return kind() if options.penalty_weight is None else kind(options.penalty_weight)


def _resumed(options: argparse.Namespace) -> Any:
    """The run in a folder, as it was left, on the backend it was on unless another is asked for."""
    from numgan import data, models
    from numgan.backend import backend
    from numgan.app.folder import Run, read_about, read_frames
    from numgan.training import Training

    others = [name for name in _SETTINGS if getattr(options, name) is not None]
    if others:
        name = others[0].replace("_", "-")
        raise InputError(f"--{name} cannot be changed by --resume: leave it out, or begin a new run")
    _check_counts(options)
    about = read_about(options.resume)
    x = data.load(about["data"], range=lookup("model", about["model"], models.BY_NAME).range)
    xp = backend(options.backend or about["backend"])
    training = Training.load(Path(options.resume) / "checkpoint.npz", x, xp=xp, threads=options.threads)
    steps = _or(options.steps, about["steps"])
    if steps <= training.step:
        raise InputError(f"{options.resume} has made {training.step} steps already: ask for more with --steps N")
    frames, frame_steps = read_frames(options.resume, training.step)
    return Run(Path(options.resume), training, about["data"], about["model"], steps, frames, frame_steps)


def _follow(run: Any, stopped: list[int]) -> None:
    """Trains with a progress bar on stderr, where that is a terminal, until done or told to stop."""
    from tqdm import tqdm

    from numgan.lab.health import health

    health_name = ""
    bar = tqdm(total=run.steps, initial=run.training.step, unit="step", disable=None, dynamic_ncols=True)
    with contextlib.closing(bar):
        for record in run.go():
            losses = f"loss_D {record.loss_D:.3f} loss_G {record.loss_G:.3f}"
            if record.step % HEALTH_EVERY == 0:
                health_name = health(run.training).name
            D = f"D(x) {record.D_x:.2f} D(G(z)) {record.D_Gz:.2f}"
            bar.set_postfix_str(f"{losses} {D} {health_name}", refresh=False)
            bar.update(record.step - bar.n)
            if stopped:
                return


@contextlib.contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """A list that fills when Ctrl-C or SIGTERM asks for an end; the step in progress is finished first.

    A second Ctrl-C is not waited for.
    """
    stopped: list[int] = []

    def note(number: int, frame: Any) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)
        print("\nstopping after this step …", file=sys.stderr)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(run: Any, steps: int, seconds: float) -> None:
    """What ran, how it went, and where things are."""
    from numgan.lab.health import health

    training, data = run.training, run.training.data
    shape = "×".join(map(str, data.image_shape or data.x.shape[1:]))
    print(f"trained {run.model} on {data.name}: {len(data)} rows of {shape}, {training.loss}, seed {training.seed}")
    if steps:
        print(f"{steps} steps in {seconds:.0f} s, {1000 * seconds / steps:.1f} ms each; {training.step} in all")
    if training.history:
        r = training.history[-1]
        print(f"D(x) {r.D_x:.2f}   D(G(z)) {r.D_Gz:.2f}   V {r.V:.3f} (−log 4 = −1.386 where D cannot tell them apart)")
        early = training.step < HEALTH_EVERY
        print(f"health: {'too early to tell' if early else health(training)}")
    print(f"in {run.folder}: samples.png  progress.png  history.png  history.csv  checkpoint.npz")
    print(f"more samples:  {_program()} sample {run.folder} -n 64")


def _report_divergence(run: Any, error: DivergedError) -> int:
    path = run.folder / "checkpoint.npz"
    kept = f"the last good checkpoint is kept: {path}" if path.exists() else "no checkpoint had been written yet"
    print(f"numgan: the run diverged at {error}\n{kept}", file=sys.stderr)
    return 1


def _check_counts(options: argparse.Namespace) -> None:
    for name, least in (("steps", 1), ("threads", 1), ("seed", 0)):
        if getattr(options, name) is not None:
            check_whole(f"--{name}", getattr(options, name), least)


def _program() -> str:
    """How this program is called here: by its path, where it is not on the PATH."""
    return "numgan" if shutil.which("numgan") or Path(sys.argv[0]).stem != "numgan" else sys.argv[0]


def _given(settings: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in settings.items() if value is not None}


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
