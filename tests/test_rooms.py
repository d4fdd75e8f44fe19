"""The house: a file imports only from lower rungs, and the reader's path stays short."""

import ast
import re
from pathlib import Path

import pytest

import numgan

ROOT = Path(numgan.__file__).parent
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
RUNGS = [
    {"errors"},
    {"backend"},
    {"parallel"},
    {"protocol", "losses", "optim", "schedules", "streams", "averaging", "metrics"},
    {"layers", "network"},
    {"activations", "norm", "maxout", "cures"},
    {"check", "penalty"},
    {"gan", "data", "checkpoint"},
    {"models", "survey", "resume", "checks"},
    {"training"},
    {"lab"},
    {"plots", "gpucheck"},
    {"labplots"},
    {"runs"},
    {"commands"},
    {"cli"},
    {"__init__", "__main__"},
]
RUNG = {room: i for i, rooms in enumerate(RUNGS) for room in rooms}
FILES = sorted(ROOT.rglob("*.py"))
READERS_PATH = ["training", "gan", "network", "layers", "activations", "losses", "optim"]


def room_of(path):
    """A file of the package's top folder is a room; the folder data/ is one."""
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imported_rooms(path):
    """The rooms that a file imports from, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            if node.module == "numgan":
                yield from (alias.name for alias in node.names)
            elif node.module and node.module.startswith("numgan."):
                yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("numgan."))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path):
    here = room_of(path)
    assert here in RUNG, f"{here} stands on no rung: give it one"
    for there in imported_rooms(path):
        inside = there == here and (ROOT / here).is_dir()  # a room that is a folder
        assert inside or RUNG[there] < RUNG[here], f"{here} imports {there}"


def modules_named(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_only_backend_names_cupy_and_only_plots_imports_matplotlib():
    for path in FILES:
        modules = set(modules_named(path))
        assert ("cupy" in modules) == (room_of(path) == "backend")
        assert ("matplotlib" in modules) == (room_of(path) in ("plots", "labplots"))


def test_one_training_step_is_readable_in_seven_short_files():
    assert sum(len((ROOT / f"{room}.py").read_text(encoding="utf-8").splitlines()) for room in READERS_PATH) <= 900


def test_the_readme_shows_every_room_on_its_rung():
    rows = [line.split("|") for line in README.splitlines() if line.startswith("| ") and line[2].isdigit()]
    shown = {name: int(row[1]) for row in rows for name in re.findall(r"`(\w+)`", row[2])}
    assert shown == {room: rung for room, rung in RUNG.items() if not room.startswith("_")}


def test_the_readmes_check_of_a_wrong_gradient_prints_what_it_says(capsys):
    pattern = r"```python\n(import numpy as np\nimport numgan(?:(?!```).)*?)```\n\n```text\n(.*?)```"
    code, printed = re.search(pattern, README, re.DOTALL).groups()
    exec(code, {})
    assert capsys.readouterr().out.split("\n")[0] == printed.split("\n")[0]
    assert "averaged over the batch instead of summed" in printed


def test_the_readmes_layer_of_ones_own_is_right(capsys):
    (code,) = re.findall(r"```python\n(class Scale.*?)```", README, re.DOTALL)
    exec("import numpy as np\nimport numgan as ng\n" + code, {})
    assert "WRONG" not in capsys.readouterr().out
