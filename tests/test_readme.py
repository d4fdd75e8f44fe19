"""What the pages say is true: the tree of files, Algorithm 1 beside its code, the files of a step, the commands."""

import ast
import inspect
import re
import shlex
import sys
from pathlib import Path

import mistakes.correct
import mistakes.early
import mistakes.images
import mistakes.late
import mistakes.readers
import pytest
from mistakes import RIGHT, WRONG
from standin.bugs import BUGS
from test_rooms import READERS_PATH

import numgan as ng
from numgan.app.cli import _parser

ROOT = Path(ng.__file__).parent
HOUSE = ROOT.parent
MAIN = (HOUSE / "README.md").read_text(encoding="utf-8")
PAGES = [HOUSE / "README.md", *(HOUSE / room / "README.md" for room in ("numgan", "notebooks", "tests", "benchmarks"))]
ROOMS = PAGES[1].read_text(encoding="utf-8")
OUTLINE, TREE = (re.search(r"```text\nnumgan/\n(.*?)```", page, re.DOTALL)[1].splitlines() for page in (MAIN, ROOMS))
LINE = re.compile(r"( +)(\S+(?:, \S+)*)  +(\S.*)")


def test_the_page_is_short():
    assert len(MAIN.splitlines()) <= 200


# The tree


def entries(lines):
    """(path, its text) for each name in the tree; for a folder, the path ends in a slash."""
    folder = ""
    for line in lines:
        indent, names, text = LINE.fullmatch(line).groups()
        folder = "" if len(indent) == 2 else folder
        for name in names.split(", "):
            yield folder + name, text
        folder = names if names.endswith("/") else folder


def worth_showing(path):
    """All but caches and an __init__.py that holds nothing but its docstring."""
    if "__pycache__" in path.parts or not path.is_file():
        return False
    return path.name != "__init__.py" or len(ast.parse(path.read_text(encoding="utf-8")).body) > 1


def test_the_tree_shows_every_file_once_and_no_other():
    shown = [path + "__init__.py" if "__init__.py" in text else path for path, text in entries(TREE)]
    files = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if worth_showing(path)]
    assert sorted(path for path in shown if not path.endswith("/")) == sorted(files)
    folders = {path for path, _ in entries(TREE) if path.endswith("/")}
    assert folders == {f"{path.parent.name}/" for path in ROOT.glob("*/__init__.py")}


def test_the_outline_of_the_main_page_names_rooms_and_files_that_are_there():
    shown = [name for line in OUTLINE for name in LINE.fullmatch(line).group(2).split(", ")]
    assert all((ROOT / name).exists() for name in shown) and len(set(shown)) == len(shown)
    rooms = {f"{path.parent.name}/" for path in ROOT.glob("*/__init__.py")}
    assert {name for name in shown if name.endswith("/")} == rooms


def test_every_line_of_the_tree_says_something_in_120_columns():
    assert all(len(line) <= 120 for line in TREE)
    assert all(len(text.split()) >= 2 for _, text in entries(TREE))


def test_lines_of_a_tree_are_understood():
    lines = ["  a.py, b.py    two", "  c/    holds; __init__.py: names", "    d.py  x", "  e.py  y"]
    assert [path for path, _ in entries(lines)] == ["a.py", "b.py", "c/", "c/d.py", "e.py"]


# The step


def test_algorithm_1_stands_beside_the_code_that_runs():
    (table,) = re.findall(r"^\| Goodfellow et al\. 2014, Algorithm 1 .*?\n\n", MAIN, re.DOTALL | re.MULTILINE)
    spans = [span for line in table.splitlines()[2:] for span in re.findall(r"`([^`]+)`", line.split(" | ")[-1])]
    code = inspect.getsource(ng.Training._update)
    places = [code.find(span) for span in spans]
    assert len(spans) == 8
    assert -1 not in places, spans[places.index(-1)]
    assert places == sorted(places)


def test_the_files_of_a_step_are_those_that_run():
    """The files from which a function is called in one update, of a run without options."""
    (text,) = re.findall(r"^To follow one step from.*?\n\n", MAIN, re.DOTALL | re.MULTILINE)
    listed = re.findall(r"`([\w/]+\.py)`", text)
    assert listed[: len(READERS_PATH)] == [f"{name}.py" for name in READERS_PATH]
    G = ng.Network([ng.Linear(2, 8), ng.LeakyReLU(0.2), ng.Linear(8, 2)])
    D = ng.Network([ng.Linear(2, 8), ng.LeakyReLU(0.2), ng.Linear(8, 1)])
    run, seen = ng.Training(G, D, ng.data.ring(640)), set()

    def look(frame, event, _):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT):
            seen.add(path.relative_to(ROOT).as_posix())

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        run._update()
    finally:
        sys.setprofile(before)
    assert sorted(listed) == sorted(seen)


# The rest


def test_the_program_runs(capsys):
    (code,) = re.findall(r"```python\n(import numgan as ng\n\ndata.*?)```", MAIN, re.DOTALL)
    room = {}
    exec(code.replace("run.steps(1000, every=100)", "run.steps(2)"), room)
    assert room["run"].step == 2
    assert room["x"].shape == (64, 784) and room["x"].min() >= 0 and room["x"].max() <= 1


def commands():
    """Every line of a block of code on a page that calls numgan."""
    for page in PAGES:
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            yield from (line for line in block.splitlines() if line.startswith("numgan "))


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_the_command_line_takes_every_command(line):
    assert _parser().parse_args(shlex.split(line, comments=True)[1:]).command


def test_there_are_commands_to_try():
    assert len(set(commands())) >= 7


def test_lessons_have_their_titles():
    for name in ("README.md", "notebooks/README.md"):
        page = (HOUSE / name).read_text(encoding="utf-8")
        rows = re.findall(r"\| (\d+) \| \[([^]]+)\]\((?:notebooks/)?(\d\d)_\w+\.ipynb\)", page)
        lessons = [int(path.name[:2]) for path in (HOUSE / "notebooks").glob("[0-9][0-9]_*.ipynb")]
        assert sorted(int(number) for number, *_ in rows) == sorted(lessons)
        assert all(int(number) == int(file) for number, _, file in rows)


def test_figures_on_the_pages_are_counted():
    kinds = mistakes.early, mistakes.late, mistakes.readers, mistakes.images, mistakes.correct  # these fill the lists
    assert len({module.__name__ for module in kinds}) == 5
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert {int(n) for n in re.findall(r"(\d+) wrong implementations", text)} <= {len(WRONG)}
        assert {int(n) for n in re.findall(r"(\d+) right ones", text)} <= {len(RIGHT)}
        assert {int(n) for n in re.findall(r"(\d+) bugs that people make", text)} <= {len(BUGS)}
    assert f"{len(WRONG)} wrong implementations" in (HOUSE / "tests" / "README.md").read_text(encoding="utf-8")
