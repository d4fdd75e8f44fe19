"""From the GAN of 2014 to StyleGAN: what changed from each to the next, the page of the portrait, the counts."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import numgan as ng
from benchmarks import family, work
from benchmarks.store import Store
from numgan import models
from numgan.models import lineage

ROOT = Path(ng.__file__).parent
README = (ROOT.parent / "README.md").read_text(encoding="utf-8")


def model(G, D, **settings):
    """A model for points of the plane."""
    usual = {"opt_g": ng.Adam(), "opt_d": ng.Adam(), "steps": 8, "batch": 4}
    pair = lambda data, seed, xp=np: (ng.Network(G(), seed), ng.Network(D(), seed + 1))  # noqa: E731
    return models.Model(pair, **usual | settings)


def D():
    return [ng.Linear(2, 3), ng.Tanh(), ng.Linear(3, 1)]


OLD = model(lambda: [ng.Linear(2, 3), ng.ReLU(), ng.Linear(3, 2)], D)
BRANCHES = lambda: (ng.Network([ng.Dropout(0.1), ng.Linear(3, 1)]), ng.Linear(3, 1))  # noqa: E731
NEW = model(
    lambda: [ng.Network([ng.Linear(2, 3)]), ng.Concat(BRANCHES())],
    D,
    opt_g=ng.Adam(ng.Ramp(1e-3, 0, 0, 8), beta1=0.25),
    penalty=ng.R1(2.0, every=4),
    steps=9,
)


def test_changes_are_kinds_of_layers_wherever_they_stand_and_settings():
    data = ng.data.ring(8)
    found = lineage.changes((OLD, data), (NEW, data))
    assert found.G == (["Concat", "Dropout"], ["ReLU"]) and found.D == ([], [])
    assert found.settings == {
        "opt_g": ("Adam()", "Adam(lr=Ramp(0.001, 0, 0, 8), beta1=0.25)"),
        "penalty": ("None", "R1(gamma=2.0, every=4)"),
        "steps": ("8", "9"),
    }
    assert lineage.changes((OLD, data), (replace(OLD), data)) == (([], []), ([], []), {})


@pytest.mark.parametrize("name", lineage.LINE)
def test_all_layers_that_hold_weights_are_among_the_kinds(name):
    """So a model has no layer that the list of what changed cannot see."""
    for net in models.BY_NAME[name].networks(family.data_of(name), 0):
        seen = sum(layer.size for layer in lineage._inside(net) if not getattr(layer, "layers", ()))
        assert seen == net.size


def test_the_main_page_lists_what_changed_as_the_models_do():
    table = "\n".join(family.changed(("loss", "penalty")))
    assert table in README


def test_every_model_is_a_short_file():
    for path in (ROOT / "models").glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 200, path


# The portrait


@pytest.fixture
def small(monkeypatch):
    """A family of one model, of images of 28 × 28 pixels, that trains in no time."""
    pair = lambda data, seed, xp=np: (  # noqa: E731
        ng.Network([ng.Linear(2, 784), ng.Tanh()], seed=seed),
        ng.Network([ng.Linear(784, 1)], seed=seed + 1),
    )
    monkeypatch.setitem(models.BY_NAME, "small", replace(OLD, networks=pair, steps=16, ema=0.5))
    monkeypatch.setattr(family, "NAMES", ("small",))
    monkeypatch.setattr(family, "SEEDS", (0,))
    monkeypatch.setattr(family, "measured", lambda run: {"step": run.step})


def test_a_run_goes_on_where_it_was_left_and_is_measured_once(small, tmp_path, monkeypatch):
    store = Store(tmp_path / "kept.jsonl")
    train = {"measured/small/0": partial(family.train, "small", 0, store.path, tmp_path, 1)}
    whole = family.training("small", 0)
    list(whole.steps(16))
    stopped = monkeypatch.context()
    with stopped as patch:
        patch.setattr(family, "PARTS", 4)
        patch.setattr(ng.Training, "save", saves_twice(ng.Training.save))
        with pytest.raises(KeyboardInterrupt):
            store.all(train)
    monkeypatch.setattr(family, "PARTS", 4)
    store.all(train)
    run = ng.Training.load(tmp_path / "small-0.npz", family.data_of("small"), threads=1)
    assert run.step == 16 and (run.G.theta == whole.G.theta).all()
    assert store.read()["measured/small/0"] == {"step": 16}
    before = (tmp_path / "kept.jsonl").read_text()
    store.all(train)
    assert (tmp_path / "kept.jsonl").read_text() == before


def saves_twice(save):
    done = []

    def saving(run, path):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(run.step)
        save(run, path)

    return saving


def test_the_page_is_made_of_what_was_kept(small):
    figures = {"frechet": 1.234, "precision": 0.5, "recall": 0.25, "coverage": 0.75, "least_class": 0.081}
    kept = {
        "measured/small/0": figures | {"frechet_floor": 0.3},
        "about/small": {"parameters": [1234, 56], "operations": 7.8e9},
        "time/small/0/1": {"cpu": 2.0},
        "time/small/0/2": {"cpu": 3.4},
    }
    page = family.report(kept)
    assert "| `small` | 1,234, 56 | 7.8 · 10⁹ | 5 s | 1.23 | 0.5 | 0.25 | 0.75 | 8.1 % |" in page
    assert "training digits in their place get 0.3" in page and "| `stylegan` | 2018 |" in page


def test_the_kept_page_is_that_of_the_kept_figures():
    results = ROOT.parent / "benchmarks" / "results"
    kept = dict(json.loads(line) for line in (results / "family.jsonl").read_text(encoding="utf-8").splitlines())
    assert (results / "family.md").read_text(encoding="utf-8") == family.report(kept) + "\n"


# Operations


@pytest.mark.parametrize(("penalty", "every"), [(None, 1), (ng.R1(1.0), 1), (ng.R1(1.0, every=2), 2)])
def test_operations_of_a_step_are_those_of_its_products(penalty, every):
    """G's two layers (2 · 3, 3 · 2) and D's (2 · 3, 3 · 1), on batches of 4: 2 operations for each weight and row."""
    G, D = OLD.networks(ng.data.ring(8), 0)
    run = ng.Training(G, D, ng.data.ring(8), batch=4, threads=1, penalty=penalty)
    g, d, first_g, first_d = 2 * 4 * 12, 2 * 4 * 9, 2 * 4 * 6, 2 * 4 * 6
    of_d = g + 2 * d + 2 * (2 * d - first_d)  # G draws; D sees data and samples; dW everywhere, dx but for the first
    of_g = g + d + d + (2 * g - first_g)  # both forward; dx through D; dW in G, and dx but for its first layer
    of_penalty = 4 * d + first_d if penalty else 0  # forward, back, J v and dW; back again below the tanh
    assert work.operations(run) == of_d + of_g + of_penalty / every


def test_counting_leaves_the_layers_as_they_were():
    before = {kind: dict(vars(kind)) for kind in (ng.Linear, ng.Conv2d, ng.AdaIN)}
    with work.counted():
        assert vars(ng.Linear)["forward"] is not before[ng.Linear]["forward"]
    assert all(dict(vars(kind)) == kept for kind, kept in before.items())


def test_operations_of_convolutions_and_styles():
    conv, back = ng.Conv2d(2, 3, kernel=3, stride=2, padding=1), ng.ConvTranspose2d(3, 2)
    net = ng.Network([conv, back], seed=0)
    with work.counted() as count:
        y, tape = net.forward(np.zeros((5, 5, 5, 2), "float32"))
        net.backward(y, tape)
    assert count["operations"] == 3 * 2 * 5 * 9 * (conv.W.size + back.W.size)  # 3 × 3 windows, 3 × 3 pixels of x
    style = ng.AdaIN(2, 3)
    ng.Network([ng.Synthesis((ng.Constant(2), style))])
    with work.counted() as count:
        style.forward((np.zeros((5, 4, 4, 2), "float32"), np.zeros((5, 3), "float32")))
    assert count["operations"] == 2 * 5 * style.A.size
