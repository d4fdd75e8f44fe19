"""`numgan train`: a new run from the options, or one that is taken up again; status 1 where it diverges.

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
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numgan.app.ranks import agreed, joined
from numgan.app.source import lasting, load, of_a_run
from numgan.errors import DivergedError, InputError, check_whole, lookup, reason

if TYPE_CHECKING:
    from numgan.app.claim import Claim, Reader
    from numgan.app.folder import Run
    from numgan.penalty import Penalty

HEALTH_EVERY = 500  # steps between looks at a run's health

# What may be asked of a resumed run; all else it takes from its folder, and --resume refuses it.
RESUMABLE = {"resume", "steps", "threads", "backend", "data", "command"}


def train(options: argparse.Namespace) -> int:
    with joined() as comm:
        with agreed(comm):
            run = _new(options, comm) if options.resume is None else _resumed(options, comm)
        return _train(run)


def _train(run: Run) -> int:
    with run.claim, _stop_signals() as stopped:
        _introduce(run)
        began, first = time.perf_counter(), run.training.step
        try:
            _follow(run, stopped)
            run.save()
        except DivergedError as error:
            return _report_divergence(run, error)
        except OSError as error:
            return _rescue(run, error)
        seconds = time.perf_counter() - began
        run.draw()
    if run.training.ranks.rank:
        return 0
    _report(run, run.training.step - first, seconds)
    if stopped:
        print(f"stopped early; to go on exactly here:  {_program()} train --resume {run.folder}")
    return 0


def _introduce(run: Run) -> None:
    """What is to be known of a run that several ranks make together."""
    from numgan.app.folder import SAVE_EVERY

    training, ranks = run.training, run.training.ranks
    if ranks.size == 1:
        return
    rows = " or ".join(map(str, sorted(ranks.shares)))
    print(f"{ranks.size} ranks, with {rows} rows each of a batch of {ranks.batch}", file=sys.stderr)
    mixing = {type(layer).__name__ for net in (training.G, training.D) for layer in net.leaves() if not layer.rowwise}
    if mixing:
        names = ", ".join(sorted(mixing))
        print(f"{names}: over the rows of a rank, not of the whole batch, unlike in one process", file=sys.stderr)
    print(
        f"should a rank die, all end; from step {SAVE_EVERY} on there is a checkpoint, from which any number of ranks "
        f"goes on:  {_program()} train --resume {run.folder}",
        file=sys.stderr,
    )


def _new(options: argparse.Namespace, comm: Any = None) -> Run:
    """The run that the options ask for; its folder is made only when everything has been checked."""
    from numgan import losses, models
    from numgan.app.claim import claim_new
    from numgan.app.folder import Along, Run
    from numgan.backend import backend
    from numgan.training import Training

    _check_counts(options)
    source, seed = _or(options.data, "digits"), _or(options.seed, 0)
    chosen = None if options.model is None else lookup("model", options.model, models.BY_NAME)
    x = load(source, chosen.range if chosen else (-1.0, 1.0), options.size, options.hold_out)
    model_name = options.model or ("images" if x.image_shape else "points")
    model = models.BY_NAME[model_name]
    model = replace(model, batch=_or(options.batch, model.batch)).for_rows(len(x))
    both = {"lr": options.lr, "beta1": options.beta1, "beta2": options.beta2}
    optimizers = model.optimizers(
        for_g=_given({**both, "lr": _or(options.lr_g, options.lr)}),
        for_d=_given({**both, "lr": _or(options.lr_d, options.lr)}),
    )
    training = Training(
        *model.networks(x, seed, backend(_or(options.backend, "numpy"))),
        x,
        loss=lookup("loss", _or(options.loss, model.loss), losses.BY_NAME),
        batch=model.batch,
        k=_or(options.k, 1),
        seed=seed,
        optimizers=optimizers,
        ema=_or(options.ema, model.ema) or None,  # --ema 0 turns it off
        noise=model.noise,
        threads=options.threads,
        penalty=_penalty(options),
        clip=options.clip,
        conditional=model.conditional,
        # what belongs to Algorithm 1 makes it Algorithm 1 again
        together=model.together and _or(options.k, 1) == 1 and options.penalty is options.clip is None,
        comm=comm,
    )
    rank = training.ranks.rank
    claim = claim_new(options.out, x.name, rank)
    steps, held_out = _or(options.steps, model.steps), _or(options.hold_out, 0)
    return (Along if rank else Run)(claim, training, lasting(source), model_name, steps, options.size, held_out)


def _penalty(options: argparse.Namespace) -> Penalty | None:
    from numgan import penalty

    if options.penalty is None:
        if options.penalty_weight is not None:
            raise InputError("--penalty-weight says how much of which penalty: add --penalty r1, r2 or wgan_gp")
        return None
    kind = lookup("penalty", options.penalty, penalty.BY_NAME)
    return kind() if options.penalty_weight is None else kind(options.penalty_weight)


def _resumed(options: argparse.Namespace, comm: Any = None) -> Run:
    """The run in a folder, as it was left, on the backend it was on unless another is asked for."""
    from numgan.app.claim import claim_run

    others = [name for name, value in vars(options).items() if value is not None and name not in RESUMABLE]
    if others:
        name = others[0].replace("_", "-")
        raise InputError(f"--{name} cannot be changed by --resume: leave it out, or begin a new run")
    _check_counts(options)
    with contextlib.ExitStack() as until_read:
        claim = until_read.enter_context(claim_run(options.resume, 0 if comm is None else comm.rank))
        run = _read(claim, options, comm)
        until_read.pop_all()  # from here on the claim is the run's
    return run


def _read(claim: Claim | Reader, options: argparse.Namespace, comm: Any) -> Run:
    from numgan.app.folder import FRAME_ROWS, Along, Run, read_about, read_frames
    from numgan.backend import backend
    from numgan.training import Training

    about = read_about(claim.folder)
    source, x = of_a_run(about, moved_to=options.data)
    xp = backend(_or(options.backend, about["backend"]))
    training = Training.load(claim.folder / "checkpoint.npz", x, xp=xp, threads=options.threads, comm=comm)
    steps = _or(options.steps, about["steps"])
    if steps < training.step:
        raise InputError(f"{claim.folder} has made {training.step} steps already: ask for more with --steps N")
    shape = (FRAME_ROWS[x.image_shape is not None], x.x.shape[1])
    frames, frame_steps = read_frames(claim.folder, training.step, shape)
    kind = Along if training.ranks.rank else Run
    return kind(claim, training, source, about["model"], steps, about["size"], about["hold_out"], frames, frame_steps)


def _follow(run: Run, stopped: list[int]) -> None:
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
            if run.training.ranks.any(stopped):
                stopped.append(0)
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


def _report(run: Run, steps: int, seconds: float) -> None:
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


def _rescue(run: Run, error: OSError) -> int:
    """The run's own folder takes no more: says so, and where the run was saved instead, if anywhere."""
    print(f"numgan: error: the run could not be saved ({reason(error)})", file=sys.stderr)
    try:
        folder = run.rescue()
        print(f"it is in {folder}; to go on:  {_program()} train --resume {folder}", file=sys.stderr)
    except OSError as second:
        print(f"nor elsewhere ({reason(second)})", file=sys.stderr)
    return 1


def _report_divergence(run: Run, error: DivergedError) -> int:
    path = run.folder / "checkpoint.npz"
    kept = f"the last good checkpoint is kept: {path}" if path.exists() else "no checkpoint had been written yet"
    print(f"numgan: the run diverged at {error}\n{kept}", file=sys.stderr)
    return 1


def _check_counts(options: argparse.Namespace) -> None:
    for name, least in (("steps", 1), ("size", 1), ("hold_out", 1), ("threads", 1), ("seed", 0)):
        if getattr(options, name) is not None:
            check_whole(f"--{name.replace('_', '-')}", getattr(options, name), least)


def _program() -> str:
    """How this program is called here: by its path, where it is not on the PATH."""
    return "numgan" if shutil.which("numgan") or Path(sys.argv[0]).stem != "numgan" else sys.argv[0]


def _given(settings: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in settings.items() if value is not None}


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
