"""Snapshots of networks that are formulas: every array beside what the formula says, on a box that is not square."""

import math

import numpy as np
import pytest

import numgan as ng
from numgan.lab.snapshot import FAR, GRID, LINES, ROWS, line_snapshot, optimal_surface, snapshot

BOX = (-1.0, 3.0, 0.0, 10.0)


def linear(W, b, dtype="float64"):
    """The network x W + b."""
    W = np.array(W, dtype=float)
    net = ng.Network([ng.Linear(*W.shape)], dtype=dtype)
    net.layers[0].W[...], net.layers[0].b[...] = W, b
    return net


def rows(n=2300):
    """(n, 2) lopsided, with its outliers at rows 1999 and 2000."""
    rng = np.random.default_rng(1)
    x = np.stack([rng.exponential(1.0, n), rng.uniform(-5, 1, n)], axis=1)
    x[1999], x[2000] = (-10, 3), (50, -60)
    return x


def run_on(x, batch=64, w=(3.0, -0.5), n_z=3, **settings):
    G = linear(np.arange(2.0 * n_z).reshape(n_z, 2) - 1.5, [0.5, -4.0])
    return ng.Training(G, linear([[w[0]], [w[1]]], 0.25), x, batch=batch, threads=1, **settings)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_data_samples_and_the_box_around_them():
    run = run_on(rows())
    s = snapshot(run)
    x = run.data.x
    assert (s.x == x[:ROWS]).all() and ROWS == 400
    assert s.x_g.shape == s.pull.shape == (384, 2)  # six batches of 64
    np.testing.assert_allclose(s.x_g, run.fixed_batch(384)[1] @ run.G.layers[0].W + [0.5, -4.0])
    high = x[:2000, 0].max()  # row 2000 is not looked at, row 1999 is
    low = x[:2000, 1].min()
    expected = (-10 - 0.3 * (high + 10), high + 0.3 * (high + 10), low - 0.3 * (3 - low), 3 + 0.3 * (3 - low))
    assert s.box == pytest.approx(expected)
    assert snapshot(run, BOX).box == BOX
    assert (s.kl, s.js) == ng.metrics.grid_divergences(x[:2000], s.x_g)
    assert 0 < s.js < s.kl
    assert len(snapshot(run_on(rows(), batch=500)).x_g) == 500
    assert snapshot(run_on(rows()[:70])).x.shape == (70, 2)


def test_samples_are_drawn_in_evaluation_and_the_pull_in_training():
    """As `sample` draws, and as G is taught."""
    G = ng.Network([ng.Linear(2, 2), ng.BatchNorm(2)], seed=1, dtype="float64")
    D = ng.Network([ng.Linear(2, 1), ng.InstanceNoise(2.0)], seed=2, dtype="float64")
    G.buffers[...] = np.linspace(1, 3, G.buffers.size)
    s = snapshot(ng.Training(G, D, rows()[:50], batch=40, threads=1), BOX)
    z = ng.Training(G, D, rows()[:50], batch=40, threads=1).fixed_batch(400)[1]
    np.testing.assert_allclose(s.x_g, G(z))
    a = s.x_g @ D.layers[0].W + D.layers[0].b
    quiet = sigmoid(-a) * D.layers[0].W[:, 0]
    assert abs(s.pull - quiet).max() > 0.1  # blurred, as the loss of G is
    corner = np.array([BOX[0], BOX[2]]) @ D.layers[0].W + D.layers[0].b
    assert s.surface[0, 0] == pytest.approx(sigmoid(corner).item())


def test_the_pull_is_minus_the_slope_of_each_sample_s_loss():
    s = snapshot(run_on(rows()))
    a = s.x_g @ [3.0, -0.5] + 0.25
    np.testing.assert_allclose(s.pull, sigmoid(-a)[:, None] * [3.0, -0.5], atol=1e-12)


def test_the_pull_is_that_of_the_run_s_own_loss():
    """In units of ∂a/∂x, of log(1 − σ(a)) it is σ(a), and of Wasserstein's −a it is 1."""
    for loss, pulled in ((ng.losses.minimax, sigmoid), (ng.losses.wasserstein, np.ones_like)):
        s = snapshot(run_on(rows()[:70], loss=loss))
        a = s.x_g @ [3.0, -0.5] + 0.25
        np.testing.assert_allclose(s.pull, pulled(a)[:, None] * [3.0, -0.5], rtol=1e-9, atol=1e-12)


def test_a_look_is_the_same_twice_and_the_run_goes_on_as_if_there_were_none():
    """With noise in D, which each look draws again from a stream of its own; with a mean kept by BatchNorm in G."""

    def run():
        G = ng.Network([ng.Linear(2, 2), ng.BatchNorm(2)], seed=1, dtype="float64")
        D = ng.Network([ng.InstanceNoise(2.0), ng.Linear(2, 3), ng.Tanh(), ng.Linear(3, 1)], seed=2, dtype="float64")
        return ng.Training(G, D, rows()[:50], batch=10, threads=1)

    quiet, watched = run(), run()
    list(quiet.steps(3))
    for _ in watched.steps(3, every=1):
        first, second = snapshot(watched), snapshot(watched)
        assert (first.pull == second.pull).all() and (first.x_g == second.x_g).all()
        assert abs(first.pull).max() > 0
    for player in ("G", "D"):
        one, other = getattr(quiet, player), getattr(watched, player)
        assert (one.theta == other.theta).all() and (one.buffers == other.buffers).all()
        assert (one.grad == other.grad).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_the_surface_has_x_1_along_its_rows_and_x_2_upwards(axis):
    """For a D that looks at one number alone."""
    w = np.eye(2)[axis]
    surface = snapshot(run_on(rows(), w=w), BOX).surface
    assert surface.shape == (GRID, GRID) == (48, 48)
    side = sigmoid(np.linspace(*BOX[2 * axis : 2 * axis + 2], 48) + 0.25)
    expected = np.broadcast_to(side if axis == 0 else side[:, None], (48, 48))
    np.testing.assert_allclose(surface, expected, rtol=1e-12)


def test_the_mesh_is_where_G_puts_the_first_two_numbers_of_z():
    run = run_on(rows())
    mesh = snapshot(run).mesh
    assert mesh.shape == (LINES, LINES, 2) == (13, 13, 2)
    side, (first, second, _) = np.linspace(-2, 2, 13), run.G.layers[0].W
    for i, j in ((0, 0), (3, 12), (12, 1), (6, 6)):
        np.testing.assert_allclose(mesh[i, j], side[j] * first + side[i] * second + [0.5, -4.0])
    assert snapshot(run_on(rows(), n_z=1)).mesh is None
    assert snapshot(run_on(rows(), n_z=2)).mesh is not None


def test_figures_are_those_of_the_last_record():
    run = run_on(rows())
    before = snapshot(run)
    assert before.step == 0 and np.isnan([before.loss_D, before.loss_G]).all()
    for _ in run.steps(3):
        pass
    s = snapshot(run)
    assert (s.step, s.loss_D, s.loss_G) == (3, run.history[2].loss_D, run.history[2].loss_G)
    assert s.loss_D != s.loss_G
    run.G.theta[...] = np.nan
    with np.errstate(all="ignore"):
        assert np.isnan([snapshot(run).kl, snapshot(run).js]).all()


def test_a_D_that_looks_at_several_rows_has_no_surface():
    G = linear(np.eye(2), [0, 0])
    packed = ng.Network([ng.Pack(2), ng.Linear(4, 1)], dtype="float64")
    s = snapshot(ng.Training(G, packed, rows()[:50], batch=10))
    assert s.surface is None and s.mesh is not None


def test_only_points_of_the_plane_make_a_snapshot():
    run = ng.Training(linear(np.ones((2, 3)), [0, 0, 0]), linear(np.ones((3, 1)), [0]), np.ones((9, 3)), batch=3)
    with pytest.raises(ng.InputError, match="this picture is of points in the plane, but rows here have 3 numbers"):
        snapshot(run)


def kernels(rows, places):
    """The mean of N(row, h²) at each place, h = 1.06 s n^(−1/5), in a loop."""
    h = 1.06 * np.sqrt(np.mean((rows - rows.mean()) ** 2)) / len(rows) ** 0.2
    heights = [sum(math.exp(-(((place - row) / h) ** 2) / 2) for row in rows) for place in places]
    return [height / (len(rows) * h * math.sqrt(2 * math.pi)) for height in heights]


def line_run(x, n_z=1):
    return ng.Training(linear([[2.5]] * n_z, [-0.75]), linear([[0.8]], [0.3]), x, batch=5, threads=1)


def test_the_line_of_figure_1():
    """Rows beyond the first 2,000 are not looked at; the line reaches half as far again as these."""
    x = np.random.default_rng(0).exponential(3.0, (2100, 1)) + 7
    x[2050] = 999
    run = line_run(x)
    s, first = line_snapshot(run), run.data.x[:2000, 0].astype(float)
    middle, side = first.mean(), np.ptp(first) * 0.75
    np.testing.assert_allclose(s.x, np.linspace(middle - side, middle + side, 300))
    some = [20, 90, 133, 299]
    np.testing.assert_allclose(s.p_d[some], kernels(first, s.x[some]))
    np.testing.assert_allclose(s.p_g[some], kernels(run.sample(2000)[:, 0], s.x[some]))
    np.testing.assert_allclose(s.D, sigmoid(0.8 * s.x + 0.3))
    np.testing.assert_allclose(s.z, np.linspace(-2, 2, 13))
    np.testing.assert_allclose(s.G, 2.5 * np.linspace(-2, 2, 13) - 0.75)
    assert s.step == 0
    assert np.ptp(line_snapshot(run, reach=3.0).x) == pytest.approx(2 * np.ptp(s.x))


def test_samples_at_one_point_still_have_a_density():
    """The narrowest kernel is 1.06e-3 n^(−1/5) wide, and reaches no point of the line but those at the sample."""
    run = line_run(np.linspace(0, 1, 41)[:, None])
    run.G.theta[...] = [0, 0.5]
    s = line_snapshot(run)
    assert np.isfinite(s.p_g).all() and s.p_g.max() > 0
    h = 1.06e-3 * 2000**-0.2
    at = np.abs(s.x - 0.5).argmin()
    assert s.p_g[at] == pytest.approx(math.exp(-(((s.x[at] - 0.5) / h) ** 2) / 2) / (h * math.sqrt(2 * math.pi)))


def test_figure_1_needs_one_number_in_and_one_out():
    with pytest.raises(ng.InputError, match="needs numbers on a line, got rows of 1 and z of 2"):
        line_snapshot(line_run(np.ones((9, 1)), n_z=2))
    with pytest.raises(ng.InputError, match="needs numbers on a line, got rows of 2 and z of 3"):
        line_snapshot(run_on(rows()))


def test_the_optimal_surface_beside_sums_over_the_rows():
    """D* = Σ_x N(x, h²)/n over itself and Σ_g N(g, h²)/m: unequal numbers of rows, and a box that is not square."""
    x, x_g = np.array([[0.0, 2.0], [1.0, 6.0], [2.0, 7.0]]), np.array([[0.5, 3.0], [2.5, 1.0]])
    for h in (0.9, None):
        found = optimal_surface(x, x_g, BOX) if h is None else optimal_surface(x, x_g, BOX, h)
        h = h or 0.12  # 3 % of the width
        across, up = np.linspace(-1, 3, 48), np.linspace(0, 10, 48)
        seen = 0
        for i, j in np.random.default_rng(0).integers(0, 48, (300, 2)):
            place = across[j], up[i]
            p_d, p_g = (np.mean([math.exp(-(math.dist(place, r) ** 2) / (2 * h * h)) for r in at]) for at in (x, x_g))
            nearest = min(math.dist(place, r) for r in [*x, *x_g])
            assert np.isnan(found[i, j]) == (nearest >= 4 * h), (nearest, h)
            if nearest < 4 * h:
                seen += 1
                assert found[i, j] == pytest.approx(p_d / (p_d + p_g), rel=1e-9)
        assert 5 < seen < 300
    assert FAR == 4


def test_at_a_row_of_one_set_far_from_the_other_it_is_0_or_1():
    box = (0.0, 1.0, 0.0, 1.0)
    found = optimal_surface(np.array([[0.0, 0.0]]), np.array([[1.0, 1.0]]), box, h=0.02)
    assert (found[0, 0], found[-1, -1]) == (1, 0)
    assert np.isnan(found[0, -1]) and np.isnan(found[24, 24])


def test_four_kernels_away_is_far():
    """On a grid of whole numbers: with h = 2.5 that is 10, at (10, 0) and at (6, 8)."""
    found = optimal_surface(np.array([[0.0, 0.0]]), np.array([[0.0, 0.0]]), (0.0, 47.0, 0.0, 47.0), h=2.5)
    assert np.isnan([found[0, 10], found[10, 0], found[8, 6]]).all()
    assert (found[0, 9], found[8, 5], found[7, 6]) == (0.5, 0.5, 0.5)


class Strict(ng.Network):
    """A player that takes rows of its own precision alone."""

    def __call__(self, x):
        assert x.dtype == self.theta.dtype
        return super().__call__(x)


def test_players_are_given_numbers_of_their_own_precision():
    pair = [Strict([ng.Linear(2, n)], seed=n, dtype="float32") for n in (2, 1)]
    s = snapshot(ng.Training(*pair, rows()[:50], batch=10, threads=1))
    assert s.surface.dtype == s.mesh.dtype == s.x_g.dtype == "float32"
    pair = [Strict([ng.Linear(1, 1)], seed=n, dtype="float32") for n in (2, 1)]
    s = line_snapshot(ng.Training(*pair, rows()[:50, :1], batch=10, threads=1))
    assert s.D.dtype == s.G.dtype == "float32"


def test_the_noise_of_a_look_is_the_same_at_every_step():
    """Where nothing moves, no arrow does: D's noise is drawn anew for each look, from one and the same stream."""
    G = linear([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
    D = ng.Network([ng.InstanceNoise(1.0), ng.Linear(2, 4), ng.Tanh(), ng.Linear(4, 1)], seed=1, dtype="float64")
    run = ng.Training(G, D, rows()[:200], batch=64, threads=1, optimizers=(ng.SGD(0.0), ng.SGD(0.0)))
    before = snapshot(run, BOX)
    list(run.steps(3))
    after = snapshot(run, BOX)
    assert after.step == 3 and (after.pull == before.pull).all() and before.pull.any()
