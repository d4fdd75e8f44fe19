"""The gallery: recipes fail as they say, cures cure, and the health line gives each its name."""

import math
from dataclasses import replace

import numpy as np
import pytest

import numgan as ng
from numgan import metrics
from numgan.app import cli
from numgan.lab import console
from numgan.lab.gallery import GALLERY
from numgan.lab.health import diagnose, health, observe
from numgan.lab.setup import Setup
from numgan.lab.theory import best_response


def ended(setup, seed=100, steps=None):
    run = setup.training(seed)
    for _ in run.steps(steps or setup.steps, every=setup.steps):
        pass
    return run


def named(name, cure=None, steps=None):
    """What the health line says at the end, or before it: with a rate that does not decay it is the same run."""
    setup = GALLERY[name].cures[cure] if cure else GALLERY[name].setup
    assert steps is None or not setup.decay
    return diagnose(observe(ended(setup, steps=steps))).name


@pytest.fixture(scope="module", autouse=True)
def one_head_start():
    """The runs below whose D gets the same head start from the same weights share it: it is 1,000 updates."""
    after = {}

    def shared(D, x, x_g, *rest):
        before = D.theta.tobytes() + x_g.tobytes() + repr((D, *rest[:2])).encode()
        if before not in after:
            after[before] = best_response(D, x, x_g, *rest).theta.copy()
        D.theta[...] = after[before]
        return D

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("numgan.lab.setup.best_response", shared)
        yield


# The health line names them long before their end; the end itself is for the slow tests
SOON = [("vanishing", None, 100), ("diverging", None, 100), ("vanishing", "R1", 300), ("diverging", "clipping", 100),
        ("idle", "two time scales", 150)]  # fmt: skip


@pytest.mark.parametrize(("name", "cure", "steps"), SOON)
def test_quick_recipes_fail_as_they_say_and_quick_cures_cure(name, cure, steps):
    assert named(name, cure, steps) == ("healthy" if cure else GALLERY[name].expect)


@pytest.mark.notebooks
@pytest.mark.parametrize(("name", "cure"), [case[:2] for case in SOON])
def test_they_end_as_they_say(name, cure):
    assert named(name, cure) == ("healthy" if cure else GALLERY[name].expect)


@pytest.mark.notebooks
def test_collapse_on_the_ring_and_its_cure():
    """Radius 2, std .02: at most 3 modes without; with PacGAN2 all 8, at 30 % of high quality or more."""
    ring = GALLERY["collapse-ring"]
    plain, packed = (
        metrics.mode_coverage(run.sample(2500), run.data.centres, run.data.std)
        for run in map(ended, (ring.setup, ring.cures["PacGAN2"]))
    )
    assert plain.modes <= 3
    assert packed.modes == 8
    assert packed.quality >= 0.3
    assert packed.reverse_kl <= 0.2


def test_a_look_leaves_the_run_as_it_was():
    setup = replace(Setup(), steps=20, instance_noise=0.1)
    quiet, watched = setup.training(0), setup.training(0)
    list(quiet.steps(20))
    for _ in watched.steps(20, every=5):
        observe(watched)
    assert (quiet.G.theta == watched.G.theta).all()
    assert (quiet.D.theta == watched.D.theta).all()


def test_signals_of_sets_whose_answer_is_known():
    """Data of four modes, a G that has one point near one of them, a D with a slope of 5 everywhere."""
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], (512, 2)) + 0.01 * rng.standard_normal((512, 2))
    G = ng.Network([ng.Linear(2, 2)])
    G.theta[...] = [0, 0, 0, 0, -1.02, -1.0]
    D = ng.Network([ng.Linear(2, 1)])
    D.theta[...] = [3, 4, 0]
    s = observe(ng.Training(G, D, x.astype("float32"), batch=64, loss=ng.losses.wasserstein))
    assert abs(s.fit) < 0.02
    assert 0.5 < s.gap < 1.5
    assert s.pull == pytest.approx(5 * x.std(axis=0).mean(), rel=0.01)
    assert diagnose(s).name == "mode collapse"


@pytest.mark.parametrize("loss", ng.losses.BY_NAME.values(), ids=ng.losses.BY_NAME)
def test_signals_are_numbers_for_every_loss_and_front(loss):
    for how in ({}, {"pack": 4}, {"stddev": True}, {"instance_noise": 0.1}):
        signals = observe(replace(Setup(), loss=loss, **how).training(1))
        assert all(math.isfinite(value) for value in signals)


def test_the_command_lists_and_runs(capsys, tmp_path):
    assert cli.main(["lab"]) == 0
    listed = capsys.readouterr().out
    assert all(f"{name}: " in listed for name in GALLERY)
    assert cli.main(["lab", "idle", "--cure", "none"]) == 0
    assert "step   600" in (out := capsys.readouterr().out)
    assert "D learns nothing: it puts data above samples 0% of the time" in out
    assert "0 of 8 modes" in out
    assert cli.main(["lab", "idel"]) == 2
    assert cli.main(["lab", "idle", "--cure", "prayer"]) == 2
    assert cli.main(["lab", "idle", "--out", str(tmp_path / "a.gif")]) == 2
    err = capsys.readouterr().err
    for says in ("did you mean 'idle'?", "choose from none, two time scales", "choose it with --cure"):
        assert says in err


def test_a_run_that_ends_in_nan_is_said_to_diverge():
    run = replace(Setup(), steps=10).training(0)
    run.D.theta[...] = np.float32(1e30)
    assert next(console.watch(run, 10)).startswith("  diverging: step 2: ")


@pytest.mark.parametrize(("rows", "batch"), [(2000, 600), (700, 700), (3, 2), (2, 1)])
def test_any_size_of_batch_and_data_has_a_health(rows, batch):
    G, D = ng.Network([ng.Linear(2, 2)]), ng.Network([ng.Linear(2, 1)], seed=1)
    run = ng.Training(G, D, ng.data.ring(n=rows), batch=batch)
    list(run.steps(2))
    assert health(run).name
    assert all(np.isfinite(v) for v in observe(run))


def test_one_row_of_data_has_no_distances_to_judge_by():
    G, D = ng.Network([ng.Linear(2, 2)]), ng.Network([ng.Linear(2, 1)], seed=1)
    assert health(ng.Training(G, D, np.ones((1, 2)), batch=1)).name == "too few rows"
