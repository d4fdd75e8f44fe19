"""The threads of the BLAS, the library that makes NumPy's matrix products: one while a team of ours is at work."""

from __future__ import annotations

import os
import threading
import weakref
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


class ThreadLimit:
    """One thread for the BLAS while anyone in this process asks for it: the first to begin takes the others away, the
    last to end gives them back.

    Most libraries have one number of threads for the whole process. If each run set and restored it on its own, one run
    would restore it while another is at work, and the other's products would be rounded differently from then on. With
    some libraries (MKL) the number belongs to the thread that sets it: there, each thread gets its own back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()  # user -> its thread
        self._before: dict[Any, int] = {}  # library -> its number of threads
        self._of_thread: set[Any] = set()  # the libraries where that number belongs to a thread

    def begin(self, user: object) -> None:
        """The limit holds until `end`; a user that is gone without it is forgotten."""
        with self._lock:
            self._limit()
            self._users[user] = threading.get_ident()

    def end(self, user: object) -> None:
        """May be called twice, or without `begin`."""
        with self._lock:
            self._users.pop(user, None)
            self._restore()

    def limit_here(self) -> bool:
        """The limit in this thread too, if there is one now; says whether."""
        with self._lock:
            if self._users:
                self._limit()
            return bool(self._users)

    def after_fork(self) -> None:
        """In a forked child only the thread that forked is left, and its users."""
        self._lock, here = threading.Lock(), threading.get_ident()
        for user in [user for user, thread in self._users.items() if thread != here]:
            del self._users[user]
        self._restore()

    def _limit(self) -> None:
        for library in _libraries():
            threads = library.num_threads
            if threads not in (None, 1):
                if self._users:  # it was limited in another thread, and that did not count here
                    self._of_thread.add(library)
                self._before.setdefault(library, threads)
                _set_threads(library, 1)

    def _restore(self) -> None:
        for library, threads in self._before.items():
            if not self._users or library in self._of_thread:
                _set_threads(library, threads)
        if not self._users:
            self._before = {}


ONE_THREAD = ThreadLimit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ONE_THREAD.after_fork)


@cache
def _libraries() -> list[Any]:
    return [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]


def _set_threads(library: Any, threads: int) -> None:
    """Some versions of threadpoolctl obey only the first thread that set a number, until it lets go."""
    let_go = getattr(library, "clear_controlling_thread", lambda force: None)
    let_go(force=True)
    library.set_num_threads(threads)
    let_go(force=True)
