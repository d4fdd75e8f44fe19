"""The house: a file imports only from lower ones, as the table of numgan/README.md says; the reader's path is short.

A row of the table says which folder it speaks of and which files: `a` → `b`, `c` means that b and c may import a, and
a neither of them. A file may import from all rows above its own.
"""

import ast
import re
from pathlib import Path

import pytest

import numgan

ROOT = Path(numgan.__file__).parent
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = sorted(ROOT.rglob("*.py"))
READERS_PATH = ["training", "gan", "network", "layers/linear", "layers/activations", "losses", "optim"]
ROW = re.compile(r"^\| `([a-z]+)/` \| (`.*?`) \| (.+) \|$", re.MULTILINE)


def rungs(page):
    """(file, rung) for each name in the table of a page: the row, then how many arrows stand before it."""
    for row, (folder, names, _) in enumerate(ROW.findall(page)):
        for step, together in enumerate(names.split(" → ")):
            for name in re.findall(r"`(\w+)`", together):
                yield (name if folder == "numgan" else f"{folder}/{name}", (row, step))


RUNG = dict(rungs(PAGE))


def name_of(path):
    """A file by its path in the package: layers/linear."""
    return path.relative_to(ROOT).with_suffix("").as_posix()


def is_init(name):
    return name.split("/")[-1] == "__init__"


def file_of(dotted):
    """The file that `from numgan.x import y` reads: y where that is a module, else x."""
    names = dotted.split(".")
    for parts in (names, names[:-1]):
        for name in ("/".join(parts), "/".join([*parts, "__init__"])):
            if (ROOT / f"{name.lstrip('/')}.py").exists():
                return name.lstrip("/")
    raise AssertionError(f"numgan.{dotted} leads to no file")


def named(path):
    """The files that a file's imports name, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            if (node.module or "").partition(".")[0] == "numgan":
                above = [*node.module.split(".")[1:]]
                yield from (file_of(".".join([*above, alias.name])) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (file_of(a.name.partition(".")[2]) for a in node.names if a.name.partition(".")[0] == "numgan")


def imported(path):
    """The files that a file imports from; in place of an __init__, those that this one imports from."""
    for name in named(path):
        yield from imported(ROOT / f"{name}.py") if is_init(name) else [name]


@pytest.mark.parametrize("path", [path for path in FILES if not is_init(name_of(path))], ids=name_of)
def test_imports_go_down(path):
    here = name_of(path)
    assert here in RUNG, f"{here} is not in the table of numgan/README.md: give it a place"
    for there in imported(path):
        assert RUNG[there] < RUNG[here], f"{here} imports {there}, which does not stand before it"


@pytest.mark.parametrize("path", [path for path in FILES if is_init(name_of(path))], ids=name_of)
def test_an_init_hands_on_its_own_folder(path):
    folder = name_of(path).removesuffix("__init__")
    assert all(name.startswith(folder) for name in named(path))


def test_each_file_stands_in_the_table_once():
    names = [name for name, _ in rungs(PAGE)]
    assert sorted(names) == sorted(name for name in map(name_of, FILES) if not is_init(name))


def test_the_table_can_be_read():
    assert 10 <= len(ROW.findall(PAGE)) <= 22
    assert len(ROW.findall(PAGE)) == PAGE.count("\n| `"), "a row that this test does not understand"
    assert len([path for path in FILES if path.parent == ROOT]) <= 17


def test_a_step_up_would_be_found(tmp_path):
    assert list(rungs("| `numgan/` | `a` → `b`, `c` | x |\n| `run/` | `d` | y |")) == [
        ("a", (0, 0)),
        ("b", (0, 1)),
        ("c", (0, 1)),
        ("run/d", (1, 0)),
    ]
    (tmp_path / "gan.py").write_text("from numgan.layers import Linear\ndef f():\n    import numgan.app.cli")
    found = set(imported(tmp_path / "gan.py"))
    assert {"layers/linear", "layers/batchnorm", "app/cli"} <= found
    assert RUNG["layers/linear"] < RUNG["gan"] < RUNG["app/cli"]


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
        assert ("matplotlib" in modules) == (name_of(path) in ("plots", "lab/plots", "lab/sliders", "uses/plots"))


def test_only_download_names_pooch():
    for path in FILES:
        assert bool({"pooch", "requests"} & set(modules_named(path))) == (name_of(path) == "data/download")


def test_one_training_step_is_readable_in_seven_short_files():
    assert sum(len((ROOT / f"{room}.py").read_text(encoding="utf-8").splitlines()) for room in READERS_PATH) <= 1075


def test_the_check_of_a_wrong_gradient_prints_what_the_page_says(capsys):
    pattern = r"```python\n(import numpy as np\nimport numgan(?:(?!```).)*?)```\n\n```text\n(.*?)```"
    code, printed = re.search(pattern, PAGE, re.DOTALL).groups()
    exec(code, {})
    assert capsys.readouterr().out.split("\n")[0] == printed.split("\n")[0]
    assert "averaged over the batch instead of summed" in printed


def test_the_layer_of_ones_own_is_right(capsys):
    (code,) = re.findall(r"```python\n(class Scale.*?)```", PAGE, re.DOTALL)
    exec("import numpy as np\nimport numgan as ng\n" + code, {})
    assert "WRONG" not in capsys.readouterr().out
