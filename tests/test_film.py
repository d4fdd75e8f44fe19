"""Films: the page holds the numbers of the snapshots and nothing of the network; it is drawn where Chromium is."""

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import numgan as ng
from numgan import metrics
from numgan.app import cli
from numgan.lab.film import Frame, film, mode_counts, page
from numgan.lab.health import health
from numgan.lab.setup import Setup
from numgan.lab.snapshot import Snapshot, snapshot


def small_run(n_z=2, pack=1, **settings):
    return replace(Setup(), n_z=n_z, pack=pack, batch=32, width=16, steps=12, **settings).training(0)


def content(text):
    return json.loads(re.search(r'<script type="application/json" id="film">(.*?)</script>', text, re.DOTALL)[1])


@pytest.mark.parametrize(("n_z", "pack"), [(2, 1), (16, 2), (1, 1)])
def test_the_page_holds_the_numbers_of_the_snapshots(tmp_path, n_z, pack):
    assert film(small_run(n_z, pack), 12, tmp_path / "a.html", frames=3) == ""
    kept = content((tmp_path / "a.html").read_text(encoding="utf-8"))
    run = small_run(n_z, pack)
    seen = [snapshot(run), *(snapshot(run) for _ in run.steps(12, every=4))]
    np.testing.assert_allclose(kept["x"], seen[0].x.ravel(), rtol=1e-3)
    np.testing.assert_allclose(kept["box"], seen[0].box, rtol=1e-3)
    assert kept["n_z"] == n_z and kept["broke"] == ""
    assert [frame["step"] for frame in kept["frames"]] == [0, 4, 8, 12]
    assert kept["frames"][0]["loss_D"] is None and kept["frames"][0]["loss_G"] is None  # no update was made
    for frame, s in zip(kept["frames"], seen, strict=True):
        np.testing.assert_allclose(frame["x_g"], s.x_g.ravel(), rtol=1e-3)
        np.testing.assert_allclose(frame["pull"], s.pull.ravel(), rtol=1e-3)
        assert (frame["js"], frame["kl"]) == pytest.approx((s.js, s.kl), rel=1e-3)
        assert frame["health"]
        if s.step:
            assert (frame["loss_D"], frame["loss_G"]) == pytest.approx((s.loss_D, s.loss_G), rel=1e-3)
        assert (frame["surface"] is None) == (pack > 1)
        assert (frame["mesh"] is None) == (n_z < 2)
        if s.surface is not None:
            bytes_ = np.frombuffer(base64.b64decode(frame["surface"]), np.uint8)
            np.testing.assert_allclose(bytes_ / 255, s.surface.ravel(), atol=0.51 / 255)
        if s.mesh is not None:
            np.testing.assert_allclose(frame["mesh"], s.mesh.ravel(), rtol=1e-3)


def test_modes_are_counted_as_by_the_metric():
    data, rng = ng.data.ring(), np.random.default_rng(0)
    x_g = np.concatenate([data.x[data.labels < 3][:90], rng.standard_normal((70, 2)).astype("float32")])
    counts, score = mode_counts(x_g, data), metrics.mode_coverage(x_g, data.centres, data.std)
    assert counts["modes"] == score.modes >= 3
    assert counts["quality"] == pytest.approx(score.quality, rel=1e-3)
    assert sum(counts["counts"]) == round(score.quality * len(x_g))
    assert counts["counts"][:3] == pytest.approx([30, 30, 30], abs=8)
    assert set(mode_counts(x_g, ng.data.Data(x_g)).values()) == {None}
    for bad in (np.nan, np.inf):
        x_g[7, 1] = bad
        assert set(mode_counts(x_g, data).values()) == {None}


def by_hand(step, **other):
    """A snapshot of three data rows and two samples, all of whose numbers differ."""
    seen = Snapshot(
        step=step,
        x=np.array([[0.123456, 1.0], [2.0, 30.5], [-4.0, 5.0]]),
        x_g=np.array([[0.0, 1.0], [7.0, 8.5]]),
        pull=np.array([[9.0, -10.0], [1.1e-7, 12.0]]),
        box=(-5.0, 3.0, 0.5, 40.0),
        surface=np.array([[0.0, 0.25, 1.0], [0.5, 0.75, 0.1], [0.2, 0.9, 0.3]]),
        mesh=np.arange(13.0, 21.0).reshape(2, 2, 2),
        loss_D=21.0 + step,
        loss_G=22.0 + step,
        kl=23.0 + step,
        js=24.0 + step,
    )
    return seen._replace(**other)


def test_the_page_of_snapshots_by_hand():
    run = small_run(n_z=5)
    data = ng.data.Data(np.eye(2), name="two rows", centres=np.array([[0, 1], [9, 9], [7, 7]]), std=0.5)
    run = ng.Training(run.G, run.D, data, batch=2)
    shot = [Frame(by_hand(0), "so it began"), Frame(by_hand(6, surface=None, mesh=None, loss_G=np.inf), "on its way")]
    text = page(shot, run, broke="it broke")
    surface = base64.b64encode(bytes([0, 64, 255, 128, 191, 26, 51, 230, 76])).decode()
    first = {
        "step": 0,
        "health": "so it began",
        "x_g": [0, 1, 7, 8.5],
        "pull": [9, -10, 1.1e-7, 12],
        "surface": surface,
        "mesh": [13, 14, 15, 16, 17, 18, 19, 20],
        "loss_D": 21,
        "loss_G": 22,
        "kl": 23,
        "js": 24,
        "counts": [1, 0, 0],  # (7, 8.5) is 1.5 from (7, 7), which is just too far
        "modes": 1,
        "quality": 0.5,
    }
    second = {"step": 6, "health": "on its way", "surface": None, "mesh": None}
    second |= {"loss_D": 27, "loss_G": None, "kl": 29, "js": 30}
    assert content(text) == {
        "title": "two rows",
        "broke": "it broke",
        "n_z": 5,
        "box": [-5, 3, 0.5, 40],
        "x": [0.1235, 1, 2, 30.5, -4, 5],
        "centres": [0, 1, 9, 9, 7, 7],
        "frames": [first, first | second],
    }
    assert list(content(text)["frames"][0]) == list(first)
    unknown = ng.Training(run.G, run.D, ng.data.Data(np.eye(2), centres=np.eye(2)), batch=2)
    kept = content(page(shot[:1], unknown, "a title"))
    assert (kept["title"], kept["broke"], kept["centres"], kept["frames"][0]["counts"]) == ("a title", "", None, None)


def test_every_mode_has_its_own_count():
    data = ng.data.Data(np.eye(2), centres=np.array([[0, 0], [20, 0], [0, 40], [60, 60]]), std=1.0)
    x_g = np.array([[0.0, 0], [0, 2.9], [0, 3.1], [20, 1], [19, 0], [21, 1], [1, 40], [30, 30], [0, 43]])
    assert mode_counts(x_g, data) == {"counts": [2, 3, 1, 0], "modes": 3, "quality": 0.6667}


def test_frames_are_taken_evenly(tmp_path, monkeypatch):
    """About as many as are asked for, 40 by default: the first before any update and the last at the end."""
    boxes = []
    monkeypatch.setattr(
        "numgan.lab.film._frame", lambda run, box: boxes.append(box) or Frame(by_hand(run.step), f"at {run.step}")
    )
    expected = {(7, 3): [0, 2, 4, 6, 7], (2, 9): [0, 1, 2], (90, None): [*range(0, 91, 2)]}
    for (steps, frames), at in expected.items():
        film(small_run(), steps, tmp_path / f"{steps}.html", **({"frames": frames} if frames else {}))
        kept = content((tmp_path / f"{steps}.html").read_text(encoding="utf-8"))
        assert [frame["step"] for frame in kept["frames"]] == at
        assert [frame["health"] for frame in kept["frames"]] == [f"at {step}" for step in at]
        assert kept["title"] == "ring"
    assert boxes[:3] == [None, by_hand(0).box, by_hand(0).box]  # the first look decides what is shown


def test_the_page_needs_no_network_and_no_text_ends_its_script(tmp_path):
    run = small_run()
    title = "</script><script>alert(1)</script> & θ {{FILM}}"
    text = page([Frame(snapshot(run), "<b>")], run, title)
    assert not re.search(r"https?:|//[a-z]|\bsrc=|<link|@import|url\(|fetch\(|XMLHttp", text)
    assert "default-src 'none'" in text
    assert text.count("</script>") == 2 and "alert(1)</" not in text and "<b>" not in text
    assert content(text)["title"] == title and r"\u03b8" not in text
    assert not re.search("[<>&]", re.search(r'id="film">(.*?)</script>', text, re.DOTALL)[1])
    assert content(text)["frames"][0]["health"] == "<b>"


def test_numbers_that_are_not_finite_are_null():
    run = small_run()
    run.G.theta[...] = np.nan
    with np.errstate(all="ignore"):
        seen = snapshot(run)
    frame = content(page([Frame(seen, "")], run))["frames"][0]
    assert set(frame["x_g"]) == {None} and frame["js"] is None and frame["counts"] is None


def test_the_film_of_a_run_that_diverges_ends_where_it_did(tmp_path):
    run = small_run()
    run.D.theta[...] = np.float32(1e30)
    assert film(run, 12, tmp_path / "a.html", frames=12).startswith("diverging: step 1: ")
    kept = content((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert kept["broke"].startswith("diverging: step 1: ") and len(kept["frames"]) == 1


def test_frames_before_the_run_broke_off_are_in_its_film(tmp_path, monkeypatch):
    """Of a run whose D is spoiled after the fourth step, the fifth has no numbers."""
    monkeypatch.setattr("numgan.lab.health.ROWS", 64)
    for suffix in ("html", "gif"):
        run = small_run()
        take = run.steps

        def until_four(*how, take=take, run=run, **more):
            for record in take(*how, **more):
                yield record
                if record.step == 4:
                    run.D.theta[...] = np.float32(1e30)

        run.steps = until_four
        drawn = []
        monkeypatch.setattr("numgan.lab.plots.gif", lambda seen, path, drawn=drawn: drawn.extend(s.step for s in seen))
        assert film(run, 12, tmp_path / f"a.{suffix}", frames=12).startswith("diverging: step 5: ")
        if suffix == "html":
            kept = content((tmp_path / "a.html").read_text(encoding="utf-8"))
            drawn += [frame["step"] for frame in kept["frames"]]
            assert kept["broke"].startswith("diverging: step 5: ")
        assert drawn == [0, 1, 2, 3, 4]


def test_a_frame_says_all_that_the_health_line_says(tmp_path, monkeypatch):
    """A name and a reason, of the run as it was at that frame."""
    monkeypatch.setattr("numgan.lab.health.ROWS", 64)
    film(small_run(), 4, tmp_path / "a.html", frames=2)
    run, said = small_run(), []
    said.append(str(health(run)))
    said += [str(health(run)) for _ in run.steps(4, every=2)]
    kept = content((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert [frame["health"] for frame in kept["frames"]] == said
    assert all(re.fullmatch("[a-z D]+: .{15,}", line) for line in said), said


def test_a_film_that_cannot_be_written_is_refused_before_the_run_is_trained(tmp_path):
    (tmp_path / "there.html").touch()
    for name in ("there.html", "a.mp4", "a"):
        run = small_run()
        with pytest.raises(ng.InputError):
            film(run, 12, tmp_path / name)
        assert run.step == 0 and not run.history


@pytest.mark.parametrize("suffix", ["gif", "html"])
def test_a_film_is_one_new_file(tmp_path, suffix):
    path = tmp_path / f"film.{suffix}"
    film(small_run(), 2, path, frames=1)
    assert path.read_bytes().startswith(b"GIF89a" if suffix == "gif" else b"<!DOCTYPE html>")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if suffix == "gif":
        with Image.open(path) as shown:
            assert shown.n_frames == 2
    with pytest.raises(ng.InputError, match="is there already"):
        film(small_run(), 12, path)
    with pytest.raises(ng.InputError, match=r"\.html or \.gif"):
        film(small_run(), 12, tmp_path / "film.mp4")


@pytest.mark.notebooks
def test_the_command_writes_a_film_of_bearable_size(tmp_path, capsys):
    assert cli.main(["lab", "idle", "--cure", "none", "--seed", "3", "--out", str(tmp_path / "a.html")]) == 0
    assert capsys.readouterr().out == f"idle, cure: none, seed 3: {tmp_path / 'a.html'}\n"
    assert 100_000 < (tmp_path / "a.html").stat().st_size <= 1_500_000
    kept = content((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert kept["title"] == "idle, cure: none, seed 3"
    assert "D learns nothing" in kept["frames"][-1]["health"]


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --virtual-time-budget=3000 --dump-dom"
)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine to open the page in")
def test_the_page_runs_in_a_browser(tmp_path):
    """Its own script has written these texts; a frame can be asked for in the address."""
    film(small_run(n_z=16), 12, tmp_path / "a.html", frames=3, title="a <film>")
    options = [*OPTIONS.split(), f"--user-data-dir={tmp_path / 'user'}"]
    command = [CHROMIUM, *options, f"{(tmp_path / 'a.html').as_uri()}#2"]
    dom = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode()
    assert "step 8 of 12</output>" in dom
    assert '<h1 id="title">a &lt;film&gt;</h1>' in dom
    assert "its first two numbers of 16" in dom
    assert len(re.findall(r'<input type="checkbox" id="layer-', dom)) == 5
    assert re.search(r'aria-label="Losses at step 8: D \d', dom)
    assert re.search(r'aria-label="samples of high quality at each mode: \d+(, \d+){7}"', dom)
