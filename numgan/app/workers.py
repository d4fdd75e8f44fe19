"""Jobs, such as the runs of a sweep, on the workers of Dask, here or on a cluster; or one after another, without it."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from numgan.errors import InputError, check_whole
from numgan.run.ranks import allowed_cores

ATTEMPTS = 10  # at reaching it again, where it was lost

Jobs = Mapping[str, Callable[[], Any]]  # by a name of its own; done again elsewhere where a worker died
Ended = tuple[str, Any, Exception | None]  # its name, its result, and the error where there is none


def each(jobs: Jobs, scheduler: str | None, workers: int | None) -> Iterator[Ended]:
    """Every job as it ends, in whatever order. InputError, at once, where nobody is there to carry them out."""
    if workers is not None:
        check_whole("--workers", workers, 0)
        if scheduler is not None:
            raise InputError("--workers are of this machine, and --scheduler has workers of its own: leave one out")
    if workers == 0 or not jobs:
        return _in_turn(jobs)
    return _on_dask(jobs, _client(scheduler, workers), scheduler, workers)


def _in_turn(jobs: Jobs) -> Iterator[Ended]:
    for name, job in jobs.items():
        try:
            result = job()
        except InputError as error:  # of this one's files alone; a full disk is not
            yield name, None, error
        else:
            yield name, result, None


def _on_dask(jobs: Jobs, client: Any, scheduler: str | None, workers: int | None) -> Iterator[Ended]:
    """A job whose worker died is given to another, and a scheduler that was lost is looked for again."""
    left = dict(jobs)
    try:
        for attempt in range(ATTEMPTS):
            for name, result, error in _gathered(client, left, attempt):
                if error is None or not _of_dask(error):
                    del left[name]
                    yield name, result, error
            if not left:
                return
            print(f"numgan: {len(left)} runs were lost with their workers or the scheduler; again …", file=sys.stderr)
            client.close()
            client = _client(scheduler, workers, patience=300)
    except KeyboardInterrupt:
        print("\nnumgan: stopping the workers …", file=sys.stderr)
        raise
    finally:
        with _undisturbed():
            client.close()
    raise InputError(f"workers or the scheduler were lost {ATTEMPTS} times: the same command goes on with what is left")


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """No Ctrl-C meanwhile: where one met Dask as it closed, it waited for its workers for good."""
    if threading.current_thread() is not threading.main_thread():  # which alone is given signals
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _gathered(client: Any, jobs: Jobs, attempt: int) -> Iterator[Ended]:
    from dask.distributed import as_completed

    keys = {f"{name} {attempt}": name for name in jobs}
    futures = [client.submit(jobs[name], key=key, pure=False) for key, name in keys.items()]
    for future in as_completed(futures):
        try:
            result = future.result()
        except Exception as error:  # whatever a run met on a worker, or Dask with it
            yield keys[future.key], None, error
        else:
            yield keys[future.key], result, None


def _of_dask(error: Exception) -> bool:
    """Whether this was met by Dask, and not by the run: its scheduler is gone, or several workers in a row."""
    from concurrent.futures import CancelledError

    from dask.distributed import KilledWorker
    from distributed.comm import CommClosedError

    return isinstance(error, CancelledError | KilledWorker | CommClosedError)


def _client(scheduler: str | None, workers: int | None, patience: int = 20) -> Any:
    """A client of the scheduler, which is waited for so many seconds; or of a cluster of its own on this machine."""
    try:
        from dask.distributed import Client
    except ImportError as error:
        advice = "pip install -e '.[sweep]', or --workers 0 for one run after another"
        raise InputError(f"a sweep over several processes needs Dask ({error}): {advice}") from error
    if scheduler is None:
        n = min(len(allowed_cores()), 64) if workers is None else workers
        alone = {"dashboard_address": "127.0.0.1:0", "scheduler_kwargs": {"dashboard": False}}  # any free port, no page
        return Client(n_workers=n, threads_per_worker=1, silence_logs=logging.CRITICAL, **alone)
    try:
        return Client(scheduler, timeout=patience)
    except (OSError, ValueError) as error:
        advice = "start one with `dask scheduler`, and give its address, as in tcp://host:8786"
        raise InputError(f"--scheduler {scheduler} cannot be reached ({error}): {advice}") from error
