"""The run that the options of `numgan train` ask for: a new one, or one as it was left in its folder."""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from numgan.app.source import lasting, load, of_a_run
from numgan.errors import InputError, check_whole, lookup

if TYPE_CHECKING:
    from numgan.app.claim import Claim, Reader
    from numgan.app.folder import Run
    from numgan.penalty import Penalty
    from numgan.training import Training

# What may be asked of a resumed run; all else it takes from its folder, and --resume refuses it.
RESUMABLE = {"resume", "steps", "threads", "backend", "data", "command"}


def new_run(options: argparse.Namespace, comm: Any = None) -> Run:
    """The run that the options ask for; its folder is made only when everything has been checked."""
    from numgan.app.claim import claim_new
    from numgan.app.folder import Along, Run

    training, model_name, steps = asked(options, comm)
    rank, held_out = training.ranks.rank, _or(options.hold_out, 0)
    claim, source = claim_new(options.out, training.data.name, rank), lasting(_or(options.data, "digits"))
    return (Along if rank else Run)(claim, training, source, model_name, steps, options.size, held_out)


def asked(options: argparse.Namespace, comm: Any = None) -> tuple[Training, str, int]:
    """The training that new options ask for, its model's name and its number of steps. Touches no file."""
    from numgan import losses, models
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
    penalty = model.penalty if options.penalty is options.penalty_weight is None else _penalty(options)
    optimizers = model.optimizers(
        for_g=_given({**both, "lr": _or(options.lr_g, options.lr)}),
        for_d=_given({**both, "lr": _or(options.lr_d, options.lr)}),
    )
    xp = backend(_or(options.backend, "numpy"))
    training = Training(
        *model.networks(x, seed, xp),
        x,
        loss=model.loss if options.loss is None else lookup("loss", options.loss, losses.BY_NAME),
        batch=model.batch,
        k=_or(options.k, 1),
        seed=seed,
        optimizers=optimizers,
        ema=_or(options.ema, model.ema) or None,  # --ema 0 turns it off
        noise=model.noise,
        threads=options.threads,
        penalty=penalty,
        clip=options.clip,
        conditional=model.conditional,
        # what belongs to Algorithm 1 makes it Algorithm 1 again
        together=model.together and _or(options.k, 1) == 1 and penalty is options.clip is None,
        view=model.view and model.view(x, xp),
        comm=comm,
    )
    return training, model_name, _or(options.steps, model.steps)


def _penalty(options: argparse.Namespace) -> Penalty | None:
    from numgan import penalty

    if options.penalty in (None, "none"):
        if options.penalty_weight is not None:
            raise InputError("--penalty-weight says how much of which penalty: add --penalty r1, r2 or wgan_gp")
        return None
    kind = lookup("penalty", options.penalty, penalty.BY_NAME)
    return kind() if options.penalty_weight is None else kind(options.penalty_weight)


def resumed_run(options: argparse.Namespace, comm: Any = None) -> Run:
    """The run in a folder, as it was left, on the backend it was on unless another is asked for."""
    from numgan.app.claim import claim_run

    others = [name for name, value in vars(options).items() if value is not None and name not in RESUMABLE]
    if others:
        name = others[0].replace("_", "-")
        raise InputError(f"--{name} cannot be changed by --resume: leave it out, or begin a new run")
    _check_counts(options)
    with contextlib.ExitStack() as until_read:
        claim = claim_run(options.resume, 0 if comm is None else comm.rank)
        until_read.push(claim)
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


def _check_counts(options: argparse.Namespace) -> None:
    for name, least in (("steps", 1), ("size", 1), ("hold_out", 1), ("threads", 1), ("seed", 0)):
        if getattr(options, name) is not None:
            check_whole(f"--{name.replace('_', '-')}", getattr(options, name), least)


def _given(settings: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in settings.items() if value is not None}


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
