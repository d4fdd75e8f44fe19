"""Which tests run which line of the package, and how long each takes: one run of the suite under coverage.

A line that the setup of a test ran counts for every test of that file, since fixtures are shared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

CONFIG = Path(__file__).with_name("coverage.ini")


def record(tree: Path, folder: Path, options: list[str]) -> Path:
    """Runs the suite in `tree`; the file of its map, in `folder`."""
    environment = os.environ | {
        "MUTATION_FOLDER": str(folder),
        "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'tests'}",
        "COVERAGE_PROCESS_START": "",
    }
    command = ["coverage", "run", f"--rcfile={CONFIG}", "-m", "pytest", "-q", "-p", "mutation.lines", *options]
    subprocess.run([sys.executable, "-m", *command], cwd=tree, env=environment, check=False)
    return _combined(tree, folder)


def _combined(tree: Path, folder: Path) -> Path:
    import coverage

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

        name = item.nodeid if phase == "call" else f"{item.nodeid.partition('::')[0]}::"
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
    """The tests that can notice a change to some lines."""

    def __init__(self, file: Path) -> None:
        read = json.loads(file.read_text()) if file.exists() else {"lines": {}, "seconds": {}}
        self.lines, self.seconds = read["lines"], read["seconds"]
        self._files: dict[str, list[str]] = defaultdict(list)
        for test in self.seconds:
            self._files[test.partition("::")[0]].append(test)

    def tests(self, file: str, first: int, last: int) -> list[str]:
        """Of these lines; where only an import runs them, of every line of the file. The quickest files come first."""
        here = self.lines.get(file, {})
        named = {t for n in range(first, last + 1) for t in here.get(str(n), [])}
        named = named or {t for tests in here.values() for t in tests}
        chosen = {t for name in named for t in (self._files.get(name[:-2], []) if name.endswith("::") else [name])}
        chosen &= self.seconds.keys()
        cost: dict[str, float] = defaultdict(float)
        for test in chosen:
            cost[test.partition("::")[0]] += self.seconds[test] + 0.02
        order = {test: i for i, test in enumerate(self.seconds)}
        return sorted(chosen, key=lambda t: (cost[t.partition("::")[0]], t.partition("::")[0], order[t]))
