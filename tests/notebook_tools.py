"""What the tests of the notebooks share: reading them, and grading exercises as nbgrader would, without nbgrader."""

import json
import re
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
EXERCISES = sorted((NOTEBOOKS / "exercises" / "source" / "gan").glob("*.ipynb"))

SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION", re.DOTALL | re.MULTILINE)
HIDDEN = re.compile(r"^ *### BEGIN HIDDEN TESTS\n.*?^ *### END HIDDEN TESTS", re.DOTALL | re.MULTILINE)
BLANK = r"\1# YOUR CODE HERE\n\1raise NotImplementedError()"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def source(cell):
    return "".join(cell["source"])


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


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
