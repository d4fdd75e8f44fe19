"""The health line: its names on both sides of every threshold, and signals beside those worked out row by row."""

import math

import numpy as np
import pytest

import numgan as ng
from numgan.lab.health import Signals, diagnose, health, observe
from numgan.lab.pull import pull

WELL = Signals(fit=0.05, gap=0.01, copies=1.1, accuracy=0.6, pull=0.8)
FAR_AND_FAINT = {"fit": 1.01, "pull": 0.0049}

SIDES = [  # the signals that differ from WELL, and what is said
    ({}, "healthy"),
    ({"pull": 200.0}, "healthy"),
    ({"pull": 201.0}, "diverging: a pull of 2e+02 on each sample: bound the slope of D, or lower both rates"),
    ({"pull": 12345.0}, "diverging: a pull of 1.2e+04 on each sample: bound the slope of D, or lower both rates"),
    ({"pull": math.inf}, "diverging: a pull of inf on each sample: bound the slope of D, or lower both rates"),
    ({"fit": 3.0, "accuracy": 0.0449}, "D learns nothing: it puts data above samples 4% of the time: raise its rate"),
    ({"reverse_kl": 2.0794}, "mode collapse: reverse KL over the modes 2.08: let D see several rows at once (Pack, "
     "MinibatchStd)"),
    ({"gap": 12.3456}, "mode collapse: parts of the data have no samples near (12.35): let D see several rows at once "
     "(Pack, MinibatchStd)"),
    ({"copies": 0.0444}, "memorising: samples lie 0.04 times as far from data rows as these from each other"),
    ({"reverse_kl": math.nan}, "diverging: a pull of 0.8 on each sample: bound the slope of D, or lower both rates"),
    ({**FAR_AND_FAINT, "accuracy": 0.901}, "vanishing gradient: D wins, and is too sure to teach G: try the "
     "non-saturating loss"),
    ({**FAR_AND_FAINT, "accuracy": 0.9}, "D learns nothing: it puts data above samples 90% of the time: raise its "
     "rate"),
    ({**FAR_AND_FAINT, "fit": 1.0, "accuracy": 0.95}, "healthy: samples are on their way"),
    ({**FAR_AND_FAINT, "pull": 0.005, "accuracy": 0.95}, "healthy: samples are on their way"),
    ({"fit": 0.251, "accuracy": 0.049}, "D learns nothing: it puts data above samples 5% of the time: raise its rate"),
    ({"fit": 0.25, "accuracy": 0.049}, "healthy"),
    ({"fit": 0.251, "accuracy": 0.05}, "healthy: samples are on their way"),
    ({"copies": 0.499}, "memorising: samples lie 0.50 times as far from data rows as these from each other"),
    ({"copies": 0.5}, "healthy"),
    ({"p_copied": 0.0099}, "memorising: samples lie nearer to rows it was trained on than to others (p 0.010)"),
    ({"p_copied": 0.001}, "memorising: samples lie nearer to rows it was trained on than to others (p 0.001)"),
    ({"p_copied": 0.01}, "healthy"),
    ({"p_copied": 1.0}, "healthy"),
    ({"reverse_kl": 0.301}, "mode collapse: reverse KL over the modes 0.30: let D see several rows at once (Pack, "
     "MinibatchStd)"),
    ({"reverse_kl": 0.3}, "healthy"),
    ({"reverse_kl": 0.3, "gap": 9.0}, "healthy"),  # where the modes are known, they decide
    ({"fit": 0.0, "gap": 0.251}, "mode collapse: parts of the data have no samples near (0.25): let D see several rows "
     "at once (Pack, MinibatchStd)"),
    ({"fit": 0.0, "gap": 0.25}, "healthy"),
    ({"fit": 0.2, "gap": 0.44}, "healthy"),
    ({"fit": 0.2, "gap": 0.46}, "mode collapse"),
    ({"fit": -0.2, "gap": 0.24}, "healthy"),
    ({"fit": -0.2, "gap": 0.26}, "mode collapse"),
    # the gravest first
    ({"pull": 201.0, "fit": 2.0, "accuracy": 0.0, "copies": 0.1, "gap": 9.0}, "diverging"),
    ({"fit": 2.0, "accuracy": 0.0, "copies": 0.1, "gap": 9.0}, "D learns nothing"),
    ({"copies": 0.1, "gap": 9.0}, "memorising"),
    ({"p_copied": 0.001, "gap": 9.0}, "memorising"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "says"), SIDES)
def test_both_sides_of_every_threshold(change, says):
    said = str(diagnose(WELL._replace(**change)))
    assert said == says or (":" not in says and said.startswith(f"{says}: "))


@pytest.mark.parametrize("field", Signals._fields)
def test_no_signal_may_be_infinite_or_nan(field):
    for bad in (math.nan, math.inf, -math.inf):
        assert diagnose(WELL._replace(**{field: bad})).name == "diverging"


def skewed(n, shift=0.0):
    """(n, 2) rows with other widths and tails along the two axes."""
    rng = np.random.default_rng(n)
    return np.stack([rng.exponential(2.0, n) + shift, rng.normal(0, 0.5, n)], axis=1).astype("float32")


def run_on(data, batch, n_z=3, width=4, loss=ng.losses.nonsaturating):
    G = ng.Network([ng.Linear(n_z, 5), ng.BatchNorm(5), ng.LeakyReLU(0.2), ng.Linear(5, 2)], seed=3, dtype="float64")
    D = ng.Network([ng.Linear(2, width), ng.BatchNorm(width), ng.Tanh(), ng.Linear(width, 1)], seed=4, dtype="float64")
    return ng.Training(G, D, data, batch=batch, loss=loss, threads=1)


def distances(a, b):
    return np.hypot(*(np.subtract.outer(a[:, j], b[:, j]) for j in (0, 1)))


SIZES = [(0, 23, 5, 20), (1, 23, 5, 20), (0, 1200, 171, 342), (0, 600, 128, 512), (0, 1100, 520, 520)]


@pytest.mark.parametrize(("seed", "rows", "batch", "seen"), SIZES)
def test_signals_are_those_worked_out_row_by_row(seed, rows, batch, seen):
    """Both networks in training, with this batch's statistics, on as many whole batches as 512 rows hold."""
    run = run_on(skewed(rows), batch)
    x, z = skewed(rows)[:seen].astype(float), run.fixed_batch(seen, seed)[1]
    x_g = run.G.forward(z, train=True)[0]
    a_x, a_g = (run.D.forward(rows, train=True)[0][:, 0] for rows in (x, x_g))
    others = distances(x, x)
    apart = others.mean()
    np.fill_diagonal(others, np.inf)
    among, between = others.min(axis=0).mean(), distances(x, x_g)
    near, far = between.min(axis=0).mean(), between.min(axis=1).mean()  # of samples to data, of data to samples
    found = observe(run, seed) if seed else observe(run)
    assert found.fit == pytest.approx((near - among) / (apart - among))
    assert found.gap == pytest.approx((far - among) / (apart - among))
    assert found.copies == pytest.approx(near / among)
    assert found.accuracy == pytest.approx(np.mean([(a > a_g).mean() for a in a_x]))
    assert 0.01 < found.accuracy < 0.99
    if rows == 23:  # few enough to move them one by one
        wanted = np.linalg.norm(slopes(run, x_g), axis=1).mean() * x.std(axis=0).mean()
        assert found.pull == pytest.approx(wanted, rel=1e-6)
    assert found.reverse_kl is None


def slopes(run, x_g, h=1e-6):
    """m ∂L_G/∂x_g (m, 2), by differences: −Σ log D over the batch, where one number of one row is moved."""

    def loss(x_g):
        return np.logaddexp(0, -run.D.forward(x_g, train=True)[0]).sum()

    grad = np.zeros_like(x_g)
    for i, j in np.ndindex(x_g.shape):
        step = np.zeros_like(x_g)
        step[i, j] = h
        grad[i, j] = (loss(x_g + step) - loss(x_g - step)) / (2 * h)
    return grad


def test_the_pull_is_where_the_loss_of_each_sample_falls():
    """For a D that is a plane: −∂/∂x (−log σ(w·x + b)) = σ(−a) w. Of log(1 − σ(a)) it is σ(a) w."""
    D = ng.Network([ng.Linear(2, 1)], dtype="float64")
    D.theta[...] = [3, -0.5, 0.25]
    x_g = np.array([[0.0, 0.0], [1.0, 2.0], [-1.0, 0.5]])
    a = x_g @ [3, -0.5] + 0.25
    D.grad[...] = 7
    for loss, sign in ((ng.losses.nonsaturating, -1), (ng.losses.minimax, 1)):
        a_g, found = pull(D, x_g, loss)
        np.testing.assert_allclose(a_g[:, 0], a)
        np.testing.assert_allclose(found, np.outer(1 / (1 + np.exp(-sign * a)), [3, -0.5]))
    assert (D.grad == 7).all()


def flat(data, noise=0.0, at=(0.0, 0.0), **settings):
    """A G with one point, and a D that is x₁, with noise of its own where asked."""
    G = ng.Network([ng.Linear(2, 2)])
    G.theta[...] = [0, 0, 0, 0, *at]
    D = ng.Network([*[ng.InstanceNoise(noise)] * bool(noise), ng.Linear(2, 1)])
    D.theta[...] = [1, 0, 0]
    return ng.Training(G, D, data, threads=1, **settings)


def test_data_and_samples_are_blurred_by_noise_of_their_own():
    run = flat(np.zeros((40, 2)), noise=1.0, batch=20)
    found = observe(run)
    assert abs(found.accuracy - 0.5) < 0.15
    assert found.accuracy != pytest.approx(39 / 80)  # what one noise for both would give
    assert observe(run) == found != observe(run, seed=1)


def test_a_G_that_draws_is_looked_at_as_in_training():
    """Its one point, blurred: no sample lies on the data, and each look at one seed sees the same."""
    G = ng.Network([ng.Linear(2, 2), ng.InstanceNoise(0.5)], dtype="float64")
    G.theta[...] = 0
    D = ng.Network([ng.Linear(2, 1)], dtype="float64")
    run = ng.Training(G, D, np.array([[0.0, 0], [9, 0]] * 300), batch=300, threads=1)
    found = observe(run)
    assert found == observe(run) != observe(run, seed=1)
    mean = 0.5 * math.sqrt(math.pi / 2)  # of ‖ε‖/2 in the plane; two rows of the data are 4.5 apart
    assert found.fit == pytest.approx(mean / 4.5, rel=0.15)


def test_rows_that_are_all_the_same_have_no_scale():
    found = observe(flat(np.ones((6, 2)), at=(4, 5), batch=3))
    assert found[:5] == (5, 5, 1, 0, 0)  # 5 off, in units of the data; pulled, over a width of 0


def test_samples_that_repeat_rows_are_no_copies_of_themselves():
    """Three rows 1, 3 and 7 in a line: each is 2, 2 and 4 from the next; of all nine pairs the mean is 24/9."""
    found = observe(flat(np.array([[1.0, 0], [3, 0], [7, 0]]), at=(3, 0), batch=3))
    among, apart = 8 / 3, 24 / 9
    assert among == apart  # so that there is no scale here either
    assert found.fit == pytest.approx(0 - among) and found.gap == pytest.approx(6 / 3 - among)
    assert found.copies == 0
    assert found.accuracy == pytest.approx(1 / 3)  # 7 is above 3; 3 is not above itself


def test_modes_are_those_of_the_data():
    data = ng.data.Data(skewed(60), centres=np.array([[0, 0], [9, 9], [5, 5]]), std=0.5)
    assert observe(flat(data, at=(6, 7), batch=30)).reverse_kl == pytest.approx(math.log(3))
    assert observe(flat(ng.data.Data(skewed(60), centres=np.zeros((1, 2))), batch=30)).reverse_kl is None


def test_a_G_that_is_not_finite_diverges():
    run = flat(skewed(60), at=(np.nan, 0), batch=30)
    with np.errstate(all="ignore"):
        *found, reverse_kl, p_copied = observe(run)
        assert np.isnan(found).all() and reverse_kl is None and p_copied == 1
        assert health(run).name == "diverging"


def test_two_rows_are_enough_and_one_is_not():
    assert health(flat(np.eye(2), batch=2)).name == "healthy"
    said = str(health(flat(np.ones((1, 2)), batch=1)))
    assert said == "too few rows: with one row of data there is no distance between rows to judge by"


def test_copies_of_a_few_modes_are_memorised_first():
    s = Signals(fit=0.1, gap=0.1, copies=0.2, accuracy=0.6, pull=1.0, reverse_kl=1.5)
    assert diagnose(s).name == "memorising" and diagnose(s._replace(copies=0.9)).name == "mode collapse"


@pytest.mark.parametrize("copied", [True, False])
def test_a_generator_of_training_rows_is_found_out_by_rows_that_were_held_out(copied):
    """Its samples are rows with a little noise, of those it is trained on, or of others from the same source."""
    rng = np.random.default_rng(0)
    x, held_out, others = rng.standard_normal((3, 900, 6)).astype("float32")
    data = ng.data.Data(x, held_out=held_out)
    G, D = ng.Network([ng.Linear(2, 6)]), ng.Network([ng.Linear(6, 1)], seed=1)
    run = ng.Training(G, D, data, batch=64, threads=1)
    of = x if copied else others

    def rows(z, train=False, rng=None):
        return of[np.random.default_rng(1).integers(len(of), size=len(z))] + 0.3 * z[:, :1], None

    G.forward = rows
    found = observe(run)
    assert (found.p_copied < 0.01) is copied and found.copies > 0.2
    assert (health(run).name == "memorising") is (copied or found.copies < 0.5)
    without = ng.Training(G, D, ng.data.Data(x), batch=64, threads=1)
    assert observe(without).p_copied == 1


def test_the_test_of_memorisation_takes_part_of_many_rows(monkeypatch):
    sizes = []
    monkeypatch.setattr("numgan.lab.health.MOST_ROWS", 100)
    real = ng.metrics.memorisation
    monkeypatch.setattr(ng.metrics, "memorisation", lambda x, *rest: sizes.append(len(x)) or real(x, *rest))
    x = np.random.default_rng(0).standard_normal((300, 3)).astype("float32")
    for n in (100, 101, 250):
        G, D = ng.Network([ng.Linear(2, 3)]), ng.Network([ng.Linear(3, 1)], seed=1)
        observe(ng.Training(G, D, ng.data.Data(x[:n], held_out=x[n:]), batch=50, threads=1))
    assert sizes == [100, 100, 100]
