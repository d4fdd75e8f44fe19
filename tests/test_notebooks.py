"""The notebooks are as they should be on the page, name nothing that is gone, and run without a word of complaint.

The plain `pytest` reads all of them and runs the quickest; `pytest -m notebooks` runs every one in a real kernel.
"""

import ast
import base64
import builtins
import configparser
import importlib.util
import inspect
import re
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from notebook_tools import EXERCISES, LESSONS, NOTEBOOKS, code, execute, grade, read, reference, source

import numgan as ng
from numgan.app.cli import _parser
from numgan.lab.gallery import GALLERY

ROOT = NOTEBOOKS.parent
QUICKEST = {"02_forward_and_backward"}
LIMIT = 1_000_000  # bytes of a notebook
PAGES = [ROOT / "README.md", *(ROOT / room / "README.md" for room in ("numgan", "notebooks", "tests"))]
TEXTS = sorted([*LESSONS, *EXERCISES, *PAGES, NOTEBOOKS / "GLOSSARY.md"])
OTHERS = [ROOT / "benchmarks" / "README.md", ROOT / "tests" / "MUTANTS.md"]  # which speak of other programs, too
MACHINE = re.compile(r"/(home|root|tmp|work|Users|usr|opt|content)/|[A-Z]:\\\\|site-packages")
LINK = re.compile(r"\[[^]]*\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


def ids(paths):
    return [path.relative_to(ROOT).with_suffix("").as_posix() for path in paths]


each_lesson = pytest.mark.parametrize("path", LESSONS, ids=ids(LESSONS))
each_text = pytest.mark.parametrize("path", TEXTS, ids=ids(TEXTS))
each_notebook = pytest.mark.parametrize("path", [*LESSONS, *EXERCISES], ids=ids([*LESSONS, *EXERCISES]))


def prose(path):
    """The text of a page, without its blocks of code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n\n".join(source(cell) for cell in read(path)["cells"] if cell["cell_type"] == "markdown")
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


# As they stand on the page


def test_lessons_in_order():
    assert [path.name[:2] for path in LESSONS] == [f"{i:02}" for i in range(len(LESSONS))]
    assert len(LESSONS) >= 11


@each_notebook
def test_the_first_cell_is_the_same_everywhere(path):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    first = source(code(read(path))[0])
    assert first == source(code(read(LESSONS[0]))[0])
    assert f'REPOSITORY = "{setup["metadata"].get("url", "")}"' in first
    assert "pip install numgan" not in path.read_text(encoding="utf-8")


@each_notebook
def test_no_badge_before_there_is_an_address(path):
    if 'REPOSITORY = ""' in source(code(read(path))[0]):
        assert "colab" not in path.read_text(encoding="utf-8").lower()


@each_notebook
def test_a_notebook_is_small_and_knows_no_machine(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) <= LIMIT
    found = MACHINE.search(re.sub(r'"image/png": "[^"]*"|base64,[\w+/=]*', "", text))
    assert not found, found
    notebook = read(path)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert notebook["nbformat"] == 4


@each_lesson
def test_outputs_are_those_of_one_run_from_top_to_bottom(path):
    cells = code(read(path))
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    for output in (output for cell in cells for output in cell["outputs"]):
        assert output["output_type"] in {"stream", "display_data", "execute_result"}
        assert output.get("name") != "stderr", output
        assert not {"video/mp4", "image/gif"} & output.get("data", {}).keys(), "films are HTML"
        html = "".join(output.get("data", {}).get("text/html", ""))
        assert not re.search(r"(src|href)=.https?:", html), "a page needs no network"


@each_lesson
def test_a_lesson_has_its_parts(path):
    text = prose(path)
    assert text.startswith(f"# {int(path.name[:2])} · ") and "**Question.**" in text
    for part in ("## What you should have seen", "## Exercises", "CC BY 4.0"):
        assert part in text
    assert any(re.match(r"\s*assert ", line) for cell in code(read(path)) for line in source(cell).splitlines())
    longest = max((p for p in text.split("\n\n") if not p.startswith("|")), key=len)
    assert len(longest) < 900, f"a wall of text: {longest[:80]}"


@pytest.mark.parametrize("path", [*TEXTS, *OTHERS], ids=ids([*TEXTS, *OTHERS]))
def test_links_lead_somewhere(path):
    for target, heading in LINK.findall(prose(path)):
        if not re.match(r"https?:|mailto:|attachment:", target):
            page = path.parent / target if target else path
            assert page.exists(), target
            assert not heading or heading in anchors(page), f"{target}#{heading}"


def anchors(page):
    """What a link may name on a page: its headings in small letters, without marks, with hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_a_link_to_nowhere_is_found():
    assert LINK.findall("[a](b.md#two-traps) [c](d.md) [e](#f)") == [("b.md", "two-traps"), ("d.md", ""), ("", "f")]
    assert "two-traps-between-the-formula-and-the-code" in anchors(ROOT / "numgan" / "README.md")


# The names in the prose


def known(path):
    """What the names in a page stand for: the page's own imports, and the words that the course always uses."""
    G = ng.Network([ng.Linear(2, 2)], seed=0)
    D = ng.Network([ng.Linear(2, 2), ng.LeakyReLU(0.2), ng.Linear(2, 1)], seed=1)
    data = ng.data.ring(64)
    loss, recipe, opt = ng.losses.minimax, GALLERY["collapse-ring"], ng.Adam()
    run = ng.Training(G.copy(), D.copy(), data, batch=32)
    room = {"np": np, "xp": np, "ng": ng, "numgan": ng, "G": G, "D": D, "net": G, "data": data, "run": run}
    room |= {"self": run, **vars(ng.losses)}
    room |= {"loss": loss, "recipe": recipe, "opt": opt, "layer": G.layers[0]}
    room |= {"first": D.layers[0], "last": D.layers[2]}
    room |= {"optimizer": opt, "opt_g": opt, "opt_d": opt, "record": ng.training.Record, "GALLERY": GALLERY}
    room |= {"info": ng.discriminator_gradient(G, D, data.x[:8], data.x[:8], loss)}
    room |= {"W": np.ones((2, 2)), "x": data.x, "report": ng.gradcheck(ng.Tanh())}
    room |= {name: importlib.import_module(f"numgan.{name}") for name in ("plots", "metrics", "models", "classifier")}
    lab = {name: importlib.import_module(f"numgan.lab.{name}") for name in ("theory", "dynamics", "snapshot", "health")}
    room |= {**lab, "lab_plots": importlib.import_module("numgan.lab.plots")}
    room |= {name: importlib.import_module(f"numgan.uses.{name}") for name in ("captions", "words")}
    if path.suffix == ".ipynb":
        for cell in code(read(path))[1:]:
            imports = [n for n in ast.parse(source(cell)).body if isinstance(n, ast.Import | ast.ImportFrom)]
            exec(compile(ast.Module(imports, []), "imports", "exec"), room)
    return room


def words(path):
    """Every word of the package's code and of this page's, and the names of its files."""
    text = "".join(f"{file.stem} {file.read_text(encoding='utf-8')}" for file in (ROOT / "numgan").rglob("*.py"))
    text += "".join(source(cell) for cell in code(read(path))) if path.suffix == ".ipynb" else ""
    return set(re.findall(r"\w+", text))


def unknown(span, room, vocabulary):
    """The first name in a span of code that stands for nothing, or None."""
    if span.startswith("numgan "):
        commands = next(a.choices for a in _parser()._actions if a.choices)
        return None if span.split()[1] in {*commands, "--help"} else span
    try:
        tree = ast.parse(span.strip().removesuffix("=").replace("…", "...").replace("=...", "=0"))
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (chain := _chain(node)):
            root, *names = chain
            if root not in room:
                return None if Path(span).suffix in {".py", ".ipynb", ".md", ".cfg", ".png", ".csv", ".npz"} else span
            thing = room[root]
            for name in names:
                if not hasattr(thing, name) and name not in getattr(thing, "__annotations__", {}):
                    return span
                thing = getattr(thing, name, None)
        if isinstance(node, ast.Name) and node.id not in vocabulary | room.keys() | vars(builtins).keys():
            return None if Path(span).suffix or importlib.util.find_spec(node.id) else node.id
        if isinstance(node, ast.Call) and (chain := _chain(node.func)) and chain[0] in room:
            thing = room[chain[0]]
            for name in chain[1:]:
                thing = getattr(thing, name, None)
            try:
                parameters = inspect.signature(thing).parameters if callable(thing) else {}
            except ValueError:  # of some of NumPy's functions, older versions do not tell
                continue
            if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                continue
            for keyword in node.keywords:
                if keyword.arg not in parameters:
                    return f"{span}: {keyword.arg}"
    return None


def _chain(node):
    """["ng", "losses", "minimax"] for ng.losses.minimax; None where it does not begin with a name."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *names[::-1]] if isinstance(node, ast.Name) else None


@each_text
def test_the_prose_names_only_what_exists(path):
    room, vocabulary = known(path), words(path)
    spans = [span for span in re.findall(r"`([^`\n]+)`", prose(path)) if not span.startswith("/")]
    gone = [name for span in spans if (name := unknown(span, room, vocabulary))]
    assert not gone, gone


@pytest.mark.parametrize("span", ["ng.Addam", "G.gradient", "ng.Adam(learning=1)", "numgan trane", "minibatchz"])
def test_a_name_that_is_gone_is_found(span):
    assert unknown(span, known(LESSONS[0]), words(LESSONS[0]))


# The code on the page


def shown(cell):
    """The expressions whose source a cell prints: ["ng.Linear.forward", …]."""
    calls = (node for node in ast.walk(ast.parse(source(cell))) if isinstance(node, ast.Call))
    return [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "inspect.getsource"]


def printed(cell):
    return "".join("".join(o["text"]) for o in cell["outputs"] if o.get("name") == "stdout")


@each_notebook
def test_source_on_a_page_is_todays_source(path):
    """What a cell printed of the package when it ran must be what stands in the package now."""
    room = known(path)
    for cell in code(read(path))[1:]:
        names = shown(cell)
        assert len(names) == source(cell).count("getsource("), "print(inspect.getsource(NAME)), which this test reads"
        today = "".join(inspect.getsource(eval(name, room)) + "\n" for name in names)
        assert printed(cell).startswith(today), f"{names}: run python tests/notebook_tools.py {path.name} again"


def test_lessons_show_source():
    names = [name for path in LESSONS for cell in code(read(path))[1:] for name in shown(cell)]
    assert len(names) >= 20
    assert "ng.Training._update" in names


# In a real kernel


RUNS = [pytest.param(p, id=p.stem, marks=() if p.stem in QUICKEST else pytest.mark.notebooks) for p in LESSONS]


@pytest.mark.filterwarnings("default")  # Jupyter's own
@pytest.mark.parametrize("path", RUNS)
def test_a_lesson_runs(path):
    fresh, kept = code(execute(path)), code(read(path))
    for new, old in zip(fresh, kept, strict=True):
        outputs = new["outputs"]
        assert not [o for o in outputs if o.get("name") == "stderr"], outputs
        kinds = [[kind for kind, _ in groupby(o["output_type"] for o in cell["outputs"])] for cell in (new, old)]
        assert kinds[0] == kinds[1], f"the outputs on the page are not those of this cell: {source(old)[:80]}"
        for image in (o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {})):
            assert base64.b64decode(image).startswith(b"\x89PNG")
    assert sum(len(str(cell["outputs"])) for cell in fresh) <= LIMIT


@pytest.mark.notebooks
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("path", EXERCISES, ids=ids(EXERCISES))
def test_an_exercise_runs_with_its_solutions(path):
    assert not [o for cell in code(execute(path)) for o in cell["outputs"] if o.get("name") == "stderr"]
    assert all(grade(read(path), reference)[0].values())
