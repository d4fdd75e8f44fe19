"""Results by key, one a line of JSON: what is there is not computed again.

A line is `["key", result]`. It is appended in one write and forced to disk. So several processes may add to the same
file (on a local disk, where an operating system appends as a whole), and one that is killed loses at most the result
that it was writing: a line that was cut short is passed over, and the next result begins a line of its own.
"""

import json
import os
from pathlib import Path

from numgan.app.workers import each

DIGITS = 4  # significant; results differ by far more from seed to seed


class Store:
    """A file of results; it need not exist yet."""

    def __init__(self, path):
        self.path = Path(path)

    def read(self):
        """{key: result} of every whole line; where two have the same key, the first."""
        lines = self.path.read_bytes().split(b"\n") if self.path.exists() else []
        return dict(filter(None, map(parsed, reversed(lines))))

    def add(self, key, result):
        """Keeps a result, its numbers rounded to DIGITS."""
        line = json.dumps([key, rounded(result, DIGITS)], ensure_ascii=False).encode() + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab+", buffering=0) as file:
            line = b"\n" + line if cut_short(file) else line
            if file.write(line) < len(line):
                raise OSError(f"{self.path}: no room for the result of {key!r}; free some and run again")
            os.fsync(file.fileno())

    def once(self, key, compute):
        """Keeps and prints compute() as the result of `key`, unless there is one already."""
        if key not in self.read():
            self.add(key, compute())
            print(key, self.read()[key], flush=True)

    def all(self, jobs, scheduler=None, workers=0):
        """Keeps and prints the result of every job {key: compute} that is not there yet, as it ends: one after another,
        or on so many workers of Dask, or a cluster's."""
        kept = self.read()
        for key, result, error in each({key: jobs[key] for key in jobs if key not in kept}, scheduler, workers):
            if error is not None:
                raise error
            self.add(key, result)
            print(key, self.read()[key], flush=True)


def add_engines(parser):
    """Options that say where jobs are done."""
    parser.add_argument("--workers", type=int, help="processes, with Dask, in place of one run after another")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="Dask's, as in tcp://host:8786")


def engines(options):
    """As `Store.all` takes them."""
    alone = options.workers is options.scheduler is None
    return {"scheduler": options.scheduler, "workers": 0 if alone else options.workers}


def parsed(line):
    """(key, result), or None for a line that is empty or not whole."""
    try:
        key, result = json.loads(line)
    except ValueError:
        return None
    return key, result


def cut_short(file):
    """Whether the last line lacks its end: whoever wrote it was killed."""
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def rounded(value, digits):
    """Every float in a result to so many significant digits."""
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value
