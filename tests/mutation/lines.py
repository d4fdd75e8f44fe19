"""Which tests run which line of the package, and how long each takes: one run of the suite under coverage.

A line that the setup of a test ran counts for every test of that file, since fixtures are shared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

import pytest

EACH = 0.02  # seconds that a test takes beside its own
CONFIG = Path(__file__).with_name("coverage.ini")


def record(tree: Path, folder: Path) -> Path:
    """Runs the suite in `tree`; the file of its map, in `folder`."""
    environment = os.environ | {
        "MUTATION_FOLDER": str(folder),
        "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'tests'}",
    }
    command = ["coverage", "run", f"--rcfile={CONFIG}", "-m", "pytest", "-q", "-p", "mutation.lines"]
    subprocess.run([sys.executable, "-m", *command], cwd=tree, env=environment, check=False)
    return _combined(tree, folder)


def _combined(tree: Path, folder: Path) -> Path:
    import coverage  # of the extra `mutation`: to judge mutants takes none

    whole = coverage.CoverageData(str(folder / "all"))
    for part in folder.glob("coverage.*"):
        one = coverage.CoverageData(str(part))
        try:
            one.read()
        except coverage.exceptions.DataError:  # of a process that a test killed while it wrote
            continue
        whole.update(one)
    lines: dict[str, dict[str, list[str]]] = {}
    for path in whole.measured_files():
        file = str(Path(path).relative_to(tree))
        lines[file] = {str(n): sorted(filter(None, tests)) for n, tests in whole.contexts_by_lineno(path).items()}
    seconds = json.loads((folder / "seconds.json").read_text())
    out = folder / "map.json"
    out.write_text(json.dumps({"lines": lines, "seconds": seconds}))
    return out


class Watch:
    """Tells coverage which test runs, and notes its time and whether it passed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seconds, self.bad = folder, defaultdict(float), set()

    def _switch(self, item: pytest.Item, phase: str) -> None:
        import coverage

        name = item.nodeid if phase == "call" else f"{_file(item.nodeid)}::"
        os.environ["MUTATION_TEST"] = name
        coverage.Coverage.current().switch_context(name)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        self._switch(item, "setup")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item):
        self._switch(item, "call")

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item):
        self._switch(item, "setup")

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] += report.duration
        if not report.passed:
            self.bad.add(report.nodeid)

    def pytest_sessionfinish(self):
        passed = {test: s for test, s in self.seconds.items() if test not in self.bad}
        (self.folder / "seconds.json").write_text(json.dumps(passed))


def pytest_configure(config):
    config.pluginmanager.register(Watch(Path(os.environ["MUTATION_FOLDER"])), "watch")


class Map:
    """The tests that can notice a change: first the quickest of each file, then file by file: these share fixtures."""

    def __init__(self, file: Path) -> None:
        read = json.loads(file.read_text()) if file.exists() else {"lines": {}, "seconds": {}}
        self._lines, self._seconds = read["lines"], read["seconds"]
        self._order = {test: i for i, test in enumerate(self._seconds)}
        self._of_file: dict[str, list[str]] = defaultdict(list)
        for test in self._seconds:
            self._of_file[_file(test)].append(test)

    def __bool__(self) -> bool:
        return bool(self._seconds)

    def __contains__(self, test: str) -> bool:
        return test in self._seconds

    def of_lines(self, file: str, first: int, last: int) -> list[str]:
        """Those that run one of these lines."""
        here = self._lines.get(file, {})
        return self._sorted({t for n in range(first, last + 1) for t in here.get(str(n), [])})

    def of_import(self, file: str) -> list[str]:
        """What an import runs, it runs for whoever comes first: those that run any line of the file, or else all."""
        named = {t for tests in self._lines.get(file, {}).values() for t in tests}
        return self._sorted(named or self._seconds.keys())

    def time(self, tests: list[str]) -> float:
        return sum(self._seconds.get(test, 0.0) + EACH for test in tests)

    def within(self, tests: list[str], most: float) -> list[str]:
        """As many of them, from the first, as take `most` seconds."""
        total = accumulate(self.time([test]) for test in tests)
        return [test for test, sum_ in zip(tests, total, strict=True) if sum_ <= most] or tests[:1]

    def _sorted(self, named: Iterable[str]) -> list[str]:
        """Tests by name, "file::" for all of a file."""
        tests = {t for name in named for t in (self._of_file[_file(name)] if name.endswith("::") else [name])}
        tests &= self._seconds.keys()
        by_file: dict[str, list[str]] = defaultdict(list)
        for test in sorted(tests, key=self._order.__getitem__):
            by_file[_file(test)].append(test)
        quickest = sorted((min(group, key=self._seconds.get) for group in by_file.values()), key=self._seconds.get)
        rest = [test for group in sorted(by_file.values(), key=self.time) for test in group]
        return list(dict.fromkeys(quickest + rest))


def _file(test: str) -> str:
    return test.partition("::")[0]
