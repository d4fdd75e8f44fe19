"""The house: a file imports only from lower rungs, and the reader's path stays short."""

import ast
import re
from pathlib import Path

import pytest

import numgan

ROOT = Path(numgan.__file__).parent
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
RUNGS = [
    "errors",
    "backend",
    "parallel",
    "layers/base  losses  optim  schedules  metrics  run/streams  run/averaging",
    "layers/linear  layers/activations  layers/dropout  layers/noise  layers/minibatch  layers/reshape  "
    "layers/resampling  layers/windows  network",
    "layers/maxout  layers/batchnorm  layers/convolution",
    "layers/__init__",
    "gan  penalty",
    "check/differences  check/report  check/arguments",
    "check/pairs",
    "check/evidence  check/contract",
    "check/compare  check/regions",
    "check/diagnosis",
    "check/checker",
    "check/__init__",
    "data/base",
    "data/toy  data/files",
    "data/catalogue",
    "data/__init__",
    "run/archive  run/record  run/sampling",
    "models/recipe",
    "models/mlp  models/goodfellow2014  models/dcgan",
    "models/__init__",
    "run/state",
    "run/preconditions",
    "run/__init__",
    "training",
    "plots  check/survey  check/gpu",
    "lab/pull  lab/dynamics  lab/theory",
    "lab/setup  lab/snapshot  lab/health",
    "lab/gallery  lab/plots",
    "lab/console",
    "lab/__init__",
    "app/folder",
    "app/commands",
    "app/cli",
    "app/__init__",
    "__init__",
    "__main__",
]
RUNG = {room: i for i, rooms in enumerate(RUNGS) for room in rooms.split()}
FILES = sorted(ROOT.rglob("*.py"))
READERS_PATH = ["training", "gan", "network", "layers/linear", "layers/activations", "losses", "optim"]


def name_of(path):
    """A file by its path in the package: layers/linear."""
    return path.relative_to(ROOT).with_suffix("").as_posix()


def file_of(dotted):
    """The file that `from numgan.x import y` reads: y where that is a module, else x."""
    names = dotted.split(".")
    for parts in (names, names[:-1]):
        for name in ("/".join(parts), "/".join([*parts, "__init__"])):
            if (ROOT / f"{name}.py").exists():
                return name
    raise AssertionError(f"numgan.{dotted} leads to no file")


def imported_files(path):
    """The files that a file imports from, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            if (node.module or "").partition(".")[0] == "numgan":
                above = [*node.module.split(".")[1:]]
                yield from (file_of(".".join([*above, alias.name])) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (file_of(a.name.partition(".")[2]) for a in node.names if a.name.startswith("numgan."))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_down(path):
    here = name_of(path)
    assert here in RUNG, f"{here} stands on no rung: give it one"
    for there in imported_files(path):
        assert RUNG[there] < RUNG[here], f"{here} imports {there}"


def test_every_rung_is_of_files_that_exist():
    assert set(RUNG) == set(map(name_of, FILES))
    assert len([path for path in FILES if path.parent == ROOT]) <= 16


def modules_named(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_only_backend_names_cupy_and_only_plots_import_matplotlib():
    for path in FILES:
        modules = set(modules_named(path))
        assert ("cupy" in modules) == (name_of(path) == "backend")
        assert ("matplotlib" in modules) == (name_of(path) in ("plots", "lab/plots"))


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
