"""What people type, and what stands in a run's folder: options beside their settings, claims beside what they claim."""

import csv
import io
import json
import os
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import numgan as ng
from numgan import data, losses, models, plots
from numgan.app import begin, claim, cli, folder, source
from numgan.app import train as training_command
from numgan.app.claim import Claim, claim_new, claim_run
from numgan.app.folder import Run, read_frames
from numgan.errors import DivergedError, InputError
from numgan.lab.health import Health
from numgan.run import archive
from numgan.run.output import new_file
from numgan.run.record import Record
from numgan.run.schema import describe
from numgan.run.state import Checkpoint

POINTS = np.random.default_rng(0).normal([3, -1], 0.5, (24, 2))
IMAGES = np.random.default_rng(1).integers(0, 256, (70, 8, 4), dtype=np.uint8)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A file of points and one of images with labels."""
    place = tmp_path_factory.mktemp("own")
    np.save(place / "points.npy", POINTS)
    np.savez(place / "images.npz", x=IMAGES, y=np.arange(70) % 3)
    return place


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr(Run, "draw", lambda run: None)


@pytest.fixture
def no_steps(monkeypatch, no_pictures):
    """A run is made from its options, saved, and that is all."""
    monkeypatch.setattr(training_command, "_follow", lambda run, stopped: run.keep_frame())


def train(*words):
    return cli.main(["train", *map(str, words)])


def about(run):
    return archive.read(run / "checkpoint.npz")[1]


def tiny(conditional=False):
    """Stands for the networks of a model: of its data and its seed, and small."""

    def networks(rows, seed, xp=np):
        c, kind = 3 * conditional, ng.Conditional if conditional else ng.Network
        n, label = rows.x.shape[1], [[ng.Label(width, 3)] * conditional for width in (2, rows.x.shape[1])]
        G = kind([*label[0], ng.Linear(2 + c, n)], seed=2 * seed, xp=xp)
        return G, kind([*label[1], ng.Linear(n + c, 1)], seed=2 * seed + 1, xp=xp)

    return networks


def flat(value, at=""):
    """Every leaf of a description, by its path."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    return {at: value} if pairs is None else {k: v for name, one in pairs for k, v in flat(one, f"{at}/{name}").items()}


# Options


@pytest.fixture(scope="module")
def untouched(own, tmp_path_factory):
    """What is said of a run without options."""
    run = tmp_path_factory.mktemp("runs") / "r"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "draw", lambda run: None)
        patch.setattr(training_command, "_follow", lambda run, stopped: run.keep_frame())
        assert train("--data", own / "points.npy", "--batch", 8, "--threads", 1, "--out", run) == 0
    return flat(about(run))


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("--batch 7", {"/settings/batch": 7}),
        ("--k 3", {"/settings/k": 3}),
        ("--seed 4", {"/settings/seed": 4}),
        ("--ema 0.9", {"/settings/ema": 0.9}),
        ("--ema 0", {}),
        ("--threads 3", {"/settings/threads": 3}),
        ("--clip 0.5", {"/settings/clip": 0.5}),
        ("--lr 0.02", {"/optimizers/0/lr": 0.02, "/optimizers/1/lr": 0.02}),
        ("--lr-g 0.03", {"/optimizers/0/lr": 0.03}),
        ("--lr-d 0.04", {"/optimizers/1/lr": 0.04}),
        ("--lr-d 0", {"/optimizers/1/lr": 0.0}),
        ("--lr 0 --lr-d 0.04", {"/optimizers/0/lr": 0.0, "/optimizers/1/lr": 0.04}),
        ("--lr 0.02 --lr-g 0", {"/optimizers/0/lr": 0.0, "/optimizers/1/lr": 0.02}),
        ("--beta2 0", {"/optimizers/0/beta2": 0.0, "/optimizers/1/beta2": 0.0}),
        ("--lr 0.02 --lr-g 0.03", {"/optimizers/0/lr": 0.03, "/optimizers/1/lr": 0.02}),
        ("--lr 0.02 --lr-d 0.04", {"/optimizers/0/lr": 0.02, "/optimizers/1/lr": 0.04}),
        ("--beta1 0", {"/optimizers/0/beta1": 0.0, "/optimizers/1/beta1": 0.0}),
        ("--beta2 0.75", {"/optimizers/0/beta2": 0.75, "/optimizers/1/beta2": 0.75}),
        ("--loss least_squares", {"/loss/type": "LeastSquares"}),
        ("--penalty r1", {"/penalty/type": "R1", "/penalty/gamma": 10.0, "/penalty/every": 1}),
        ("--penalty r2 --penalty-weight 0", {"/penalty/type": "R2", "/penalty/gamma": 0.0, "/penalty/every": 1}),
        ("--penalty wgan_gp --penalty-weight 3", {"/penalty/type": "WGANGP", "/penalty/lam": 3.0, "/penalty/every": 1}),
        ("--backend numpy --steps 7 --model points", {}),
    ],
)
def test_an_option_changes_its_own_setting_and_no_other(words, changed, untouched, own, tmp_path, no_steps):
    assert (
        train("--data", own / "points.npy", "--batch", 8, "--threads", 1, "--out", tmp_path / "r", *words.split()) == 0
    )
    found = flat(about(tmp_path / "r"))
    gone = {"--penalty": "/penalty", "--loss": "/loss/smooth"}.get(words.split()[0])
    assert found == {name: value for name, value in untouched.items() if name != gone} | changed
    said = json.loads((tmp_path / "r" / "run.json").read_text())
    assert (tmp_path / "r" / "run.json").read_text() == json.dumps(said, indent=1)
    assert said == {
        "data": str(own / "points.npy"), "size": None, "model": "points", "steps": 7 if "--steps 7" in words else 4000,
        "backend": "numpy", "hold_out": 0,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["images", "points", "goodfellow2014", "dcgan", "cgan", "cdcgan"])
def test_a_run_takes_from_its_model_what_no_option_says(name, own, tmp_path, monkeypatch, no_steps):
    model, seed = (
        replace(models.BY_NAME[name], steps=77, batch=33, loss=losses.least_squares, networks=tiny(name[0] == "c")),
        6,
    )
    monkeypatch.setitem(models.BY_NAME, name, model)
    assert train("--data", own / "images.npz", "--model", name, "--seed", seed, "--out", tmp_path / "r") == 0
    said, rows = about(tmp_path / "r"), data.load(own / "images.npz", range=model.range)
    lo, hi = model.range
    np.testing.assert_allclose(rows.x, (IMAGES / 255 * (hi - lo) + lo).reshape(70, 32), atol=1e-6)
    kept = {name: said["settings"][name] for name in ("batch", "ema", "noise", "conditional", "k", "clip", "seed")}
    assert kept == {
        "batch": 33, "ema": model.ema, "noise": model.noise, "conditional": name.startswith("c"), "k": 1, "clip": None,
        "seed": 6,
    }  # fmt: skip
    assert said["loss"]["type"] == "LeastSquares" and said["penalty"] is None
    assert said["optimizers"] == [describe(opt) for opt in model.for_rows(70).optimizers({}, {})]
    assert said["settings"]["together"] is (name == "goodfellow2014")
    assert said["data"]["range"] == [lo, hi] and said["data"]["fingerprint"] == rows.fingerprint
    assert said["data"]["name"] == "images" and said["data"]["image_shape"] == [8, 4]
    run = json.loads((tmp_path / "r" / "run.json").read_text())
    assert (run["model"], run["steps"]) == (name, 77)
    for net, player in zip(model.networks(rows, seed), "GD", strict=True):
        assert (archive.read(tmp_path / "r" / "checkpoint.npz")[0][f"theta_{player}"] == net.theta).all()
    assert read_frames(tmp_path / "r", 0, (12, 32))[1] == [0]


def test_what_fits_the_data_is_the_default_and_ema_0_is_no_average(own, tmp_path, monkeypatch, no_steps):
    monkeypatch.chdir(tmp_path)
    for words, settings in (
        ([], (0.999, "images")),
        (["--ema", "0"], (None, "images")),
        (["--model", "points"], (None, "points")),
    ):
        assert train("--data", own / "images.npz", "--batch", 9, *words) == 0
        run = Path("runs", f"images-{len(os.listdir('runs'))}")
        assert (about(run)["settings"]["ema"], json.loads((run / "run.json").read_text())["model"]) == settings
    monkeypatch.setattr("numgan.app.source.Path.resolve", lambda path: Path("/from/the/top") / path)
    assert source.lasting("ring") == "ring"
    assert source.lasting("x.npz") == "/from/the/top/x.npz"


# A run, resumed in mid-period


def half_and_half(own, place, model, steps, **how):
    """A run of so many steps; one of 30, which is then asked for as many; and where each was saved on the way."""
    source = own / how["data"]
    saved = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "draw", lambda run: None)
        patch.setattr(folder, "SAVE_EVERY", 50)
        patch.setitem(models.BY_NAME, model, replace(models.BY_NAME[model], networks=tiny()))
        before = Run.save
        patch.setattr(Run, "save", lambda run: saved.append(run.training.step) or before(run))
        words = ["--data", source, "--model", model, "--batch", how["batch"], "--k", 2, "--seed", 3, "--threads", 1]
        for run, first in (("whole", steps), ("half", 30)):
            assert train(*words, "--steps", first, "--out", place / run) == 0
        assert train("--resume", place / "half", "--steps", steps) == 0
    return place / "whole", place / "half", saved


@pytest.fixture(scope="module")
def halves(own, tmp_path_factory):
    return half_and_half(own, tmp_path_factory.mktemp("halves"), "points", 210, data="points.npy", batch=7)


def test_a_run_resumed_at_30_with_records_every_25_is_the_run_that_never_stopped(halves):
    whole, half, saved = halves
    assert saved == [50, 100, 150, 200, 210, 30, 50, 100, 150, 200, 210]
    (a, said_a), (b, said_b) = (archive.read(run / "checkpoint.npz") for run in (whole, half))
    for name in a.keys() - {"history"}:
        assert (a[name] == b[name]).all(), name
    assert said_a == said_b
    steps = [*range(25, 201, 25), 210]
    assert a["history"][:, 0].tolist() == steps
    assert b["history"][:, 0].tolist() == sorted([30, *steps])
    assert (b["history"][[0, *range(2, 10)]] == a["history"]).all()


def test_frames_are_of_their_steps_and_the_one_at_the_resumed_step_is_kept(halves):
    whole, half, _ = halves
    (a, at), (b, bt) = (read_frames(run, 210, (512, 2)) for run in (whole, half))
    assert at == [0, 25, 50, 100, 125, 150, 175, 200, 210]
    assert bt == [0, 25, 30, 50, 100, 125, 150, 175, 200, 210]
    of = dict(zip(bt, b, strict=True))
    assert all((frame == of[step]).all() for frame, step in zip(a, at, strict=True))
    assert (a[-1] == Checkpoint(whole / "checkpoint.npz").sample(512)).all()
    assert read_frames(half, 30, (512, 2))[1] == [0, 25, 30] and read_frames(half, 29, (512, 2))[1] == [0, 25]


def test_a_file_of_no_frames_has_none(tmp_path):
    archive.write(tmp_path / "frames.npz", {"frames": np.empty((0, 5, 2))}, {"steps": []})
    assert read_frames(tmp_path, 7, (5, 2)) == ([], [])


def test_frames_from_after_the_checkpoint_are_made_again(halves, own, tmp_path, no_pictures):
    """A process that dies between the two files leaves such a folder."""
    run = tmp_path / "r"
    assert train("--data", own / "points.npy", "--batch", 7, "--steps", 30, "--out", run) == 0
    (run / "frames.npz").write_bytes((halves[0] / "frames.npz").read_bytes())
    assert train("--resume", run, "--steps", 60) == 0
    assert read_frames(run, 210, (512, 2))[1] == [0, 25, 50, 60]


def test_columns_of_the_history_are_under_their_headings(halves):
    for run in halves[:2]:
        history = archive.read(run / "checkpoint.npz")[0]["history"]
        text = (run / "history.csv").read_bytes().decode()
        assert text.startswith("step,loss_D,loss_G,V,D_x,D_Gz,norm_D,norm_G\r\n25,")
        table = list(csv.DictReader(io.StringIO(text)))
        assert [list(map(float, row.values())) for row in table] == history.tolist()
        last, record = table[-1], ng.Training.load(run / "checkpoint.npz", POINTS).history[-1]
        assert all(float(last[name]) == getattr(record, name) for name in Record._fields)


def test_the_paper_s_pair_resumes_with_its_pixels_in_0_to_1(own, tmp_path):
    """Its range is another than the default."""
    whole, half, _ = half_and_half(own, tmp_path, "goodfellow2014", 31, data="images.npz", batch=30)
    a, b = (archive.read(run / "checkpoint.npz")[0] for run in (whole, half))
    assert all((a[name] == b[name]).all() for name in ("theta_G", "theta_D"))
    assert about(half)["data"]["range"] == [0, 1]


@pytest.mark.parametrize(
    ("words", "together"), [((), True), (("--k", 1), True), (("--k", 2), False), (("--penalty", "r1"), False)]
)
def test_the_paper_s_pair_moves_at_once_unless_an_option_of_algorithm_1_is_given(
    words, together, own, tmp_path, monkeypatch, no_pictures
):
    model = models.BY_NAME["goodfellow2014"]
    monkeypatch.setitem(models.BY_NAME, "goodfellow2014", replace(model, networks=tiny()))
    settings = ["--model", "goodfellow2014", "--batch", 12, "--steps", 3, "--out", tmp_path / "r"]
    assert train("--data", own / "images.npz", *settings, *words) == 0
    said = about(tmp_path / "r")
    assert said["settings"]["together"] is together
    with np.load(own / "images.npz") as file:
        updates = len(next(iter(file.values()))) // 12  # in an epoch
    assert [said["optimizers"][i]["momentum"]["every"] for i in (0, 1)] == [updates, updates]
    assert [said["optimizers"][i]["lr"]["start"] for i in (0, 1)] == [0.1, 0.05]


def test_a_folder_of_images_keeps_its_size(tmp_path, capsys, no_pictures):
    from PIL import Image

    (tmp_path / "faces").mkdir()
    for i in range(5):
        Image.fromarray(IMAGES[i]).save(tmp_path / "faces" / f"{i}.png")
    (tmp_path / "faces" / "broken.png").write_bytes(b"no image")
    words = ["--data", tmp_path / "faces", "--size", 6, "--batch", 4, "--steps", 1, "--out", tmp_path / "r"]
    assert train(*words) == 0
    out, err = capsys.readouterr()
    assert "trained images on faces: 5 rows of 6×6, " in out
    assert err.startswith("numgan: ") and "broken.png" in err
    said = json.loads((tmp_path / "r" / "run.json").read_text())
    assert (said["size"], said["data"]) == (6, str((tmp_path / "faces").resolve()))
    assert train("--resume", tmp_path / "r", "--steps", 2) == 0
    (tmp_path / "faces").rename(tmp_path / "moved")
    assert train("--resume", tmp_path / "r", "--steps", 3, "--data", tmp_path / "moved") == 0
    assert json.loads((tmp_path / "r" / "run.json").read_text())["data"] == str((tmp_path / "moved").resolve())


# Pictures


class Drawn:
    """Stands for a figure: what it was made from, and its name as its bytes."""

    def __init__(self, name, *given):
        self.name, self.given = name, given

    def savefig(self, file, format, dpi):
        file.write(f"{self.name} {format} {dpi}".encode())


@pytest.fixture
def drawn(monkeypatch):
    """What each picture was made from."""
    seen = {}
    for name in ("samples", "progress", "history", "sheet"):
        monkeypatch.setattr(plots, name, lambda *given, name=name: seen.setdefault(name, Drawn(name, *given)))
    return seen


def a_run(tmp_path, training, **how):
    (tmp_path / "r").mkdir(exist_ok=True)
    return Run(Claim(tmp_path / "r"), training, "own", "images", **{"steps": 3} | how)


def images_run(conditional=False, n=70):
    how = {"labels": np.arange(n) % 30 if conditional else None, "image_shape": (2, 2), "range": (-1.0, 3.0)}
    rows = ng.data.Data(np.random.default_rng(2).uniform(-1, 3, (n, 4)).astype("float32"), **how)
    c, kind, label = 30 * conditional, ng.Conditional if conditional else ng.Network, ng.Label
    G = kind([*[label(3, 30)] * conditional, ng.Linear(3 + c, 4), ng.Tanh()], seed=1)
    D = kind([*[label(4, 30)] * conditional, ng.Linear(4 + c, 1)], seed=2)
    return ng.Training(G, D, rows, batch=9, conditional=conditional, threads=1)


def test_pictures_of_images_are_of_samples_beside_data_in_0_to_1(tmp_path, drawn):
    training = images_run()
    run = a_run(tmp_path, training)
    records = list(run.go())
    with run.claim:
        run.draw()
    x_g, x, shape = drawn["samples"].given
    np.testing.assert_allclose(x, (training.data.x[:64] + 1) / 4, atol=1e-6)
    assert (x_g == training.sample(64)).all() and shape == (2, 2)
    frames, steps, shape, under = drawn["progress"].given
    assert (steps, len(frames), shape) == ([0, 3], 2, (2, 2)) and under is x
    assert (frames[0] != frames[1]).any() and (frames[1] == training.sample(12)).all()
    assert drawn["history"].given == (records,) == (training.history,)
    for name in ("samples", "progress", "history"):
        assert (run.folder / f"{name}.png").read_bytes() == f"{name} png 120".encode()


def test_pictures_of_points_and_of_a_run_without_records(tmp_path, drawn):
    rows = np.random.default_rng(3).normal(5, 1, (2100, 2)).astype("float32")
    G, D = ng.Network([ng.Linear(2, 2)]), ng.Network([ng.Linear(2, 1)], seed=1)
    run = a_run(tmp_path, ng.Training(G, D, rows, batch=9, threads=1))
    run.keep_frame()
    with run.claim:
        run.draw()
    x_g, x, shape = drawn["samples"].given
    assert (x == rows[:2000]).all() and (x_g == run.training.sample(2000)).all() and shape is None
    assert [len(frame) for frame in drawn["progress"].given[0]] == [512]
    assert drawn.keys() == {"samples", "progress"}


def test_pictures_with_labels_have_a_line_a_class_up_to_twenty(tmp_path, drawn):
    run = a_run(tmp_path, images_run(conditional=True, n=70))
    run.keep_frame()
    with run.claim:
        run.draw()
    x_g, x, _ = drawn["samples"].given
    rows = (run.training.data.x + 1) / 4
    assert x_g.shape == x.shape == (160, 4)
    for c, times in ((3, 3), (19, 2)):  # two or three rows of each class, which are repeated
        np.testing.assert_allclose(x[8 * c : 8 * c + 8], np.resize(rows[c::30][:times], (8, 4)), atol=1e-6)
        assert (x_g[8 * c : 8 * c + 8] == run.training.sample(8, label=c)).all()


def test_frames_stand_at_even_steps_and_saves_before_the_end(tmp_path, monkeypatch):
    training = images_run()
    monkeypatch.setattr(ng.Training, "_update", lambda run: setattr(run, "step", run.step + 1) or (None, None))
    monkeypatch.setattr("numgan.training.record", lambda step, *_: SimpleNamespace(step=step))
    saved = []
    monkeypatch.setattr(Run, "save", lambda run: saved.append(run.training.step))
    run = a_run(tmp_path, training, steps=2000)
    with run.claim:
        assert [record.step for record in run.go()] == list(range(25, 2001, 25))
    assert run.frame_steps == [0, 275, 575, 850, 1150, 1425, 1725, 2000]
    assert saved == [500, 1000, 1500]
    late = Run(run.claim, training, "own", "images", 2030)  # whose frames were lost
    assert [record.step for record in late.go()] == [2025, 2030] and late.frame_steps == [2000, 2025, 2030]


# What is said


class Bar:
    """Stands for tqdm's."""

    def __init__(self, total, initial, unit, disable, dynamic_ncols):
        self.total, self.n, self.unit, self.disable, self.said, self.closed = total, initial, unit, disable, [], False
        assert dynamic_ncols
        self.began = initial
        type(self).made.append(self)

    def set_postfix_str(self, text, refresh):
        assert not refresh  # `update` does, as seldom as is good
        self.said.append(text)

    def update(self, n):
        self.n += n
        self.said[-1] = (self.n, self.said[-1])

    def close(self):
        self.closed = True


@pytest.fixture
def made_up(monkeypatch):
    """Updates that only count, with figures that tell their step; what health is asked for, and a clock."""
    monkeypatch.setattr(ng.Training, "_update", lambda run: setattr(run, "step", run.step + 1) or (None, None))
    monkeypatch.setattr(
        "numgan.training.record", lambda step, *_: Record(step, *[step / 1e4 + i / 7 for i in range(7)])
    )
    monkeypatch.setattr("numgan.lab.health.health", lambda run: Health("health", f"at {run.step}"))
    monkeypatch.setattr(training_command, "_program", lambda: "PROGRAM")
    clock = iter([100.0, 107.5, 200.0, 201.0, 300.0, 300.5])
    monkeypatch.setattr(training_command, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr("numgan.run.integrity.check_state", lambda *_: None)  # no optimiser was at work


def test_the_bar_shows_the_figures_of_its_step(own, tmp_path, monkeypatch, made_up, no_pictures):
    monkeypatch.setattr("tqdm.tqdm", Bar)
    monkeypatch.setattr(Bar, "made", [], raising=False)
    assert train("--data", own / "points.npy", "--batch", 8, "--out", tmp_path / "r", "--steps", 30) == 0
    assert train("--resume", tmp_path / "r", "--steps", 555) == 0
    bars = Bar.made
    assert [bar.began for bar in bars] == [0, 30]
    assert [(bar.total, bar.n, bar.unit, bar.disable, bar.closed) for bar in bars] == [
        (30, 30, "step", None, True), (555, 555, "step", None, True),
    ]  # fmt: skip
    expected = []
    for step in (25, 30, *range(50, 551, 25), 555):
        loss_D, loss_G, _, D_x, D_Gz, *_ = (step / 1e4 + i / 7 for i in range(7))
        figures = f"loss_D {loss_D:.3f} loss_G {loss_G:.3f} D(x) {D_x:.2f} D(G(z)) {D_Gz:.2f}"
        expected.append((step, f"{figures} {'health' if step >= 500 else ''}"))
    assert bars[0].said + bars[1].said == expected


def test_the_report_is_of_this_run(own, tmp_path, capsys, made_up, no_pictures):
    run = tmp_path / "r"
    assert train("--data", own / "points.npy", "--batch", 8, "--steps", 499, "--seed", 5, "--out", run) == 0
    first = capsys.readouterr().out.splitlines()
    assert train("--resume", run, "--steps", 500) == 0
    second = capsys.readouterr().out.splitlines()
    assert train("--resume", run) == 0
    third = capsys.readouterr().out.splitlines()
    figures = []
    for step in (499, 500):
        _, _, V, D_x, D_Gz, *_ = (step / 1e4 + i / 7 for i in range(7))
        best = "(−log 4 = −1.386 where D cannot tell them apart)"
        figures.append(f"D(x) {D_x:.2f}   D(G(z)) {D_Gz:.2f}   V {V:.3f} {best}")
    assert first == [
        "trained points on points: 24 rows of 2, NonSaturating(smooth=1.0), seed 5",
        "499 steps in 8 s, 15.0 ms each; 499 in all",
        figures[0],
        "health: too early to tell",
        f"in {run}: samples.png  progress.png  history.png  history.csv  checkpoint.npz",
        f"more samples:  PROGRAM sample {run} -n 64",
    ]
    assert second[1:4] == ["1 steps in 1 s, 1000.0 ms each; 500 in all", figures[1], "health: health: at 500"]
    assert third == [second[0], *second[2:]]


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_second_ctrl_c_is_not_waited_for_and_a_second_sigterm_is(capsys):
    with training_command._stop_signals() as stopped:
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)
        assert stopped == [signal.SIGTERM] * 2
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err.count("stopping after this step") == 1


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_step_and_it_goes_on_from_there(
    number, own, tmp_path, capsys, monkeypatch, no_pictures
):
    go = Run.go

    def signalled(run, times=1):
        for record in go(run):
            if record.step == 50:
                for _ in range(times):
                    os.kill(os.getpid(), number)
            yield record

    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    words = ["--data", own / "points.npy", "--batch", 8, "--steps", 100]
    with monkeypatch.context() as patch:
        patch.setattr(Run, "go", signalled)
        assert train(*words, "--out", tmp_path / "r") == 0
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
    out, err = capsys.readouterr()
    assert err == "\nstopping after this step …\n"
    assert out.splitlines()[-1].startswith("stopped early; to go on exactly here:  ")
    assert out.splitlines()[-1].endswith(f" train --resume {tmp_path / 'r'}")
    assert about(tmp_path / "r")["step"] == 50
    fewer = number == signal.SIGTERM  # than were asked for at first
    assert train("--resume", tmp_path / "r", *["--steps", 60] * fewer) == 0
    assert about(tmp_path / "r")["step"] == (60 if fewer else 100)
    assert "stopped early" not in capsys.readouterr().out
    with monkeypatch.context() as patch:
        patch.setattr(Run, "go", lambda run: signalled(run, times=2))
        waits = number == signal.SIGTERM  # Slurm sends several
        assert train(*words, "--out", tmp_path / "two") == (0 if waits else 130)
    assert (tmp_path / "two").exists() == waits
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_the_program_is_called_as_it_was(monkeypatch):
    for found, called, name in (
        ("/bin/numgan", "/x/numgan", "numgan"),
        (None, "/x/numgan", "/x/numgan"),
        (None, "/x/python -m", "numgan"),
        ("/bin/numgan", "/x/__main__.py", "numgan"),
    ):
        monkeypatch.setattr("shutil.which", lambda program, found=found: found)
        monkeypatch.setattr(sys, "argv", [called])
        assert training_command._program() == name


# Ends and their statuses


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (InputError("no such thing"), 2, "no such thing"),
        (DivergedError("step 3"), 1, "step 3"),
        (BrokenPipeError(), 1, ""),
        (OSError(28, "No space", "x.npz"), 1, "x.npz: No space"),
        (MemoryError("8 GiB"), 1, "not enough memory (8 GiB): ask for less"),
        (MemoryError(), 1, "not enough memory (Python does not say for what): ask for less"),
    ],
)
def test_each_end_has_its_status(error, status, said, monkeypatch, capsys):
    def ends(options):
        raise error

    monkeypatch.setattr(cli, "lab", ends)
    assert cli.main(["lab"]) == status
    assert capsys.readouterr().err == (f"numgan: error: {said}\n" if said else "")
    monkeypatch.setattr(cli, "lab", lambda options: 7)
    assert cli.main(["lab"]) == 7


def test_output_that_nobody_takes_is_dropped(monkeypatch, tmp_path):
    with open(tmp_path / "out", "w") as out, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        cli._drop_output()
        out.write("late")
        out.flush()
    assert (tmp_path / "out").read_text() == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_letters_that_a_stream_lacks_become_question_marks(encoding, monkeypatch):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    monkeypatch.setattr(cli, "lab", lambda options: print("−log 4") or print("θ", file=sys.stderr) or 0)
    assert cli.main(["lab"]) == 0
    streams[1].flush()
    assert [stream.buffer.getvalue() for stream in streams] == [b"?log 4\n", b"?\n"]
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(["lab"]) == 0
    assert cli.main(["lab", "--bad"]) == 2
    for stream in (sys.stdout, sys.stderr):
        stream.close()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("train --penalty-weight 2", "--penalty-weight says how much of which penalty: add --penalty"),
        ("train --penalty-weight 0", "--penalty-weight says how much of which penalty: add --penalty"),
        ("train --clip 0", "clip, the bound of D's weights, must be a number in (0, inf), got 0"),
        ("train --batch 0", "batch must be a whole number of 1 or more, got 0"),
        ("train --k 0", "k must be a whole number of 1 or more, got 0"),
        ("train --size 32", "size is 32, but 'digits' is no folder of images"),
        ("train --data mnist --size 32", "size is 32, but 'mnist' is no folder of images"),
        ("train --resume RUN --lr-d 0", "--lr-d cannot be changed by --resume"),
        ("train --step 3", "unrecognized arguments: --step 3 (numgan [COMMAND] --help lists what there is)"),
        ("train --k 1.5", "argument --k: invalid int value: '1.5' (numgan train --help lists what there is)"),
        ("train --threads 0", "--threads must be a whole number of 1 or more, got 0"),
        ("train --size 0", "--size must be a whole number of 1 or more, got 0"),
        ("train --steps 0", "--steps must be a whole number of 1 or more, got 0"),
        ("train --size 0 --seed -1 --threads 0 --steps 0", "--steps must be a whole number of 1 or more, got 0"),
        ("train --seed -1 --threads 0 --size 0", "--size must be a whole number of 1 or more, got 0"),
        ("train --seed -1 --threads 0", "--threads must be a whole number of 1 or more, got 0"),
        ("train --seed -1", "--seed must be a whole number of 0 or more, got -1"),
        ("train --resume RUN --steps 0", "--steps must be a whole number of 1 or more"),
        ("train --resume RUN --k 2", "--k cannot be changed by --resume"),
        ("train --resume RUN --lr-g 1", "--lr-g cannot be changed by --resume"),
        ("train --resume RUN --seed 0", "--seed cannot be changed by --resume"),
        ("train --resume RUN --out x", "--out cannot be changed by --resume"),
        ("train --resume RUN --steps 209", "has made 210 steps already: ask for more"),
        ("sample RUN -n 2 --label 0", "this run was trained without labels"),
        ("sample RUN -n 2 --backend none", "unknown backend 'none'"),
        ("sample RUN -n 0", "-n must be a whole number of 1 or more, got 0"),
        ("sample RUN --seed -1", "--seed must be a whole number of 0 or more, got -1"),
        ("sample RUN --out x.jpg", "--out x.jpg: expected a name ending in .png or .npz"),
        ("sample .", ". holds no run (no checkpoint.npz): give a folder that numgan train wrote"),
        ("sample no.npz", "no.npz: no such file"),
        ("train --out \0", "--out '\\x00' cannot be made ("),
        ("train --penalty r3", "unknown penalty 'r3': choose from r1, r2, wgan_gp"),
        ("train --loss hing", "unknown loss 'hing': did you mean 'hinge'?"),
        ("train --backend nump", "unknown backend 'nump'"),
        ("train --data no.npz --model imags", "unknown model 'imags'"),
        ("lab nothing", "unknown recipe 'nothing'"),
        ("lab idle --cure nothing", "unknown cure 'nothing'"),
        ("lab idle --out x.gif", "--out films one run: choose it with --cure"),
        ("lab idle --seed -1", "--seed must be"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(words, says, halves, tmp_path, monkeypatch, capsys, no_steps):
    monkeypatch.chdir(tmp_path)
    assert cli.main([str(halves[0]) if word == "RUN" else word for word in words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and says in err and err.count("\n") == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "--data="], "data is given by a name or a path"),
        (["train", "--model="], "unknown model ''"),
        (["train", "--data", "POINTS", "--loss="], "unknown loss ''"),
        (["train", "--data", "POINTS", "--backend="], "unknown backend ''"),
        (["train", "--data", "POINTS", "--penalty="], "unknown penalty ''"),
        (["train", "--resume="], "holds no run"),
        (["train", "--resume", "RUN", "--backend="], "unknown backend ''"),
        (["train", "--resume", "RUN", "--data="], "is an empty directory, expected images"),
        (["train", "--resume", "RUN", "--model="], "--model cannot be changed by --resume"),
        (["sample", "RUN", "--out="], "expected a name ending in .png or .npz"),
        (["lab", "idle", "--cure", "none", "--out="], "expected a name ending in"),
        (["lab", "idle", "--cure="], "unknown cure ''"),
        (["lab", ""], "unknown recipe ''"),
        (["data", "mnist", "--from="], "--from .: there is no train-images"),
    ],
)
def test_an_empty_text_is_not_an_option_left_out(words, says, halves, own, tmp_path, monkeypatch, capsys, no_steps):
    """As where a shell's variable is not set: nothing is done, least of all another thing."""

    def none(*given):
        raise AssertionError("a download or a run began")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("numgan.data.download.download", none)
    monkeypatch.setattr("numgan.lab.console.watch", none)
    monkeypatch.setattr("numgan.data.mnist.cache", lambda: tmp_path)
    paths = {"RUN": str(halves[0]), "POINTS": str(own / "points.npy")}
    assert cli.main([paths.get(word, word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and says in err and err.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_a_number_of_each_option_is_a_number(halves):
    for command, option, kind in (
        *(("train", name, int) for name in ("size", "hold-out", "steps", "batch", "k", "seed", "threads")),
        *(("train", name, float) for name in ("lr", "lr-g", "lr-d", "beta1", "beta2", "ema", "penalty-weight", "clip")),
        *(("sample x", name, int) for name in ("seed", "label")),
        ("lab", "seed", int),
    ):
        options = vars(cli._parser().parse_args([*command.split(), f"--{option}", "3"]))
        value = options[option.replace("-", "_")]
        assert value == 3 and type(value) is kind, option
    rest = {"n": 64, "seed": 0, "label": None, "backend": "numpy", "out": None, "run": "x"}
    assert {**vars(cli._parser().parse_args(["sample", "x"])), "command": 0} == rest | {"command": 0}
    bare = vars(cli._parser().parse_args(["train"]))
    assert {value for name, value in bare.items() if name != "command"} == {None}
    assert vars(cli._parser().parse_args(["lab"])) | {"command": 0} == dict(
        name=None, cure=None, seed=0, out=None, command=0
    )


# Samples


def test_samples_are_those_of_the_run_where_they_are_said_to_be(halves, tmp_path, capsys, drawn):
    run = halves[0]
    checkpoint = Checkpoint(run / "checkpoint.npz")
    for place in (run, run / "checkpoint.npz"):
        assert (
            cli.main(["sample", str(place), "-n", "5", "--seed", "3", "--out", str(tmp_path / f"{place.stem}.npz")])
            == 0
        )
        kept = np.load(tmp_path / f"{place.stem}.npz")
        assert kept.files == ["x"] and (kept["x"] == checkpoint.sample(5, seed=3)).all()
    assert capsys.readouterr().out.splitlines()[0] == f"5 samples: {tmp_path / 'whole.npz'}"
    for _ in range(2):  # written over
        assert cli.main(["sample", str(run), "-n", "4"]) == 0
    assert (run / "samples-4-seed0.png").read_bytes() == b"sheet png 120"
    x, shape = drawn["sheet"].given
    assert (x == checkpoint.sample(4, seed=0)).all() and shape is None
    (run / "samples-4-seed0.png").unlink()


def test_samples_with_labels_have_them_beside(tmp_path, drawn):
    training = images_run(conditional=True)
    list(training.steps(2))
    training.save(tmp_path / "c.npz")
    for label, y in ((None, np.arange(33) % 30), (7, np.full(33, 7)), (0, np.zeros(33, int))):
        words = [] if label is None else ["--label", str(label)]
        out = tmp_path / f"s{label}.npz"
        assert cli.main(["sample", str(tmp_path / "c.npz"), "-n", "33", "--out", str(out), *words]) == 0
        kept = np.load(out)
        assert (kept["y"] == y).all() and (kept["x"] == training.sample(33, label=y)).all()
    for i, (label, end) in enumerate(((7, "-label7"), (0, "-label0"), (None, ""))):
        drawn.clear()
        words = [] if label is None else ["--label", str(label)]
        assert cli.main(["sample", str(tmp_path / "c.npz"), "-n", "2", "--seed", "1", *words]) == 0
        assert (tmp_path / f"samples-2-seed1{end}.png").exists() and len([*tmp_path.glob("*.png")]) == i + 1
        x, shape = drawn["sheet"].given
        assert (x == training.sample(2, seed=1, label=label)).all() and shape == (2, 2)


@pytest.mark.parametrize(("suffix", "most"), [(".png", 10_000), (".npz", 1_000_000)])
def test_as_many_samples_as_a_file_may_hold(suffix, most, halves, tmp_path, capsys, monkeypatch, drawn):
    asked = []
    monkeypatch.setattr(Checkpoint, "sample", lambda self, n, *_: asked.append(n) or np.zeros((1, 2)))
    for n, status in ((most, 0), (most + 1, 2)):
        assert cli.main(["sample", str(halves[0]), "-n", str(n), "--out", str(tmp_path / f"{n}{suffix}")]) == status
    assert asked == [most]
    assert f"-n {most + 1} is too many for one {suffix}: take {most} at most" in capsys.readouterr().err


# The other commands


def at_once(out, lines, made=lambda line: line):
    """Lines, each of which must have been seen before the next is worked out."""
    for i, line in enumerate(lines):
        assert out.getvalue().decode().split("\n")[-i - 1 :][:i] == list(lines[:i])
        yield made(line)


def test_gradcheck_and_gpucheck_say_how_many_are_wrong(monkeypatch, capsys):
    reports = [("good", 1e-9, True), ("bad", 0.5, False), ("worse", 1.0, False)]

    class Report(SimpleNamespace):
        def __str__(self):
            return f"table of {self.rel_error}"

    for chosen, status, last in (
        (reports, 1, "2 wrong"),
        (reports[:1], 0, "every gradient agrees with central differences"),
    ):
        found = [(name, Report(rel_error=error, ok=ok)) for name, error, ok in chosen]
        monkeypatch.setattr("numgan.check.survey.survey", lambda found=found: found)
        assert cli.main(["gradcheck"]) == status
        lines = capsys.readouterr().out.splitlines()
        assert lines[-1] == last and lines[0].split() == ["what", "relative", "error"]
        assert lines[1].split() == ["good", "1.0e-09"]
        if status:
            assert [line.split() for line in lines[2:4]] == [["bad", "5.0e-01", "WRONG"], ["table", "of", "0.5"]]
    monkeypatch.setattr("numgan.backend.backend", lambda name: name)
    out = io.BytesIO()
    monkeypatch.setattr("numgan.check.gpu.report", lambda xp: at_once(out, "ab", lambda line: (line, True)))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(out)))
        assert cli.main(["gpucheck"]) == 0
        sys.stdout.detach()
    for oks, status, last in (
        ([True, True], 0, "the GPU computes"),
        ([False, True], 1, "WRONG: "),
        ([True, False], 1, "WRONG: "),
    ):
        monkeypatch.setattr("numgan.check.gpu.report", lambda xp, oks=oks: [(f"{xp} {ok}", ok) for ok in oks])
        assert cli.main(["gpucheck"]) == status
        lines = capsys.readouterr().out.splitlines()
        assert lines[:2] == [f"cupy {ok}" for ok in oks] and lines[2].startswith(last)


def test_the_lab_runs_what_is_asked_for(monkeypatch, capsys, tmp_path):
    from numgan.lab import console

    monkeypatch.setattr(console, "watch", lambda run, steps: [f"  {run} for {steps}"])
    chosen = {
        name: SimpleNamespace(training=lambda seed, name=name: f"{name} {seed}", steps=i) for i, name in enumerate("ab")
    }
    asked = []
    monkeypatch.setattr(console, "setups", lambda *names: asked.append(names) or chosen)
    assert cli.main(["lab", "idle", "--seed", "3"]) == 0 and asked == [("idle", None)]
    assert capsys.readouterr().out.splitlines() == [
        "idle, cure: a, seed 3",
        "  a 3 for 0",
        "idle, cure: b, seed 3",
        "  b 3 for 1",
    ]
    out = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(console, "watch", lambda run, steps: at_once(out, ["x", "y", "z"]))
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(out)))
        assert cli.main(["lab", "idle", "--cure", "a"]) == 0
        sys.stdout.detach()
    assert cli.main(["lab", "idle", "--out", "x.gif"]) == 2  # of two
    assert "films one run" in capsys.readouterr().err
    asked.clear()
    films, ends = [], ["diverging: why", ""]
    monkeypatch.setattr("numgan.lab.film.film", lambda *given, title: films.append((*given, title)) or ends.pop())
    monkeypatch.setattr(console, "setups", lambda *names: asked.append(names) or {"b": chosen["b"]})
    for _ in range(2):
        assert cli.main(["lab", "idle", "--cure", "b", "--seed", "2", "--out", "x.gif"]) == 0
    title = "idle, cure: b, seed 2"
    assert films == [("b 2", 1, "x.gif", title)] * 2
    assert capsys.readouterr().out.splitlines() == [f"{title}: x.gif", f"{title}: x.gif", "diverging: why"]
    assert asked == [("idle", "b"), ("idle", "b")]
    monkeypatch.setattr(console, "listing", lambda: ["one", "two"])
    assert cli.main(["lab"]) == 0 and capsys.readouterr().out == "one\ntwo\n"


# Claims


def test_a_claim_leaves_a_folder_as_it_was_there(tmp_path):
    there, made = tmp_path / "there", tmp_path / "a" / "made"
    there.mkdir()
    for place in (there, made):
        with claim_new(str(place), "ring") as mine:
            assert {path.name for path in place.iterdir()} == {".lock", ".owner"}
            mine.check()
            assert mine._lock.is_locked and mine._lock.timeout == 0  # a second claim is told at once
        assert not mine._lock.is_locked
    assert there.is_dir() and not list(there.iterdir()) and not made.exists()
    with claim_new(str(made), "ring"):
        (made / "run.json").touch()
    assert [path.name for path in made.iterdir()] == ["run.json"]
    (there / "checkpoint.npz").touch()
    for out, says in ((there, "holds another run: .* --resume"), (tmp_path, "is not empty: choose a new folder")):
        with pytest.raises(InputError, match=says):
            claim_new(str(out), "ring")
        assert not list(out.glob(".*"))


def test_a_claim_is_given_up_owner_first(tmp_path, monkeypatch):
    """Whoever finds no lock writes a name of his own, which must not be taken away."""
    unlink, gone = Path.unlink, []
    monkeypatch.setattr(Path, "unlink", lambda path: gone.append(path.name) or unlink(path))
    monkeypatch.chdir(tmp_path)
    with claim_new(None, "ring") as mine:
        assert mine.folder == Path("runs", "ring-1")
    assert gone == [".owner", ".lock"] and os.listdir("runs") == []


def test_a_claim_says_who_took_over(tmp_path):
    mine = Claim(tmp_path)
    owner = tmp_path / claim.OWNER
    assert owner.read_text().splitlines()[0].startswith(f"process {os.getpid()} on ")
    for left, who in (
        (b"process 7 on mars\n1\n", "process 7 on mars"),
        (b"", "another process"),
        (b"\xff\xfe", "another process"),
    ):
        owner.write_bytes(left)
        with pytest.raises(OSError, match=f"was taken over by {who}$"):
            mine.check()
    mine.release()
    assert owner.exists()  # of whoever it is now
    assert claim._owner(tmp_path / "nowhere") == "another process"
    with Claim(tmp_path):
        pass  # and it may be claimed again


def test_a_folder_that_holds_no_run_is_not_gone_on_with(tmp_path):
    for place, advice in (
        (tmp_path, "begin one there with --out"),
        (tmp_path / "no", "give a folder that numgan train wrote"),
    ):
        with pytest.raises(InputError, match=rf"holds no run \(no checkpoint\.npz\): {advice}"):
            claim_run(place)
    (tmp_path / "checkpoint.npz").touch()
    (tmp_path / ".0a.part").touch()
    (tmp_path / "mine.part").touch()
    with claim_run(tmp_path) as mine:
        assert (mine.folder, mine._made) == (tmp_path, False)
        assert not (tmp_path / ".0a.part").exists() and (tmp_path / "mine.part").exists()


def test_only_what_a_first_save_leaves_is_no_run_yet(tmp_path):
    for name in ("run.json", "frames.npz"):
        (tmp_path / name).touch()
    with claim_new(str(tmp_path), "ring"):
        pass
    (tmp_path / "history.csv").touch()
    with pytest.raises(InputError, match="is not empty"):
        claim_new(str(tmp_path), "ring")


# A folder, wherever the process goes


def test_a_run_is_saved_where_it_was_begun_each_file_after_what_it_needs(own, tmp_path, monkeypatch, drawn):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    go, replace_file, written = Run.go, os.replace, []

    def moved(run):
        monkeypatch.chdir(tmp_path / "elsewhere")
        yield from go(run)
        monkeypatch.chdir(tmp_path)

    monkeypatch.setattr(Run, "go", moved)
    monkeypatch.setattr(
        os, "replace", lambda a, b: written.append(Path(b).relative_to(tmp_path / "r").name) or replace_file(a, b)
    )
    monkeypatch.setattr(folder, "SAVE_EVERY", 50)
    assert train("--data", own / "points.npy", "--batch", 8, "--steps", 75, "--out", "r") == 0
    saves = ["frames.npz", "run.json", "checkpoint.npz", "history.csv"]
    assert written == [*saves, *saves, "samples.png", "progress.png", "history.png"]
    assert not os.listdir(tmp_path / "elsewhere")


def test_points_with_labels_are_drawn_as_points(tmp_path, drawn):
    G = ng.Conditional([ng.Label(2, 3), ng.Linear(5, 2)])
    D = ng.Conditional([ng.Label(2, 3), ng.Linear(5, 1)], seed=1)
    rows = ng.data.Data(POINTS, labels=np.arange(24) % 3)
    run = a_run(tmp_path, ng.Training(G, D, rows, batch=5, conditional=True))
    run.keep_frame()
    with run.claim:
        run.draw()
    x_g, x, _ = drawn["samples"].given
    assert (x == rows.x).all() and (x_g == run.training.sample(24)).all()


def test_what_a_resumed_run_may_be_asked_for(own, tmp_path, capsys, no_pictures):
    run = tmp_path / "r"
    assert train("--data", own / "points.npy", "--batch", 8, "--steps", 3, "--threads", 2, "--out", run) == 0
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    said = json.loads(before["run.json"])
    for change, words, says in (
        ({"backend": "cupy"}, [], "cupy"),
        ({"model": "pints"}, [], "unknown model 'pints': did you mean 'points'?"),
        ({"data": "/no/such.npy"}, [], "no/such.npy.*; if the file or folder has moved, say where it is with --data"),
        ({}, ["--data", "/no/such.npy"], "no/such.npy"),
    ):
        (run / "run.json").write_text(json.dumps(said | change))
        assert train("--resume", run, *words) == 2
        err = capsys.readouterr().err
        assert re.search(says, err) and ("has moved" in err) == ("data" in change)
        assert {path.name for path in run.iterdir()} == before.keys()  # nothing is claimed any more
    (run / "run.json").write_text(json.dumps(said | {"backend": "cupy"}))
    assert train("--resume", run, "--backend", "numpy", "--threads", 1, "--steps", 5) == 0
    assert (about(run)["settings"]["threads"], about(run)["step"]) == (1, 5)
    assert json.loads((run / "run.json").read_text()) == said | {"steps": 5}


def test_a_divergence_says_what_is_kept(own, tmp_path, capsys, monkeypatch, no_pictures):
    words = ["--data", own / "points.npy", "--batch", 8, "--out", tmp_path / "r"]
    assert train(*words, "--steps", 30, "--lr", 1e20) == 1
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert first.startswith("numgan: the run diverged at step 25: ") and second == "no checkpoint had been written yet"
    assert out == "" and not (tmp_path / "r").exists()
    assert train(*words, "--steps", 30) == 0
    capsys.readouterr()
    monkeypatch.setattr("numgan.losses.NonSaturating.generator", lambda self, a: (a.mean() * np.nan, a * np.nan))
    assert train("--resume", tmp_path / "r", "--steps", 60) == 1
    assert (
        capsys.readouterr().err.splitlines()[1]
        == f"the last good checkpoint is kept: {tmp_path / 'r' / 'checkpoint.npz'}"
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("x.jpg", "expected a name ending in .png or .npz"),
        ("there.png", "is there already: choose another name"),
        ("no/x.png", "there is no folder .*no: make it first"),
    ],
)
def test_where_no_new_file_can_be(name, says, tmp_path):
    (tmp_path / "there.png").touch()
    with pytest.raises(InputError, match=f"^--out .*{name}.* {says}"):
        new_file(tmp_path / name, (".png", ".npz"))
    assert new_file(str(tmp_path / "new.npz"), (".png", ".npz")) == tmp_path / "new.npz"
    assert [path.name for path in tmp_path.iterdir()] == ["there.png"]


def test_help_names_what_may_be_chosen_and_what_is_meant_where_nothing_is(capsys):
    from numgan import losses, penalty

    for command in ("train", "sample", "lab"):
        with pytest.raises(SystemExit) as ended:
            cli.main([command, "--help"])
        assert ended.value.code == 0
        text = " ".join(capsys.readouterr().out.split())
        if command == "train":
            for names in (data.NAMES, models.BY_NAME, losses.BY_NAME, penalty.BY_NAME):
                assert ", ".join(names) in text
            assert "[--resume RUN]" in text
            lines = {word.split()[0]: word for word in text.split("options:")[1].split(" --")}
            defaults = {
                "data": "digits",
                "size": "64",
                "k": "1",
                "seed": "0",
                "penalty-weight": "10",
                "backend": "numpy",
            }
            assert all(lines[name].rstrip().endswith(f"({value})") for name, value in defaults.items())
        else:
            assert ("RUN" in text, "NAME" in text) == (command == "sample", command == "lab")


def test_the_time_is_that_of_the_steps_without_data_and_pictures(own, tmp_path, capsys, monkeypatch, made_up):
    now, load = [0.0], begin.load

    def after(seconds, job=lambda *_: None):
        def slow(*given):
            now[0] += seconds
            return job(*given)

        return slow

    monkeypatch.setattr(training_command, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(begin, "load", after(1000, load))
    monkeypatch.setattr(Run, "draw", after(100))
    step = lambda run: setattr(run, "step", run.step + 1) or (None, None)  # noqa: E731
    monkeypatch.setattr(ng.Training, "_update", after(0.25, step))
    words = ["--data", own / "points.npy", "--batch", 8, "--steps", 40, "--out", tmp_path / "r"]
    assert train(*words) == 0
    assert "\n40 steps in 10 s, 250.0 ms each; 40 in all\n" in capsys.readouterr().out


def test_a_run_that_cannot_be_saved_says_why_here_and_why_there(own, tmp_path, capsys, monkeypatch, no_steps):
    """Two places and two causes; each with its own place."""

    def fails(error):
        def raises(run):
            raise error

        return raises

    monkeypatch.setattr(training_command, "_program", lambda: "PROGRAM")
    monkeypatch.setattr(Run, "save", fails(OSError(28, "No space left", "here")))
    words = ["--data", own / "points.npy", "--batch", 8]
    with monkeypatch.context() as patch:
        patch.setattr(Run, "rescue", fails(OSError(30, "Read-only", "there")))
        assert train(*words, "--out", tmp_path / "a") == 1
    first = "numgan: error: the run could not be saved (here: No space left)"
    assert capsys.readouterr().err.splitlines() == [first, "nor elsewhere (there: Read-only)"]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert train(*words, "--out", tmp_path / "b") == 1
    out, err = capsys.readouterr()
    (kept,) = tmp_path.glob("numgan-*")
    assert (out, err.splitlines()) == ("", [first, f"it is in {kept}; to go on:  PROGRAM train --resume {kept}"])
    assert about(kept)["step"] == 0 and not (tmp_path / "b").exists()


def test_a_save_that_failed_is_said_with_its_step_and_when_it_is_tried_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ng.Training, "_update", lambda run: setattr(run, "step", run.step + 1) or (None, None))
    monkeypatch.setattr("numgan.training.record", lambda step, *_: SimpleNamespace(step=step))
    errors = [None, OSError(28, "No space left", "x.npz"), OSError("odd")]

    def save(run):
        if error := errors.pop():
            raise error

    monkeypatch.setattr(Run, "save", save)
    run = a_run(tmp_path, images_run(), steps=1600)
    with run.claim:
        list(run.go())
    again = "training goes on, and tries again in 500 steps"
    assert errors == [] and capsys.readouterr().err.splitlines() == [
        f"numgan: step 500 could not be saved (odd); {again}",
        f"numgan: step 1000 could not be saved (x.npz: No space left); {again}",
    ]


def test_pictures_are_not_drawn_into_a_folder_that_is_no_longer_the_run_s(tmp_path, drawn, capsys, own, monkeypatch):
    """It is replaced after the last save; and, before that, claimed by somebody else."""
    place, save = tmp_path / "r", Run.save

    def replaced(run):
        save(run)
        place.rename(tmp_path / "moved")
        place.mkdir()
        (place / "mine").touch()

    monkeypatch.setattr(training_command, "_follow", lambda run, stopped: run.keep_frame())
    with monkeypatch.context() as patch:
        patch.setattr(Run, "save", replaced)
        assert train("--data", own / "points.npy", "--batch", 8, "--out", place) == 1
    assert [path.name for path in place.iterdir()] == ["mine"] and capsys.readouterr().err.count("\n") == 1
    assert about(tmp_path / "moved")["step"] == 0
    run = a_run(tmp_path, images_run())
    run.keep_frame()
    (place / claim.OWNER).write_text("process 7 on mars\n1\n")
    with pytest.raises(OSError, match="was taken over by process 7 on mars"):
        run.draw()
    run.claim._lock.release()
    assert not [*place.glob("*.png")]


def test_since_when_a_folder_is_in_use_is_a_date_and_a_time(tmp_path, monkeypatch):
    import time

    now = time.struct_time((2031, 2, 3, 4, 5, 6, 0, 34, 0))
    monkeypatch.setattr(claim, "time", SimpleNamespace(strftime=lambda form: time.strftime(form, now)))
    monkeypatch.setattr("platform.node", lambda: "mars")
    with Claim(tmp_path), pytest.raises(InputError) as caught:
        Claim(tmp_path)
    who = f"process {os.getpid()} on mars since 2031-02-03 04:05:06"
    assert str(caught.value) == f"{tmp_path} is in use by {who}: wait until that ends, or stop it"


def test_places_where_no_run_can_be_are_said_by_their_cause(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs").touch()
    with pytest.raises(InputError, match=r"^no folder can be made in runs \(.+\): choose one with --out$"):
        claim_new(None, "ring")
    with pytest.raises(InputError, match=r"^--out 'runs/a' cannot be made \(Not a directory\): choose another"):
        claim_new("runs/a", "ring")

    def refuses(lock):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(claim.FileLock, "acquire", refuses)
    with pytest.raises(InputError, match=r"cannot be written to: Permission denied$"):
        Claim(tmp_path)


def test_each_option_s_help_is_its_own(capsys):
    """What it says that the option is, and the names that may be given there; no other option's."""
    from numgan import losses, penalty
    from numgan.backend import BACKENDS

    def lines(*words):
        with pytest.raises(SystemExit):
            cli.main([*words, "--help"])
        return [" ".join(part.split()) for part in re.split(r"\n  (?:  )?(?=\S)", capsys.readouterr().out)]

    said = {line.split()[0]: line for line in lines("train") if line.startswith("--")}
    tables = {"--data": data.NAMES, "--model": models.BY_NAME, "--loss": losses.BY_NAME}
    tables |= {"--penalty": penalty.BY_NAME, "--backend": BACKENDS}
    for option, line in said.items():
        for other, table in tables.items():
            assert (", ".join(table) in line) == (option == other), option
    for option, words in {
        "--size": "pixels along a side", "--model": "(what fits the data)", "--loss": "(the model's)",
        "--steps": "updates of G, in all", "--batch": "rows per minibatch", "--k": "updates of D for each of G",
        "--lr": "rate of both players", "--lr-g": "rate of G", "--lr-d": "rate of D", "--beta1": "mean of the gradient",
        "--beta2": "mean of its square", "--ema": "0: none", "--penalty": "slope of D", "--penalty-weight": "γ of r1",
        "--clip": "±CLIP", "--seed": "everything random", "--threads": "at most so many threads",
        "--out": "new or empty", "--resume": "go on with this folder's run",
    }.items():  # fmt: skip
        assert words in said[option], option
    said = {line.split()[0]: line for line in lines("sample") if line.startswith("-")}
    for option, words in {
        "-n": "how many (64)", "--seed": "which noise (0)", "--label": "this class alone (all, in turn)",
        "--backend": ", ".join(BACKENDS), "--out": "a new .png (a picture) or .npz",
    }.items():  # fmt: skip
        assert words in said[option], option
    commands = {line.split()[0]: line for line in lines()}
    for command, words in {
        "train": "train a pair", "sample": "draw samples", "gradcheck": "compare every gradient",
        "gpucheck": "on the GPU", "lab": "fail on purpose", "uses": "what GANs are for", "data": "all of MNIST",
    }.items():  # fmt: skip
        assert words in commands[command], command
    names = "train", "sweep", "sample", "evaluate", "gradcheck", "gpucheck", "lab", "uses", "data"
    assert " | ".join(names) in commands["usage:"]


def test_what_run_json_and_the_frames_may_not_say(halves, tmp_path):
    said = json.loads((halves[0] / "run.json").read_text())
    for change in ({"steps": 0}, {"steps": -1}, {"steps": 2.0}, {"size": 1.5}, {"hold_out": -1}, {"data": None}):
        (tmp_path / "run.json").write_text(json.dumps(said | change))
        with pytest.raises(InputError, match=rf"^{re.escape(str(tmp_path / 'run.json'))}: "):
            folder.read_about(tmp_path)
    before = {name: said[name] for name in said if name not in ("size", "hold_out")}
    (tmp_path / "run.json").write_text(json.dumps(before))
    assert folder.read_about(tmp_path) == said
    frames = np.zeros((2, 5, 3))
    for vectors, steps in (
        ({"frames": frames}, [0]),
        ({"frames": frames[:, :4]}, [0, 1]),
        ({"frames": frames[..., :2]}, [0, 1]),
        ({"frames": frames, "more": frames}, [0, 1]),
        ({"frames": frames}, [1, 0]),
        ({"frames": frames}, [-1, 0]),
    ):
        archive.write(tmp_path / "frames.npz", vectors, {"steps": steps})
        with pytest.raises(InputError, match=r"frames\.npz: (holds|its steps) "):
            read_frames(tmp_path, 9, (5, 3))
