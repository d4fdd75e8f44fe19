"""What is checked of numbers, names and paths, at the borders, and what is said."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from numgan.errors import InputError, Lazy, check_number, check_path, check_whole, guess, lookup, reason, remade

TABLE = {"ring": 1, "grid": 2, "gaussian": 3}


def refused(says, call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert str(caught.value) == says


def test_a_name_is_looked_up_or_the_nearest_is_offered():
    assert [lookup("data", name, TABLE) for name in TABLE] == [1, 2, 3]
    refused("unknown data 'gird': did you mean 'grid'?", lookup, "data", "gird", TABLE)
    refused("unknown data 'zzz': choose from ring, grid, gaussian", lookup, "data", "zzz", TABLE)
    refused("data is given by its name, got 3: choose from ring, grid, gaussian", lookup, "data", 3, TABLE)
    assert guess("rings", TABLE) == "did you mean 'ring'?" and guess("q", TABLE) == ""
    for names in (["lr_g", "lr_d", "lr"], ["lr", "lr_d", "lr_g"]):  # all are near, in whatever order they stand
        assert guess("lr_gg", names) == "did you mean 'lr_g'?" and guess("lr_dd", names) == "did you mean 'lr_d'?"
    for names in (["collapse-ring", "collapse-grid"], ["collapse-grid", "collapse-ring"]):
        assert guess("collapse-rin", names) == "did you mean 'collapse-ring'?"
        assert guess("collapse-gri", names) == "did you mean 'collapse-grid'?"


def test_a_reason_names_the_file_where_there_is_one():
    assert reason(PermissionError(13, "Permission denied", "a.npz")) == "a.npz: Permission denied"
    assert reason(OSError(28, "No space left")) == "No space left"
    assert reason(OSError("odd")) == "odd"


def test_whole_numbers():
    for value in (2, np.int64(2), np.uint8(2)):
        found = check_whole("k", value, 2)
        assert found == 2 and type(found) is int
    for value in (1, 2.0, True, "2", None, np.float32(3)):
        refused(f"k must be a whole number of 2 or more, got {value!r}", check_whole, "k", value, 2)


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        ("[0, 1)", (0, 0.5, 0.999), (-0.001, 1, 2)),
        ("(0, 1]", (0.001, 1), (0, 1.001, -1)),
        ("[2, 3]", (2, 2.5, 3), (1.9, 3.1)),
        ("(2, 3)", (2.001, 2.999), (2, 3)),
        ("(-inf, inf)", (-1e300, 0, 1e300), (np.inf, -np.inf, np.nan, 10**400)),
        ("[0, inf)", (0, 1e300), (-1e-300, np.inf)),
    ],
)
def test_numbers_lie_in_their_interval_and_ends_belong_to_it_as_the_brackets_say(interval, inside, outside):
    for value in (*inside, *map(np.float64, inside)):
        found = check_number("lr", value, interval)
        assert found == value and type(found) is float
    for value in (*outside, "1", True, None, 1j):
        refused(f"lr must be a number in {interval}, got {value!r}", check_number, "lr", value, interval)
    refused(f"lr must be a number in {interval}, got 'a': so", check_number, "lr", "a", interval, "so")
    assert check_number("lr", -7) == -7.0


def test_paths():
    assert check_path("data", "a/b") == check_path("data", Path("a") / "b") == os.path.join("a", "b")
    for value in (3, "", b"a", None):
        refused(f"data is given by a name or a path (or so), got {value!r}", check_path, "data", value, " (or so)")


@dataclass
class Thing:
    size: int
    made: int = field(default=0, init=False)

    def __post_init__(self):
        check_whole("size", self.size, 1)


class Own(Thing):
    def __init__(self):
        super().__init__(5)


def test_a_dataclass_is_made_again_with_one_other_value():
    thing = Thing(3)
    other = remade(thing, "size", 4)
    assert (other.size, thing.size) == (4, 3)
    assert remade(thing, "made", 4) is None and remade(thing, "none", 4) is None
    assert remade(Own(), "size", 4) is None
    refused("size must be a whole number of 1 or more, got 0", remade, thing, "size", 0)


def test_lazy_items_come_one_by_one_and_say_what_they_are():
    items = Lazy(iter([3, 1, 2]), "loop over me")
    assert repr(items) == "<loop over me>" and next(items) == 3 and list(items) == [1, 2]
