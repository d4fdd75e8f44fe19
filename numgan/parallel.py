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
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import cache, partial
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from numgan.backend import Array, array_module

MIN_PRODUCT = 3_000_000  # multiplications that make a share of a product worth waking a thread for
HEAD_START = 2_000_000  # multiplications that the calling thread makes while a sleeping one wakes up
MIN_SPAN = 65_536  # numbers that make a share of an update worth it
TILE = 16  # a share's edge falls on a multiple of this, as the BLAS likes it


class Team:
    """`threads` threads, of which the calling one is the first. Works only inside `at_work`."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._jobs: SimpleQueue[Any] = SimpleQueue()
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        for _ in range(threads - 1):
            threading.Thread(target=_work, args=(self._jobs, self._done), daemon=True).start()
            weakref.finalize(self, self._jobs.put, None)  # sends the thread home with the team
        _keep_memory()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside it `matmul` and `each_span` use the team, and the BLAS one thread; afterwards all is as it was.

        A BLAS that takes no orders is let be.
        """
        token = _AT_WORK.set(self)
        try:
            with _controller().limit(limits=1, user_api="blas"):
                yield
        finally:
            _AT_WORK.reset(token)

    def do(self, job: Callable[[slice], Any], spans: list[slice]) -> None:
        """job(span) for all the spans at the same time."""
        for span in spans[1:]:
            self._jobs.put((job, span))
        try:
            job(spans[0])
        finally:
            errors = [self._done.get() for _ in spans[1:]]
        for error in filter(None, errors):
            raise error

    def shares(self, n: int, worth: int, lead: float = 0) -> list[slice]:
        """0 … n in at most `threads` spans, and no more than `worth`; alike, but the first is longer by `lead`."""
        parts = max(1, min(self.threads, worth))
        each = (n - lead) / parts
        ends = [min(n, math.ceil((lead + each * i) / TILE) * TILE) for i in range(1, parts)]
        return [slice(a, b) for a, b in pairwise([0, *ends, n]) if a < b]


_AT_WORK: ContextVar[Team | None] = ContextVar("team at work", default=None)


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


def each_span(n: int, job: Callable[[slice], Any]) -> None:
    """job(span) for spans that cover 0 … n: one for each thread where a team is at work, else one."""
    team = _AT_WORK.get()
    if team is None or n < 2 * MIN_SPAN:
        job(slice(0, n))
    else:
        team.do(job, team.shares(n, n // MIN_SPAN))


def _rows(a: Array, b: Array, out: Array, span: slice) -> None:
    np.matmul(a[span], b, out=out[span])


def _columns(a: Array, b: Array, out: Array, span: slice) -> None:
    np.matmul(a, b[:, span], out=out[:, span])


def _keep_memory() -> None:
    """Asks glibc's malloc to keep freed memory: one large block, never touched, is enough to raise its thresholds.

    Otherwise it may hand the arrays of each step back to the kernel and fault them in again in the next, page by page,
    which took a third of the time of networks of middling size. Other allocators do not mind.
    """
    np.empty(31 << 20, dtype=np.uint8)


def _work(jobs: SimpleQueue[Any], done: SimpleQueue[BaseException | None]) -> None:
    """A worker's life. Two queues cost a third of what an executor and its futures do."""
    np.seterr(all="ignore")  # in this thread, as `Training` has it in the calling one
    while (task := jobs.get()) is not None:
        job, span = task
        try:
            job(span)
        except BaseException as error:
            done.put(error)
        else:
            done.put(None)
        del task, job


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


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
