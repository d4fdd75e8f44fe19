"""The tool that tests the tests: which mutants it makes, and that it tells those that die from those that live."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mutation.judge import changed_functions, live_functions
from mutation.mutants import mutants, slips

SOURCE = '''"""Prose, 1 + 1."""

LIMIT = 0.5


def f(a: int = 3, b: int = 2) -> int:
    """More prose."""
    if a < b and a:
        raise ValueError(f"{a + b}")
    g(a, b=-b)
    return a - b


def g(a, *, b):
    return min(a, b)
'''


@pytest.fixture
def root(tmp_path):
    (tmp_path / "tiny.py").write_text(SOURCE)
    return tmp_path


def test_each_kind_of_slip_is_made_once_and_prose_is_left_alone(root):
    made = {(m.line, m.old, m.new) for m in mutants(root, "tiny.py")}
    assert made == {
        (3, "0.5", "1.0"),
        *[(6, "3", "4"), (6, "2", "3")],
        *[(8, " < ", " <= "), (8, " and ", " or "), (8, "a < b and a", "(not (a < b and a))")],
        *[(10, "g(a, b=-b)", "pass"), (10, "b=-b", ""), (10, "-b", "(b)")],
        *[(11, " - ", " + ")],
        *[(15, "min", "max"), (15, "a, b", "b, a")],
    }


def test_a_mutant_keeps_its_name_when_the_file_around_it_changes(root):
    before = {m.id: m.new for m in mutants(root, "tiny.py")}
    (root / "tiny.py").write_text("import math\n\n" + SOURCE.replace("min(a, b)", "min(a, b, 0)"))
    after = {m.id: m.new for m in mutants(root, "tiny.py")}
    assert len(before.keys() & after.keys()) == len(before) - 2, "the two of the line that changed"
    assert all(before[i] == after[i] for i in before.keys() & after.keys())


def test_mutants_that_look_alike_have_names_of_their_own(root):
    (root / "tiny.py").write_text("y = [x + 1, x + 1]\n")
    made = mutants(root, "tiny.py")
    assert len({m.id for m in made}) == len(made) == 4


def test_a_slip_by_hand_must_fit_exactly_once(root):
    (root / "slips.json").write_text(json.dumps({"tiny.py": [["a - b", "b - a"], ["a", "b"], ["gone", ""]]}))
    assert [(m.line, m.applied(SOURCE).count("b - a")) for m in slips(root, root / "slips.json")] == [(11, 1)]


def test_what_lies_in_functions_is_replaced_in_memory_and_the_rest_is_not(root, monkeypatch):
    monkeypatch.syspath_prepend(root)
    import tiny

    live, file = live_functions(), root / "tiny.py"
    [(function, code)] = changed_functions(live, file, SOURCE, SOURCE.replace("a - b", "a + b"))
    assert function is tiny.f
    assert tiny.g(3, b=2) == 2
    [(function, code)] = changed_functions(live, file, SOURCE, SOURCE.replace("min", "max"))
    tiny.g.__code__ = code
    assert tiny.g(3, b=2) == 3
    inner = "def outer(a):\n    def inner(b):\n        return a + b\n    return inner\n"
    (root / "closure.py").write_text(inner)
    import closure

    add = closure.outer(3)
    found = changed_functions(live_functions(), root / "closure.py", inner, inner.replace("+", "-"))
    assert [function.__name__ for function, _ in found] == ["outer", "inner"] and found[1][0] is add
    for slip in (("0.5", "1.0"), ("= 3", "= 4")):  # a constant, a default: only an import runs these
        assert changed_functions(live, file, SOURCE, SOURCE.replace(*slip)) is None


@pytest.mark.notebooks
def test_a_judge_tells_who_dies_from_who_lives(tmp_path):
    """A project of one file and one test, judged as the package is."""
    (tmp_path / "tiny.py").write_text(SOURCE)
    test = "import tiny\ndef test_g():\n    assert tiny.g(1, b=2) == 1 and tiny.LIMIT < 1\n"
    (tmp_path / "test_tiny.py").write_text(test)
    made = [m for m in mutants(tmp_path, "tiny.py") if m.line in (3, 15)]
    work = tmp_path / "work"
    (work / "claims").mkdir(parents=True)
    (work / "jobs.json").write_text(json.dumps([{"mutant": vars(m), "tests": ["test_tiny.py"]} for m in made]))
    path = f"{tmp_path}:{Path(__file__).parent}"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "mutation.judge", "-p", "no:cacheprovider", "test_tiny.py"],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": path, "MUTATION_WORK": str(work)},
        check=False,
        capture_output=True,
    )
    verdicts = map(json.loads, (work / "verdicts.jsonl").read_text().splitlines())
    said = {verdict["id"]: (verdict["outcome"], verdict["test"]) for verdict in verdicts}
    died, lived = ("died", "test_tiny.py::test_g"), ("lived", "")
    assert {m.new: said[m.id] for m in made} == {"1.0": died, "max": died, "b, a": lived}
    assert (tmp_path / "tiny.py").read_text() == SOURCE
