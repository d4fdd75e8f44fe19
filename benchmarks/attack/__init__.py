"""Attacks on a run: kills, interrupts, rivals, mutated files, random options; counts of what is lost."""

import time
from collections.abc import Iterable, Iterator


def within(minutes: float, outcomes: Iterable[str]) -> Iterator[str]:
    """The outcomes, one after the other, until they or the time come to an end."""
    end = time.monotonic() + 60 * minutes
    for outcome in outcomes:
        yield outcome
        if time.monotonic() > end:
            return
