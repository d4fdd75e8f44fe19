"""Each wrong backward pass is diagnosed by its true cause, and no right one is accused."""

import functools

import pytest
from mistakes import RIGHT, WRONG, correct, early, images, late, readers

from numgan.check import gradcheck
from numgan.check.diagnosis import cause

MODULES = {early, late, readers, images, correct}  # importing them adds their cases to WRONG and RIGHT


def named(case):
    return case.name


@functools.cache
def checked(case):
    return gradcheck(**case.make())


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


@pytest.mark.parametrize("case", WRONG, ids=named)
def test_a_wrong_one_is_diagnosed_by_its_true_cause(case):
    report = checked(case)
    found = list(lines_about(case.tensor, report))
    assert not report.ok
    assert found, report
    assert all(cause(text) == case.cause for text in found), report
    assert all(case.says in text for text in found), report


@pytest.mark.parametrize("case", WRONG, ids=named)
def test_no_other_cause_is_named_beside_the_true_one(case):
    """Where one mistake spoils several tensors, each is put down to the same cause."""
    report = checked(case)
    assert {cause(text) for text in lines_about("", report)} == {case.cause}, report


@pytest.mark.parametrize("case", WRONG, ids=named)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_cause_does_not_depend_on_the_seed(case, seed):
    report = gradcheck(**case.make(), seed=seed)
    assert {cause(text) for text in lines_about("", report)} == {case.cause}, report


@pytest.mark.parametrize("entries", [False, True], ids=["directions", "entries"])
@pytest.mark.parametrize("case", RIGHT, ids=named)
def test_a_right_one_is_not_accused(case, entries):
    report = gradcheck(**case.make(), entries=entries)
    assert report.ok, report
    assert report.rel_error <= 1e-8, report


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("case", RIGHT, ids=named)
def test_a_right_one_is_right_for_any_seed(case, seed):
    report = gradcheck(**case.make(), seed=seed)
    assert report.ok, report
