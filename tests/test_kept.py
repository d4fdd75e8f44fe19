"""What lessons open or quote without computing it: kept generators of lessons 9, 13 and 16, lesson 7's figures."""

import importlib.util
import json

import numpy as np
import pytest
from notebook_tools import NOTEBOOKS, read, source

import numgan as ng
from benchmarks import make_family
from benchmarks.family import data_of, training
from benchmarks.modes import mean_and_error
from numgan import metrics, models
from numgan.app.cli import main
from numgan.run.state import Checkpoint
from numgan.run.streams import Noise

KEPT = NOTEBOOKS / "kept" / "digits_G.npz"
DCGAN = NOTEBOOKS / "kept" / "dcgan_G.npz"
MODES = NOTEBOOKS.parent / "benchmarks" / "results" / "modes.jsonl"
QUOTED = {
    "GAN": "GAN",
    "PacGAN2": "PacGAN2",
    "minibatch stddev": "minibatch standard deviation",
    "R1, γ = 0.1": "R1",
    "WGAN-GP, λ = 1": "WGAN-GP",
}


@pytest.fixture(scope="module")
def data():
    return ng.data.load("digits")


@pytest.fixture
def keep():
    spec = importlib.util.spec_from_file_location("keep", NOTEBOOKS / "kept" / "keep.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.keep


def samples(path, data):
    """1,500 images of a kept generator, from noise of its own."""
    G, _ = models.BY_NAME["images"].networks(data, seed=0)
    G.theta[...] = np.load(path)["theta"]
    return data.restore(G(np.random.default_rng(7).standard_normal((1500, 32)).astype("float32")))


def scores(x_g, data):
    """Precision and recall with k = 3, coverage with k = 5."""
    real = data.restore(data.x)[:1500]
    return np.array([*metrics.precision_recall(real, x_g, 3), metrics.density_coverage(real, x_g, 5).coverage])


def test_the_file_says_the_recipe_of_numgan_train():
    model, file = models.BY_NAME["images"], np.load(KEPT)
    about = json.loads(str(file["about"]))
    assert about == {"steps": model.steps, "batch": model.batch, "seed": 0, "ema": model.ema, "n_z": 32}
    assert file["theta"].dtype == np.float16
    assert KEPT.stat().st_size <= 1_000_000


def test_the_kept_generator_is_as_good_as_lesson_9_says(data):
    precision, recall, coverage = scores(samples(KEPT, data), data)
    assert precision > 0.9 and 0.15 < recall < 0.6 and coverage > 0.9


def test_keeping_a_run_keeps_the_samples_it_would_make(tmp_path, data, keep):
    G, D = models.BY_NAME["images"].networks(data, seed=0)
    run = ng.Training(G, D, data, batch=32, ema=0.9)
    list(run.steps(20, every=20))
    run.save(tmp_path / "checkpoint.npz")
    keep(tmp_path / "checkpoint.npz", tmp_path / "kept.npz")
    lent, _ = models.BY_NAME["images"].networks(data, seed=1)
    lent.theta[...] = np.load(tmp_path / "kept.npz")["theta"]
    x_g = data.restore(lent(run.fixed_batch(64)[1]))
    assert np.abs(x_g - run.sample(64)).max() < 2e-3
    assert np.abs(data.restore(run.G(run.fixed_batch(64)[1])) - x_g).max() > 1e-2  # the raw weights make others


def test_the_filters_of_a_convolutional_D_are_kept_too(tmp_path, data, keep):
    G, D = models.BY_NAME["dcgan"].networks(data, seed=0)
    run = ng.Training(G, D, data, batch=2, ema=0.9)
    list(run.steps(2, every=2))
    run.save(tmp_path / "checkpoint.npz")
    keep(tmp_path / "checkpoint.npz", tmp_path / "kept.npz")
    file, first = np.load(tmp_path / "kept.npz"), next(layer for layer in D.layers if isinstance(layer, ng.Conv2d))
    assert np.array_equal(file["filters"], first.W.astype(np.float16))
    assert file["theta"].size == G.size


def test_lesson_13_opens_a_generator_of_the_named_model_and_its_whole_recipe(data):
    model, file = models.BY_NAME["dcgan"], np.load(DCGAN)
    G, _ = model.networks(data, seed=0)
    about = json.loads(str(file["about"]))
    assert file["theta"].size == G.size
    assert file["filters"].shape[:3] == (4, 4, 1)
    assert about == {"steps": model.steps, "batch": model.batch, "seed": 0, "ema": model.ema, "n_z": G.n_in}
    assert DCGAN.stat().st_size <= 1_700_000


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Checkpoints of the family, after two steps."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ng.training, "CALIBRATION_ROWS", 16)  # to be quick
        for name in (*make_family.KEPT, make_family.SHOWN):
            run = training(name, 0)
            list(run.steps(2, every=2))
            run.save(folder / f"{name}-0.npz")
    return folder


def test_the_family_in_one_file_draws_what_the_runs_would(runs, tmp_path):
    make_family.keep(runs, tmp_path / "kept.npz")
    file = np.load(tmp_path / "kept.npz", allow_pickle=False)
    about = json.loads(str(file["about"]))
    for name in make_family.KEPT:
        data, run = data_of(name), Checkpoint(runs / f"{name}-0.npz")
        G, _ = models.BY_NAME[name].networks(data, seed=1)
        assert file[f"{name}.theta"].dtype == np.float16
        G.theta[...] = file[f"{name}.theta"]
        if len(G.buffers):
            G.buffers[...] = file[f"{name}.buffers"]
        G.set_step(about[name]["steps"])
        z = Noise("normal", 4, about[name]["n_z"], np.float32, 0, np).fixed(8)
        np.testing.assert_allclose(data.restore(G(z)), run.sample(8), atol=0.02)
        assert run.sample(8).std() > 0.02
    assert file["goodfellow2014.x"].shape == (make_family.SAMPLES, 784)
    assert np.abs(file["goodfellow2014.x"] / 255 - Checkpoint(runs / "goodfellow2014-0.npz").sample(36)).max() < 0.003


def test_numbers_too_large_for_half_precision_are_refused():
    with pytest.raises(ValueError, match="100000"):
        make_family.half(np.array([1.0, 1e5]))


@pytest.mark.parametrize("name", [*make_family.KEPT, make_family.SHOWN])
def test_lesson_16_opens_finished_generators(name):
    """Of the recipes as they are today: after another recipe, make_family is to be run on new runs."""
    file, model = np.load(make_family.OUT, allow_pickle=False), models.BY_NAME[name]
    about, told = json.loads(str(file["about"]))[name], model.for_rows(5000)
    assert {key: about[key] for key in ("steps", "batch", "ema")} == {
        "steps": told.steps, "batch": told.batch, "ema": told.ema
    }  # fmt: skip
    if name in make_family.KEPT:
        assert file[f"{name}.theta"].size == model.networks(data_of(name), seed=0)[0].size
    assert make_family.OUT.stat().st_size <= 1_200_000


@pytest.mark.notebooks
def test_the_command_makes_such_a_generator(tmp_path, data, keep, capsys):
    """The whole recipe again, about a minute: bit for bit on the machine of the file, alike on another."""
    assert main(["train", "--out", str(tmp_path / "run")]) in (0, None)
    keep(tmp_path / "run" / "checkpoint.npz", tmp_path / "again.npz")
    kept, again = samples(KEPT, data), samples(tmp_path / "again.npz", data)
    assert np.abs(scores(kept, data) - scores(again, data)).max() < 0.15
    assert np.corrcoef(kept.mean(axis=0), again.mean(axis=0))[0, 1] > 0.95


@pytest.mark.parametrize("variant", QUOTED)
def test_lesson_7_quotes_the_recorded_figures(variant):
    stored = [json.loads(line) for line in MODES.read_text(encoding="utf-8").splitlines()]
    runs = [run for key, run in stored if key.rpartition("/")[0] == f"ring/{variant}"]
    assert len(runs) == 10
    modes, kl = (mean_and_error([run[name] for run in runs]) for name in ("modes", "reverse_kl"))
    quality = [100 * run["quality"] for run in runs]
    error = np.std(quality, ddof=1) / np.sqrt(10)
    row = f"| {modes} | {np.mean(quality):.1f} ± {error:.1f} % | {kl} |"
    page = "\n".join(source(cell) for cell in read(NOTEBOOKS / "07_mode_collapse.ipynb")["cells"])
    assert [line for line in page.splitlines() if line.startswith(f"| {QUOTED[variant]}") and row in line], row
