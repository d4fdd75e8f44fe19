"""Judges mutants, one at a time: is there a test that fails?

A plugin of pytest, in a copy of the project. It collects the suite once; for each mutant it forks, and the child puts
the mutant's code into the functions in memory (and on disk, for what starts a process of its own) and runs the chosen
tests up to the first failure. What only an import runs (constants, defaults, class bodies) takes a fresh pytest.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from mutation.lines import Map
from mutation.mutants import Mutant

MOST = float(os.environ.get("MUTATION_MOST", 60.0))  # seconds of tests, in the map's time, that one mutant is given; whoever lives through these is a survivor
PASSED = "passed"
PATIENCE = 4  # times as long, and then it hangs, which some test would have noticed


@dataclass(frozen=True)
class Verdict:
    """`died` by a test or by hanging, `lived` through all, or `unseen`: no test runs its line."""

    id: str
    outcome: str
    test: str = ""
    seconds: float = 0.0
    tests: int = 0


def pytest_configure(config):
    folder = os.environ.get("MUTATION_WORK")
    if folder:
        config.pluginmanager.register(Judge(Path(folder), Path.cwd()), "judge")


class Judge:
    """Takes the mutants of `work/jobs.json` that no other judge has claimed; verdicts go to `work/verdicts.jsonl`."""

    def __init__(self, work: Path, tree: Path) -> None:
        self.work, self.tree = work, tree
        self.failed = ""  # the test that failed, in the child

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        items, seen = {item.nodeid: item for item in session.items}, Map(self.work / "map.json")
        self.live, self.clean = live_functions(), set(self.tree.iterdir())
        for job in self._jobs():
            mutant, given = Mutant(**job["mutant"]), job.get("tests")
            tests = [t for t in items if t.startswith(tuple(given))] if given else self._tests(mutant, items, seen)
            self._write(self.verdict(mutant, tests, items, seen))
        return True

    def _tests(self, mutant: Mutant, items: dict[str, pytest.Item], seen: Map) -> list[str]:
        """Those that run the mutant's lines, after whatever was written since the map was recorded."""
        new = [t for t in items if t not in seen.seconds]
        return within(seen, new + [t for t in seen.tests(mutant.file, mutant.line, mutant.last_line) if t in items])

    def _jobs(self) -> Iterator[dict]:
        claims = self.work / "claims"
        for job in json.loads((self.work / "jobs.json").read_text()):
            try:
                os.close(os.open(claims / Mutant(**job["mutant"]).id, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            yield job

    def _write(self, verdict: Verdict) -> None:
        with (self.work / "verdicts.jsonl").open("a") as out:
            out.write(json.dumps(asdict(verdict)) + "\n")

    def verdict(self, mutant: Mutant, tests: list[str], items: dict[str, pytest.Item], seen: Map) -> Verdict:
        if not tests:
            return Verdict(mutant.id, "unseen")
        file, began = self.tree / mutant.file, time.monotonic()
        source = file.read_text(encoding="utf-8")
        changed = mutant.applied(source)
        limit = 20 + PATIENCE * sum(seen.seconds.get(t, 1) + 0.02 for t in tests)
        file.write_text(changed, encoding="utf-8")
        try:
            functions = changed_functions(self.live, file, source, changed)
            if functions is None:
                test = self._fresh(tests, limit)
            else:
                test = self._forked(functions, [items[t] for t in tests], limit)
        finally:
            file.write_text(source, encoding="utf-8")
            self._tidy()
        return Verdict(mutant.id, "died" if test else "lived", test, round(time.monotonic() - began, 2), len(tests))

    def _forked(self, functions: list[tuple[FunctionType, CodeType]], items: list[pytest.Item], limit: float) -> str:
        """The first test that fails, in a child whose functions are the mutant's; "" where all pass."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                os.write(write, (self._run(functions, items) or PASSED).encode())
            finally:
                os._exit(0)
        os.close(write)
        ended = _ends(child, limit)
        _end_group(child)
        with os.fdopen(read) as pipe:
            said = pipe.read() or "(ended without a word)"
        return "(hung)" if not ended else "" if said == PASSED else said

    def _run(self, functions: list[tuple[FunctionType, CodeType]], items: list[pytest.Item]) -> str:
        for function, code in functions:
            function.__code__ = code
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                break
        return self.failed

    def _tidy(self) -> None:
        """Removes what a mutant left in the project's folder."""
        for path in set(self.tree.iterdir()) - self.clean:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _fresh(self, tests: list[str], limit: float) -> str:
        environment = {k: v for k, v in os.environ.items() if k != "MUTATION_WORK"}
        chosen = self.work / f"tests{os.getpid()}"
        chosen.write_text("\n".join(tests))
        options = ["-x", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", f"--basetemp={self.work / f'temp{os.getpid()}'}"]
        command = [sys.executable, "-m", "pytest", *options, f"@{chosen}"]
        process = subprocess.Popen(
            command, cwd=self.tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            said, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return "(hung)"
        finally:
            _end_group(process.pid)
        if process.returncode == 0:
            return ""
        bad = [line for line in said.decode().splitlines() if line.startswith(("FAILED ", "ERROR "))]
        lines = [line.partition(" ")[2].partition(" - ")[0] for line in bad]
        return lines[0] if lines else "(at import)"


def within(seen: Map, tests: list[str]) -> list[str]:
    """As many of them, from the first, as MOST allows."""
    total, chosen = 0.0, []
    for test in tests:
        total += seen.seconds.get(test, 0.0) + 0.02
        if total > MOST and chosen:
            break
        chosen.append(test)
    return chosen


def changed_functions(live: Live, file: Path, old: str, new: str) -> list[tuple[FunctionType, CodeType]] | None:
    """The live functions of a file, each with its new code; None where the change lies outside functions."""
    pairs = list(_pairs(*(compile(source, str(file), "exec") for source in (old, new))))
    found = []
    for pair in pairs:
        functions = live.get(_place(pair[0]), []) if pair else []
        if not functions or pair[0].co_freevars != pair[1].co_freevars:
            return None
        found += [(f, pair[1]) for f in functions]
    return found


Live = dict[tuple[str, int, str], list[FunctionType]]


def live_functions() -> Live:
    """Every function there is, by file, line and name."""
    found: Live = defaultdict(list)
    for f in gc.get_objects():
        if type(f) is FunctionType:  # isinstance would ask proxies, which warn
            found[_place(f.__code__)].append(f)
    return found


def _place(code: CodeType) -> tuple[str, int, str]:
    return code.co_filename, code.co_firstlineno, code.co_name


def _pairs(a: CodeType, b: CodeType, in_function: bool = False) -> Iterator[tuple[CodeType, CodeType] | None]:
    """(old, new) of the outermost functions that differ; None for a difference outside them."""
    if in_function:
        if _all(a) != _all(b):
            yield a, b
        return
    inner_a, inner_b = ([c for c in code.co_consts if isinstance(c, CodeType)] for code in (a, b))
    if _shape(a) != _shape(b) or len(inner_a) != len(inner_b):
        yield None
        return
    for x, y in zip(inner_a, inner_b, strict=True):
        yield from _pairs(x, y, in_function=bool(x.co_flags & 0x2))  # CO_NEWLOCALS: a function, not a class body


def _shape(code: CodeType) -> tuple:
    constants = tuple((type(c), c) if not isinstance(c, CodeType) else "code" for c in code.co_consts)
    return code.co_code, repr(constants), code.co_names, code.co_freevars, code.co_cellvars


def _all(code: CodeType) -> tuple:
    return *_shape(code), code.co_varnames, tuple(_all(c) for c in code.co_consts if isinstance(c, CodeType))


def _ends(pid: int, limit: float) -> bool:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.005)
    return False


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass
