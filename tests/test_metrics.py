"""Measures of samples: what they say of sets whose answer is known."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import numgan as ng
from numgan.metrics import density_coverage, distance_blocks, grid_divergences, mode_coverage, precision_recall


def normal(n, d=2, seed=0, shift=0.0, scale=1.0):
    return shift + scale * np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize(("data", "modes"), [(ng.data.ring, 8), (ng.data.grid, 25)])
def test_the_exact_sampler_s_ceiling(data, modes):
    """P(‖ε‖ < 3) = 1 − e^(−9/2) = 98.89 % in two dimensions."""
    rows = data(n=100_000)
    found = mode_coverage(rows.x, rows.centres, rows.std)
    assert found.modes == modes
    assert found.quality == pytest.approx(1 - math.exp(-4.5), abs=0.002)
    assert found.reverse_kl == pytest.approx(0, abs=1e-6)


def test_collapsed_samples():
    ring = ng.data.ring(n=8)
    found = mode_coverage(np.repeat(ring.centres[:1], 50, axis=0), ring.centres, ring.std)
    assert (found.modes, found.quality) == (1, 1.0)
    assert found.reverse_kl == pytest.approx(math.log(8))
    halves = np.repeat(ring.centres[:4], 50, axis=0) + 3.01 * ring.std
    found = mode_coverage(halves, ring.centres, ring.std)
    assert (found.modes, found.quality) == (0, 0.0)
    assert found.reverse_kl == pytest.approx(math.log(2))


def test_precision_and_recall_tell_quality_from_spread():
    x = normal(600, 10)
    same, narrow, wide = (precision_recall(x, normal(600, 10, seed=1, scale=s)) for s in (1, 0.7, 1.4))
    assert min(same) > 0.8
    assert narrow.precision > 0.98
    assert narrow.recall < 0.5
    assert density_coverage(x, normal(600, 10, seed=1, scale=0.7)).coverage > 0.9  # which recall alone gives away
    assert wide.precision < 0.5 < wide.recall
    assert precision_recall(x, x + 100) == (0, 0)
    assert precision_recall(x, x) == (1, 1)


@pytest.mark.parametrize("d", [2, 10])
def test_density_and_coverage_of_two_samples_of_one_distribution(d):
    found = [density_coverage(normal(700, d, seed=2 * i), normal(700, d, seed=2 * i + 1)) for i in range(2)]
    density, coverage = np.mean(found, axis=0)
    assert density == pytest.approx(1, abs=0.04)
    assert coverage == pytest.approx(1 - 2.0**-5, abs=0.01)


@given(st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_divergences_of_a_set_against_itself_are_0(d, seed):
    x = normal(300, d, seed)
    assert grid_divergences(x, x) == (0, 0)
    assert grid_divergences(x, x[::-1].copy()) == (0, 0)
    apart = grid_divergences(x, normal(300, d, seed + 1, shift=100))
    assert apart.js == pytest.approx(math.log(2), abs=0.02)
    assert math.isfinite(apart.kl)
    assert apart.kl > 3


def test_divergences_approach_those_of_the_densities():
    found = grid_divergences(normal(200_000, 1), normal(200_000, 1, seed=1, shift=1.0), bins=60)
    assert found.js == pytest.approx(0.111421, abs=0.003)
    assert found.kl == pytest.approx(0.5, abs=0.03)


def test_blocks_do_not_show(monkeypatch):
    x, y = normal(90, 5), normal(70, 5, seed=1)
    whole = precision_recall(x, y), density_coverage(x, y)
    monkeypatch.setattr("numgan.metrics.rows.ROWS", 7)
    assert whole == (precision_recall(x, y), density_coverage(x, y))


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ng.InputError, match=r"one width, got \(5, 2\) and \(7, 3\)$"):
        precision_recall(normal(5), normal(7, 3))
    with pytest.raises(ng.InputError, match=r"one width, got \(5, 3\) and \(7, 2\)$"):  # samples, centres
        mode_coverage(normal(5, 3), normal(7), 1.0)
    with pytest.raises(ng.InputError, match="k is 3, but there are only 3 rows"):
        precision_recall(normal(3), normal(5))
    for few in ((normal(2), normal(9)), (normal(9), normal(2))):
        with pytest.raises(ng.InputError, match=r"^k is 4, but there are only 2 rows: use more rows, or a smaller k$"):
            precision_recall(*few, k=4)
    assert precision_recall(normal(4), normal(4)) == (1, 1)
    for k in (0, 1.5):
        with pytest.raises(ng.InputError, match="k must be a whole number"):
            precision_recall(normal(5), normal(5), k=k)
    with pytest.raises(ng.InputError, match="bins must be a whole number"):
        grid_divergences(normal(5), normal(5), bins=0)
    for x in (np.zeros(5), np.zeros((0, 2)), np.zeros((2, 0))):
        for pair in ((x, normal(5)), (normal(5), x)):
            with pytest.raises(ng.InputError, match="two sets of rows of one width"):
                mode_coverage(*pair, 1.0)
    with pytest.raises(ng.InputError, match=r"^a grid serves in 1 or 2 dimensions, these rows have 3$"):
        grid_divergences(normal(5, 3), normal(7, 3))
    with pytest.raises(ng.InputError, match=r"std, .* must be a number in .* got 0\.0"):
        mode_coverage(normal(5), normal(2), 0.0)


# Counted by loops over pairs: whole numbers, so that distances tie and the edges of the balls are met exactly


def within_balls(x, y, k):
    """[i][j]: whether y[i] lies in the ball around x[j] that reaches to its k-th nearest other row."""
    radii = [sorted(math.dist(a, b) for i, b in enumerate(x) if i != j)[k - 1] for j, a in enumerate(x)]
    return [[math.dist(b, a) <= radii[j] for j, a in enumerate(x)] for b in y]


@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("k", [1, 2, None])
def test_balls_are_those_counted_one_by_one(d, k):
    rng = np.random.default_rng(d)
    x, x_g = rng.integers(0, 7, (19, d)), rng.integers(1, 9, (13, d))
    how = {} if k is None else {"k": k}
    x_balls, x_g_balls = within_balls(x, x_g, k or 3), within_balls(x_g, x, k or 3)
    found = precision_recall(x, x_g, **how)
    assert found.precision == pytest.approx(np.mean([any(row) for row in x_balls]))
    assert found.recall == pytest.approx(np.mean([any(row) for row in x_g_balls]))
    x_balls = within_balls(x, x_g, k or 5)
    found = density_coverage(x, x_g, **how)
    assert found.density == pytest.approx(sum(map(sum, x_balls)) / ((k or 5) * 13))
    assert found.coverage == pytest.approx(np.mean([any(row) for row in zip(*x_balls, strict=True)]))


def test_modes_are_those_counted_by_hand():
    """Of 10 samples 5, 3, 2 and 0 are nearest to a mode; 3 std = 1.5 away is just too far."""
    centres = np.array([[0, 0], [10, 0], [0, 30], [200, 5]], dtype="uint8")  # in which 0 − 200 would be 56
    x_g = [[0, 0], [1, 1], [0, 1.4], [1.5, 0], [-3, -4], [10, 0], [10, 1], [8, 0], [0, 26], [0, 34]]
    found = mode_coverage(np.array(x_g, dtype="float32"), centres, 0.5)
    q = [0.5, 0.3, 0.2]
    assert found == (2, 0.5, pytest.approx(sum(p * math.log(p * 4) for p in q)))
    assert mode_coverage(np.array(x_g), centres, 0.51).quality == 0.6


def shares(rows, low, high, bins):
    """How many of the rows fall into each of bins^d cells between low and high, by integer division."""
    counts = dict.fromkeys(itertools.product(range(bins), repeat=len(low)), 0)
    for row in rows.tolist():
        places = [int((v - a) / (b - a) * bins // 1) for v, a, b in zip(row, low, high, strict=True)]
        counts[tuple(min(max(place, 0), bins - 1) for place in places)] += 1
    return list(counts.values())


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)


@pytest.mark.parametrize(("d", "bins"), [(1, 1), (1, 7), (1, None), (2, 3), (2, None)])
def test_divergences_are_those_of_counted_cells(d, bins):
    """Sets of unequal sizes, spreads and places, some samples far outside of the data."""
    rng = np.random.default_rng(d)
    x, x_g = rng.normal([1, -20][:d], [2, 9][:d], (37, d)), rng.normal([2, -10][:d], [5, 6][:d], (23, d))
    low, high = x.min(axis=0), x.max(axis=0)
    low, high = low - (high - low) / 10, high + (high - low) / 10
    p, q = (shares(rows, low, high, bins or 30) for rows in (x, x_g))
    n = len(p)
    found = grid_divergences(x, x_g) if bins is None else grid_divergences(x, x_g, bins)
    assert found.kl == pytest.approx(kl([(c + 1 / n) / 38 for c in p], [(c + 1 / n) / 24 for c in q]), abs=1e-9)
    p, q = [c / 37 for c in p], [c / 23 for c in q]
    m = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    assert found.js == pytest.approx((kl(p, m) + kl(q, m)) / 2, abs=1e-9)


def test_divergences_of_two_cells_by_hand():
    found = grid_divergences(np.array([[0], [0], [0], [10]]), np.array([[0], [10], [99]]), bins=2)
    assert found.kl == pytest.approx(0.7 * math.log(0.7 / 0.375) + 0.3 * math.log(0.3 / 0.625))
    same = np.full((3, 2), 5.0)
    assert grid_divergences(same, same[:2]).js == 0
    assert grid_divergences(same, same[:2] + np.array([1, 0])).js == pytest.approx(math.log(2))


def test_distances_are_exact_in_few_dimensions_never_negative_and_come_in_blocks():
    far = np.full((3, 3), 1e9) + np.arange(3)[:, None]
    assert next(distance_blocks(far, far)).tolist() == [[0, 3, 12], [3, 0, 3], [12, 3, 0]]
    many = np.random.default_rng(0).normal(1e4, 1, (50, 7))
    assert next(distance_blocks(many, many)).min() >= 0
    a, b = normal(1030, 4), normal(2, 4, seed=1, scale=3)
    blocks = list(distance_blocks(a, b))
    assert [block.shape for block in blocks] == [(1024, 2), (6, 2)]
    expected = [math.dist(a[0], b[1]) ** 2, math.dist(a[1029], b[0]) ** 2]
    np.testing.assert_allclose(np.concatenate(blocks)[[0, 1029], [1, 0]], expected)


def test_a_block_of_distances_has_at_most_two_million(monkeypatch):
    """16 MB, however many rows there are: larger blocks would be new memory each time."""
    shapes = [d2.shape for d2 in distance_blocks(normal(50, 4), normal(100_000, 4))]
    assert shapes == [(20, 100_000), (20, 100_000), (10, 100_000)]
    monkeypatch.setattr("numgan.metrics.rows.ENTRIES", 10)
    assert [d2.shape for d2 in distance_blocks(normal(2, 4), normal(11, 4))] == [(1, 11)] * 2


def test_nearest_neighbours_are_those_of_scikit_learn():
    """Balls by its radii, and who lies in them by its search."""
    learn = pytest.importorskip("sklearn.neighbors", reason="the referee: pip install scikit-learn").NearestNeighbors
    x, x_g = normal(300, 9), normal(250, 9, seed=1, scale=0.9)

    def inside(a, b, k):
        """(len(b), len(a)): whether b[i] lies in the ball around a[j]."""
        radii = learn(n_neighbors=k + 1).fit(a).kneighbors(a)[0][:, k]
        distances, places = learn(n_neighbors=len(a)).fit(a).kneighbors(b)
        return np.take_along_axis(distances <= radii[places], places.argsort(axis=1), axis=1)

    assert precision_recall(x, x_g) == (inside(x, x_g, 3).any(axis=1).mean(), inside(x_g, x, 3).any(axis=1).mean())
    balls = inside(x, x_g, 5)
    assert density_coverage(x, x_g) == pytest.approx((balls.sum() / 250 / 5, balls.any(axis=0).mean()))


def test_distances_of_pixels_are_those_of_their_numbers():
    a, b = np.array([[0, 250], [9, 3]], dtype=np.uint8), np.array([[255, 5]], dtype=np.uint8)
    (d2,) = distance_blocks(a, b)
    assert d2.tolist() == [[255**2 + 245**2], [246**2 + 2**2]]


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_the_nearest_row_whatever_the_pieces(piece, monkeypatch):
    monkeypatch.setattr("numgan.metrics.neighbours.PIECE", piece)
    x, x_g = normal(40, 5), normal(9, 5, seed=1)
    wanted = [min(x, key=lambda row: ((row - one) ** 2).sum()) for one in x_g]
    assert (ng.metrics.nearest(x_g, x) == wanted).all()
    assert (ng.metrics.nearest(x[3:6], x) == x[3:6]).all()


@pytest.mark.parametrize("measure", [
    lambda x: ng.metrics.precision_recall(x, x),
    lambda x: ng.metrics.density_coverage(x, x),
    lambda x: list(ng.metrics.distance_blocks(x, x)),
    lambda x: ng.metrics.memorisation(x[:8], x[8:16], x[16:]),
])  # fmt: skip
def test_numbers_whose_squares_overflow_are_refused(measure):
    with pytest.raises(ng.InputError, match="scale the rows"):
        measure(1e300 * np.random.default_rng(0).random((24, 6)))


def test_nothing_is_nearest_among_no_rows():
    with pytest.raises(ng.InputError, match="two sets of rows"):
        ng.metrics.nearest(np.ones((3, 2)), np.ones((0, 2)))
