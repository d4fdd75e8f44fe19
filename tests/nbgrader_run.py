"""Asks nbgrader itself what test_exercises asks a stand-in of it. By hand, in an environment with nbgrader and numgan:

    pip install nbgrader && python tests/nbgrader_run.py

The release that it makes is, byte for byte, the one in notebooks/exercises/release; the reference gets full marks and
blanks none; each wrong answer of test_exercises.MISTAKES loses the points of its own cell and no others.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nbgrader.api import Gradebook
from notebook_tools import EXERCISES, RELEASES, SOLUTION, code, mark, read, source
from test_exercises import MISTAKES


def nbgrader(folder, *words):
    done = subprocess.run([sys.executable, "-m", "nbgrader", *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-4000:])


def submit(folder, student, notebook, answers):
    """The release of a notebook, with answers = {id of the cell: its text}, as a student's submission."""
    page = read(RELEASES / f"{notebook}.ipynb")
    for cell in code(page):
        cell["source"] = answers.get(mark(cell).get("grade_id"), source(cell))
    path = folder / "submitted" / student / "gan" / f"{notebook}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(page), encoding="utf-8")


def solutions(notebook):
    return {mark(c)["grade_id"]: source(c) for c in code(read(notebook)) if mark(c).get("solution")}


def lost(submission, notebook):
    """The ids of the cells without full marks, in the one notebook that was handed in."""
    (book,) = (book for book in submission.notebooks if book.name == notebook)
    return {grade.name for grade in book.grades if grade.score < grade.max_score}


def main():
    folder = Path(tempfile.mkdtemp())
    shutil.copytree(EXERCISES[0].parents[1], folder / "source")
    nbgrader(folder, "generate_assignment", "gan")
    for path in EXERCISES:
        made, kept = folder / "release" / "gan" / path.name, RELEASES / path.name
        assert made.read_bytes() == kept.read_bytes(), f"{path.name}: copy {made} to {kept}"
    print(f"the release is nbgrader's, in all {len(EXERCISES)} notebooks")

    for path in EXERCISES:
        submit(folder, "reference", path.stem, solutions(path))
        submit(folder, "blank", path.stem, {})
    for number, (name, wrong, body, _) in enumerate(MISTAKES):
        answers = solutions(EXERCISES[0].with_stem(name))
        answers[wrong] = SOLUTION.sub(lambda match, body=body: match[1] + body, answers[wrong])
        submit(folder, f"wrong{number:03}", name, answers)
    nbgrader(folder, "autograde", "gan")

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        best = book.find_assignment("gan").max_score
        reference, blank = (book.find_submission("gan", student) for student in ("reference", "blank"))
        print(f"reference {reference.score:g} of {best:g}, blank {blank.score:g}")
        assert reference.score == best > 0 and blank.score == 0
        for number, (name, wrong, body, _) in enumerate(MISTAKES):
            cells = lost(book.find_submission("gan", f"wrong{number:03}"), name)
            assert cells == {f"test_{wrong}"}, f"{name}, {body!r}: lost {cells}"
    print(f"{len(MISTAKES)} wrong answers: each loses its own cell alone")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
