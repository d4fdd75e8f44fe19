"""Ctrl-C, and the stop button of a notebook: held back until what must not be broken off is done."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from numgan.errors import TornError


class HeldBack:
    """A block that an interrupt does not break off: SIGINT waits until its end, and only then reaches the handler it
    was meant for, which as a rule raises KeyboardInterrupt. `asked` says that one is waiting: end the block soon.

    A second one does not wait: it and the first are handed on at once.

    Python gives signals to its main thread only. In another thread, and where SIGINT is ignored or ends the process,
    there is nothing to hold back, and this does nothing.
    """

    def __init__(self) -> None:
        self._count = 0
        self._handler: Callable[..., Any] | None = None  # the one it was meant for

    @property
    def asked(self) -> bool:
        return self._count > 0

    def __enter__(self) -> HeldBack:
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):
            self._handler = handler
            try:
                signal.signal(signal.SIGINT, self._hold)
            except ValueError:  # this is not the main thread
                self._handler = None
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()
        if self._handler is not None and self._count == 1:
            self._handler(signal.SIGINT, None)

    def _hold(self, number: int, frame: Any) -> None:
        self._count += 1
        if self._handler is not None and self._count == 2:
            self._restore()
            for _ in range(2):
                self._handler(number, frame)

    def _restore(self) -> None:
        """Puts its handler back, unless someone has put another in place meanwhile."""
        if self._handler is not None:
            there = signal.signal(signal.SIGINT, self._handler)
            if there not in (self._hold, None):
                signal.signal(signal.SIGINT, there)


def check_finished(unfinished: str) -> None:
    """TornError if something, of this name, is unfinished."""
    if unfinished:
        why = "an interrupt or an error broke it off, or another thread is still at it"
        raise TornError(
            f"{unfinished} is not finished ({why}), so the parameters of this run belong to no step: "
            "go on from its last checkpoint, with Training.load, or begin again"
        )
