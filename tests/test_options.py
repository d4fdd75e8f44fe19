"""A short turn of benchmarks/attack/options.py: random command lines, refused in one line or carried out."""

import sys
from pathlib import Path

import pytest

from benchmarks.attack import options


def test_random_command_lines_end_well():
    ends = options.attack(count=30, seed=7)
    assert set(ends) <= {"status 0", "status 1", "status 2"}
    assert ends["status 0"] > 2
    assert ends["status 2"] > 7


def touch():
    Path("x").touch()
    print("numgan: error: why", file=sys.stderr)


@pytest.mark.parametrize(
    ("act", "end"),
    [
        (lambda: 1 / 0, "traceback: ZeroDivisionError"),
        (lambda: 2, "status 2, but not in one line"),
        (lambda: touch() or 2, "status 2, but a file was touched"),
        (lambda: 70, "unknown status 70"),
    ],
)
def test_what_ends_badly_is_seen(act, end, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(options.cli, "main", lambda line: act())
    assert options.outcome([], tmp_path) == end
