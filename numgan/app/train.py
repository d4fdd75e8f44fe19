"""`numgan train`: follows a run to its end, or until it is told to stop; status 1 where it diverges.

numpy, matplotlib and tqdm are imported where they are used: `numgan --help` should answer at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numgan.app.begin import new_run, resumed_run
from numgan.app.ranks import agreed, joined
from numgan.errors import DivergedError, reason

if TYPE_CHECKING:
    from numgan.app.folder import Run

HEALTH_EVERY = 500  # steps between looks at a run's health


def train(options: argparse.Namespace) -> int:
    with joined() as comm:
        return _train(begun(options, comm))


def begun(options: argparse.Namespace, comm: Any) -> Run:
    """The run, or what the first rank that failed has met, on all ranks.

    The threads, of which a rank asks the others, are chosen before: one that fails has no answer for them.
    """
    if comm is not None and options.threads is None:
        from numgan.parallel import MOST_THREADS
        from numgan.run.ranks import Ranks

        options.threads = min(Ranks(comm, comm.size).cores, MOST_THREADS)
    with contextlib.ExitStack() as undo:
        with agreed(comm):
            run = new_run(options, comm) if options.resume is None else resumed_run(options, comm)
            undo.push(run.claim)
        undo.pop_all()  # from here on the claim is the run's
    return run


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
    from numgan.network import Network

    training, ranks = run.training, run.training.ranks
    if ranks.size == 1:
        return
    rows = " or ".join(map(str, sorted(ranks.shares)))
    print(f"{ranks.size} ranks, with {rows} rows each of a batch of {ranks.batch}", file=sys.stderr)
    networks = [net for net in (training.G, training.D) if isinstance(net, Network)]
    mixing = {type(layer).__name__ for net in networks for layer in net.leaves() if not layer.rowwise}
    if mixing:
        names = ", ".join(sorted(mixing))
        print(f"{names}: over the rows of a rank, not of the whole batch, unlike in one process", file=sys.stderr)
    where = " (with srun: if it was given -K)" * ("SLURM_PROCID" in os.environ)
    print(
        f"should a rank die, all end{where}; from step {SAVE_EVERY} on there is a checkpoint, from which any number of "
        f"ranks goes on:  {_program()} train --resume {run.folder}",
        file=sys.stderr,
    )


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

    A second Ctrl-C is not waited for. A second SIGTERM changes nothing: Slurm sends several where a job's time is over.
    """
    stopped: list[int] = []

    def note(number: int, frame: Any) -> None:
        if stopped and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not stopped:
            print("\nstopping after this step …", file=sys.stderr)
        stopped.append(number)

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


def _program() -> str:
    """How this program is called here: by its path, where it is not on the PATH."""
    return "numgan" if shutil.which("numgan") or Path(sys.argv[0]).stem != "numgan" else sys.argv[0]
