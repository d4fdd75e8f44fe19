"""A command that mpiexec started in several processes: one of them speaks, and none waits for one that has failed."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from numgan.errors import DivergedError, InputError
from numgan.run.ranks import launched, world


@contextlib.contextmanager
def joined() -> Iterator[Any]:
    """MPI's communicator, or None where this process is alone. Only the first rank prints.

    What all ranks meet together (InputError, DivergedError) is raised on each. Any other error ends all of them at
    once: the others would wait for this one.
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
    except (InputError, DivergedError):
        raise
    except BaseException as error:
        traceback.print_exc(file=terminal)
        print(f"numgan: error: rank {rank} of {size} failed ({error!r}), so all end", file=terminal, flush=True)
        comm.Abort(1)


@contextlib.contextmanager
def agreed(comm: Any) -> Iterator[None]:
    """A block that all ranks get through, or that raises on all of them what the first that failed has met."""
    error = None
    try:
        yield
    except (InputError, OSError, MemoryError) as met:
        error = met
    met_by_any = [error] if comm is None else comm.allgather(error)
    for found in filter(None, met_by_any):
        raise found
