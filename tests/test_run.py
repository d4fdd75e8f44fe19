"""A run beside the same run written out, where nothing is even, alike or a default: each draw, update and record."""

import json
import math
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from typing import Literal

import numpy as np
import pytest

import numgan as ng
from numgan.app.folder import About
from numgan.data import Data
from numgan.gan import Info, discriminator_gradient, generator_gradient
from numgan.run import archive, integrity, schema
from numgan.run.averaging import average_in, mean_weights
from numgan.run.interrupts import HeldBack
from numgan.run.output import atomic
from numgan.run.parts import Origin, Settings, State
from numgan.run.record import History, Record, record
from numgan.run.sampling import labels_for, sample
from numgan.run.state import Checkpoint
from numgan.run.streams import Minibatches, Noise
from numgan.run.table import RIGHT, html_lines, html_table

N, BATCH, K, SEED, N_Z, EMA, CLIP, EVERY, STEPS = 23, 5, 3, 11, 2, 0.8, 0.6, 4, 11
LABELS = np.array([0, 0, 1, 0, 2, 1] * 4)[:N]
LO, HI = -1.0, 3.0


def data():
    """Rows that tell their class: its number and three tenths at most."""
    rows = np.random.default_rng(5).uniform(0, 0.3, (N, 3)) + LABELS[:, None]
    return Data(rows, labels=LABELS, range=(LO, HI))


def pair(conditional):
    """Of unlike sizes, with Dropout in both."""
    c, how = 3 * conditional, {"dtype": "float64"}
    kind = ng.Conditional if conditional else ng.Network
    label = [[ng.Label(n, 3)] * conditional for n in (N_Z, 3)]
    G = [*label[0], ng.Linear(N_Z + c, 7), ng.Tanh(), ng.Dropout(0.1), ng.Linear(7, 3)]
    D = [*label[1], ng.Linear(3 + c, 6), ng.LeakyReLU(0.2), ng.Dropout(0.3), ng.Linear(6, 1)]
    return kind(G, seed=1, **how), kind(D, seed=2, **how)


def optimizers():
    return ng.Adam(ng.Ramp(0.02, 0.001, 2, 9), beta1=0.3), ng.SGD(ng.Decay(0.05, 1.02), ng.Ramp(0.5, 0.9, 0, 20))


def new_run(conditional):
    settings = {"batch": BATCH, "k": K, "seed": SEED, "ema": EMA, "noise": "uniform", "threads": 1, "clip": CLIP}
    settings |= {"loss": ng.losses.least_squares, "penalty": ng.WGANGP(0.7), "optimizers": optimizers()}
    return ng.Training(*pair(conditional), data(), conditional=conditional, **settings)


def generator(*key):
    return np.random.default_rng(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))


def rows_of_batch(i, purpose):
    """Four batches an epoch; the three rows left over wait for the next."""
    order = np.argsort(generator(SEED, purpose, i // 4).random(N))
    return order[i % 4 * BATCH :][:BATCH]


def noise_of_batch(i):
    block = generator(SEED, 1, i // 16).random((16, BATCH, N_Z))
    return (2 * block[i % 16] - 1) * math.sqrt(3)


def log_sigmoid(a):
    return -np.log1p(np.exp(-a))


def figures(step, seen_D, seen_G, penalty, D_grad, G_grad):
    """A record, by the formulas of Mao et al. and of eq. 1."""
    a_x, a_g, a = seen_D.a_x, seen_D.a_g, seen_G.a_g
    loss_D = ((a_x - 1) ** 2).mean() / 2 + (a_g**2).mean() / 2 + penalty
    V = log_sigmoid(a_x).mean() + log_sigmoid(-a_g).mean()
    D_x, D_Gz = (1 / (1 + np.exp(-a_x))).mean(), (1 / (1 + np.exp(-a_g))).mean()
    norms = math.sqrt((D_grad**2).sum()), math.sqrt((G_grad**2).sum())
    return [step, loss_D, ((a - 1) ** 2).mean() / 2, V, D_x, D_Gz, *norms]


def written_out(conditional):
    """Algorithm 1 with all there is: θ_g after every step, θ_d at the end, the figures of every step."""
    (G, D), (opt_g, opt_d), x_all, loss = pair(conditional), optimizers(), data().x, ng.losses.least_squares
    penalty, thetas, records = ng.WGANGP(0.7), [], []

    def labelled(rows, labels):
        return (rows, labels) if conditional else rows

    for t in range(STEPS):
        for j in range(K):
            i = rows_of_batch(K * t + j, purpose=0)
            x, z = labelled(x_all[i].astype(float), LABELS[i]), labelled(noise_of_batch((K + 1) * t + j), LABELS[i])
            rng = generator(SEED, 2, (K + 1) * t + j)
            seen_D = discriminator_gradient(G, D, x, z, loss, rng)
            added = penalty(D, x, seen_D.x_g, rng)
            opt_d.step(D.theta, D.grad)
            D.theta[...] = np.minimum(np.maximum(D.theta, -CLIP), CLIP)
        z = labelled(noise_of_batch((K + 1) * t + K), LABELS[rows_of_batch(t, purpose=6)])
        seen_G = generator_gradient(G, D, z, loss, generator(SEED, 2, (K + 1) * t + K))
        opt_g.step(G.theta, G.grad)
        thetas.append(G.theta.copy())
        records.append(figures(t + 1, seen_D, seen_G, added, D.grad, G.grad))
    return np.array(thetas), D.theta, np.array(records)


def mean_of(thetas):
    weights = EMA ** np.arange(len(thetas))[::-1]
    return weights @ thetas / weights.sum()


def samples_of(theta_g, conditional, n, seed, label=None):
    """In evaluation mode, in [0, 1], of labels in turn unless one is asked for."""
    G = pair(conditional)[0]
    G.theta[...] = theta_g
    z = (2 * generator(SEED, 3, seed).random((n, N_Z)) - 1) * math.sqrt(3)
    c = np.arange(n) % 3 if label is None else np.full(n, label)
    return np.clip((G((z, c) if conditional else z) - LO) / (HI - LO), 0, 1)


@pytest.fixture(scope="module", params=[False, True], ids=["alone", "with labels"])
def conditional(request):
    return request.param


@pytest.fixture(scope="module")
def expected(conditional):
    return written_out(conditional)


@pytest.fixture(scope="module")
def saved(conditional, tmp_path_factory):
    """A run after 7 steps, and its checkpoint."""
    run, path = new_run(conditional), tmp_path_factory.mktemp("run") / "c.npz"
    list(run.steps(7, EVERY))
    run.save(path)
    return run, path


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def check_end(run, expected, steps):
    thetas, theta_d, records = expected
    close(run.G.theta, thetas[-1])
    close(run.D.theta, theta_d)
    assert abs(run.D.theta).max() == CLIP
    close(np.array(run.history), records[[s - 1 for s in steps]])
    assert (run.opt_g.t, run.opt_d.t, run.step) == (STEPS, K * STEPS, STEPS)


def test_a_run_is_the_loop_written_out_to_every_figure(conditional, expected):
    run = new_run(conditional)
    returned = list(run.steps(STEPS, EVERY))
    check_end(run, expected, [4, 8, 11])
    assert returned == run.history and all(type(r.step) is int for r in run.history)
    close(run.sample(8), samples_of(mean_of(expected[0]), conditional, 8, 0))
    close(run.sample(5, seed=4), samples_of(mean_of(expected[0]), conditional, 5, 4))


def test_a_run_that_is_resumed_in_mid_period_too(conditional, expected, saved):
    again = ng.Training.load(saved[1], data())
    assert again.history == saved[0].history and {type(value) for value in again.history[0][1:]} == {float}
    assert (type(again.history), type(again.history[0]), type(again.history[0].step)) == (History, Record, int)
    list(again.steps(STEPS - 7, EVERY))
    check_end(again, expected, [4, 7, 8, 11])
    close(again.sample(6), samples_of(mean_of(expected[0]), conditional, 6, 0))


def test_a_checkpoint_samples_as_the_mean_of_the_weights_that_were(conditional, expected, saved):
    path, mean = saved[1], mean_of(expected[0][:7])
    close(Checkpoint(path).sample(7, seed=2), samples_of(mean, conditional, 7, 2))
    if conditional:
        close(Checkpoint(path).sample(4, label=2), samples_of(mean, True, 4, 0, label=2))
    assert Checkpoint(path).classes == (3 if conditional else None)


def test_each_vector_of_a_checkpoint_has_its_own_name(conditional, saved):
    run, path = saved
    vectors, about = archive.read(path)
    state = {"m_G": run.opt_g.state["m"], "v_G": run.opt_g.state["v"], "v_D": run.opt_d.state["v"]}
    own = {"theta_G": run.G.theta, "theta_D": run.D.theta, "average": run.average} | state
    assert vectors.keys() == own.keys() | {"history"}
    assert all((vectors[name] == own[name]).all() for name in own)
    assert (vectors["history"] == np.array(run.history)).all()
    assert (about["step"], about["updates"]) == (7, [7, 21])
    assert about["settings"] == {
        "batch": BATCH, "k": K, "seed": SEED, "ema": EMA, "noise": "uniform", "n_z": N_Z, "threads": 1, "clip": CLIP,
        "conditional": conditional, "together": False,
    }  # fmt: skip
    kinds = [about[name]["type"] for name in ("loss", "penalty", "G", "D")]
    assert kinds == ["LeastSquares", "WGANGP"] + ["Conditional" if conditional else "Network"] * 2
    assert [opt["type"] for opt in about["optimizers"]] == ["Adam", "SGD"]
    assert about["data"] == {
        "name": "data", "fingerprint": data().fingerprint, "image_shape": None, "range": [LO, HI],
        "label_fingerprint": data().label_fingerprint,
    }  # fmt: skip


def test_what_is_passed_to_load_is_taken_and_all_else_is_as_saved(conditional, saved):
    run, path = saved
    (G, D), opts, loss, penalty = pair(conditional), optimizers(), ng.losses.LeastSquares(), ng.WGANGP(9.0)
    passed = ng.Training.load(path, data(), G, D, opts, threads=2, loss=loss, penalty=penalty)
    assert [passed.G, passed.D, passed.loss, passed.penalty, passed.opt_g, passed.opt_d] == [G, D, loss, penalty, *opts]
    assert passed.G is G and passed.D is D and passed.opt_d is opts[1] and passed.penalty.lam == 9.0
    assert asdict(passed.settings) == asdict(run.settings) | {"threads": 2} and passed._team.threads == 2
    assert (G.theta == run.G.theta).all() and (opts[0].state["v"] == run.opt_g.state["v"]).all()
    left = ng.Training.load(path, data())
    assert left.settings == run.settings
    assert (left.penalty.lam, left.loss, repr(left.opt_d)) == (0.7, ng.losses.least_squares, repr(run.opt_d))


# Steps and their records


@pytest.mark.parametrize(
    ("start", "n", "every", "steps"),
    [
        (0, 10, 25, [10]),
        (30, 50, 25, [50, 75, 80]),
        (30, 45, 25, [50, 75]),
        (30, 20, 25, [50]),
        (30, 19, 25, [49]),
        (7, 4, 4, [8, 11]),
        (8, 8, 4, [12, 16]),
        (3, 3, 1, [4, 5, 6]),
        (3, 0, 2, []),
        (5, 1, 3, [6]),
    ],
)
def test_records_stand_at_multiples_of_every_and_at_the_last_step(start, n, every, steps, monkeypatch):
    run = ng.Training(*pair(False), data(), batch=BATCH)
    run.step = start
    monkeypatch.setattr(ng.Training, "_update", lambda run: setattr(run, "step", run.step + 1) or (None, None))
    monkeypatch.setattr("numgan.training.record", lambda step, *_: step)
    assert list(run.steps(n, every)) == steps == run.history
    assert run.step == start + n


def test_no_number_is_drawn_twice(monkeypatch):
    """Every key of a generator, by what it is drawn for; k = 2, an update more than a block of noise."""
    from numgan.backend import random_generator
    from numgan.lab.health import observe

    keys = []

    def noted(xp, *key):
        keys.append(key)
        return random_generator(xp, *key)

    for room in ("run.streams", "lab.health"):
        monkeypatch.setattr(f"numgan.{room}.random_generator", noted)
    G, D = pair(True)
    run = ng.Training(G, D, data(), batch=BATCH, k=2, seed=9, conditional=True)
    list(run.steps(6))
    updates = {(9, 2, i) for i in range(18)}
    noise, epochs = {(9, 1, 0), (9, 1, 1)}, {(9, 0, 0), (9, 0, 1), (9, 0, 2), (9, 6, 0), (9, 6, 1)}
    made = {key for key in keys if key != (9, 3, 0)}
    assert made == updates | noise | epochs and len(keys) == len(made) + 1
    keys.clear()
    run.sample(3, seed=1)
    run._calibrate_g()
    calibrated = ng.Network([ng.Linear(2, 3), ng.BatchNorm(3), ng.Linear(3, 3)])
    ng.Training(calibrated, pair(False)[1], data(), batch=BATCH, seed=9).sample(2, seed=1)
    assert keys == [(9, 3, 1), (9, 3, 0), (9, 4, 0), (9, 3, 1)]
    keys.clear()
    observe(run, seed=1)
    assert keys == [(9, 3, 1), (1, 5, 0), (1, 5, 1), (1, 5, 2)]


@pytest.mark.parametrize(("n", "batch", "per_epoch"), [(12, 12, 1), (12, 6, 2), (12, 4, 3), (13, 4, 3), (15, 4, 3)])
def test_an_epoch_has_as_many_whole_batches_as_fit(n, batch, per_epoch):
    drawn = Minibatches(np.arange(float(n)), batch, seed=2)
    rows = [drawn(i) for i in range(2 * per_epoch)]
    assert drawn.per_epoch == per_epoch
    for epoch in (0, 1):
        order = np.argsort(generator(2, 0, epoch).random(n))
        assert (np.concatenate(rows[epoch * per_epoch :][:per_epoch]) == order[: per_epoch * batch]).all()


# Statistics for evaluation, averages, threads


def test_statistics_are_of_the_first_1024_rows_for_D_and_of_noise_of_its_own_for_G(tmp_path):
    n, labels = 1300, np.repeat([0, 1, 2], [200, 300, 800])
    x = np.linspace(0, 2, n)[:, None] ** [1, 2]  # means of fewer rows, or of all, are others
    G = ng.Conditional([ng.Label(2, 3), ng.BatchNorm(5), ng.Linear(5, 2)], dtype="float64")
    D = ng.Conditional([ng.Label(2, 3), ng.BatchNorm(5), ng.Linear(5, 1)], seed=1, dtype="float64")
    run = ng.Training(G, D, Data(x, labels), batch=7, seed=5, conditional=True)
    run.step = 3  # whatever the step is
    run.save(tmp_path / "c.npz")
    kept = archive.read(tmp_path / "c.npz")[0]
    seen_D = np.hstack([x[:1024], np.eye(3)[labels[:1024]]])
    seen_G = np.hstack([generator(5, 4, 0).standard_normal((1024, 2)), np.eye(3)[labels[np.arange(1024) * n // 1024]]])
    for name, seen in (("buffers_D", seen_D), ("buffers_G", seen_G)):
        np.testing.assert_allclose(kept[name], [*seen.mean(axis=0), *seen.var(axis=0)], rtol=1e-6, err_msg=name)
    (x_first, c_first), (z, c) = run.fixed_batch(4)
    assert x_first.dtype == z.dtype == np.float64
    assert (x_first == run.data.x[:4]).all() and (c_first == labels[:4]).all() and (c == labels[:4]).all()
    assert (z == generator(5, 3, 0).standard_normal((4, 2))).all()
    assert [len(part) for part in run.fixed_batch(n + 5)[0]] == [n, n]
    assert (run.fixed_batch(n + 5)[1][1] == [*labels, *labels[:5]]).all()


def test_an_average_by_hand():
    total = np.zeros(1)
    for theta in (1.0, 3.0, 8.0):
        average_in(total, np.array([theta]), 0.5)
    assert total == [0.25 * 1 + 0.5 * 3 + 8]
    assert mean_weights(total, np.array([8.0]), 0.5, 3) == pytest.approx([9.75 / 1.75])
    assert mean_weights(total, np.array([7.0]), None, 3) == [7] and mean_weights(total, np.array([7.0]), 0.5, 0) == [7]


@pytest.mark.parametrize("told", ["by affinity", "by number"])
@pytest.mark.parametrize(("cores", "threads"), [(3, 3), (None, 1), (1000, 256)])
def test_there_are_as_many_threads_as_cores(cores, threads, told, monkeypatch):
    if told == "by affinity":  # where the system says which cores a process may use
        monkeypatch.setattr("os.sched_getaffinity", lambda process: {*range(5, 5 + (cores or 1))}, raising=False)
    else:
        monkeypatch.delattr("os.sched_getaffinity", raising=False)
        monkeypatch.setattr("os.cpu_count", lambda: cores)
    run = ng.Training(*pair(False), data(), batch=BATCH)
    assert (run.threads, run._team.threads) == (threads, threads)
    assert ng.Training(*pair(False), data(), batch=N, threads=256).threads == 256


def test_layers_are_given_a_generator_where_one_of_them_may_draw():
    def sure():
        return ng.Network([ng.Linear(2, 3)], seed=0), ng.Network([ng.Linear(3, 1)], seed=1)

    def run(**change):
        return ng.Training(
            **dict(zip("GD", sure(), strict=True)) | {"data": data(), "batch": BATCH, "seed": 6} | change
        )

    assert run()._layers_rng(0) is None is run(penalty=ng.R1())._layers_rng(0)
    for change in (
        {"G": pair(False)[0]},
        {"D": pair(False)[1]},
        {"penalty": ng.WGANGP()},
        {"G": Own(sure()[0]), "n_z": 2},
    ):
        assert run(**change)._layers_rng(1).random() == generator(6, 2, 1).random()


class Own:
    """A player of one's own, which does not say whether it draws."""

    def __init__(self, net):
        self.theta, self.grad, self.forward, self.backward = net.theta, net.grad, net.forward, net.backward

    def __call__(self, x):
        return self.forward(x)[0]


# Records


class Net:
    def __init__(self, grad):
        self.theta, self.grad = np.zeros(2), np.array(grad)


def saw(value, D_x=(0.5, 0.5), D_Gz=(0.5, 0.5)):
    """What a step saw, from what D said of two rows of each kind."""
    a_x, a_g = (np.log(np.divide(p, np.subtract(1, p)))[:, None] for p in (D_x, D_Gz))
    return Info(np.float64(value), a_g, np.zeros((2, 2)), a_x)


def test_a_record_has_each_figure_in_its_place():
    made = record(9, Net([3.0, 4.0]), Net([5.0, 12.0]), saw(0.25), saw(0.5, D_x=(0.5, 0.75), D_Gz=(0.125, 0.25)))
    V = (math.log(0.5 * 0.75) + math.log(0.875 * 0.75)) / 2
    figures = dict(step=9, loss_D=0.5, loss_G=0.25, V=V, D_x=0.625, D_Gz=0.1875, norm_D=13, norm_G=5)
    assert made._asdict() == pytest.approx(figures, abs=1e-12) and list(made._asdict()) == list(figures)
    shown = "step 9  loss_D 0.5  loss_G 0.25  V -0.70102  D_x 0.625  D_Gz 0.1875  norm_D 13  norm_G 5"
    assert str(made) == shown
    says = r"^step 9: loss_G = inf, V = nan, D_Gz = nan, norm_D = inf; try"
    with np.errstate(all="ignore"), pytest.raises(ng.DivergedError, match=says):
        record(9, Net([3.0, 4.0]), Net([np.inf, 1]), saw(np.inf), saw(1.0, D_Gz=(np.nan, 0.5)))


@pytest.mark.parametrize(("n", "steps"), [(1, [1]), (20, range(1, 21)), (21, range(1, 22, 2)), (45, range(3, 46, 3))])
def test_a_history_shows_its_last_record_and_as_many_before_it_as_a_table_has_rows(n, steps):
    shown = History(Record(i, *[i / 8 + j for j in range(7)]) for i in range(1, n + 1))._repr_html_()
    head, *lines = [line.split("</t")[:-1] for line in shown.split("<tr>")[1:]]
    cells = [[cell.rpartition(">")[2] for cell in line if not cell.endswith(">")] for line in (head, *lines)]
    rows = [[str(i), *(f"{i / 8 + j:.5g}" for j in range(7))] for i in steps]
    assert [line[:8] for line in cells] == [list(Record._fields), *rows]
    assert (f"{len(rows)} of {n} records" in shown) == (n > 20)


# Labels of samples


def test_labels_for_samples():
    assert labels_for(None, 4, None) is None
    assert labels_for(None, 5, 3).tolist() == [0, 1, 2, 0, 1]
    assert labels_for(2, 3, 3).tolist() == [2, 2, 2] and labels_for(0, 1, 1).tolist() == [0]
    assert labels_for([2, 0], 2, 3).tolist() == [2, 0] and labels_for(np.uint8([1]), 1, 2).dtype == np.int64
    for label, says in ((3, "label 3 is none"), ([0, -1], "label -1 is none"), ([0, 9], "label 9 is none")):
        with pytest.raises(ng.InputError, match=f"{says}.*from 0 to 2, or 2 of them"):
            labels_for(label, 2, 3)
    for label, got in (([0], r"int64\(1,\)"), (1.0, r"1\.0"), ([[0, 1]], r"int64\(1, 2\)"), (True, "True")):
        with pytest.raises(ng.InputError, match=f"^label must be .*got {got}$"):
            labels_for(label, 2, 3)


# Files


def test_a_description_may_be_as_long_as_can_be_read_again_and_no_longer(tmp_path):
    room = archive.LONGEST - len(json.dumps({"format": archive.FORMAT, "s": ""}))
    archive.write(tmp_path / "c.npz", {}, {"s": "x" * room})
    assert archive.read(tmp_path / "c.npz")[1] == {"s": "x" * room}
    with pytest.raises(ng.InputError, match="65537 characters, more than 65536"):
        archive.write(tmp_path / "d.npz", {}, {"s": "x" * (room + 1)})
    assert not (tmp_path / "d.npz").exists()
    (tmp_path / "a.json").write_text('"' + "x" * (archive.LONGEST - 2) + '"')
    assert len(archive.read_json(tmp_path / "a.json")) == archive.LONGEST - 2
    (tmp_path / "a.json").write_text('"' + "x" * (archive.LONGEST - 1) + '"')
    with pytest.raises(ng.InputError, match="more than 65536 bytes"):
        archive.read_json(tmp_path / "a.json")


# What a checkpoint may say of its state


@pytest.mark.parametrize(
    ("step", "updates", "k", "good"),
    [
        (0, (0, 0), 1, True),
        (3, (3, 6), 2, True),
        (3, (5, 7), 2, True),
        (3, (2, 6), 2, False),
        (3, (3, 5), 2, False),
        (-1, (0, 0), 1, False),
        (2**53, (2**53, 3 * 2**53), 3, True),
        (2**53 + 1, (2**53 + 1, 3 * 2**53 + 3), 3, False),
        (3, (2**53 + 1, 9), 3, False),
        (3, (3, 3 * 2**53 + 1), 3, False),
    ],
)
def test_counts_of_steps_and_updates_agree(step, updates, k, good):
    vectors = dict.fromkeys(("theta_G", "theta_D", "average"), np.zeros(2))
    with nullcontext() if good else pytest.raises(ng.InputError, match=rf"do not agree, with k = {k}"):
        integrity.check_state(State(step, updates, vectors, np.zeros(0)), k)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([], ""),
        ([1], ""),
        ([1, 2, 9], ""),
        ([4, 8, 9], ""),
        ([0, 3], "holds no growing"),
        ([3, 3], "holds no growing"),
        ([5, 4], "holds no growing"),
        ([10], "from 1 to 9"),
        ([1.5], "holds no growing"),
        ([-1], "holds no growing"),
    ],
)
def test_records_of_a_checkpoint_are_of_growing_steps_up_to_its_own(steps, says):
    history = np.hstack([np.reshape(steps, (-1, 1)), np.full((len(steps), 7), 0.5)])
    for shape in (history, history[:0, 0]) if not steps else (history,):
        vectors = dict.fromkeys(("theta_G", "theta_D", "average"), np.zeros(2))
        with pytest.raises(ng.InputError, match=says) if says else nullcontext():
            integrity.check_state(State(9, (9, 9), vectors, shape), 1)


def test_what_else_a_state_must_have():
    vectors = dict.fromkeys(("theta_G", "theta_D", "average"), np.zeros(2))
    for name in vectors:
        rest = {other: vector for other, vector in vectors.items() if other != name}
        for spoiled, says in ((rest, f"has no {name}"), (vectors | {name: np.zeros((2, 1))}, rf"{name}.*\(2, 1\)")):
            with pytest.raises(ng.InputError, match=says):
                integrity.check_state(State(0, (0, 0), spoiled, np.zeros(0)), 1)
    for history in (np.zeros((2, 7)), np.zeros(8), np.zeros((1, 8, 1))):
        with pytest.raises(ng.InputError, match=r"expected \(records, 8\)"):
            integrity.check_state(State(0, (0, 0), vectors, history), 1)
    for v_G, v_D, bad in ((0.0, 0.0, ""), (0.0, -1e-9, "D"), (-1e-9, 0.0, "G")):
        state = State(0, (0, 0), {"v_G": np.array([1.0, v_G]), "v_D": np.array([1.0, v_D])}, np.zeros(0))
        with pytest.raises(ng.InputError, match=f"v_{bad} is a mean of squares") if bad else nullcontext():
            integrity.check_squares((ng.Adam(), ng.Adam()), state)
        if bad != "G":
            integrity.check_squares((ng.Adam(), ng.SGD(0.1)), state)  # momentum has either sign


def test_shapes_of_images_and_widths_of_rows_that_a_file_may_ask_for():
    for shape, good in (((2, 3), True), ((1, 1, 1), True), ((2,), False), ((2, 3, 1, 1), False), ((2, 0), False)):
        with nullcontext() if good else pytest.raises(ng.InputError, match=r"expected \(h, w\) or \(h, w, c\)"):
            integrity.check_origin(Origin("x", "0", shape, (0.0, 1.0)))
    with pytest.raises(ng.InputError, match="range"):
        integrity.check_origin(Origin("x", "0", None, (1.0, 1.0)))
    wide = ng.Network([ng.Upsample(2**11), ng.Reshape((2**24,))])
    assert integrity.check_rows(wide, (2, 2, 1), "G") == (2**24,)
    with pytest.raises(ng.InputError, match=r"G: Upsample.* makes rows of 25165824 numbers, at most 16777216"):
        integrity.check_rows(wide, (2, 3, 1), "G")


def test_optimisers_that_are_passed_are_of_the_kinds_that_were_saved():
    saved = [{"type": "Adam"}, {"type": "own.module.SGD"}]
    integrity.check_optimizers(saved, (ng.Adam(), ng.SGD(0.1)))
    for opts, says in (
        ((ng.SGD(0.1), ng.SGD(0.1)), "G was trained with 'Adam', got SGD"),
        ((ng.Adam(),) * 2, "D was .*got Adam"),
    ):
        with pytest.raises(ng.InputError, match=says):
            integrity.check_optimizers(saved, opts)
    for strange in (None, {"type": 3}, {}):
        with pytest.raises(ng.InputError, match=r"^G was trained with"):
            integrity.check_optimizers([strange, saved[1]], (ng.Adam(), ng.SGD(0.1)))


# What may be passed to a run


def test_limits_that_still_are_allowed():
    run = ng.Training(*pair(False), data(), batch=N, threads=256, k=1, seed=0, n_z=N_Z, clip=1e-9, ema=0.5)
    assert (run.batch, run.threads, run.n_z, run.clip, run.ema) == (N, 256, N_Z, 1e-9, 0.5)
    assert [type(value) for value in (run.batch, run.k, run.seed, run.n_z)] == [int] * 4
    opts = [ng.Adam(), ng.SGD(0.1)]
    run = ng.Training(*pair(False), data(), batch=np.int64(4), optimizers=opts)
    assert type(run.batch) is int and [run.opt_g, run.opt_d] == opts
    assert [type(opt) for opt in (ng.Training(*pair(False), data(), batch=4).opt_g, run.opt_d)] == [ng.Adam, ng.SGD]
    assert ng.Training(ng.Network([ng.Linear(1, 3)]), pair(False)[1], data(), batch=4).n_z == 1
    G = ng.Network([ng.Reshape((2, 3, 2)), ng.Reshape((12,)), ng.Linear(12, 3)])
    assert ng.Training(G, pair(False)[1], data(), batch=4).n_z == 12


@pytest.mark.parametrize(
    ("rows", "batch", "says"),
    [
        ((3, 4), 4, r"batch is 4, but the data has 3 rows: .*or x\.T"),
        ((4, 4), 5, r"use a smaller batch$"),
        ((5, 4), 6, r"batch$"),
    ],
)
def test_a_batch_larger_than_the_data_may_be_of_data_that_lies_on_its_side(rows, batch, says):
    G, D = ng.Network([ng.Linear(2, 4)]), ng.Network([ng.Linear(4, 1)], seed=1)
    with pytest.raises(ng.InputError, match=says):
        ng.Training(G, D, np.ones(rows), batch=batch)


def test_an_optimiser_that_was_used_is_refused_by_its_player():
    for used in ("t", "state"):
        for i, player in enumerate("GD"):
            opts = [ng.Adam(), ng.Adam()]
            if used == "t":
                opts[i].t = 3
            else:
                opts[i].begin(np.zeros(2))
            with pytest.raises(ng.InputError, match=rf"the optimiser for {player} is in use already"):
                ng.Training(*pair(False), data(), batch=4, optimizers=opts)
            opts[i].reset()
            ng.Training(*pair(False), data(), batch=4, optimizers=opts)


# What a description may hold


@pytest.mark.parametrize(
    ("kind", "last", "first_refused"),
    [
        (int, 2**128, 2**128 + 1),
        (int, -(2**128), -(2**128) - 1),
        (float, 1e30, 1.0000001e30),
        (float, -1e30, -1.0000001e30),
        (str, "x" * 4096, "x" * 4097),
    ],
)
def test_values_up_to_a_limit(kind, last, first_refused):
    assert schema.Builder()(last, kind) == last
    with pytest.raises(ng.InputError, match=r"^it is"):
        schema.Builder()(first_refused, kind)


def nested(n):
    net = {"type": "Linear", "n_in": 2, "n_out": 2, "scale": None}
    for _ in range(n):
        net = {"type": "Network", "layers": [net], "dtype": "float32"}
    return net


def test_networks_may_stand_fifteen_deep():
    assert schema.describe(schema.Builder(6)(nested(15), ng.Network)) == nested(15)
    with pytest.raises(ng.InputError, match=r"stands within more than 32 lists and objects"):
        schema.Builder(6)(nested(16), ng.Network)
    with pytest.raises(ng.InputError, match=r"Linear.*: the file does not hold numbers for so many"):
        schema.Builder(5)(nested(1), ng.Network)
    norm = {"type": "Network", "layers": [schema.describe(ng.BatchNorm(3))], "dtype": "float32"}
    assert schema.Builder(6, 6)(norm, ng.Network).size == 6
    for room in ((5, 6), (6, 5)):
        with pytest.raises(ng.InputError, match=r"BatchNorm.*does not hold numbers"):
            schema.Builder(*room)(norm, ng.Network)


def test_what_cannot_be_read_is_said_by_its_cause(tmp_path, monkeypatch):
    np.savez(tmp_path / "c.npz", about=np.array(" " * (archive.LONGEST + 33) + "{}"))
    with pytest.raises(ng.InputError, match="more than 65536 characters"):
        archive.read(tmp_path / "c.npz")

    def raises(error):
        def opened(*_):
            raise error

        monkeypatch.setattr("builtins.open", opened)
        with monkeypatch.context(), pytest.raises(ng.InputError) as caught:
            archive.read_json(tmp_path / "c.npz")
        monkeypatch.undo()
        return str(caught.value)

    assert raises(MemoryError()).startswith("does not fit into memory (MemoryError)")
    assert raises(PermissionError(13, "Permission denied")).startswith("cannot be read (Permission denied)")
    assert raises(OSError("odd")).startswith("cannot be read (odd)")
    assert raises(ValueError()).startswith("is not a numgan file, or is damaged (ValueError)")


def test_of_two_optimisers_with_strange_settings_G_s_is_named_first():
    run = ng.Training(*pair(False), data(), batch=4)
    run.opt_d.d_rate = 1
    with pytest.raises(ng.InputError, match="has no 'd_rate'"):
        run.steps(1)
    run.opt_g.g_rate = 1
    with pytest.raises(ng.InputError, match="has no 'g_rate'"):
        run.steps(1)


class Mine(ng.Adam):
    """An optimiser of one's own may have what it likes."""


def test_a_setting_that_ours_do_not_have_is_refused_at_once_and_one_of_one_s_own_is_not():
    opts = [ng.Adam(), Mine()]
    opts[1].note = "mine"
    assert ng.Training(*pair(False), data(), batch=4, optimizers=opts).opt_d.note == "mine"
    opts = [ng.Adam(), ng.Adam()]
    opts[1].rate = 1
    with pytest.raises(ng.InputError, match="has no 'rate'"):
        ng.Training(*pair(False), data(), batch=4, optimizers=opts)


def test_of_two_players_that_cannot_be_G_is_named_first():
    class Bare:
        def __init__(self, net):
            self.forward, self.backward = net.forward, net.backward

    G, D = pair(False)
    for players, says in (((Bare(G), Bare(D)), "^G is .* no theta"), ((G, Bare(D)), "^D is .* no theta")):
        with pytest.raises(ng.InputError, match=says):
            ng.Training(*players, data(), batch=4, n_z=2)
    for conditional, says in (
        (True, "^G takes no labels, but conditional is True"),
        (False, "^G takes labels, but .* False"),
    ):
        with pytest.raises(ng.InputError, match=says):
            ng.Training(*pair(not conditional), data(), batch=4, conditional=conditional)
    with pytest.raises(ng.InputError, match=r"^G has 3 classes, but the data has 2"):
        ng.Training(*pair(True), Data(data().x, labels=LABELS % 2), batch=4, conditional=True)


def test_one_row_at_a_time_is_enough_for_networks_that_look_at_each_alone():
    def norm(n, m, seed):
        return ng.Network([ng.Linear(n, 2), ng.BatchNorm(2), ng.Linear(2, m)], seed=seed)

    sure = ng.Network([ng.Linear(2, 3)]), ng.Network([ng.Linear(3, 1)], seed=1)
    assert ng.Training(*sure, data(), batch=1).batch == 1
    assert ng.Training(Own(sure[0].copy()), sure[1].copy(), data(), batch=1, n_z=2).batch == 1
    assert ng.Training(norm(2, 3, 0), norm(3, 1, 1), data(), batch=2).batch == 2
    for player, nets in (("G", (norm(2, 3, 0), sure[1])), ("D", (sure[0], norm(3, 1, 1)))):
        with pytest.raises(ng.InputError, match=f"^batch is 1, but {player} compares the rows"):
            ng.Training(*nets, data(), batch=1)


# Samples that cannot be


def test_too_many_samples_are_refused_before_memory_is():
    class Full:
        def fixed(self, n, seed):
            raise MemoryError

    G = ng.Network([ng.Linear(2, 3)])
    with pytest.raises(ng.InputError, match=r"^1000000000 samples do not fit into memory"):
        sample(G, Full(), 10**9, 0, None)
    with pytest.raises(ng.InputError, match=r"^n is 1000000001, expected 1000000000 or fewer"):
        sample(G, Full(), 10**9 + 1, 0, None)
    for n, seed in ((0, 0), (1, -1)):
        with pytest.raises(ng.InputError, match="must be a whole number of"):
            sample(G, Full(), n, seed, None)


def test_samples_that_overflow_are_said_without_a_warning(tmp_path):
    G = ng.Network([ng.Linear(2, 4), ng.BatchNorm(4), ng.Linear(4, 3)])
    run = ng.Training(G, pair(False)[1], data(), batch=4)
    assert run.sample(1, seed=0).shape == (1, 3)
    run.G.theta[...] = 1e30
    with pytest.raises(ng.DivergedError, match="samples hold values that are not finite"):
        run.sample(3)
    with pytest.raises(ng.DivergedError, match=r"^step 0: buffers_G holds values that are not finite"):
        run.save(tmp_path / "c.npz")


# Files and tables


def test_a_file_is_whole_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    sync, at_sync = os.fsync, []

    def noted(descriptor):
        at_sync.append((os.fstat(descriptor).st_size, (tmp_path / "a").exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    with atomic(tmp_path / "a") as file:
        file.write(b"12345")
        (part,) = tmp_path.iterdir()
        assert part.name.startswith(".") and part.name.endswith(".part")
    assert at_sync == [(5, False)]
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_bytes() == b"12345"


def test_a_file_that_cannot_take_its_name_leaves_nothing_behind(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError), atomic(tmp_path / "a") as file:
        file.write(b"12345")
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and not [*(tmp_path / "a").iterdir()]


def test_a_table_shows_its_cells_as_text():
    left, right = ' style="text-align: left"', ' style="text-align: right"'
    assert html_table(["a", "<b>"], [["1", "2"], ["x&y", "4"]]) == (
        f"<table><thead><tr><th{left}>a</th><th{left}>&lt;b&gt;</th></tr></thead><tbody>"
        f"<tr><td{left}>1</td><td{left}>2</td></tr><tr><td{left}>x&amp;y</td><td{left}>4</td></tr></tbody></table>"
    )
    assert html_table(["a"], [], RIGHT) == f"<table><thead><tr><th{right}>a</th></tr></thead><tbody></tbody></table>"
    assert html_lines(["a", "<b>"]) == "<div>a</div><div>&lt;b&gt;</div>"


# What is meant where nothing is said


def test_a_run_without_settings():
    G, D = ng.Network([ng.Linear(2, 3)]), ng.Network([ng.Linear(3, 1)], seed=1)
    run = ng.Training(G, D, np.ones((64, 3)), threads=1)
    assert run.settings == Settings(64, 1, 0, None, "normal", 2, 1, None, False)
    assert (run.loss, run.penalty) == (ng.losses.nonsaturating, None)
    assert [record.step for record in run.steps(2)] == [1, 2]
    x, z = run.fixed_batch(1)
    kinds = {run.average.dtype, x.dtype, z.dtype, run._noise(3).dtype, run._minibatches(0).dtype, run.sample(2).dtype}
    assert len(x) == 1 and kinds == {np.dtype("float32")}
    assert (run.sample(2) == run.sample(2, seed=0)).all()
    for n, seed in ((0, 0), (1, -1)):
        with pytest.raises(ng.InputError, match="must be a whole number of"):
            run.fixed_batch(n, seed)


@pytest.mark.parametrize("position", [0, 3, 4, 5, 7, 8, 16, 17, 31, 32])
def test_a_stream_may_begin_anywhere(position):
    assert (Minibatches(np.arange(N), BATCH, SEED)(position) == rows_of_batch(position, purpose=0)).all()
    noise = Noise("uniform", BATCH, N_Z, np.float64, SEED, np)
    np.testing.assert_allclose(noise(position), noise_of_batch(position))
    np.testing.assert_allclose(noise(position + 1), noise_of_batch(position + 1))


def test_what_is_not_ours_is_passed_by_the_name_of_its_argument():
    for kind, value, where, argument in (
        (ng.Network, {"type": "Network", "layers": [{"type": "my.Layer", "n": 1}], "dtype": "float32"}, "G", "G"),
        (tuple[ng.Adam, ng.SGD], [{"type": "my.Adam"}, {"type": "my.SGD"}], "optimizers", "optimizers"),
        (ng.R1, {"type": "my.R1"}, "penalty", "penalty"),
    ):
        with pytest.raises(
            ng.InputError, match=rf"is a 'my\.\w+', which is not one of numgan's: pass it to load, as {argument}=$"
        ):
            schema.Builder()(value, kind, where)
    with pytest.raises(
        ng.InputError, match=r"^D is of the type 'Adam', expected Network or Conditional: use another file$"
    ):
        schema.Builder()({"type": "Adam"}, ng.Network, "D")
    for length, says in ((4096, "which is not one of numgan's"), (4097, "expected Network or Conditional")):
        with pytest.raises(ng.InputError, match=says):
            schema.Builder()({"type": "x" * length}, ng.Network, "D")
    assert len(schema.shown("x" * 200)) == len(schema.shown(10**200)) == 80


# Interrupts that are held back


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_one_interrupt_waits_for_the_end_and_of_two_neither_does():
    heard, before = [], signal.getsignal(signal.SIGINT)

    def mine(number, frame):
        heard.append((number, frame is None))

    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, mine)
    try:
        with HeldBack() as held:
            assert not held.asked and signal.getsignal(signal.SIGINT) != mine
        assert heard == [] and signal.getsignal(signal.SIGINT) == mine
        with HeldBack() as held:
            interrupt()
            assert held.asked and heard == []
        assert heard == [(signal.SIGINT, True)] and signal.getsignal(signal.SIGINT) == mine
        heard.clear()
        with HeldBack():
            interrupt()
            interrupt()
            assert heard == [(signal.SIGINT, False)] * 2 and signal.getsignal(signal.SIGINT) == mine
            interrupt()
            assert len(heard) == 3
        assert len(heard) == 3 and signal.getsignal(signal.SIGINT) == mine
    finally:
        signal.signal(signal.SIGINT, before)


# What is said, and which of two things


def test_what_is_fixed_and_what_there_is_not_are_told_apart():
    run = ng.Training(*pair(False), data(), batch=4)
    for name in ("batch", "k", "loss", "G", "data", "opt_g", "conditional"):
        with pytest.raises(ng.InputError, match=rf"^run\.{name} is fixed when a Training is made: make a new one"):
            setattr(run, name, 3)
    for name in ("lr", "batch_size"):
        with pytest.raises(ng.InputError, match=rf"^run\.{name} is nothing that a Training has: make a new one"):
            setattr(run, name, 3)
    run.step, run._note = 5, "mine"
    assert (run.step, run._note) == (5, "mine")


def test_samples_of_another_width_may_come_from_swapped_players():
    G, D = pair(False)
    with pytest.raises(
        ng.InputError, match=r"shape \(4, 1\), but a row of this data has 3 .*\(or are G and D swapped\?\)$"
    ):
        ng.Training(D, G, data(), batch=4)
    with pytest.raises(
        ng.InputError, match=r"shape \(4, 2\), but a row of this data has 3 numbers: change G's last layer$"
    ):
        ng.Training(ng.Network([ng.Linear(2, 2)]), D, data(), batch=4)
    for last, says in ((ng.Linear(3, 2), r"got \(4, 2\)"), (ng.Reshape((3, 1)), r"got \(4, 3, 1\)")):
        with pytest.raises(ng.InputError, match=f"^D must return logits of shape .*{says}"):
            ng.Training(G, ng.Network([last]), data(), batch=4)


def test_what_is_expected_is_said_in_its_words():
    for value, kind, words in (
        (3, ng.Network, "Network or Conditional"),
        (3, Settings, "an object"),
        ("x", int | None, "a whole number or null"),
        (3, tuple[int, ...], r"\[a whole number, …\]"),
        ([1, 2], tuple[int, str, bool], r"\[a whole number, a text, true or false\]"),
        ("c", Literal["a", "b"], "a or b"),
        ("x", float | Callable[[int], float], "a number or Ramp or Decay"),
    ):
        with pytest.raises(ng.InputError, match=rf"expected {words}: use another file$"):
            schema.Builder()(value, kind)
    assert schema.Builder()([3], tuple[int]) == (3,)


def test_threads_of_a_run_are_those_of_its_samples(tmp_path, monkeypatch):
    run = ng.Training(*pair(False), data(), batch=4, threads=3)
    run.save(tmp_path / "c.npz")
    asked = []
    monkeypatch.setattr("numgan.run.state.Team", lambda threads: asked.append(threads) or run._team)
    Checkpoint(tmp_path / "c.npz").sample(2)
    assert asked == [3] == [run._team.threads]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ema": 0.0}, "ema, a decay"),
        ({"ema": 1.0}, "ema, a decay"),
        ({"clip": 0.0}, "clip, the bound"),
        ({"threads": 0}, "threads must be"),
        ({"threads": 257}, "threads is 257, expected 256 or fewer"),
        ({"batch": 0}, "batch must be"),
        ({"k": 0}, "k must be"),
        ({"seed": -1}, "seed must be"),
        ({"n_z": 0}, "n_z must be"),
        ({"n_z": 3}, r"\(4, 3\)"),
        ({"noise": "gauss"}, "unknown noise 'gauss'"),
        ({"conditional": 0}, "conditional must be True .* or False, got 0"),
        ({"together": 1}, "together must be True .* or False, got 1"),
        ({"together": True, "k": 2}, "together=True, the published code of 2014, has k=1 and neither penalty nor"),
        ({"together": True, "clip": 0.1}, "has k=1 and neither penalty nor clip: drop these"),
        ({"together": True, "penalty": ng.R1()}, "has k=1 and neither penalty nor clip: drop these"),
    ],
)
def test_limits_that_are_not_allowed(settings, says):
    with pytest.raises(ng.InputError, match=says):
        ng.Training(*pair(False), data(), **{"batch": 4} | settings)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_enough(bad, tmp_path):
    archive.write(tmp_path / "c.npz", {"a": np.ones(2), "b": np.array([1.0, bad, 2.0])}, {})
    with pytest.raises(ng.InputError, match="'b' holds numbers that are not finite"):
        archive.read(tmp_path / "c.npz")


def test_vectors_are_of_float32_or_float64(tmp_path):
    for kind in ("float16", "longdouble", "int32", "bool", "complex64", "U3"):
        np.savez(tmp_path / "c.npz", about=np.array('{"format": "numgan-1"}'), a=np.ones(2).astype(kind))
        with pytest.raises(ng.InputError, match=r"'a' holds .*, expected float32 or float64"):
            archive.read(tmp_path / "c.npz")


@pytest.mark.parametrize(
    ("cls", "made", "later"),
    [
        (Settings, Settings(4, 1, 0, 0.5, "normal", 2, 1, None, True, True), {"conditional", "together"}),
        (Origin, Origin("x", "0a", (2, 2), (0.0, 1.0), "0b"), {"label_fingerprint"}),
        (About, About("ring", "points", 9, "numpy", 64, 7), {"size", "hold_out"}),
        (ng.BatchNorm, ng.BatchNorm(3, std=0.5), {"std"}),
        (ng.Ramp, ng.Ramp(0.1, 0.2, 3, 9, every=2), {"every"}),
        (ng.Adam, ng.Adam(0.1, 0.2, 0.3, 1e-4), set()),
        (ng.R1, ng.R1(3.0, every=16), {"every"}),
        (ng.WGANGP, ng.WGANGP(3.0), {"every"}),
    ],
)
def test_only_a_field_that_came_later_may_be_missing(cls, made, later):
    whole = {name: schema.describe(getattr(made, name)) for name in schema.fields_of(cls)}
    known = {"type": cls.__name__} if cls.__name__ in schema.KNOWN else {}
    assert repr(schema.Builder()(whole | known, cls)) == repr(made)
    for name in whole:
        rest = {other: value for other, value in whole.items() if other != name} | known
        with nullcontext() if name in later else pytest.raises(ng.InputError, match=r"^it has the fields"):
            schema.Builder()(rest, cls)
    with pytest.raises(ng.InputError, match=r"^it has the fields"):
        schema.Builder()(whole | known | {"more": 1}, cls)


# Numbers of NumPy, networks within networks, names that are ours


def test_numbers_of_numpy_are_saved_as_python_s(tmp_path):
    """Wherever a person may have computed one: in a rate, before the run and in its course, a schedule, a layer."""
    whole, real = np.int64, np.float32
    ramp = ng.Ramp(real(0.5), real(0.125), whole(2), np.int16(9), whole(1))
    opts = ng.Adam(real(0.25), beta1=real(0.5)), ng.SGD(ramp, real(0))
    layers = ng.Linear(whole(2), whole(4), real(0.5)), ng.Dropout(real(0.5)), ng.LeakyReLU(real(0.25))
    G = ng.Network([*layers, ng.Linear(4, 3)])
    settings = {"batch": whole(4), "seed": np.uint8(3), "ema": real(0.5), "optimizers": opts}
    run = ng.Training(G, ng.Network([ng.Linear(3, 1)], seed=1), data(), **settings)
    run.opt_g.lr, run.opt_d.momentum = real(0.75), np.float64(0.25)
    list(run.steps(1))
    run.save(tmp_path / "c.npz")
    again = ng.Training.load(tmp_path / "c.npz", data())
    assert (again.opt_g.lr, again.opt_g.beta1, again.opt_d.momentum) == (0.75, 0.5, 0.25)
    assert repr(again.opt_d.lr) == "Ramp(start=0.5, end=0.125, begin=2, finish=9, every=1)"
    assert repr([*again.G.layers[:3]]) == "[Linear(n_in=2, n_out=4, scale=0.5), Dropout(p=0.5), LeakyReLU(slope=0.25)]"
    assert (again.seed, again.batch, again.ema) == (3, 4, 0.5)
    for one in (run, again):
        list(one.steps(2))
    assert (run.G.theta == again.G.theta).all() and (run.D.theta == again.D.theta).all()
    for number in (whole(3), np.uint8(3), real(0.5), np.float64(0.5), np.float16(0.5), np.longdouble(0.5)):
        told = schema.describe([number])
        assert json.loads(json.dumps(told)) == [number] and type(told[0]) in (int, float)


def test_a_network_within_a_network_is_looked_into():
    def within(*layers):
        return ng.Network([ng.Network([ng.Network(list(layers[:1])), *layers[1:]])])

    D = pair(False)[1]
    up = ng.ConvTranspose2d(2, 1, stride=1, padding=0)  # 2 × 3 pixels → 5 × 6
    G = ng.Network([within(ng.Reshape((2, 3, 2)), up), ng.Reshape((30,)), ng.Linear(30, 3)])
    assert (G.n_in, G.axes_in, ng.Training(G, D, data(), batch=4).n_z) == (None, None, 12)
    assert ng.Training(within(ng.Linear(5, 4), ng.Linear(4, 3)), D, data(), batch=4).n_z == 5
    with pytest.raises(ng.InputError, match=r"n_z is|G does not say how wide its noise z is"):
        ng.Training(ng.Network([within(ng.Tanh(), ng.Tanh())]), D, data(), batch=4)
    G = pair(False)[0]
    ending = ng.Network([ng.Linear(3, 4), within(ng.Linear(4, 1), ng.Sigmoid())])
    with pytest.raises(ng.InputError, match="D ends in a Sigmoid"):
        ng.Training(G, ending, data(), batch=4)
    mixing = ng.Network([ng.Linear(3, 4), within(ng.BatchNorm(4)), ng.Linear(4, 1)])
    with pytest.raises(ng.InputError, match="batch is 1, but D compares the rows"):
        ng.Training(G, mixing, data(), batch=1)
    with pytest.raises(ng.InputError, match=r"looks at each row alone: leave BatchNorm\("):
        ng.Training(G, mixing, data(), batch=4, penalty=ng.R1())
    drawing = ng.Network([within(ng.Linear(2, 3), ng.Dropout(0.5)), ng.Linear(3, 3)])
    sure = ng.Network([ng.Linear(3, 1)])
    assert ng.Training(drawing, sure, data(), batch=4)._layers_rng(0) is not None


def test_a_class_of_one_s_own_that_is_called_like_ours_is_not_taken_for_it(tmp_path):
    kind = type("Adam", (ng.Adam,), {"step": lambda self, theta, grad: ng.Adam.step(self, theta, 0 * grad)})
    run = ng.Training(*pair(False), data(), batch=4, optimizers=(kind(), ng.Adam()))
    list(run.steps(1))
    run.save(tmp_path / "c.npz")
    with pytest.raises(ng.InputError, match=r"optimizers\[0\] is a '.*\.Adam', which is not .* pass it to load"):
        ng.Training.load(tmp_path / "c.npz", data())
    again = ng.Training.load(tmp_path / "c.npz", data(), optimizers=(kind(), ng.Adam()))
    list(again.steps(1))
    assert type(again.opt_g) is kind and again.step == 2


def test_one_label_may_be_a_number_of_numpy_and_0():
    for label in (0, np.int64(0), np.uint8(0), np.array(0), [0, 0, 0], (0, 0, 0), np.zeros(3, "u1")):
        found = labels_for(label, 3, 2)
        assert found.tolist() == [0, 0, 0] and found.dtype == np.int64
    for label in (0, np.int64(0), [0, 0]):
        with pytest.raises(ng.InputError, match="was trained without labels"):
            labels_for(label, 2, None)


def test_0_is_no_default_where_a_run_is_loaded(tmp_path):
    new_run(False).save(tmp_path / "c.npz")
    for threads, says in ((0, "threads must be a whole number of 1 or more, got 0"), (False, "threads must be")):
        with pytest.raises(ng.InputError, match=says):
            ng.Training.load(tmp_path / "c.npz", data(), threads=threads)
