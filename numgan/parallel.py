"""Threads: the one room for machinery that speed needs. Nothing here changes what is computed, only where.

Why not leave it to the BLAS? Its threads wait for each other inside every matrix product by spinning; when another
process wants a core, each such wait can cost tens of milliseconds. So, while a `Team` is at work, the BLAS gets one
thread, and the team deals out the columns or rows of a large product, and the spans of an update, to threads of ours,
which sleep while they wait. (NumPy lets go of the interpreter inside a product.)

How many threads share a job follows from sizes alone, so that a run repeats bit for bit.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import lru_cache, partial
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import numpy as np

from numgan.backend import Array, array_module, on_host, ones
from numgan.blas import ONE_THREAD

MIN_PRODUCT = 3_000_000  # multiplications that make a share of a product worth waking a thread for
HEAD_START = 2_000_000  # multiplications that the calling thread makes while a sleeping one wakes up
MIN_SPAN = 65_536  # numbers that make a share of an update worth it
MOST_THREADS = 256  # in a team
BLOCK = 262_144  # numbers: few enough for the cache, enough for threads to seldom meet in the interpreter
FEW_ROWS, LONG_ROWS = 128, 512  # of dy in dy Wᵀ: OpenBLAS lays out Wᵀ so slowly that (W dyᵀ)ᵀ is a tenth faster then
TILE = 16  # a share's edge falls on a multiple of this, as the BLAS likes it


class Team:
    """At most `threads` threads, of which the calling one is the first. Works only inside `at_work`.

    The others start when a job first needs them. What none of them has begun, the calling thread does itself, so a job
    ends even where there are no others: in a forked child, or where the system gives no more threads.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._tasks: SimpleQueue[Any] = SimpleQueue()
        self._workers, self._process = 0, os.getpid()
        _keep_memory()

    def __reduce__(self) -> Any:
        return Team, (self.threads,)  # a copy has threads of its own

    def at_work(self) -> contextlib.AbstractContextManager[None]:
        """Inside it `matmul` and `each_span` use the team, and the BLAS one thread; afterwards no team is at work in
        this thread, and the BLAS has its threads back. A BLAS that takes no orders is let be.
        """
        return _AtWork(self)

    def do(self, job: Callable[[slice], Any], spans: Sequence[slice]) -> None:
        """job(span) for all the spans at the same time. Afterwards, whatever happens, no thread is at it any more."""
        shared = _Shared(job, spans)
        try:
            self._call_workers(len(spans) - 1)
            for i in range(1, len(spans)):
                self._tasks.put((shared, i))
            job(spans[0])
            for i in range(1, len(spans)):
                if not shared.taken.setdefault(i, False):
                    job(spans[i])
            shared.wait()
        except BaseException:
            try:
                shared.give_up()
            finally:  # if an interrupt broke that off too
                shared.give_up()
            raise
        for error in filter(None, shared.ended):
            raise error

    def _call_workers(self, n: int) -> None:
        """Sees to it that n workers are there, if the system gives so many threads. Others than n do no harm."""
        if self._process != os.getpid():  # a forked child: they stayed with the parent
            self._tasks, self._workers, self._process = SimpleQueue(), 0, os.getpid()
        while self._workers < n:
            try:
                threading.Thread(target=_work, args=(self._tasks,), daemon=True).start()
            except RuntimeError:
                return
            weakref.finalize(self, self._tasks.put, None)  # sends the thread home with the team
            self._workers += 1

    def shares(self, n: int, worth: int, lead: float = 0) -> tuple[slice, ...]:
        """0 … n in at most `threads` spans, and no more than `worth`; alike, but the first is longer by `lead`."""
        return _shares(n, max(1, min(self.threads, worth)), lead)


@lru_cache(maxsize=1024)  # a run asks for the same few in every step
def _shares(n: int, parts: int, lead: float) -> tuple[slice, ...]:
    each = (n - lead) / parts
    ends = [min(n, math.ceil((lead + each * i) / TILE) * TILE) for i in range(1, parts)]
    return tuple(slice(a, b) for a, b in pairwise([0, *ends, n]) if a < b)


class _Shared:
    """A job in shares. The first is the caller's. Each other is taken once, by a worker or by the caller.

    What has been taken and what has ended stays written down, so whatever an interrupt breaks off can be done again.
    """

    __slots__ = ("ended", "job", "news", "spans", "taken")

    def __init__(self, job: Callable[[slice], Any], spans: Sequence[slice]) -> None:
        self.job, self.spans = job, spans
        self.taken: dict[int, bool] = {}  # share -> whether by a worker; setdefault decides, as it cannot be divided
        self.ended: list[BaseException | None] = []  # one for each share that a worker has ended: its error
        self.news: SimpleQueue[None] = SimpleQueue()  # wakes the caller to look at `ended`

    def help(self, i: int) -> None:
        """A worker's part: share i, unless the caller has taken it."""
        if not self.taken.setdefault(i, True):
            return
        try:
            self.job(self.spans[i])
        except BaseException as error:
            self.ended.append(error)
        else:
            self.ended.append(None)
        self.news.put(None)

    def wait(self) -> None:
        """For the workers, once all shares are taken."""
        while len(self.ended) < sum(self.taken.values()):
            self.news.get()

    def give_up(self) -> None:
        """From here on no worker takes a share; those that have one are waited for."""
        for i in range(1, len(self.spans)):
            self.taken.setdefault(i, False)
        self.wait()


_AT_WORK: ContextVar[Team | None] = ContextVar("team at work", default=None)


class _AtWork:
    """The block of `Team.at_work`. Leaving it twice does no harm, and makes up for one that was not left."""

    def __init__(self, team: Team) -> None:
        self._team = team

    def __enter__(self) -> None:
        try:
            ONE_THREAD.begin(self)
            _AT_WORK.set(self._team)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        _AT_WORK.set(None)
        ONE_THREAD.end(self)


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """a b, for a (m, k) and b (k, n): by columns or rows, whichever are more, where a team is at work."""
    team = _AT_WORK.get()
    work = a.size * b.shape[-1]  # multiplications
    if team is None or team.threads == 1 or a.ndim != 2 or work < 2 * MIN_PRODUCT:
        xp = array_module(a)
        return xp.dot(a, b) if out is None else xp.matmul(a, b, out=out)  # where k = 1, dot is seven times faster
    m, n = len(a), b.shape[1]
    if out is None:
        out = np.empty((m, n), dtype=a.dtype)
    share = partial(_rows if m > n else _columns, a, b, out)
    team.do(share, team.shares(max(m, n), work // MIN_PRODUCT, lead=HEAD_START * max(m, n) / work))
    return out


def product(a: Array, b: Array, out: Array, add: bool) -> None:
    """out += a b, or out = a b without a temporary: NumPy's matmul can write over an array but not add to it."""
    if add:
        out += matmul(a, b)
    else:
        matmul(a, b, out=out)


def row_sum(dy: Array, out: Array, add: bool) -> None:
    """out += Σ_rows dy, or out = Σ_rows dy, as 1ᵀ dy: a BLAS adds rows up three times faster than sum(axis=0).

    dy (…, n): the rows may lie along several axes.
    """
    rows = dy if dy.ndim == 2 else dy.reshape(-1, dy.shape[-1])
    product(ones(len(rows), dy), rows, out, add)


def each_span(n: int, job: Callable[[slice], Any]) -> None:
    """job(span) for spans that cover 0 … n: one for each thread where a team is at work, else one."""
    team = _AT_WORK.get()
    if team is None or n < 2 * MIN_SPAN:
        job(slice(0, n))
    else:
        team.do(job, team.shares(n, n // MIN_SPAN))


def blocks(*vectors: Array) -> Iterator[tuple[Array, ...]]:
    """The same block of each vector in turn: every operation of an update then finds its numbers in the cache.

    A device has no such cache, and each block would cost it a launch of its own: there, all is one block.
    """
    n = len(vectors[0])
    if n <= BLOCK or not on_host(vectors[0]):
        yield vectors
        return
    for i in range(0, n, BLOCK):
        yield tuple(vector[i : i + BLOCK] for vector in vectors)


def _rows(a: Array, b: Array, out: Array, span: slice) -> None:
    np.matmul(a[span], b, out=out[span])


def _columns(a: Array, b: Array, out: Array, span: slice) -> None:
    if len(a) <= FEW_ROWS and len(b) >= LONG_ROWS and b.strides[0] < b.strides[1]:
        out[:, span] = (b.T[span] @ a.T).T  # dy Wᵀ = (W dyᵀ)ᵀ
    else:
        np.matmul(a, b[:, span], out=out[:, span])


def _keep_memory() -> None:
    """Asks glibc's malloc to keep freed memory: one large block, never touched, is enough to raise its thresholds.

    Otherwise it may hand the arrays of each step back to the kernel and fault them in again in the next, page by page,
    which took a third of the time of networks of middling size. Other allocators do not mind.
    """
    np.empty(31 << 20, dtype=np.uint8)


def _work(tasks: SimpleQueue[Any]) -> None:
    """A worker's life. Queues cost a third of what an executor and its futures do."""
    np.seterr(all="ignore")  # in this thread, as `Training` has it in the calling one
    _AT_WORK.set(None)
    limited = False
    while (task := tasks.get()) is not None:
        limited = limited or ONE_THREAD.limit_here()
        shared, i = task
        shared.help(i)
        del task, shared


def each(items: Sequence[Any], job: Callable[[Any], Any]) -> None:
    """job(item) for every item: where a team is at work, a thread that is free takes the next one. Jobs do not nest."""
    team, waiting = _AT_WORK.get(), iter(items)  # the interpreter's lock makes taking the next one a single step

    def work(_: slice) -> None:
        for item in waiting:
            job(item)

    if team is None or len(items) < 2:
        work(slice(0))
    else:
        team.do(work, [slice(0)] * min(team.threads, len(items)))
