"""Each wrong backward pass is diagnosed by its true cause, and no right one is accused."""

import functools
import re
from pathlib import Path

import numpy as np
import pytest
from mistakes import RIGHT, WRONG, correct, early, images, late, readers
from numeric import numeric_gradient

from numgan.check import gradcheck
from numgan.check.diagnosis import cause

MODULES = {early, late, readers, images, correct}  # importing them adds their cases to WRONG and RIGHT
NUMBERS = re.compile(r"\. d(\w+)(\[[\d, ]*\]) is (\S+), central differences give (\S+)$")
AT_A_KINK = re.compile(r": d(\w+)(\[[\d, ]*\]) is (\S+), the one-sided derivatives are (\S+) and (\S+)$")


def named(case):
    return case.name


@functools.cache
def checked(case):
    """The report, and each dy that backward was given, with what it returned for it."""
    arguments, calls = case.make(), []
    theirs = arguments.get("backward")

    def listening(dy, *cache):
        kept, returned = np.array(dy), theirs(dy, *cache)
        dx, grads = returned if isinstance(returned, tuple) else (returned, {})
        calls.append((kept, {"x": np.array(dx), **{name: np.array(g) for name, g in grads.items()}}))
        return returned

    if theirs:
        arguments["backward"] = functools.wraps(theirs)(listening)
    return gradcheck(**arguments), calls


def sentences():
    """What is to be read about each case, line by line, without the numbers at the end."""
    found, lines = {}, Path(__file__).with_name("mistakes").joinpath("diagnoses.txt").read_text("utf-8").splitlines()
    for line in lines:
        if not line.startswith(" "):
            about = found[line] = []
        else:
            about.append(line.strip())
    return found


def of_the_loss(case, name):
    """L = ⟨dy, y⟩ for the dy of the check, as a function without arguments, and the tensor that it reads."""
    arguments, (_, calls) = case.make(), checked(case)
    if "value" in arguments:
        return lambda: arguments["value"](arguments["at"]), arguments["at"]
    forward, x, dy = arguments["forward"], arguments["x"], calls[0][0]

    def loss():
        y = forward(x)
        return (dy * (y[0] if isinstance(y, tuple) else y)).sum()

    return loss, {"x": x, **arguments.get("params", {})}[name]


def gradients(case, name):
    """What backward returned for this tensor in its first call, and central differences by another code."""
    arguments, (_, calls) = case.make(), checked(case)
    analytic = arguments["grad"](arguments["at"]) if "value" in arguments else calls[0][1][name]
    return analytic, numeric_gradient(*of_the_loss(case, name))


def lines_about(tensor, report):
    """The diagnosis without the tensor's name; only the lines of that tensor, if one is asked for."""
    for line in report.diagnosis.splitlines():
        about, colon, text = line.partition(": ")
        if about in tensors(report):
            if tensor in ("", about):
                yield text
        elif not tensor or tensor in tensors(report):
            yield about + colon + text


def tensors(report):
    return {c.name for c in report.comparisons}


def test_there_are_enough():
    assert {case.make.__module__ for case in WRONG + RIGHT} == {module.__name__ for module in MODULES}
    assert len(WRONG) >= 25
    assert len(RIGHT) >= 15
    assert sum(e.make.__module__ == early.__name__ for e in WRONG) >= 13
    assert len({e.name for e in WRONG + RIGHT}) == len(WRONG + RIGHT)
    assert sentences().keys() == {case.name for case in WRONG}


@pytest.mark.parametrize("case", WRONG, ids=named)
def test_a_wrong_one_is_diagnosed_by_its_true_cause(case):
    """Where one mistake spoils several tensors, each is put down to the same cause."""
    report, _ = checked(case)
    found = list(lines_about(case.tensor, report))
    assert not report.ok
    assert found, report
    assert {cause(text) for text in lines_about("", report)} == {case.cause}, report
    assert all(case.says in text for text in found), report


@pytest.mark.parametrize("case", WRONG, ids=named)
def test_each_sentence_is_the_one_written_down(case):
    report, _ = checked(case)
    assert bool(report.notes) == ("at kinks" in case.cause)
    lines = [AT_A_KINK.sub("", NUMBERS.sub("", line)) for line in report.diagnosis.splitlines()]
    assert lines == sentences()[case.name]
    wrong = {line.split(": ")[0]: line.split(": ")[1] for line in lines}
    if wrong.keys() <= tensors(report):
        kinks = "wrong at kinks" if "correct everywhere but at kinks" in wrong.values() else ""
        assert {c.name: c.verdict for c in report.comparisons} == {
            name: kinks or wrong.get(name, "ok") for name in tensors(report)
        }
    else:  # a broken rule, after which no numbers are compared
        assert {c.cells[2:] for c in report.comparisons} == {("-", "-", "-", "inf", "not compared")}


@pytest.mark.parametrize("case", [case for case in WRONG if "obj" not in case.make()], ids=named)
def test_its_numbers_are_backwards_and_those_of_other_differences(case):
    """In the sentence and in the table: at the place that they name, of which no other is worse."""
    report, _ = checked(case)
    rows = {c.name: c for c in report.comparisons}
    for line in report.diagnosis.splitlines():
        if found := NUMBERS.search(line):
            name, where, *said = found.groups()
            a, n = gradients(case, name)
            worst = tuple(map(int, where[1:-1].split(",")))
            assert [float(s) for s in said] == pytest.approx([a[worst], n[worst]], rel=2e-5, abs=1e-7)
            assert abs(a[worst] - n[worst]) == pytest.approx(np.abs(a - n).max())
            assert line.startswith(f"{name}: ")
            _, shape, at, analytic, numeric, error, _ = rows[name].cells
            assert (shape, at) == (str(n.shape), where)
            assert [float(analytic), float(numeric)] == pytest.approx([a[worst], n[worst]], rel=1e-6, abs=1e-7)
            size = max(np.abs(a).max(), np.abs(n).max())
            assert float(error) == pytest.approx(np.abs(a - n).max() / size, rel=0.06)


@pytest.mark.parametrize("case", [case for case in WRONG if "at kinks" in case.cause], ids=named)
def test_at_a_kink_its_numbers_are_backwards_and_those_of_both_sides(case):
    report, calls = checked(case)
    name, where, *said = AT_A_KINK.search(report.diagnosis).groups()
    at = tuple(map(int, where[1:-1].split(",")))
    (loss, a), h = of_the_loss(case, name), 1e-6
    here = loss()
    a[at] += h
    right = (loss() - here) / h
    a[at] -= 2 * h
    left = (here - loss()) / h
    assert left * right < 0
    expected = [calls[0][1][name][at], *sorted([left, right])]
    assert [float(s) for s in said] == pytest.approx(expected, rel=1e-4, nan_ok=True)
    assert report.notes == [
        f"{name} lies on or near a kink at {where}, where there is no derivative: compared at a point nearby"
    ]


@pytest.mark.parametrize("case", WRONG, ids=named)
def test_the_cause_does_not_depend_on_the_seed(case):
    report = gradcheck(**case.make(), seed=1)
    assert {cause(text) for text in lines_about("", report)} == {case.cause}, report


@pytest.mark.parametrize("case", RIGHT, ids=named)
def test_a_right_one_is_not_accused(case):
    report = gradcheck(**case.make(), entries=True)
    assert report.ok, report
    assert report.rel_error <= 1e-8, report


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("case", RIGHT, ids=named)
def test_a_right_one_is_right_for_any_seed(case, seed):
    report = gradcheck(**case.make(), seed=seed)
    assert report.ok, report
    assert report.rel_error <= 1e-8, report
