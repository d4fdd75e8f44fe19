"""The benchmarks: their store keeps what it was given, their pages are what they kept, and the peers make one step."""

import json
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

import numgan as ng
from benchmarks import RESULTS, health, make_film, memorisation, modes, table1
from benchmarks.speed import equality, profile, report
from benchmarks.speed.peers.numgan_peer import Numgan
from benchmarks.speed.worker import Session
from benchmarks.speed.workloads import WORKLOADS
from benchmarks.store import Store
from numgan.data import Data
from numgan.lab.health import Signals
from numgan.lab.setup import Setup

ROOT = RESULTS.parents[1]


def python(*arguments):
    """A process of its own, in the project's folder."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdin=pipe, stdout=pipe, text=True)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "new" / "kept.jsonl")


def refuse(*arguments):
    raise AssertionError("computed again")


@pytest.mark.parametrize("result", [{"modes": 8, "quality": [0.5, None]}, None, 0])
def test_a_kept_result_is_not_computed_again(store, result, capsys):
    store.once("ring/GAN/0", lambda: result)
    Store(store.path).once("ring/GAN/0", refuse)
    assert Store(store.path).read() == {"ring/GAN/0": result}
    assert capsys.readouterr().out == f"ring/GAN/0 {result}\n"


def test_jobs_are_done_but_for_what_is_kept(store, capsys):
    store.add("a", 1)
    store.all({"a": refuse, "b": lambda: 2, "c": lambda: 3})
    assert store.read() == {"a": 1, "b": 2, "c": 3} and capsys.readouterr().out == "b 2\nc 3\n"


@pytest.mark.notebooks
def test_jobs_on_the_workers_of_dask(store):
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -e '.[sweep]'")
    script = f"Store({str(store.path)!r}).all({{str(n): partial(pow, n, 2) for n in range(4)}}, workers=2)"
    imports = "from functools import partial; from benchmarks.store import Store"
    process = python("-c", f"{imports}\nif __name__ == '__main__': {script}")
    process.communicate(timeout=200)
    assert store.read() == {"0": 0, "1": 1, "2": 4, "3": 9} and process.returncode == 0


def test_of_two_results_with_one_key_the_first_counts(store):
    for result in (1, 2):
        store.add("a", result)
    assert store.read() == {"a": 1}


def test_a_result_is_kept_to_four_digits(store):
    store.add("a", {"kl": (0.123456, 1234567.0, np.float64(2) / 3), "modes": 123456, "nan": float("nan")})
    kept = store.read()["a"]
    assert np.isnan(kept.pop("nan")) and kept == {"kl": [0.1235, 1235000.0, 0.6667], "modes": 123456}


@pytest.mark.parametrize("cut", range(1, 17))
def test_a_line_that_was_cut_short_costs_no_other(store, cut):
    """Killed while it wrote the second: at every byte of it, between the two of γ as well."""
    store.add("a", 1)
    store.add("γ = 0.1", 2)
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[:-cut])
    kept = {"a": 1} if cut > 1 else {"a": 1, "γ = 0.1": 2}
    assert store.read() == kept
    store.add("b", 3)
    assert store.read() == kept | {"b": 3}


WRITER = """
from benchmarks.store import Store
print("ready", flush=True)
input()
for i in range(100):
    Store({!r}).add(f"{}/{{i}}", i)
"""


def test_two_processes_that_write_at_once_lose_nothing(store):
    writers = [python("-c", WRITER.format(str(store.path), name)) for name in ("one", "two")]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        print(file=writer.stdin, flush=True)
    for writer in writers:
        writer.communicate()
    assert store.read() == {f"{name}/{i}": i for name in ("one", "two") for i in range(100)}


def test_a_write_that_does_not_fit_is_told(store, monkeypatch):
    monkeypatch.setattr("benchmarks.store.open", lambda *args, **kwargs: Full(), raising=False)
    with pytest.raises(OSError, match="no room for the result of 'a'"):
        store.add("a", 1)


class Full:
    """A file on a full disk."""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    def seek(self, *position):
        return 0

    def write(self, line):
        return len(line) - 1


def test_health_md_is_what_was_kept():
    assert health.report(health.STORE.read(), health.JUDGED) == health.TABLE.read_text(encoding="utf-8")


def test_memorisation_md_is_what_was_kept():
    assert memorisation.report(memorisation.STORE.read()) == memorisation.TABLE.read_text(encoding="utf-8")


def test_table1_md_is_what_was_kept():
    kept = Store(RESULTS / "table1.jsonl").read()
    assert table1.report(kept) == (RESULTS / "table1.md").read_text(encoding="utf-8")


def test_the_recipe_of_table_1_is_the_models_and_resumes(store, tmp_path, monkeypatch):
    """On 300 images of 4 × 4 pixels, in epochs of 3 updates."""
    rng = np.random.default_rng(0)
    x, test = (Data(rng.random((n, 16)), image_shape=(4, 4), range=(0, 1)) for n in (320, 40))
    monkeypatch.setattr(table1, "mnist", lambda: (x.hold_out(20), test))
    monkeypatch.setattr(table1, "EPOCH", 3)
    monkeypatch.setattr(table1, "SAMPLES", 50)
    said = table1.training("faithful").settings
    assert (said.together, said.batch, said.noise) == (True, 100, "uniform")
    assert not table1.training("alternating").settings.together
    for name, rates in {
        "faithful": (0.1, 0.05), "alternating": (0.1, 0.05), "sum": (0.1, 0.1), "fast": (0.3, 0.15),
        "slow": (0.02, 0.01), "decay": (0.1, 0.05),
    }.items():  # fmt: skip
        run = table1.training(name)
        assert (run.opt_g.lr(0), run.opt_d.lr(0)) == pytest.approx(rates), name
    table1.train("faithful", 1, store, tmp_path)
    table1.train("faithful", 5, store, tmp_path)
    assert sorted(store.read()) == ["faithful/1", "faithful/2", "faithful/5"]
    assert ng.Training.load(tmp_path / "faithful.npz", table1.mnist()[0]).step == 15
    found = store.read()["faithful/5"]
    assert found["own"].keys() == found["average"].keys() == {"mean", "se", "sigma"}


def test_modes_md_is_what_was_kept():
    kept = Store(RESULTS / "modes.jsonl").read()
    assert modes.report(kept, list(modes.BASE), 10) == (RESULTS / "modes.md").read_text(encoding="utf-8")


def test_speed_md_is_what_was_kept():
    kept = json.loads((RESULTS / "speed.json").read_text(encoding="utf-8"))
    assert report.markdown(kept) == (RESULTS / "speed.md").read_text(encoding="utf-8")


def test_all_runs_of_the_tables_are_kept(monkeypatch):
    monkeypatch.setattr(health, "signals", refuse)
    monkeypatch.setattr(modes, "measure", refuse)
    health.collect(health.JUDGED[:3])
    modes.collect(Store(RESULTS / "modes.jsonl"), list(modes.BASE), 10)


def test_signals_are_kept_by_name():
    for key, kept in health.STORE.read().items():
        assert tuple(kept) in (Signals._fields, Signals._fields[:-1]), key  # the gallery's runs hold no rows out
        assert {len(values) for values in kept.values()} == {health.OBSERVATIONS}, key


def test_a_run_that_diverges_is_kept_and_called_so(store):
    store.once("bad", lambda: health.signals(Setup(steps=10, width=4, sgd=True, lr_g=1e30), seed=0))
    kept = store.read()["bad"]
    assert len(kept["fit"]) < health.OBSERVATIONS and np.isnan(kept["fit"][-1])
    assert health.diagnosis(kept) == "diverging"


COMMANDS = ["speed", "speed.plot", "speed.profile", "modes", "health", "memorisation", "table1", "make_film"]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_how_it_is_used(name):
    process = python("-m", f"benchmarks.{name}", "--help")
    assert process.communicate()[0].startswith(f"usage: python -m benchmarks.{name} ") and process.returncode == 0


def test_numgan_and_the_textbook_make_the_same_step(capsys):
    assert equality.all_equal(["toy"], ["numgan", "textbook"])
    assert capsys.readouterr().out.count(" ok") == 2


def test_convolutional_peers_make_the_same_step(monkeypatch, capsys):
    """A small batch, and in this process: the peers that are installed, images and kernels in each one's own order."""
    monkeypatch.setitem(WORKLOADS, "dcgan28", replace(WORKLOADS["dcgan28"], batch=4, rows=4))
    monkeypatch.setattr(equality, "Worker", Here)
    assert equality.all_equal(["dcgan28"], ["numgan", "textbook", "torch_eager", "torch_best"])
    assert capsys.readouterr().out.count(" ok") == (4 if find_spec("torch") else 2)


class Here:
    """A peer without a process of its own."""

    def __init__(self, name, workload):
        self.session = Session(name, workload, threads=0)

    def ask(self, do, **arguments):
        try:
            return getattr(self.session, do)(**arguments)
        except ImportError as error:
            raise equality.PeerError(error) from error

    def close(self):
        pass


def test_dcgan64_is_the_tutorials_pair():
    G, D = (sum(array.size for arrays in player for array in arrays) for player in WORKLOADS["dcgan64"].weights())
    assert (G, D) == (3_576_704, 2_765_568)


def test_flops_of_a_convolutional_step():
    """Multiplications of a row's pass through each layer: pixels · kernel · channels in · channels out."""
    g = [64 * 3136, 49 * 16 * 64 * 32, 196 * 16 * 32 * 1]
    d = [196 * 16 * 1 * 32, 49 * 16 * 32 * 64, 3136 * 1]
    d_step = sum(g) + 2 * (3 * sum(d) - d[0])  # G(z); on x and on G(z) each: a pass, dW, dx but for the first layer
    g_step = sum(g) + 2 * sum(d) + 2 * sum(g) - g[0]  # a pass through both; dx through D; dW and dx of G
    assert WORKLOADS["dcgan28"].flops == 2 * 64 * (d_step + g_step)


def test_kept_figures_are_of_these_workloads():
    kept = json.loads((RESULTS / "speed.json").read_text(encoding="utf-8"))["workloads"]
    assert {name: WORKLOADS[name].flops for name in kept} == {name: result["flops"] for name, result in kept.items()}


@pytest.mark.parametrize("wrong", [1 + 2e-6, np.nan])
def test_a_step_that_differs_is_seen(wrong, monkeypatch, capsys):
    found = {"numgan": [np.ones((2, 3)), np.ones(3)], "textbook": [np.ones((2, 3)), np.array([1, 1, wrong])]}
    monkeypatch.setattr(equality, "changes", lambda name, workload: found[name])
    assert not equality.all_equal(["toy"], ["numgan", "textbook"])
    assert "DIFFERS" in capsys.readouterr().out


def test_peers_that_cannot_run_are_not_equal(monkeypatch, capsys):
    monkeypatch.setattr(equality, "Worker", Broken)
    assert not equality.all_equal(["toy"], ["numgan", "textbook"])
    assert capsys.readouterr().out.count("skipped: no such module") == 2


class Broken:
    """A peer's process that ends at once."""

    def __init__(self, name, workload):
        pass

    def ask(self, do, **arguments):
        raise equality.PeerError("no such module")

    def close(self):
        pass


def test_every_part_of_the_profile_is_timed():
    """A part that is charged nothing names a function that a step no longer calls."""
    peer = Numgan(replace(WORKLOADS["dcgan28"], batch=4, rows=8), threads=1)
    with profile.clock() as parts:
        peer.steps(2)
    assert {part for part, seconds in parts.seconds.items() if seconds > 0} == set(profile.PARTS)


def test_the_readmes_film_is_what_the_command_makes_and_small():
    assert "(benchmarks/results/film.gif)" in (ROOT / "README.md").read_text(encoding="utf-8").partition("## ")[0]
    with Image.open(make_film.OUT) as film:
        assert film.n_frames == make_film.FRAMES
        assert film.size == tuple(round(side * make_film.DPI) for side in make_film.SIZE)
        assert film.info["loop"] == 0
    assert 100_000 < make_film.OUT.stat().st_size <= 1_000_000


def test_a_film_is_of_its_pictures(tmp_path):
    """Decoded, each frame is its picture, whose colours are few enough to be kept all."""
    pixels = np.random.default_rng(0).choice([0, 128, 255], (5, 20, 30, 1)).astype(np.uint8)
    pictures = [Image.fromarray(np.repeat(p, 3, axis=-1)) for p in pixels]
    make_film.write(pictures, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as film:
        for i, p in enumerate(pictures):
            film.seek(i)
            np.testing.assert_allclose(np.asarray(film.convert("RGB")), np.asarray(p), atol=2)


def test_a_film_begins_at_0_and_ends_with_the_run():
    for steps, first in ((5000, 5), (4000, 100), (make_film.FRAMES, 1)):
        when = make_film.moments(steps, first)
        assert when[0] == 0 and when[-1] == steps and len(when) == make_film.FRAMES
        assert sorted(set(when)) == when


def test_digits_stand_in_rows():
    x = np.arange(make_film.SIDE**2)[:, None] * np.ones(784)
    picture = make_film.mosaic(x)
    assert (picture[:28, 28:56] == 1).all() and (picture[28:56, :28] == make_film.SIDE).all()
