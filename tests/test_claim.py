"""A run's folder: one process at a time, and a run or nothing in it, wherever that process dies."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from numgan.app import claim, cli
from numgan.app.claim import Claim, claim_new, claim_run
from numgan.errors import InputError

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="the trials fork their children")
QUICK = ("train", "--data", "ring", "--steps", "25", "--batch", "16", "--threads", "1")


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    from benchmarks.attack.processes import Arena

    return Arena(tmp_path_factory.mktemp("arena"))


@posix
@pytest.mark.parametrize("at", [1, 4, 9, 12, 17, 23, 29, 38, 47, 55])
def test_killed_anywhere_a_run_is_finished_as_if_nothing_had_been(arena, at):
    from benchmarks.attack.processes import Child, begin

    target = arena.place()
    assert Child(begin(target), arena.log(target), die_at=at).status() == -9
    assert arena.finished(target) == "ok"


@posix
def test_killed_at_random_and_two_at_once(arena):
    from benchmarks.attack.processes import killed_at_random, pair

    rng = random.Random(1)
    assert [killed_at_random(arena, rng) for _ in range(3)] == ["ok"] * 3
    assert [pair(arena, rng) for _ in range(4)] == ["ok"] * 4


def test_the_second_is_told_who_has_the_folder(tmp_path):
    with claim_new(str(tmp_path / "a"), "ring"):
        for again in (lambda: claim_new(str(tmp_path / "a"), "ring"), lambda: Claim(tmp_path / "a")):
            with pytest.raises(InputError, match=rf"is in use by process {os.getpid()} on .* since 20"):
                again()
    assert not (tmp_path / "a").exists()  # nothing was written there


def test_of_default_names_each_run_gets_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    claims = [claim_new(None, "ring") for _ in range(3)]
    assert [c.folder for c in claims] == [Path("runs", f"ring-{i}") for i in (1, 2, 3)]
    for c in claims:
        c.release()


def test_a_lock_dies_with_its_process(tmp_path):
    code = f"""
import os, sys
from numgan.app.claim import claim_new
claim_new({str(tmp_path / "a")!r}, "ring")
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert (tmp_path / "a" / claim.LOCK).exists()
    with claim_new(str(tmp_path / "a"), "ring") as mine:
        mine.check()


def test_what_a_cut_off_first_save_leaves_is_no_run_yet_and_all_else_is_not_touched(tmp_path):
    for name in ("run.json", "frames.npz", ".0123456789abcdef.part"):
        (tmp_path / name).write_bytes(b"half")
    with pytest.raises(InputError, match=r"holds no run .* begin one there with --out"):
        claim_run(tmp_path)
    assert cli.main([*QUICK, "--out", str(tmp_path)]) == 0
    assert not list(tmp_path.glob(".*"))
    (tmp_path / "checkpoint.npz").unlink()
    with pytest.raises(InputError, match="not empty"):  # pictures: of a run, or of a person's own
        claim_new(str(tmp_path), "ring")


def test_a_folder_that_is_replaced_under_a_run_is_not_written_to(tmp_path, capsys, monkeypatch):
    from numgan.app.folder import Run

    def replaced(run, before=Run.save):
        folder = tmp_path / "a"
        folder.rename(tmp_path / "moved")
        folder.mkdir()
        (folder / "mine").touch()
        before(run)

    monkeypatch.setattr(Run, "save", replaced)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cli.main([*QUICK, "--out", str(tmp_path / "a")]) == 1
    err = capsys.readouterr().err
    assert "could not be saved" in err
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["mine"]
    (kept,) = tmp_path.glob("numgan-*")
    assert f"--resume {kept}" in err
    monkeypatch.undo()
    assert cli.main(["train", "--resume", str(kept), "--steps", "30"]) == 0
