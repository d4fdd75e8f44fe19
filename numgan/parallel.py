"""Threads: the one room for machinery that speed needs. Nothing here changes what is computed, only where.

Why not leave it to the BLAS? Its threads wait for each other inside every matrix product by spinning; when another
process wants a core, each such wait can cost tens of milliseconds. So, while a `Team` is at work, the BLAS gets one
thread, and the team deals out the columns or rows of a large product, and the spans of an update, to threads of ours,
which sleep while they wait. (NumPy lets go of the interpreter inside a product.)

How many threads share a job follows from sizes alone, so that a run repeats bit for bit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from numgan.backend import Array, array_module

MIN_PRODUCT = 4_000_000  # multiplications that make a share of a product worth waking a thread for
MIN_SPAN = 65_536  # numbers that make a share of an update worth it
TILE = 16  # a share's edge falls on a multiple of this, as the BLAS likes it


class Team:
    """`threads` threads, of which the calling one is the first. Works only inside `at_work`."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads - 1, initializer=_quiet) if threads > 1 else None
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
        if self._pool is None or len(spans) == 1:
            for span in spans:
                job(span)
            return
        others = [self._pool.submit(job, span) for span in spans[1:]]
        job(spans[0])
        for other in others:
            other.result()

    def shares(self, n: int, worth: int) -> list[slice]:
        """0 … n in at most `threads` spans of nearly the same size, and no more than `worth`."""
        parts = max(1, min(self.threads, worth))
        ends = [round(n * i / parts / TILE) * TILE for i in range(parts)]
        return [slice(a, b) for a, b in pairwise([*ends, n]) if a < b]


_AT_WORK: ContextVar[Team | None] = ContextVar("team at work", default=None)


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """a b, for a (m, k) and b (k, n): by columns or rows, whichever are more, where a team is at work."""
    team = _AT_WORK.get()
    if team is None or team.threads == 1 or a.ndim != 2 or b.ndim != 2:
        return array_module(a).matmul(a, b, out=out)
    (m, k), n = a.shape, b.shape[1]
    if m * k * n < 2 * MIN_PRODUCT:
        return np.matmul(a, b, out=out)
    if out is None:
        out = np.empty((m, n), dtype=a.dtype)
    share = partial(_rows if m > n else _columns, a, b, out)
    team.do(share, team.shares(max(m, n), m * k * n // MIN_PRODUCT))
    return out


def each_span(n: int, job: Callable[[slice], Any]) -> None:
    """job(span) for spans that cover 0 … n: one for each thread where a team is at work, else one."""
    team = _AT_WORK.get()
    if team is None:
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


def _quiet() -> None:
    np.seterr(all="ignore")  # in this worker's thread, as `Training` has it in the calling one


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
