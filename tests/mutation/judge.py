"""Judges mutants, one at a time: is there a test that fails?

A plugin of pytest, in a copy of the project. It collects the suite once; for each mutant it forks, and the child puts
the mutant's code into the functions in memory (and on disk, for what starts a process of its own) and runs the chosen
tests up to the first failure. What only an import runs (constants, defaults, class bodies) takes a fresh pytest.
"""

from __future__ import annotations

import contextlib
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

MOST = 60.0  # seconds of tests that one mutant is given, in the map's time; who lives through these is a survivor
PATIENCE, START = 4, 60  # a mutant that takes so many times as long, and so many seconds, hangs: a test would notice
PASSED = "passed"
IN_FUNCTION = 0x2  # of a code object's flags: its names are its own, so it is a function and no class body

Live = dict[tuple[str, int, str], list[FunctionType]]
Change = tuple[FunctionType, CodeType]


@dataclass(frozen=True)
class Verdict:
    """`died` by a test or by hanging, `lived` through all, or `unseen`: no test runs its line."""

    id: str
    outcome: str
    test: str = ""
    seconds: float = 0.0
    tests: int = 0


def pytest_configure(config):
    if "MUTATION_WORK" in os.environ:
        # Bytecode is taken for that of a source of the same length and second, which a mutant may have.
        sys.dont_write_bytecode, os.environ["PYTHONDONTWRITEBYTECODE"] = True, "1"
        config.pluginmanager.register(Judge(Path(os.environ["MUTATION_WORK"]), Path.cwd()), "judge")


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
        self.items = {item.nodeid: item for item in session.items}
        self.seen, self.live, self.clean = Map(self.work / "map.json"), live_functions(), set(self.tree.iterdir())
        new = [test for test in self.items if test not in self.seen] if self.seen else []
        self.new = [test for test in new if not self._forked([], [test], START)]  # and pass here, without a mutant
        for mutant, given in self._jobs():
            verdict = self.verdict(mutant, given)
            with (self.work / "verdicts.jsonl").open("a") as out:
                out.write(json.dumps(asdict(verdict)) + "\n")
        return True

    def _jobs(self) -> Iterator[tuple[Mutant, list[str]]]:
        asked_by = os.getppid()
        for job in json.loads((self.work / "jobs.json").read_text()):
            if os.getppid() != asked_by:  # whoever asked was stopped
                return
            mutant = Mutant(**job["mutant"])
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.work / "claims" / mutant.id, os.O_CREAT | os.O_EXCL))
                yield mutant, job["tests"]

    def verdict(self, mutant: Mutant, given: list[str]) -> Verdict:
        file, began = self.tree / mutant.file, time.monotonic()
        source = file.read_text(encoding="utf-8")
        changed = mutant.applied(source)
        changes = changed_functions(self.live, file, source, changed)
        tests = self._given(given) if given else self._tests(mutant, changes)
        limit = START + PATIENCE * self.seen.time(tests)
        file.write_text(changed, encoding="utf-8")
        try:
            test = self._fresh(tests, limit) if changes is None else self._forked(changes, tests, limit)
        finally:
            file.write_text(source, encoding="utf-8")
            self._tidy()
        outcome = "died" if test else "lived" if tests else "unseen"
        return Verdict(mutant.id, outcome, test, round(time.monotonic() - began, 2), len(tests))

    def _given(self, names: list[str]) -> list[str]:
        return [test for test in self.items if test.startswith(tuple(names))]

    def _tests(self, mutant: Mutant, changes: list[Change] | None) -> list[str]:
        """Those that can notice the change, then all that the map does not know yet."""
        if changes is None:
            old = self.seen.of_import(mutant.file)
        else:
            old = self.seen.of_lines(mutant.file, mutant.line, mutant.last_line)
        return self.seen.within([test for test in old if test in self.items] + self.new, MOST)

    def _forked(self, changes: list[Change], tests: list[str], limit: float) -> str:
        """The first test that fails, in a child whose functions are the mutant's; "" where all pass."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setpgid(0, 0)
                os.write(write, (self._run(changes, tests) or PASSED).encode())
            finally:
                os._exit(0)
        os.close(write)
        ended = _ends(child, limit)
        _end_group(child)
        with os.fdopen(read) as pipe:
            said = pipe.read() or "(ended without a word)"
        return "(hung)" if not ended else "" if said == PASSED else said

    def _run(self, changes: list[Change], tests: list[str]) -> str:
        for function, code in changes:
            function.__code__ = code
        items = [self.items[test] for test in tests]
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                break
        return self.failed

    def _fresh(self, tests: list[str], limit: float) -> str:
        """The same, in a process that imports the mutant."""
        if not tests:
            return ""
        chosen, environment = self.work / f"tests{os.getpid()}", dict(os.environ)
        environment.pop("MUTATION_WORK")
        chosen.write_text("\n".join(tests))
        options = ["-x", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", f"--basetemp={chosen}-temp", f"@{chosen}"]
        with subprocess.Popen(
            [sys.executable, "-m", "pytest", *options],
            cwd=self.tree,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=os.setpgrp,
        ) as process:
            try:
                said, _ = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                return "(hung)"
            finally:
                _end_group(process.pid)
        if process.returncode == 0:
            return ""
        bad = [line for line in said.decode().splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return bad[0].partition(" ")[2].partition(" - ")[0] if bad else "(at import)"

    def _tidy(self) -> None:
        """Removes what a mutant left in the project's folder."""
        for path in set(self.tree.iterdir()) - self.clean:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def changed_functions(live: Live, file: Path, old: str, new: str) -> list[Change] | None:
    """The live functions of a file, each with its new code; None where the change lies outside functions."""
    before, after = (compile(source, str(file), "exec") for source in (old, new))
    found = []
    for pair in _pairs(before, after):
        functions = live.get(_place(pair[0]), []) if pair else []
        if not pair or not functions or pair[0].co_freevars != pair[1].co_freevars:
            return None
        found += [(f, new_code) for old_code, new_code in _nested(*pair) for f in live.get(_place(old_code), [])]
    return found


def live_functions() -> Live:
    """Every function there is, by file, line and name."""
    found: Live = defaultdict(list)
    for f in gc.get_objects():
        if type(f) is FunctionType:  # isinstance would ask objects that answer with a warning
            found[_place(f.__code__)].append(f)
    return found


def _place(code: CodeType) -> tuple[str, int, str]:
    return code.co_filename, code.co_firstlineno, code.co_name


def _pairs(a: CodeType, b: CodeType) -> Iterator[tuple[CodeType, CodeType] | None]:
    """(old, new) of the outermost functions that differ; None for a difference outside them."""
    if a.co_flags & IN_FUNCTION:
        if _all(a) != _all(b):
            yield a, b
        return
    inner = [[c for c in code.co_consts if isinstance(c, CodeType)] for code in (a, b)]
    if _own(a) != _own(b) or len(inner[0]) != len(inner[1]):
        yield None
        return
    for x, y in zip(*inner, strict=True):
        yield from _pairs(x, y)


def _nested(a: CodeType, b: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """(old, new) of a function and of those in it, of which some may be alive already: decorators return such."""
    yield a, b
    inner = [[c for c in code.co_consts if isinstance(c, CodeType)] for code in (a, b)]
    if len(inner[0]) == len(inner[1]):
        for x, y in zip(*inner, strict=True):
            if x.co_freevars == y.co_freevars:
                yield from _nested(x, y)


def _own(code: CodeType) -> tuple:
    """What a code object does, without the functions in it and without its place in the file."""
    constants = [(type(c), c) if not isinstance(c, CodeType) else None for c in code.co_consts]
    return code.co_code, repr(constants), code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars


def _all(code: CodeType) -> tuple:
    return *_own(code), tuple(_all(c) for c in code.co_consts if isinstance(c, CodeType))


def _ends(pid: int, limit: float) -> bool:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.005)
    return False


def _end_group(pid: int) -> None:
    """Ends a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
