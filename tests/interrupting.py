"""An interrupt at a chosen line, so that a test can try one moment after the other."""

import contextlib
import linecache
import signal
import sys
from pathlib import Path

import numgan

ROOT = Path(numgan.__file__).parent


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


def break_off():
    """As an error does, or an exception that another thread sets: no handler is asked."""
    raise KeyboardInterrupt


class Lines:
    """Counts the lines of some files or functions that are run inside `with`, and does something before number `at`.

    Lines that begin with `with` are not counted. They are visited again when their block is left, and a tracer could
    raise there before the block's lock is given back, which Python's own interrupts cannot.
    """

    def __init__(self, where, at=None, do=ctrl_c):
        self.files = {str(ROOT / name) for name in where if isinstance(name, str)}
        self.codes = {function.__code__ for function in where if not isinstance(function, str)}
        self.at, self.do, self.count = at, do, 0

    def __enter__(self):
        self._outer = sys.gettrace()
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, *error):
        sys.settrace(self._outer)

    def _enter_frame(self, frame, event, argument):
        return self._line if frame.f_code in self.codes or frame.f_code.co_filename in self.files else None

    def _line(self, frame, event, argument):
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and not text.lstrip().startswith("with "):
            self.count += 1
            if self.count == self.at:
                self.do()
        return self._line


def interrupted(use, where, at, do=ctrl_c):
    """use(), which an interrupt at line `at` must end.

    How often the threads wait for each other is not always the same: if it has fewer lines this time, none comes.
    """
    lines = Lines(where, at, do)
    try:
        with lines:
            use()
    except KeyboardInterrupt:
        assert lines.count >= at
    else:
        assert lines.count < at


@contextlib.contextmanager
def handler(new):
    """Another handler of SIGINT for a while."""
    before = signal.signal(signal.SIGINT, new)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
