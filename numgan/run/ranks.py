"""Several processes, the ranks of MPI, that train one run together: each has its share of the rows of every batch.

The rows of a minibatch, of its noise and of what layers draw are dealt out by position, so all shares together are the
batch of a run in one process. A loss is a mean over rows: the gradient of the batch is the mean of the ranks' own,
weighted by their rows, and every rank makes the same update of the same θ. What mixes the rows of a batch (BatchNorm,
MinibatchStd) mixes those of a share alone.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import sys
import warnings
from dataclasses import replace
from typing import Any, Protocol

from numgan.backend import Array, array_module, asnumpy, settled
from numgan.errors import InputError, check_whole

# What launchers tell each process: its rank, and how many there are.
LAUNCHERS = (
    ("PMI_RANK", "PMI_SIZE"),  # MPICH, Intel MPI, MS-MPI
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),  # srun
)


class Comm(Protocol):
    """What is used of a communicator of mpi4py."""

    rank: int
    size: int

    def allgather(self, sendobj: Any) -> list[Any]: ...

    def Sendrecv(self, sendbuf: Any, dest: int, *, recvbuf: Any, source: int) -> None: ...


class Ranks:
    """This process, number `rank` of `size`, and its share of batches of `batch` rows. comm: None where it is alone."""

    def __init__(self, comm: Comm | None, batch: int) -> None:
        self.comm, self.batch = comm, batch
        self.rank, self.size = (0, 1) if comm is None else _place(comm)
        if self.size > batch:
            advice = f"use a larger batch, or {batch} ranks or fewer (mpiexec -n)"
            raise InputError(f"{self.size} ranks share a batch of {batch} rows, and each needs one: {advice}")
        self.rows = self.rows_of(self.rank)

    def rows_of(self, rank: int) -> slice:
        """The rows of a batch that are a rank's, by position."""
        return slice(self.batch * rank // self.size, self.batch * (rank + 1) // self.size)

    @property
    def shares(self) -> set[int]:
        """How many rows a share has; of two kinds, where the batch cannot be divided evenly."""
        return {len(range(self.batch)[self.rows_of(rank)]) for rank in range(self.size)}

    @property
    def cores(self) -> int:
        """How many cores are this rank's: those it may run on, divided by the ranks that may run on them too."""
        node, ours = platform.node(), allowed_cores()
        said = [(node, ours)] if self.comm is None else self.comm.allgather((node, ours))
        sharing = sum(there == node and bool(cores & ours) for there, cores in said)
        return max(1, len(ours) // sharing)

    def mean(self, vector: Array) -> None:
        """vector (n,) ← Σᵣ mᵣ/m · vector of rank r, in place, with mᵣ of the m rows of a batch: the same on each rank.

        Each rank adds up one span of it, in the order of the ranks, and sends it to all: an Allreduce in two halves. So
        the same number of ranks gives the same bits each time, whatever MPI and whichever message comes first; and all
        ranks have the same bits, or their θ would drift apart.
        """
        if self.comm is None or self.size == 1:
            return
        n, size = len(vector), self.size
        spans = [vector[n * rank // size : n * (rank + 1) // size] for rank in range(size)]
        vector *= (self.rows.stop - self.rows.start) / self.batch
        own = spans[self.rank]
        parts = array_module(vector).empty((size, len(own)), dtype=vector.dtype)  # of my span, from each rank
        parts[self.rank] = own
        settled(vector)
        for to, source in self._rounds():
            self.comm.Sendrecv(spans[to], to, recvbuf=parts[source], source=source)
        own[...] = parts[0]
        for part in parts[1:]:
            own += part
        settled(vector)
        for to, source in self._rounds():
            self.comm.Sendrecv(own, to, recvbuf=spans[source], source=source)

    def _rounds(self) -> list[tuple[int, int]]:
        """Whom to send to and whom to hear, in each round: one place further, two places, …"""
        return [((self.rank + k) % self.size, (self.rank - k) % self.size) for k in range(1, self.size)]

    def any(self, flag: object) -> bool:
        """Whether `flag` is true on any rank."""
        return bool(flag) if self.comm is None else any(self.comm.allgather(bool(flag)))

    def check_alike(self, run: Any) -> None:
        """InputError, on every rank, unless all have the same `Training` before them: from one θ, on the same data."""
        if self.comm is None:
            return
        about = replace(run.settings, threads=1), run.data.fingerprint, run.data.label_fingerprint, run.step
        said = hashlib.sha256(repr(about).encode())
        for name, vector in run.state.vectors.items():
            if not name.startswith("buffers"):  # BatchNorm's, for evaluation, which a rank may do alone
                said.update(asnumpy(vector).tobytes())
        all_said = self.comm.allgather(said.hexdigest())
        others = [rank for rank, words in enumerate(all_said) if words != all_said[0]]
        if others:
            advice = "make the run from the same arguments, seeds and data on every rank, on machines of one kind"
            raise InputError(f"rank {others[0]} has other parameters, settings or data than rank 0: {advice}")


ALONE = Ranks(None, 1)


def allowed_cores() -> frozenset[int]:
    """The cores on which this process may run. Slurm gives a job some of a machine's, Open MPI each rank its own."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _place(comm: Comm) -> tuple[int, int]:
    """The rank of this process in a communicator, and the number of ranks."""
    needs = "rank", "size", "Sendrecv", "allgather"
    if not all(hasattr(comm, name) for name in needs):
        raise InputError(f"comm is {comm!r}, expected a communicator, such as mpi4py's MPI.COMM_WORLD, or None")
    return comm.rank, check_whole("comm.size", comm.size, 1)


def launched() -> tuple[int, int]:
    """The rank of this process and the number of processes, as a launcher (mpiexec, srun) says; (0, 1) without one."""
    for rank, size in LAUNCHERS:
        if os.environ.get(rank, "").isdigit() and os.environ.get(size, "").isdigit():
            return int(os.environ[rank]), int(os.environ[size])
    return 0, 1


def world() -> Any:
    """MPI's communicator of all processes, where a launcher started several; else None, and mpi4py is not imported."""
    started = launched()[1]
    if started == 1:
        return None
    problem = f"{started} processes were started together, but mpi4py"
    try:
        import mpi4py

        mpi4py.rc.initialize = False  # it may end the process, where its launcher is another MPI's
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: it finds no MPI library
        advice = "pip install -e '.[mpi]', or start one process without mpiexec"
        raise InputError(f"{problem} does not work ({error}): {advice}") from error
    library = MPI.Get_library_version()
    name = " ".join(library.splitlines()[0].partition(",")[0].split())
    _check_launcher(library, f"{problem} has {name}")
    if not MPI.Is_initialized():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of mpi4py, on what is found and told below
            MPI.Init_thread()
        atexit.register(MPI.Finalize)
    comm = MPI.COMM_WORLD
    if comm.size != started:
        advice = "use the mpiexec of that MPI (of the package mpich: .venv/bin/mpiexec), or build mpi4py for yours"
        raise InputError(f"{problem}'s {name} sees {comm.size}: {advice}; with srun, another --mpi")
    return comm


def _check_launcher(library: str, problem: str) -> None:
    """InputError where this MPI is known not to understand its launcher; a line where it may not."""
    by_pmi, by_pmix = "PMI_RANK" in os.environ, "PMIX_RANK" in os.environ
    if library.startswith("MPICH") and "pmix" not in library.lower() and by_pmix and not by_pmi:
        advice = "use MPICH's mpiexec (of the package mpich: .venv/bin/mpiexec), or srun --mpi=pmi2"
        raise InputError(f"{problem}, which does not understand the PMIx of this mpiexec or srun: {advice}")
    if library.startswith("Open MPI") and "SLURM_PROCID" in os.environ and not by_pmix:
        print("numgan: Open MPI asks srun for PMIx, and has none; if it ends here: srun --mpi=pmix", file=sys.stderr)
