"""Threads: the one room for machinery that speed needs. Nothing here changes what is computed, only where.

Why not leave it to the BLAS? Its threads wait for each other inside every matrix product by spinning; when another
process wants a core, each wait can cost tens of milliseconds. And they leave everything between products to one core.
So the BLAS gets one thread, the rows of a batch are dealt out to threads of ours, each with replicas of G and D that
share θ, and the gradients are summed: four waits in a training step instead of dozens.

The number of threads follows from sizes alone, so that a run repeats bit for bit. Against one thread, results differ
by rounding (a sum over the batch is taken in parts).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from numgan.backend import Array, array_module
from numgan.gan import Info, discriminator_gradient, generator_gradient
from numgan.losses import Loss
from numgan.optim import BLOCK, Optimizer

T = TypeVar("T")

MIN_ROWS = 32  # a smaller share of a batch makes poor matrix products
MIN_WORK = 8_000_000  # multiplications by weights, one way, that make a second thread worth waking


@dataclass(frozen=True)
class Share(Loss):
    """`loss` of one part of a batch, as a part of the whole batch's: everything times `fraction`."""

    loss: Loss
    fraction: float

    def discriminator(self, a_x: Array, a_g: Array) -> tuple[Array, Array, Array]:
        value, da_x, da_g = self.loss.discriminator(a_x, a_g)
        return value * self.fraction, da_x * self.fraction, da_g * self.fraction

    def generator(self, a_g: Array) -> tuple[Array, Array]:
        value, da_g = self.loss.generator(a_g)
        return value * self.fraction, da_g * self.fraction


@dataclass(frozen=True)
class Plan:
    """Who works on a step: threads of ours, and threads that the BLAS may use inside each."""

    workers: int
    blas: int


def plan(G: Any, D: Any, batch: int, threads: int) -> Plan:
    """How many of `threads` a step is worth, from sizes alone.

    Where rows cannot be dealt out (BatchNorm, Dropout, a network of one's own), large products are left to the BLAS.
    """
    worth = batch * (len(G.theta) + len(D.theta)) // MIN_WORK
    if all(map(_divisible, (G, D))):
        return Plan(workers=max(1, min(threads, batch // MIN_ROWS, worth)), blas=1)
    return Plan(workers=1, blas=max(1, min(threads, worth)))


class Team:
    """Workers that compute the two gradients and the updates of one pair (G, D) together."""

    def __init__(self, G: Any, D: Any, batch: int, threads: int) -> None:
        self.plan = plan(G, D, batch, threads)
        self.pairs = [(G, D), *((G.replica(), D.replica()) for _ in range(self.plan.workers - 1))]
        self.shares = _spans(batch, self.plan.workers)
        self.batch = batch
        _keep_memory()
        self._pool = ThreadPoolExecutor(self.plan.workers - 1, initializer=_quiet) if self.plan.workers > 1 else None

    def blas(self) -> AbstractContextManager[Any]:
        """Inside it the BLAS has the planned threads; afterwards what it had. A BLAS that takes no orders is let be."""
        return _controller().limit(limits=self.plan.blas, user_api="blas")

    def discriminator_gradient(self, x: Array, z: Array, loss: Loss, rng: Any, penalty: Any = None) -> list[Info]:
        """gan.discriminator_gradient, and a penalty's, by shares; the parts of the gradient are summed by `step`."""
        eps = penalty.draw(x, rng) if penalty else x

        def part(i: int) -> Info:
            rows = self.shares[i]
            info = discriminator_gradient(*self.pairs[i], x[rows], z[rows], self._share(loss, rows), rng)
            if not penalty:
                return info
            fraction = (rows.stop - rows.start) / self.batch
            added = penalty(self.pairs[i][1], x[rows], info.x_g, eps[rows], rng, fraction)
            return replace(info, value=info.value + added)

        return self._each(part)

    def generator_gradient(self, z: Array, loss: Loss, rng: Any) -> list[Info]:
        """gan.generator_gradient by shares."""

        def part(i: int) -> Info:
            rows = self.shares[i]
            return generator_gradient(*self.pairs[i], z[rows], self._share(loss, rows), rng)

        return self._each(part)

    def step_G(self, opt: Optimizer) -> None:
        self._step(opt, *(G for G, _ in self.pairs))

    def step_D(self, opt: Optimizer) -> None:
        self._step(opt, *(D for _, D in self.pairs))

    def _step(self, opt: Optimizer, net: Any, *replicas: Any) -> None:
        """Sums the parts of the gradient, and updates θ with it, span by span."""
        spans = _spans(len(net.theta), len(self.pairs))

        def spread(update: Callable[[slice], None]) -> None:
            def part(i: int) -> None:
                for block in _blocks(spans[i]):  # the sum is still in the cache when the update reads it
                    for replica in replicas:
                        net.grad[block] += replica.grad[block]
                    update(block)

            self._each(part)

        opt.step(net.theta, net.grad, spread)

    def _share(self, loss: Loss, rows: slice) -> Loss:
        return loss if len(self.shares) == 1 else Share(loss, (rows.stop - rows.start) / self.batch)

    def _each(self, part: Callable[[int], T]) -> list[T]:
        """part(i) for every worker i, at the same time; worker 0 is the calling thread."""
        if self._pool is None:
            return [part(0)]
        others = [self._pool.submit(part, i) for i in range(1, len(self.shares))]
        return [part(0), *(other.result() for other in others)]


def join(parts: list[Info]) -> Info:
    """What the whole step saw, from what its parts saw."""
    if len(parts) == 1:
        return parts[0]
    xp = array_module(parts[0].x_g)
    joined = {
        name: None if getattr(parts[0], name) is None else xp.concatenate([getattr(part, name) for part in parts])
        for name in ("a_g", "x_g", "a_x")
    }
    return replace(parts[0], value=sum(part.value for part in parts), **joined)


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


def _divisible(net: Any) -> bool:
    """Whether a batch may be cut into parts for this network: on the host, row by row, with no randomness inside."""
    on_host = array_module(net.theta) is np
    return on_host and getattr(net, "rowwise", False) and not net.stochastic and hasattr(net, "replica")


def _blocks(span: slice) -> list[slice]:
    starts = range(span.start, span.stop, BLOCK)
    return [slice(start, min(start + BLOCK, span.stop)) for start in starts]


def _spans(n: int, parts: int) -> list[slice]:
    """0 … n in so many parts of nearly the same size."""
    ends = [n * i // parts for i in range(parts + 1)]
    return [slice(a, b) for a, b in pairwise(ends)]
