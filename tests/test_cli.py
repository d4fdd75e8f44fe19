"""The command line, as a person meets it."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from numgan.app import cli
from numgan.run import archive

QUICK = ["--data", "ring", "--batch", "32", "--steps", "50"]


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr("numgan.app.folder.Run.draw", lambda run: None)


def train(*arguments):
    return cli.main(["train", *map(str, arguments)])


@pytest.fixture(scope="module")
def ring_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "ring"
    assert train(*QUICK, "--out", folder) == 0
    return folder


def read_all(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_leaves_its_folder(ring_run):
    names = {"samples.png", "progress.png", "history.png", "history.csv", "checkpoint.npz", "frames.npz", "run.json"}
    assert {path.name for path in ring_run.iterdir()} == names
    for name in names:
        if name.endswith(".png"):
            assert (ring_run / name).read_bytes().startswith(b"\x89PNG")
    with open(ring_run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["25", "50"]
    assert {"loss_D", "loss_G", "V", "D_x", "D_Gz", "norm_D", "norm_G"} < set(rows[0])
    assert json.loads((ring_run / "run.json").read_text())["steps"] == 50


def test_digits_are_the_default_and_the_summary_says_where_things_are(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train("--steps", 2) == 0
    out, err = capsys.readouterr()
    assert "5000 rows of 28×28" in out
    assert os.path.join("runs", "digits-1") in out
    assert "samples.png" in out
    assert "health: too early to tell" in out
    assert err == ""  # no bar where there is no terminal
    monkeypatch.setattr("numgan.app.folder.Run.draw", lambda run: None)
    assert train("--steps", 1) == 0
    assert sorted(os.listdir("runs")) == ["digits-1", "digits-2"]


def test_samples_as_array_and_picture(ring_run, tmp_path, capsys):
    assert cli.main(["sample", str(ring_run), "-n", "7", "--out", str(tmp_path / "x.npz")]) == 0
    with np.load(tmp_path / "x.npz") as file:
        assert file["x"].shape == (7, 2)
    assert cli.main(["sample", str(ring_run / "checkpoint.npz"), "--out", str(tmp_path / "x.png")]) == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert "64 samples" in capsys.readouterr().out


def test_penalties(tmp_path, capsys, no_pictures):
    assert train(*QUICK[:4], "--steps", 3, "--penalty", "r1", "--penalty-weight", 2, "--out", tmp_path / "a") == 0
    about = archive.read(tmp_path / "a" / "checkpoint.npz")[1]
    assert about["penalty"] == {"type": "R1", "gamma": 2.0, "every": 1}
    assert train("--resume", tmp_path / "a", "--steps", 5) == 0
    clip = ("--loss", "wasserstein", "--clip", 0.01)
    assert train(*QUICK[:4], "--steps", 3, *clip, "--penalty", "wgan_gp", "--out", tmp_path / "b") == 0
    about = archive.read(tmp_path / "b" / "checkpoint.npz")[1]
    assert (about["penalty"], about["settings"]["clip"]) == ({"type": "WGANGP", "lam": 10.0, "every": 1}, 0.01)
    assert train("--penalty", "r3") == 2
    assert train("--penalty-weight", "3") == 2
    assert train("--resume", tmp_path / "a", "--steps", 9, "--penalty", "r1") == 2
    err = capsys.readouterr().err
    assert "unknown penalty 'r3': choose from r1, r2, wgan_gp" in err
    assert "add --penalty r1" in err
    assert "--penalty cannot be changed" in err


def test_the_seed_repeats_a_run(ring_run, tmp_path, no_pictures):
    assert train(*QUICK, "--out", tmp_path / "again") == 0
    assert train(*QUICK, "--seed", 1, "--out", tmp_path / "other") == 0
    folders = (ring_run, tmp_path / "again", tmp_path / "other")
    theta = [archive.read(folder / "checkpoint.npz")[0]["theta_G"] for folder in folders]
    assert (theta[0] == theta[1]).all()
    assert (theta[0] != theta[2]).any()


@pytest.mark.parametrize(
    ("model", "shape"), [("images", (5, 4)), ("goodfellow2014", (5, 4)), ("dcgan", (8, 4)), ("dcgan", (4, 8, 3))]
)
def test_own_images_and_every_model(model, shape, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (120, *shape), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", x=x)
    settings = ["--model", model, "--steps", 2, "--batch", 20, "--out", tmp_path / "r"]
    assert train("--data", tmp_path / "own.npz", *settings) == 0
    assert cli.main(["sample", str(tmp_path / "r"), "-n", "3", "--out", str(tmp_path / "x.npz")]) == 0
    with np.load(tmp_path / "x.npz") as file:
        assert file["x"].shape == (3, np.prod(shape))
        assert file["x"].min() >= 0
        assert file["x"].max() <= 1


def test_data_whose_rows_are_all_the_same(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("numgan.app.train.HEALTH_EVERY", 25)
    np.save(tmp_path / "x.npy", np.ones((500, 3)))
    assert train("--data", tmp_path / "x.npy", "--steps", 25, "--batch", 16, "--out", tmp_path / "r") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("health: ")]
    assert "too early" not in line


@pytest.mark.parametrize("name", ["gaussian", "mixture", "grid"])
def test_every_toy_trains(name, tmp_path, request):
    if name != "gaussian":  # one column is another kind of picture
        request.getfixturevalue("no_pictures")
    assert train("--data", name, "--steps", 2, "--out", tmp_path / "r") == 0


@pytest.mark.parametrize("loss", ["minimax", "least_squares", "wasserstein", "hinge"])
def test_every_loss_trains_with_every_option(loss, tmp_path, no_pictures):
    options = {"loss": loss, "k": 2, "ema": 0, "threads": 1, "seed": 5}
    options |= {"lr": 1e-4, "lr-g": 1e-3, "beta1": 0.0, "beta2": 0.9}
    assert train(*QUICK[:-1], 3, "--out", tmp_path / "r", *(f"--{k}={v}" for k, v in options.items())) == 0
    about = archive.read(tmp_path / "r" / "checkpoint.npz")[1]
    assert about["optimizers"][0] == {"type": "Adam", "lr": 1e-3, "beta1": 0.0, "beta2": 0.9, "eps": 1e-8}
    assert about["optimizers"][1]["lr"] == 1e-4
    assert about["settings"] | {"n_z": 2} == {
        "batch": 32, "k": 2, "seed": 5, "ema": None, "noise": "normal", "n_z": 2, "threads": 1,
        "clip": None, "conditional": False, "together": False,
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "dgits"], "did you mean 'digits'"),
        (["--data", "no/such.npz"], "no/such.npz"),
        (["--model", "image"], "did you mean 'images'"),
        (["--loss", "hing"], "did you mean 'hinge'"),
        (["--steps", "0"], "--steps must be a whole number of 1 or more, got 0"),
        (["--steps", "many"], "many"),
        (["--batch", "-3"], "got -3"),
        (["--batch", "6000"], "5000 rows"),
        (["--k", "0"], "k must be"),
        (["--lr", "-1"], "lr must be"),
        (["--beta1", "1.5"], "beta1 must be"),
        (["--seed", "-1"], "--seed must be"),
        (["--ema", "2"], "ema, a decay"),
        (["--threads", "0"], "--threads must be"),
        (["--model", "goodfellow2014", "--beta1", "0.5"], "trains with SGD, which has no beta1"),
        (["--data", "ring", "--model", "dcgan"], "sides are multiples of 4, got points"),
        (["--bach", "3"], "--bach"),
        (["--step", "3"], "numgan [COMMAND] --help"),
        (["--resume", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_status_2_and_touches_nothing(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert train(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert err.startswith("numgan: error: ")
    assert err.count("\n") == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("x", [np.full((100, 3), np.nan), np.zeros((0, 3)), np.zeros((100, 3), dtype=np.uint8)])
def test_bad_data_is_refused(x, tmp_path, capsys):
    np.save(tmp_path / "x.npy", x)
    assert train("--data", tmp_path / "x.npy", "--out", tmp_path / "r") == 2
    assert not (tmp_path / "r").exists()
    assert capsys.readouterr().err.count("\n") == 1


def test_nothing_in_a_folder_is_ever_overwritten(ring_run, tmp_path, capsys):
    before = read_all(ring_run)
    assert train(*QUICK, "--out", ring_run) == 2
    assert "--resume" in capsys.readouterr().err
    assert cli.main(["sample", str(ring_run), "--out", str(ring_run / "checkpoint.npz")]) == 2
    assert train("--resume", ring_run, "--steps", 49) == 2
    assert "50 steps already" in capsys.readouterr().err
    assert train("--resume", ring_run, "--lr", "0.1") == 2
    assert "--lr cannot be changed" in capsys.readouterr().err
    assert read_all(ring_run) == before
    (tmp_path / "homework.txt").write_text("mine")
    assert train(*QUICK, "--out", tmp_path) == 2
    assert train(*QUICK, "--out", tmp_path / "homework.txt") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["homework.txt"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sample", "nowhere"], "nowhere"),
        (["sample", ".", "-n", "4"], "holds no run"),
        (["sample", "RUN", "-n", "0"], "n must be"),
        (["sample", "RUN", "--seed", "-1"], "seed must be"),
        (["sample", "RUN", "--out", "x.jpg"], ".png"),
        (["sample", "RUN", "--out", "no/x.png"], "no folder"),
        (["trian"], "train"),
        ([], "--help"),
    ],
)
def test_bad_commands(arguments, says, ring_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main([str(ring_run) if a == "RUN" else a for a in arguments]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_a_diverging_run_keeps_its_last_good_checkpoint(tmp_path, capsys, monkeypatch, no_pictures):
    monkeypatch.setattr("numgan.app.folder.SAVE_EVERY", 25)
    folder = tmp_path / "r"
    assert train(*QUICK, "--out", folder) == 0
    kept = (folder / "checkpoint.npz").read_bytes()
    monkeypatch.setattr("numgan.losses.NonSaturating.generator", lambda self, a: (a.mean() * np.nan, a * np.nan))
    assert train("--resume", folder, "--steps", 100) == 1
    err = capsys.readouterr().err
    assert "step 75: loss_D = nan, loss_G = nan" in err
    assert "learning rate" in err
    assert "last good checkpoint is kept" in err
    assert (folder / "checkpoint.npz").read_bytes() == kept


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    folder = tmp_path / "r"
    command = [sys.executable, "-m", "numgan", "train", "--data", "ring", "--batch", "16", "--steps", "1000000"]
    command += ["--out", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (folder / "checkpoint.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert f"numgan train --resume {folder}" in out
    step = archive.read(folder / "checkpoint.npz")[1]["step"]
    assert step > 0
    assert train("--resume", folder, "--steps", step + 25) == 0


def test_help_answers_without_the_heavy_imports():
    code = "import sys; from numgan.app import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print('HEAVY' if {'matplotlib', 'tqdm'} & set(sys.modules) else 'LIGHT')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "train" in result.stdout
    assert result.stdout.endswith("LIGHT\n")


COMMANDS = ["train", "sweep", "sample", "evaluate", "gradcheck", "gpucheck", "lab", "uses", "data"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_in_its_help_what_it_does(command, capsys):
    for words in ([], [command]):
        with pytest.raises(SystemExit):
            cli.main([*words, "--help"])
    in_all, own = capsys.readouterr().out.split("usage: ")[1:]
    about = re.search(rf"^    {command}  +(.*)$", in_all, re.MULTILINE)[1]
    assert f"\n\n{about[0].upper()}{about[1:20]}" in own
