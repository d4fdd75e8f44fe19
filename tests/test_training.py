"""Algorithm 1: what a run does, that its seed fixes it, and that it goes on bit for bit where it was left."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import numgan as ng
from numgan import parallel
from numgan.backend import asnumpy
from numgan.blas import _libraries
from numgan.gan import discriminator_gradient, generator_gradient
from numgan.run.streams import LayerNumbers, Minibatches, Noise


def plain(xp=np, seed=0, dtype="float32"):
    how = {"dtype": dtype, "xp": xp}
    G = ng.Network([ng.Linear(2, 16), ng.LeakyReLU(0.2), ng.Linear(16, 2)], seed=seed, **how)
    D = ng.Network([ng.Linear(2, 16), ng.LeakyReLU(0.2), ng.Linear(16, 1)], seed=seed + 1, **how)
    return G, D


def everything(xp=np, seed=0):
    """BatchNorm, Dropout, Maxout, momentum with a schedule, Adam: all that has state."""
    G = ng.Network([ng.Linear(2, 16), ng.BatchNorm(16), ng.ReLU(), ng.Linear(16, 2)], seed=seed, xp=xp)
    D = ng.Network([ng.Dropout(0.2), ng.Maxout(2, 8, 3), ng.BatchNorm(8), ng.Linear(8, 1)], seed=seed + 1, xp=xp)
    return G, D


RING = ng.data.ring(n=600)


def run_of(pair, **settings):
    settings = {"batch": 32, "seed": 3} | settings
    return ng.Training(*pair, RING, **settings)


def full_run(xp=np):
    optimizers = (ng.Adam(1e-3, 0.5), ng.SGD(ng.Decay(0.05, 1.01), ng.Ramp(0.5, 0.9, 0, 20)))
    return run_of(everything(xp), optimizers=optimizers, ema=0.9, k=2, noise="uniform")


def go(run, n, **how):
    return list(run.steps(n, **how))


def test_a_run_is_algorithm_1_written_out(xp):
    """k steps for D, each on fresh data and noise; one for G on fresh noise. The loop below is the paper's."""
    run = run_of(plain(xp, dtype="float64"), k=2, threads=1)
    go(run, 5)
    G, D = plain(xp, dtype="float64")
    opt_g, opt_d, loss = ng.Adam(), ng.Adam(), ng.losses.nonsaturating
    minibatch = Minibatches(xp.asarray(RING.x, dtype="float64"), 32, seed=3)
    noise = Noise("normal", 32, 2, np.float64, 3, xp)
    x, z = map(minibatch, itertools.count()), map(noise, itertools.count())
    for _ in range(5):
        for _ in range(2):
            discriminator_gradient(G, D, next(x), next(z), loss)
            opt_d.step(D.theta, D.grad)
        generator_gradient(G, D, next(z), loss)
        opt_g.step(G.theta, G.grad)
    assert (run.G.theta == G.theta).all()
    assert (run.D.theta == D.theta).all()


@pytest.mark.parametrize("pair", [plain, everything])
def test_the_seed_fixes_everything(pair, xp):
    runs = [run_of(pair(xp), seed=seed) for seed in (3, 3, 4)]
    for run in runs:
        go(run, 40, every=20)
    assert (runs[0].G.theta == runs[1].G.theta).all()
    assert (runs[0].D.theta == runs[1].D.theta).all()
    assert runs[0].history == runs[1].history
    assert (runs[0].G.theta != runs[2].G.theta).any()


def test_saved_and_loaded_it_goes_on_bit_for_bit(tmp_path, xp):
    straight, first = full_run(xp), full_run(xp)
    go(straight, 46)
    go(first, 23)
    first.save(tmp_path / "c.npz")
    second = ng.Training.load(tmp_path / "c.npz", RING, xp=xp)
    assert second.step == 23
    assert second.history == first.history
    go(second, 23)
    for name, vector in straight.state.vectors.items():
        if not name.startswith("buffers"):
            assert (vector == second.state.vectors[name]).all(), name
    assert straight.history == second.history
    assert (straight.sample(50) == second.sample(50)).all()


def test_saved_before_the_first_step(tmp_path, xp):
    run = full_run(xp)
    run.save(tmp_path / "c.npz")
    again = ng.Training.load(tmp_path / "c.npz", RING, xp=xp)
    go(run, 3)
    go(again, 3)
    assert (run.G.theta == again.G.theta).all()


PENALTIES = [ng.R1(0.5), ng.R2(), ng.WGANGP(5.0)]


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_a_penalty_is_part_of_what_D_descends(penalty, xp):
    free, held = (run_of(plain(xp, dtype="float64"), threads=1, penalty=p) for p in (None, penalty))
    (before,), (after,) = go(free, 1), go(held, 1)
    D, x = plain(xp, dtype="float64")[1], held._minibatches(0)
    x_g, rng = plain(xp, dtype="float64")[0](held._noise(0)), LayerNumbers(xp, seed=3, k=1)(0, 0)
    added = penalty(D, x, x_g, rng)
    assert after.loss_D == pytest.approx(before.loss_D + float(added), rel=1e-12)
    np.testing.assert_allclose(asnumpy(held.D.grad), asnumpy(free.D.grad + D.grad), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_with_a_penalty_it_goes_on_bit_for_bit(tmp_path, penalty, xp):
    G, _ = everything(xp)
    D = ng.Network([ng.Dropout(0.2), ng.Maxout(2, 8, 3), ng.Tanh(), ng.Linear(8, 1)], seed=1, xp=xp)
    straight, first = (run_of((G.copy(), D.copy()), k=2, penalty=penalty, clip=0.3) for _ in range(2))
    go(straight, 12)
    go(first, 5)
    first.save(tmp_path / "c.npz")
    second = ng.Training.load(tmp_path / "c.npz", RING, xp=xp)
    assert (second.penalty, second.clip) == (penalty, 0.3)
    go(second, 7)
    assert (straight.D.theta == second.D.theta).all()
    assert straight.history[5:] == second.history[5:]
    assert abs(straight.D.theta).max() == np.float32(0.3)


def test_breaking_off_and_calling_again_goes_on_exactly(xp):
    straight, broken = run_of(plain(xp)), run_of(plain(xp))
    go(straight, 20)
    for record in broken.steps(20):
        if record.step == 7:
            break
    go(broken, 13)
    assert (straight.G.theta == broken.G.theta).all()
    assert straight.history == broken.history


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))])
def test_a_copy_goes_on_as_the_run_would_have_and_shares_nothing_with_it(copied, xp):
    run = full_run(xp)
    go(run, 5)
    other = copied(run)
    go(run, 4)
    assert other.step == 5
    go(other, 4)
    assert other.history == run.history
    for name, vector in run.state.vectors.items():
        assert (other.state.vectors[name] == vector).all(), name
    assert (other.sample(5) == run.sample(5)).all()
    for vector in other.state.vectors.values():
        vector[...] = 0
    assert (other.G.layers[0].W == 0).all()
    assert all((vector != 0).any() for vector in run.state.vectors.values())


def test_sampling_and_saving_leave_the_run_as_it_was(tmp_path, xp):
    quiet, watched = full_run(xp), full_run(xp)
    for _ in range(6):
        go(quiet, 1)
        go(watched, 1)
        watched.sample(10)
        watched.save(tmp_path / "c.npz")
    assert (quiet.G.theta == watched.G.theta).all()
    assert (quiet.D.theta == watched.D.theta).all()


def test_samples_have_fixed_noise_and_come_from_averaged_weights(xp):
    run = run_of(plain(xp), ema=0.9)
    assert (run.sample(8) == run.sample(8)).all()
    assert (run.sample(8) != run.sample(8, seed=1)).any()
    thetas = []
    for _ in run.steps(12):
        thetas.append(asnumpy(run.G.theta).copy())
    weights = 0.9 ** np.arange(11, -1, -1)
    mean = (weights[:, None] * thetas).sum(axis=0) / weights.sum()
    plain_run = run_of(plain(xp))
    plain_run.G.theta[...] = xp.asarray(mean, dtype="float32")
    np.testing.assert_allclose(run.sample(8), plain_run.sample(8), rtol=1e-4, atol=1e-5)


def test_batchnorm_is_calibrated_with_the_averaged_weights(tmp_path, xp):
    run = full_run(xp)
    go(run, 20)
    run.save(tmp_path / "c.npz")
    norm = run.G.layers[1]
    own = run.G.theta.copy()
    with run._averaged():
        z = run._noise.fixed(1024, purpose=4)
        h = z @ run.G.layers[0].W + run.G.layers[0].b
        np.testing.assert_allclose(asnumpy(norm.mean), asnumpy(h.mean(axis=0)), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(asnumpy(norm.var), asnumpy(h.var(axis=0)), rtol=1e-4)
        assert (run.G.theta != own).any()
    assert (run.G.theta == own).all()


def test_statistics_do_not_change_while_training(xp):
    run = full_run(xp)
    before = run.G.buffers.copy(), run.D.buffers.copy()
    go(run, 5)
    assert (run.G.buffers == before[0]).all()
    assert (run.D.buffers == before[1]).all()


def test_images_come_back_in_0_to_1(xp):
    digits = ng.data.load("digits")
    G = ng.Network([ng.Linear(4, 784), ng.Tanh()], xp=xp)
    D = ng.Network([ng.Linear(784, 1)], seed=1, xp=xp)
    x = ng.Training(G, D, digits).sample(64)
    assert x.shape == (64, 784)
    assert x.min() >= 0
    assert x.max() <= 1
    assert abs(x.mean() - 0.5) < 0.1


def test_records(xp):
    run = run_of(plain(xp))
    records = go(run, 25, every=10)
    assert [r.step for r in records] == [10, 20, 25]
    assert run.history == records
    r = records[-1]
    assert r.loss_D == pytest.approx(-r.V, rel=1e-5)
    assert 0 < r.D_x < 1
    assert 0 < r.D_Gz < 1
    np.testing.assert_allclose(r.norm_D, np.linalg.norm(asnumpy(run.D.grad)), rtol=1e-5)
    np.testing.assert_allclose(r.norm_G, np.linalg.norm(asnumpy(run.G.grad)), rtol=1e-5)
    assert go(run, 0) == []


def test_it_learns_a_gaussian():
    data = ng.data.gaussian(n=4000, mean=3.0, std=0.5)
    G = ng.Network([ng.Linear(1, 16), ng.LeakyReLU(0.2), ng.Linear(16, 1)])
    D = ng.Network([ng.Linear(1, 16), ng.LeakyReLU(0.2), ng.Linear(16, 1)], seed=1)
    run = ng.Training(G, D, data, batch=128, optimizers=(ng.Adam(2e-3), ng.Adam(2e-3)), ema=0.99)
    assert abs(run.sample(2000).mean() - 3) > 2
    go(run, 1500, every=1500)
    x = run.sample(2000)
    assert abs(x.mean() - 3) < 0.3
    assert 0.25 < x.std() < 0.9


def test_divergence_stops_the_run_and_nothing_is_saved(tmp_path, xp):
    run = run_of(plain(xp), loss=ng.losses.least_squares)
    run.save(tmp_path / "c.npz")
    kept = (tmp_path / "c.npz").read_bytes()
    run.D.theta[...] = np.float32(1e30)
    with np.errstate(all="ignore"), pytest.raises(ng.DivergedError, match=r"step 1: loss_D = .*learning rate"):
        go(run, 5)
    run.D.theta[0] = np.nan
    with pytest.raises(ng.DivergedError, match=r"theta_. holds values that are not finite"):
        run.save(tmp_path / "c.npz")
    assert (tmp_path / "c.npz").read_bytes() == kept


def test_schedules_of_ones_own_are_passed_in_again(tmp_path, xp):
    def optimizers():
        return ng.Adam(lambda t: 1e-3 / (1 + t)), ng.Adam(1e-3)

    straight, first = (run_of(plain(xp), optimizers=optimizers()) for _ in range(2))
    go(straight, 8)
    go(first, 4)
    first.save(tmp_path / "c.npz")
    with pytest.raises(ng.InputError, match="pass it to load"):
        ng.Training.load(tmp_path / "c.npz", RING)
    second = ng.Training.load(tmp_path / "c.npz", RING, optimizers=optimizers(), xp=xp)
    go(second, 4)
    assert (straight.G.theta == second.G.theta).all()


class Own:
    """A player of one's own with the five names and nothing else."""

    def __init__(self, net):
        self._net, self.theta, self.grad = net, net.theta, net.grad

    def forward(self, x, train=False, rng=None):
        return self._net.forward(x, train, rng)

    def backward(self, dy, tape, params=True, inputs=True, add=True):
        return self._net.backward(dy, tape, params, inputs, add)

    def __call__(self, x):
        return self._net(x)


def test_classes_of_ones_own_train_save_and_load(tmp_path, xp):
    run = ng.Training(*map(Own, plain(xp)), RING, batch=32, n_z=2, ema=0.9)
    go(run, 4)
    run.save(tmp_path / "c.npz")
    with pytest.raises(ng.InputError, match=r"Own.*pass it to load"):
        ng.Training.load(tmp_path / "c.npz", RING)
    again = ng.Training.load(tmp_path / "c.npz", RING, *map(Own, plain(xp)))
    go(run, 4)
    go(again, 4)
    assert (run.G.theta == again.G.theta).all()
    with pytest.raises(ng.InputError, match="pass n_z="):
        ng.Training(*map(Own, plain(xp)), RING, batch=32)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"batch": 0}, "batch must be a whole number of 1 or more, got 0"),
        ({"batch": 601}, "batch is 601, but the data has 600 rows"),
        ({"k": 0}, "k must be"),
        ({"k": 1.5}, r"k must be.*1\.5"),
        ({"seed": -1}, "seed must be.*-1"),
        ({"threads": 0}, "threads must be"),
        ({"threads": 100_000}, "threads is 100000, expected 256 or fewer"),
        ({"ema": 1.0}, r"ema, a decay.*1\.0"),
        ({"noise": "gauss"}, "unknown noise 'gauss'"),
        ({"clip": 0.0}, r"clip, .*\(0, inf\), got 0\.0"),
        ({"penalty": "r1"}, r"penalty must be R1\(\), .* got 'r1'"),
        ({"n_z": 3}, r"\(m, 2\), got \(32, 3\)"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, says):
    with pytest.raises(ng.InputError, match=says):
        run_of(plain(), **settings)


def test_networks_that_do_not_fit_are_refused():
    G, D = plain()
    with pytest.raises(ng.InputError, match="change G's last layer"):
        ng.Training(ng.Network([ng.Linear(2, 3)]), D, RING)
    with pytest.raises(ng.InputError, match=r"end it in Linear\(n, 1\)"):
        ng.Training(G, ng.Network([ng.Linear(2, 2)]), RING)
    with pytest.raises(ng.InputError, match=r"looks at each row alone: leave BatchNorm"):
        run_of(everything(), penalty=ng.R1())
    with pytest.raises(ng.InputError, match="same optimiser"):
        ng.Training(G, D, RING, optimizers=(ng.Adam(),) * 2)
    with pytest.raises(ng.InputError, match="n must be"):
        run_of(plain()).steps(-1)
    with pytest.raises(ng.InputError, match="every must be"):
        run_of(plain()).steps(5, every=0)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"loss": "hinge"}, r"loss='hinge' is no loss.*ng\.losses\.hinge"),
        ({"loss": ng.losses.NonSaturating}, "is no loss"),
        ({"optimizers": "adam"}, "pass two, for G and for D"),
        ({"optimizers": ng.Adam()}, "pass two, for G and for D"),
        ({"optimizers": (ng.Adam(),)}, "pass two, for G and for D"),
    ],
)
def test_names_and_classes_in_place_of_things_are_refused(settings, says):
    with pytest.raises(ng.InputError, match=says):
        run_of(plain(), **settings)


def test_a_D_that_ends_in_a_sigmoid_is_refused():
    D = ng.Network([ng.Linear(2, 1), ng.Sigmoid()])
    with pytest.raises(ng.InputError, match=r"D returns logits.*leave the Sigmoid out"):
        ng.Training(plain()[0], D, RING)


def test_a_record_prints_short():
    (record,) = go(run_of(plain()), 1)
    assert str(record).startswith("step 1  loss_D ")
    assert len(str(record)) < 120


def test_plain_arrays_serve_as_data(xp):
    run = ng.Training(*plain(xp), RING.x, batch=32)
    go(run, 2)
    assert run.sample(5).shape == (5, 2)
    with pytest.raises(ng.InputError, match=r"ng\.data\.load\('ring'\)"):
        ng.Training(*plain(), "ring")
    with pytest.raises(ng.InputError, match="expected finite"):
        ng.Training(*plain(xp), np.full((100, 2), np.nan, dtype="float32"))


def test_other_data_is_refused_by_load(tmp_path):
    run_of(plain()).save(tmp_path / "c.npz")
    with pytest.raises(ng.InputError, match=r"other data \('ring'\)"):
        ng.Training.load(tmp_path / "c.npz", ng.data.ring(n=600, seed=1))
    with pytest.raises(ng.InputError, match=r"theta_G has .* numbers"):
        G = ng.Network([ng.Linear(2, 8), ng.Linear(8, 2)])
        ng.Training.load(tmp_path / "c.npz", RING, G=G)


@pytest.mark.parametrize("penalty", [None, ng.R1(0.5), ng.WGANGP()])
def test_threads_change_a_run_by_rounding_only(monkeypatch, penalty):
    monkeypatch.setattr("numgan.parallel.MIN_PRODUCT", 1)
    monkeypatch.setattr("numgan.parallel.MIN_SPAN", 1)
    runs = [run_of(plain(dtype="float64"), threads=n, ema=0.9, penalty=penalty) for n in (1, 3, 3)]
    for run in runs:
        go(run, 30)
    np.testing.assert_allclose(runs[0].G.theta, runs[1].G.theta, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(runs[0].history, runs[1].history, rtol=1e-8)
    assert (runs[1].G.theta == runs[2].G.theta).all()  # at equal threads, bit for bit


def test_who_forgets_the_loop_is_told_so():
    run = run_of(plain())
    steps = run.steps(5)
    assert repr(steps) == "<no update is made outside a loop: for record in run.steps(5): print(record)>"
    assert run.step == 0
    assert [record.step for record in run.steps(2)] == [1, 2]
    assert next(run.steps(2)).step == 3


def test_between_steps_the_blas_has_its_threads_and_no_team_is_at_work():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        for _ in run_of(plain()).steps(2):
            assert blas_threads() == before
            assert parallel._AT_WORK.get() is None


def blas_threads():
    """Of the libraries that were there at first, NumPy's among them: SciPy brings one of its own, later."""
    return [library.num_threads for library in _libraries()]


def test_a_run_says_where_it_stands():
    run = run_of(plain())
    assert repr(run) == "<Training on ring: step 0>"
    *_, last = run.steps(3)
    assert repr(run) == f"<Training on ring: step 3, D(x) {last.D_x:.2f}, D(G(z)) {last.D_Gz:.2f}>"
    run._whole.begin("update 4")
    assert repr(run).endswith("; update 4 is not finished>")


def test_a_history_is_a_table_of_at_most_20_rows_in_a_notebook(tmp_path):
    run = run_of(plain())
    list(run.steps(20))
    whole = run.history._repr_html_()
    assert whole.count("<tr>") == 21 and "of 20 records" not in whole
    assert all(f"{figure:.5g}</td>" in whole for figure in run.history[7])
    assert [name in whole for name in run.history[0]._fields] == [True] * 8
    list(run.steps(1))
    chosen = run.history._repr_html_()
    assert "11 of 21 records" in chosen and ">21</td>" in chosen and ">20</td>" not in chosen
    assert run.history == list(run.history)
    run.save(tmp_path / "a.npz")
    assert ng.Training.load(tmp_path / "a.npz", RING).history._repr_html_() == chosen
    assert run_of(plain()).history._repr_html_().count("<tr>") == 1
