"""A command that mpiexec started in several processes: one of them speaks, and none waits for one that has failed."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

from numgan.errors import DivergedError, InputError
from numgan.run.ranks import launched, world

PATIENCE = 10


@contextlib.contextmanager
def joined() -> Iterator[Any]:
    """MPI's communicator, or None where this process is alone. Only the first rank prints.

    What all ranks meet together (InputError, DivergedError) is raised on each. What one meets alone ends all of them:
    the others would wait for it.
    """
    rank, size = launched()
    terminal = sys.stderr
    if rank:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (it stays open)
    comm = world()
    if comm is None:
        yield None
        return
    try:
        yield comm
    except BaseException as error:
        if isinstance(error, InputError | DivergedError) and _all_here(comm):
            raise
        traceback.print_exc(file=terminal)
        print(f"numgan: error: rank {rank} of {size} failed ({error!r}), so all end", file=terminal, flush=True)
        comm.Abort(1)


def _all_here(comm: Any) -> bool:
    """Whether all ranks come to this place, in PATIENCE seconds."""
    barrier, end = comm.Ibarrier(), time.monotonic() + PATIENCE
    while not (here := barrier.Test()) and time.monotonic() < end:
        time.sleep(0.01)
    return here


@contextlib.contextmanager
def agreed(comm: Any) -> Iterator[None]:
    """A block that all ranks get through, or that raises on all of them what the first that failed has met.

    Nothing in it may wait for another rank: one that has failed waits for all at its end.
    """
    error = None
    try:
        yield
    except (InputError, OSError, MemoryError) as met:
        error = met
    said = [(error, "")] if comm is None else comm.allgather((error, platform.node()))
    for rank, (found, node) in enumerate(said):
        if isinstance(found, InputError) and rank:  # the first rank, which speaks for all, has not met it
            raise InputError(f"rank {rank}, on {node}: {found} (all ranks must see the same files)")
        if found is not None:
            raise found
