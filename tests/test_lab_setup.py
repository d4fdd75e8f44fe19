"""What a setup builds, read from the run itself, and the runs that the gallery's results were measured with."""

import copy
from dataclasses import replace

import numpy as np
import pytest

import numgan as ng
from numgan.lab.gallery import GALLERY
from numgan.lab.setup import Setup
from numgan.optim import Adam
from numgan.schedules import at

# Of each run: data, loss, steps × k of a batch, G, D, the rates of both at the start, half-way, at ¾ and at the end,
# and what else there is. benchmarks/results/health.md was measured with these.
RUNS = {
    "vanishing: vanishing gradient": {
        "": ("far away", "Minimax", "800 × 1 of 128", "16-64-64-2", "2-64-64-1", "SGD 0.05", "Adam 0.001",
             "1000 before"),
        "non-saturating loss": {1: "NonSaturating"},
        "R1": {7: "R1(gamma=1.0) 1000 before"},
        "instance noise": {4: "InstanceNoise(std=2.0) 2-64-64-1"},
    },
    "collapse-ring: mode collapse": {
        "": ("ring", "NonSaturating", "4000 × 1 of 128", "16-128-128-2", "2-128-128-1", "Adam 0.001 0.001 0.0005 0",
             "Adam 0.001 0.001 0.0005 0", ""),
        "PacGAN2": {4: "Pack(k=2) 4-128-128-1"},
        "minibatch stddev": {4: "MinibatchStd(n=2, group=None) 3-128-128-1"},
        "R1": {7: "R1(gamma=0.1)"},
    },
    "collapse-grid: mode collapse": {
        "": ("grid", "NonSaturating", "1000 × 1 of 128", "16-128-128-2", "2-128-128-1", "Adam 0.02", "Adam 0.001", ""),
        "two time scales": {5: "Adam 0.001", 6: "Adam 0.002"},
        "PacGAN4": {4: "Pack(k=4) 8-128-128-1", 5: "Adam 0.005"},
        "minibatch stddev": {4: "MinibatchStd(n=2, group=None) 3-128-128-1", 5: "Adam 0.005"},
    },
    "diverging: diverging": {
        "": ("ring", "Wasserstein", "600 × 5 of 128", "16-128-128-2", "2-128-128-1", "Adam 0.001", "Adam 0.01", ""),
        "clipping": {6: "Adam 0.001", 7: "clip 0.05"},
        "WGAN-GP": {6: "Adam 0.001", 7: "WGANGP(lam=1.0)"},
    },
    "idle: D learns nothing": {
        "": ("ring", "NonSaturating", "600 × 1 of 128", "16-128-128-2", "2-128-128-1", "Adam 0.001", "Adam 1e-07", ""),
        "two time scales": {6: "Adam 0.002"},
    },
    "copying: memorising": {
        "": ("sixteen rows", "NonSaturating", "2500 × 1 of 16", "16-128-128-2", "2-128-128-1",
             "Adam 0.001 0.001 0.0005 0", "Adam 0.001 0.001 0.0005 0", ""),
        "more data": {0: "normal"},
        "instance noise": {4: "InstanceNoise(std=0.5) 2-128-128-1"},
    },
}  # fmt: skip


def sizes(net):
    """Such as "Pack(k=2) 4-128-128-1", once all that is hidden is LeakyReLU(0.2)."""
    linear = [layer for layer in net.layers if isinstance(layer, ng.Linear)]
    first, *rest = net.layers[net.layers.index(linear[0]) :]
    assert [repr(layer) for layer in rest[::2]] == ["LeakyReLU(slope=0.2)"] * len(rest[::2])
    assert [first, *rest[1::2]] == linear
    front = [repr(layer) for layer in net.layers[: net.layers.index(first)]]
    return " ".join([*front, "-".join(str(n) for n in (first.n_in, *(layer.n_out for layer in linear)))])


def rates(optimizer, updates):
    if isinstance(optimizer, Adam):
        assert optimizer.beta1 == 0.5
    shown = [f"{at(optimizer.lr, t):g}" for t in (0, updates // 2, updates // 4 * 3, updates)]
    return " ".join([type(optimizer).__name__, *(shown if len(set(shown)) > 1 else shown[:1])])


def described(setup):
    run = replace(setup, head_start=0).training(3)
    assert (run.threads, run.seed, run.ema, run.noise, run.conditional) == (1, 3, None, "normal", False)
    before = f"{setup.head_start} before" if setup.head_start else ""
    more = str(run.penalty or ""), f"clip {run.clip}" if run.clip else "", before
    pace = f"{setup.steps} × {run.k} of {run.batch}"
    players = sizes(run.G), sizes(run.D), rates(run.opt_g, setup.steps), rates(run.opt_d, setup.steps * run.k)
    return run.data.name, type(run.loss).__name__, pace, *players, " ".join(filter(None, more))


@pytest.mark.parametrize("title", RUNS)
def test_recipes_and_cures_are_those_that_were_measured(title):
    """A cure is the failing run but for what is listed; on another change the results have to be measured again."""
    name, _, expect = title.partition(": ")
    recipe, rows = GALLERY[name], RUNS[title]
    assert recipe.expect == expect
    found = {"": described(recipe.setup)} | {cure: described(setup) for cure, setup in recipe.cures.items()}
    base = rows[""]
    wanted = {
        cure: base if not cure else tuple(change.get(i, value) for i, value in enumerate(base))
        for cure, change in rows.items()
    }
    assert found == wanted
    assert list(found) == list(wanted)


def test_the_gallery_in_its_order():
    assert list(GALLERY) == [title.partition(":")[0] for title in RUNS]


def test_each_story_is_that_of_its_own_recipe():
    """What a story says of sizes and rates beside the setup that it stands with."""
    story, setup = ({name: getattr(recipe, at) for name, recipe in GALLERY.items()} for at in ("story", "setup"))
    ring, grid, copying = (setup[name].data() for name in ("collapse-ring", "collapse-grid", "copying"))
    assert story["vanishing"].startswith("D had a head start and is sure; G descends log(1 − D)")
    assert setup["vanishing"].loss == ng.losses.minimax
    assert [name for name in setup if setup[name].head_start] == ["vanishing"] == [n for n in setup if setup[n].sgd]
    assert story["collapse-ring"].startswith("eight modes on a circle") and len(ring.centres) == 8
    assert np.ptp(np.hypot(*ring.centres.T)) < 1e-6
    assert story["collapse-grid"].startswith("25 modes; G learns 20 times as fast") and len(grid.centres) == 25
    assert setup["collapse-grid"].lr_g == pytest.approx(20 * setup["collapse-grid"].lr_d)
    assert story["diverging"].startswith("the Wasserstein loss with nothing that bounds")
    assert (setup["diverging"].loss, setup["diverging"].clip) == (ng.losses.wasserstein, None)
    assert story["idle"].startswith("D's learning rate is so small") and setup["idle"].lr_d < 1e-6
    assert story["copying"].startswith("16 rows of data") and len(copying) == 16


def test_data_of_the_recipes():
    drawn = np.random.default_rng(5).standard_normal((4000, 2)).astype("float32")
    far, normal, few = (GALLERY[name].cures.get(cure, GALLERY[name].setup).data() for name, cure in (
        ("vanishing", ""), ("copying", "more data"), ("copying", "")))  # fmt: skip
    np.testing.assert_allclose(far.x, 6 + drawn / 2, rtol=1e-6)
    assert (normal.x == drawn).all() and (few.x == drawn[:16]).all()


def test_everything_at_once_in_its_place():
    """Odd numbers: noise before the minibatch's spread before packing; D is updated k times as often as G."""
    data = ng.data.Data(np.random.default_rng(0).standard_normal((90, 3)))
    setup = Setup(data=lambda: data, loss=ng.losses.hinge, steps=7, batch=15, lr_g=3e-3, lr_d=7e-3, beta1=0.25, k=3,
                  n_z=5, width=11, instance_noise=0.3, pack=5, stddev=True, penalty=ng.R2(0.2), clip=0.4)  # fmt: skip
    run = replace(setup, penalty=None).training(6)
    assert sizes(run.G) == "5-11-11-3"
    assert sizes(run.D) == "InstanceNoise(std=0.3) MinibatchStd(n=3, group=None) Pack(k=5) 20-11-11-1"
    assert (run.data, run.loss, run.batch, run.k, run.seed, run.clip) == (data, ng.losses.hinge, 15, 3, 6, 0.4)
    assert (run.opt_g.beta1, run.opt_d.beta1) == (0.25, 0.25)
    assert [at(run.opt_g.lr, t) for t in (3, 5, 7)] == pytest.approx([3e-3, 1.5e-3, 0])
    assert [at(run.opt_d.lr, t) for t in (10, 21)] == pytest.approx([7e-3, 0])
    assert at(run.opt_d.lr, 11) == pytest.approx(7e-3 * 10 / 11)
    assert replace(setup, pack=1, stddev=False).training(6).penalty == ng.R2(0.2)
    for net, seed in ((run.G, 12), (run.D, 13)):
        assert (net.theta == ng.Network(copy.deepcopy(net.layers), seed=seed).theta).all()


def test_a_head_start_is_for_D_and_on_the_first_thousand_rows():
    x = np.random.default_rng(0).standard_normal((1300, 2)).astype("float32")
    how = {"loss": ng.losses.wasserstein, "width": 6, "n_z": 3, "head_start": 4, "instance_noise": 0.1}
    setup = Setup(data=lambda: ng.data.Data(x), **how)
    ahead, fresh = setup.training(5), replace(setup, head_start=0).training(5)
    assert (ahead.G.theta == fresh.G.theta).all()
    rng, optimizer = np.random.default_rng(5), Adam(1e-3)
    x_g = fresh.G(rng.standard_normal((1000, 3)))
    for _ in range(4):
        both = np.concatenate([x[:1000], x_g])
        a, tape = fresh.D.forward(both, train=True, rng=rng)
        _, da_x, da_g = setup.loss.discriminator(a[:1000], a[1000:])
        fresh.D.backward(np.concatenate([da_x, da_g]), tape, inputs=False, add=False)
        optimizer.step(fresh.D.theta, fresh.D.grad)
    np.testing.assert_allclose(ahead.D.theta, fresh.D.theta, rtol=1e-5, atol=1e-7)
    assert ahead.step == 0
