"""What the tests of the notebooks share: reading them, running them, and grading exercises as nbgrader would.

    python tests/notebook_tools.py notebooks/05_algorithm_1.ipynb ...     # run again, and keep the new outputs
"""

import json
import re
import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
EXERCISES = sorted((NOTEBOOKS / "exercises" / "source" / "gan").glob("*.ipynb"))
RELEASES = NOTEBOOKS / "exercises" / "release" / "gan"

SECONDS = 60  # that a cell may take
WIDGET = "application/vnd.jupyter.widget-view+json"

# Run before each notebook: warnings are errors, and progress bars leave nothing on the page.
STRICT = r"""
import os, warnings
os.environ["TQDM_DISABLE"] = "1"
warnings.filterwarnings("error", module=r"numgan\b|__main__|ipykernel_\d+")
warnings.filterwarnings("ignore", message="IProgress not found")
"""

SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION", re.DOTALL | re.MULTILINE)
HIDDEN = re.compile(r"^ *### BEGIN HIDDEN TESTS\n.*?^ *### END HIDDEN TESTS", re.DOTALL | re.MULTILINE)
BLANK = r"\1# YOUR CODE HERE\n\1raise NotImplementedError()"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def source(cell):
    return "".join(cell["source"])


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def execute(path):
    """The notebook as a run leaves it. Warnings that the package or the page cause are errors."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    here = {"metadata": {"path": path.parent}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=here, record_timing=False).execute()
    del notebook.cells[0]
    for cell in code(notebook):  # what lives in a kernel alone is there or not with ipywidgets
        cell["outputs"] = [output for output in cell["outputs"] if WIDGET not in output.get("data", {})]
    return notebook


def renew(path):
    """Runs the notebook at `path` and keeps the new outputs there; all else on the page stays as it is."""
    page = read(path)
    for number, (old, new) in enumerate(zip(code(page), code(execute(path)), strict=True), start=1):
        old["execution_count"], old["outputs"] = number, _joined(new["outputs"])
        for result in (output for output in old["outputs"] if "execution_count" in output):
            result["execution_count"] = number
    path.write_text(json.dumps(page, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def _joined(outputs):
    """Pieces of one stream that follow each other, as one; without views of widgets, which need a kernel."""
    joined = []
    for output in outputs:
        if WIDGET in output.get("data", {}):
            continue
        if joined and output["output_type"] == "stream" and output["name"] == joined[-1].get("name"):
            joined[-1]["text"] += output["text"]
        else:
            joined.append(output)
    return joined


def mark(cell):
    """The cell's nbgrader metadata, or {}."""
    return cell["metadata"].get("nbgrader", {})


def reference(cell):
    return source(cell)


def released(cell):
    """What a student gets."""
    return HIDDEN.sub("", SOLUTION.sub(BLANK, source(cell)))


def grade(notebook, answers):
    """Points by the id of each graded cell, and what each failure said; answers(cell) is the text of a solution cell.

    As nbgrader does: every cell runs, after a failure too, and a graded cell counts in full or not at all.
    """
    room, points, said = {"__name__": "__main__"}, {}, {}
    for cell in code(notebook):
        text = answers(cell) if mark(cell).get("solution") else source(cell)
        failure = _run("".join(line for line in text.splitlines(True) if not line.startswith("%")), room)
        if mark(cell).get("grade"):
            points[mark(cell)["grade_id"]] = 0 if failure else mark(cell)["points"]
            said[mark(cell)["grade_id"]] = failure
    return points, said


def _run(text, room):
    try:
        exec(compile(text, "cell", "exec"), room)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        renew(Path(argument))
