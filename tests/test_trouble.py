"""The command line in a hostile place: one line, the right status, and the trained state saved wherever it can be."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from numgan.app import cli
from numgan.app.folder import Run

QUICK = ("train", "--data", "ring", "--steps", "25", "--batch", "16", "--threads", "1")
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr(Run, "draw", lambda run: None)


@pytest.fixture(scope="module")
def quick_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quick") / "r"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "draw", lambda run: None)
        assert cli.main([*QUICK, "--out", str(folder)]) == 0
    return folder


def command(*arguments, **how):
    how = {"capture_output": True, "text": True, "timeout": 120} | how
    return subprocess.run([sys.executable, "-m", "numgan", *map(str, arguments)], **how)


def check_one_line(capsys, *words):
    err = capsys.readouterr().err
    assert err.count("\n") == 1, err
    for word in ("numgan: error: ", *words):
        assert word in err


# Output that cannot be printed.


def test_a_terminal_without_greek_gets_question_marks(tmp_path):
    encoding = "cp1252"
    env = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    with (tmp_path / "log.txt").open("wb") as log:
        done = command(*QUICK, "--out", tmp_path / "r", env=env, stdout=log, capture_output=False)
    assert done.returncode == 0
    assert "log 4 = " in (tmp_path / "log.txt").read_text(encoding=encoding)


def test_nobody_reads(tmp_path):
    read, write = os.pipe()
    os.close(read)
    done = command("lab", stdout=write, stderr=subprocess.PIPE, capture_output=False)
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == ""


@needs_full
def test_the_output_goes_to_a_full_disk(tmp_path):
    with open("/dev/full", "w") as full:
        done = command(*QUICK, "--out", tmp_path / "r", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 1
    assert done.stderr == "numgan: error: No space left on device\n"
    assert (tmp_path / "r" / "samples.png").exists()


@pytest.mark.skipif(os.name != "posix", reason="closes file descriptors by a shell")
def test_closed_streams(tmp_path):
    line = f'"{sys.executable}" -m numgan {" ".join(QUICK)} --out "{tmp_path}/r" 1>&- 2>&-'
    assert subprocess.run(line, shell=True, timeout=120, capture_output=True).returncode == 0
    assert (tmp_path / "r" / "samples.png").exists()
    for closed in ("1>&-", "2>&-"):
        line = f'"{sys.executable}" -m numgan lab {closed}'
        assert subprocess.run(line, shell=True, timeout=120, capture_output=True).returncode == 0


# Places that cannot be written to.


@pytest.mark.parametrize(
    ("out", "why"),
    [
        ("file/sub", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("nul\0", "null"),
        ("", ""),
        ("file", "exists"),
    ],
)
def test_folders_that_cannot_be_made(out, why, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert cli.main([*QUICK, "--out", out]) == 2
    check_one_line(capsys, "--out", why)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX permissions")
def test_folders_that_may_not_be_written_to(tmp_path, capsys, monkeypatch, no_pictures):
    assert cli.main([*QUICK, "--out", str(tmp_path / "r")]) == 0
    capsys.readouterr()
    denied = PermissionError(13, "Permission denied", str(tmp_path / "r"))
    with monkeypatch.context() as patch:  # a superuser may write everywhere: the lock stands for the system's no
        patch.setattr("numgan.app.claim.FileLock.acquire", lambda lock: (_ for _ in ()).throw(denied))
        for line in ([*QUICK, "--out", str(tmp_path / "new")], ["train", "--resume", str(tmp_path / "r")]):
            assert cli.main(line) == 2
            check_one_line(capsys, "Permission denied")
        patch.setattr("tempfile.TemporaryFile", lambda **_: (_ for _ in ()).throw(denied))
        assert cli.main(["sample", str(tmp_path / "r"), "--out", str(tmp_path / "x.png")]) == 2
        check_one_line(capsys, "Permission denied")


def test_the_working_directory_is_gone(tmp_path, monkeypatch, no_pictures):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert cli.main(["train", "--steps", "1"]) == 2
    monkeypatch.chdir(tmp_path)


# A disk that fills up under way.


def full(*_, **__):
    raise OSError(28, "No space left on device", "checkpoint.npz")


def test_a_full_disk_in_mid_run_is_said_and_tried_again(tmp_path, capsys, monkeypatch, no_pictures):
    monkeypatch.setattr("numgan.app.folder.SAVE_EVERY", 25)
    save, tries = Run._save_in, []

    def full_at_first(run, folder):
        tries.append(run.training.step)
        full() if len(tries) == 1 else save(run, folder)

    monkeypatch.setattr(Run, "_save_in", full_at_first)
    assert cli.main([*QUICK, "--steps", "75", "--out", str(tmp_path / "r")]) == 0
    assert tries == [25, 50, 75]
    assert "step 25 could not be saved (checkpoint.npz: No space left on device)" in capsys.readouterr().err


def test_a_full_disk_at_the_end_saves_elsewhere(tmp_path, capsys, monkeypatch, no_pictures):
    elsewhere, save = tmp_path / "elsewhere", Run._save_in
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    monkeypatch.setattr(Run, "_save_in", lambda run, to: save(run, to) if elsewhere in to.parents else full())
    assert cli.main([*QUICK, "--out", str(tmp_path / "r")]) == 1
    (kept,) = elsewhere.iterdir()
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert first == "numgan: error: the run could not be saved (checkpoint.npz: No space left on device)"
    assert second.startswith(f"it is in {kept}; to go on:  ") and second.endswith(f" train --resume {kept}") and not out
    assert not (tmp_path / "r").exists()
    monkeypatch.undo()
    monkeypatch.setattr(Run, "draw", lambda run: None)
    assert cli.main(["train", "--resume", str(kept), "--steps", "50"]) == 0
    assert "50 in all" in capsys.readouterr().out


def test_nowhere_to_save(tmp_path, capsys, monkeypatch, no_pictures):
    monkeypatch.setattr(Run, "_save_in", full)
    assert cli.main([*QUICK, "--out", str(tmp_path / "r")]) == 1
    err = capsys.readouterr().err
    assert "could not be saved" in err
    assert "nor elsewhere" in err


def test_a_file_size_limit(tmp_path):
    if not hasattr(os, "fork"):
        pytest.skip("ulimit is POSIX")
    line = f'ulimit -f 8; "{sys.executable}" -m numgan {" ".join(QUICK)} --out "{tmp_path}/r"'
    done = subprocess.run(["bash", "-c", line], timeout=120, capture_output=True, text=True)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    said = done.stderr.partition("Exception ignored")[0]  # by Python 3.10's zipfile, as it is thrown away
    assert "Traceback" not in said


def test_a_divergence_in_the_last_save(tmp_path, capsys, monkeypatch, no_pictures):
    save = Run.save

    def poisoned(run):
        run.training.G.theta[0] = np.nan
        save(run)

    monkeypatch.setattr(Run, "save", poisoned)
    assert cli.main([*QUICK, "--out", str(tmp_path / "r")]) == 1
    assert "diverged at step 25: theta_G holds values that are not finite" in capsys.readouterr().err


# Requests beyond reason.


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["sample", "RUN", "-n", "100000000000"], "at most"),
        (["sample", "RUN", "-n", "20000"], "at most"),
        (["sample", "RUN", "-n", "0"], "-n must be a whole number of 1 or more"),
        (["sample", "RUN", "--seed", "-1"], "--seed must be"),
        (["lab", "idle", "--seed", "-1"], "--seed must be"),
        (["train", "--threads", "0"], "--threads must be"),
    ],
)
def test_numbers_beyond_reason(line, says, quick_run, capsys):
    assert cli.main([str(quick_run) if word == "RUN" else word for word in line]) == 2
    check_one_line(capsys, says)


def test_images_of_height_1_and_a_single_row(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "flat.npz", x=rng.integers(0, 256, (20, 1, 6)).astype("uint8"))
    np.save(tmp_path / "one.npy", rng.random((1, 2)))
    for name, batch in (("flat.npz", 8), ("one.npy", 1)):
        line = ["train", "--data", str(tmp_path / name), "--batch", str(batch), "--steps", "3"]
        assert cli.main([*line, "--out", str(tmp_path / f"r{batch}")]) == 0
        assert (tmp_path / f"r{batch}" / "progress.png").exists()
        assert cli.main(["sample", str(tmp_path / f"r{batch}"), "-n", "1"]) == 0


# Data that moved.


def test_a_data_file_that_moved_is_named_again(tmp_path, capsys, no_pictures):
    x = np.random.default_rng(0).standard_normal((40, 2)).astype("float32")
    np.save(tmp_path / "a.npy", x)
    run = str(tmp_path / "r")
    assert cli.main(["train", "--data", str(tmp_path / "a.npy"), "--batch", "8", "--steps", "3", "--out", run]) == 0
    (tmp_path / "a.npy").rename(tmp_path / "b.npy")
    np.save(tmp_path / "other.npy", -x)
    capsys.readouterr()
    assert cli.main(["train", "--resume", run, "--steps", "6"]) == 2
    check_one_line(capsys, "say where it is with --data")
    assert cli.main(["train", "--resume", run, "--steps", "6", "--data", str(tmp_path / "other.npy")]) == 2
    check_one_line(capsys, "trained on other data")
    assert cli.main(["train", "--resume", run, "--steps", "6", "--data", str(tmp_path / "b.npy")]) == 0
    assert cli.main(["train", "--resume", run, "--steps", "9"]) == 0  # it remembers


def test_a_finished_run_is_drawn_again(tmp_path, capsys):
    run = tmp_path / "r"
    assert cli.main([*QUICK, "--out", str(run)]) == 0
    (run / "progress.png").unlink()
    before = (run / "checkpoint.npz").read_bytes()
    assert cli.main(["train", "--resume", str(run)]) == 0
    assert (run / "progress.png").exists()
    assert (run / "checkpoint.npz").read_bytes() == before
    assert cli.main(["train", "--resume", str(run), "--steps", "20"]) == 2
    assert "has made 25 steps already" in capsys.readouterr().err
