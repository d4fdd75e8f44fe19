"""The memorisation test: exact where G cannot know the labels, and small p for the five ways to repeat rows."""

import importlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import numgan as ng
from numgan.errors import InputError
from numgan.metrics.memorisation import memorisation

module = importlib.import_module("numgan.metrics.memorisation")  # whose name in the room is the function's
D = 8  # dimensions of the rows below


def normal(n, d=D, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def pool(n_t=150, n_h=60, d=D):
    rows = normal(n_t + n_h, d)
    return rows[:n_t], rows[n_t:]


def chosen(x, n, seed=1):
    return x[np.random.default_rng(seed).integers(len(x), size=n)]


def votes_by_hand(rows, x_g):
    """Each sample's two votes, by the words of the docstring."""
    votes = np.zeros(len(rows))
    for sample in x_g:
        d = np.linalg.norm(rows - sample, axis=1)
        for j in np.argsort(d)[:2]:
            votes[j] += 1 - d[j] / np.sort(d)[2]
    return votes


@pytest.mark.parametrize("allowed", [0, 0.3])
def test_p_is_the_fraction_of_labellings_that_leave_the_held_out_rows_as_few_votes(allowed):
    rows, x_g = normal(10, 2, seed=5), normal(12, 2, seed=4)
    found = memorisation(rows[:6], rows[6:], x_g, allowed=allowed)
    votes = votes_by_hand(rows, x_g)
    excess = 1 - votes[6:].mean() / votes.mean()
    every = np.array([1 - votes[list(held)].mean() / votes.mean() for held in itertools.combinations(range(10), 4)])
    assert found.excess == pytest.approx(excess)
    assert 0.1 < found.p_value < 0.95  # or little would be shown
    assert found.p_value == pytest.approx(np.mean(every >= excess - allowed - 1e-9), abs=0.05)
    assert found.error == pytest.approx(every.std(), rel=0.1)


GENERATORS = {
    "fresh": normal(30, 2, seed=5),
    "in one place": normal(1, 2, seed=6).repeat(30, axis=0),
    "on one row of the pool": normal(8, 2)[:1].repeat(30, axis=0),
    "blurred": 0.1 * normal(30, 2, seed=7),
    "far away": 100 + normal(30, 2, seed=8),
    "one sample": normal(1, 2, seed=9),
}


@pytest.mark.parametrize("x_g", GENERATORS.values(), ids=GENERATORS)
@pytest.mark.parametrize("n_h", [2, 5])
def test_it_is_exact_whatever_the_generator_does(x_g, n_h, monkeypatch):
    """Over all labellings of 7 rows, p is α or less in a fraction α of them at most (but for DRAWS being finite).

    Where more rows are held out than trained on, which of them are left out depends on their order: any is taken."""
    monkeypatch.setattr(module, "DRAWS", 199)
    rows, p, rng = normal(7, 2), [], np.random.default_rng(0)
    for held in itertools.combinations(range(7), n_h):
        labels = np.isin(np.arange(7), held)
        for _ in range(12 if n_h > 3 else 1):
            p.append(memorisation(rows[~labels], rng.permutation(rows[labels]), x_g, allowed=0).p_value)
    for alpha in (0.05, 0.1, 0.25, 0.5, 0.9):
        assert np.mean(np.array(p) <= alpha) <= alpha + 0.03
    assert np.mean(np.array(p) <= 0.97) > 0.4  # not merely because p is always 1


def neighbours(x, copies):
    """The row of x next to each copy of one."""
    return x[[np.linalg.norm(x - row, axis=1).argsort()[1] for row in copies]]


def memorisers():
    x, _ = pool()
    copies = chosen(x, 200)
    return {
        "all": copies,
        "some rows": chosen(x[:40], 200),
        "noise": copies + 0.2 * normal(200, seed=2),
        "half": np.concatenate([copies[:100], normal(100, seed=3)]),
        "blends": 0.5 * copies + 0.5 * neighbours(x, copies),
    }


@pytest.mark.parametrize(("name", "x_g"), memorisers().items(), ids=memorisers())
def test_memorisers_are_found(name, x_g):
    found = memorisation(*pool(), x_g)
    assert found.p_value <= 0.005
    assert found.excess > 0.5
    assert found.nearest > found.expected + 2 * found.error * (1 - found.expected)
    assert found.copies > 0.4  # blends too: it is the third row that is far


@pytest.mark.parametrize("d", [1, 2, 20])
@pytest.mark.parametrize(("n_t", "n_h"), [(150, 60), (60, 150), (400, 12), (12, 400)])
def test_fresh_rows_pass_and_copies_do_not(d, n_t, n_h):
    rows = normal(n_t + n_h, d, seed=10)
    found = memorisation(rows[:n_t], rows[n_t:], normal(300, d, seed=11))
    assert found.p_value > 0.05
    assert abs(found.excess) < 4 * found.error
    assert found.expected == n_t / (n_t + min(n_h, n_t))
    copied = memorisation(rows[:n_t], rows[n_t:], chosen(rows[:n_t], 300))
    assert copied.p_value < 0.02
    assert (copied.nearest, copied.copies) == (1, pytest.approx(1, abs=0.01))


def test_a_few_training_rows_are_no_easier_to_repeat_among_many_that_were_held_out():
    """Held-out rows beyond as many as training rows would make the mean number of votes their own."""
    rows = normal(640, 3, seed=12)
    x_g = chosen(rows[:40], 400) + 0.3 * normal(400, 3, seed=13)
    for n_h in (40, 600):
        assert memorisation(rows[:40], rows[40 : 40 + n_h], x_g).p_value < 0.02


def test_samples_at_held_out_rows_are_the_opposite():
    x, held_out = pool()
    found = memorisation(x, held_out, chosen(held_out, 200))
    assert found.p_value == 1
    assert found.excess < -1
    assert (found.nearest, found.copies) == (0, 0)


def test_what_is_allowed():
    """A third of the samples are copies, of rows so far apart that all votes go to them or are spread at random."""
    x, held_out = pool(600, 600, 40)
    x_g = np.concatenate([chosen(x, 20), normal(380, 40, seed=5)])
    strict, tolerant = (memorisation(x, held_out, x_g, allowed=allowed) for allowed in (0, 0.9))
    assert strict.p_value < 0.05
    assert tolerant.p_value > 0.5
    assert strict.excess == tolerant.excess
    assert strict.copies == pytest.approx(20 / 400)


def test_images_moved_by_one_pixel():
    """Digits moved along a diagonal: pixel by pixel far from where they came from, not so after the blur."""
    digits = ng.data.load("digits").x
    x, held_out, fresh = digits[:1000], digits[1000:1400], digits[1400:1900]
    to = np.random.default_rng(0).choice([-1, 1], (500, 2))
    moved = np.stack([np.roll(row.reshape(28, 28), by, (0, 1)).ravel() for row, by in zip(x[:500], to, strict=True)])
    flat, seen = (memorisation(x, held_out, moved, shape) for shape in (None, (28, 28)))
    assert seen.p_value <= 0.005
    assert seen.excess > flat.excess + 0.2
    assert memorisation(x, held_out, fresh, (28, 28)).p_value > 0.05


def test_the_blur_knows_rows_columns_and_colours():
    """An image of one colour stays it; one bright pixel stays where it was, in its colour."""
    image = np.zeros((1, 10, 6, 3))
    image[..., 1] = 0.5
    assert module._blurred(image.reshape(1, -1), (10, 6, 3)).reshape(5, 3, 3)[..., 1] == pytest.approx(0.5)
    image = np.zeros((1, 10, 6, 3))
    image[0, 7, 1, 2] = 1
    blurred = module._blurred(image.reshape(1, -1), (10, 6, 3)).reshape(5, 3, 3)
    assert np.unravel_index(blurred.argmax(), blurred.shape) == (3, 0, 2)
    assert not blurred[..., :2].any()


def test_a_row_that_occurs_twice_counts_once():
    x, held_out = pool()
    x[0, 0] = 0.0
    again = np.concatenate([x, x[:50], x[:1] * np.where(np.arange(D), 1.0, -1.0)])  # −0 too
    x_g = normal(100, seed=6)
    assert memorisation(again, np.repeat(held_out, 2, axis=0), x_g) == memorisation(x, held_out, x_g)


def test_held_out_rows_that_were_trained_on():
    x, held_out = pool(300, 120)
    leaked = np.concatenate([held_out, x[:1]])
    found = memorisation(x, leaked.astype(np.float32), normal(50, seed=7))  # one in 121: in neither set
    assert found.expected == 299 / 419
    with pytest.raises(InputError, match="2 of the 122 held-out rows are training rows"):
        memorisation(x, np.concatenate([held_out, x[:2]]), normal(50))
    with pytest.raises(InputError, match="150 of the 150 held-out rows are training rows"):
        memorisation(x, x[:150], normal(50))


def test_nothing_is_said_where_all_rows_are_equally_near():
    corners = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    found = memorisation(corners[:2], corners[2:], np.zeros((5, 2)))
    assert (found.p_value, found.excess, found.error, found.copies) == (1, 0, 0, 0)


def test_blocks_do_not_show(monkeypatch):
    sets = (*pool(), normal(90, seed=8))
    whole = memorisation(*sets)
    monkeypatch.setattr(module, "PIECE", 2)  # fewer rows than neighbours
    assert memorisation(*sets) == pytest.approx(whole, rel=1e-9)


def test_it_repeats_itself_and_leaves_all_as_it_was():
    sets = [x.astype(np.float32) for x in (*pool(), normal(90, seed=8))]
    before, state = [x.copy() for x in sets], np.random.get_state()[1].copy()  # noqa: NPY002
    assert memorisation(*sets) == memorisation(*(x.tolist() for x in sets))
    assert all(np.array_equal(a, b) for a, b in zip(sets, before, strict=True))
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@settings(deadline=None, max_examples=8)
@given(st.sampled_from([1e-3, 1.0, 250.0]), st.integers(0, 2**32 - 1))
def test_units_and_the_order_of_rows_do_not_matter(scale, seed):
    x, held_out = pool(40, 20, 3)
    x_g, rng = normal(30, 3, seed=9), np.random.default_rng(seed)
    found = memorisation(x, held_out, x_g)
    other = memorisation(*(scale * (rng.permutation(rows) + 1) for rows in (x, held_out, x_g)))
    assert other.excess == pytest.approx(found.excess)
    assert other.p_value == pytest.approx(found.p_value, abs=0.1)
    assert (other.nearest, other.copies) == (found.nearest, found.copies)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"x_train": normal(5, 3)}, r"one width, got \(5, 3\), \(60, 8\), \(200, 8\)"),
        ({"x_held_out": np.zeros((0, D))}, "one width"),
        ({"x_held_out": None}, "one width"),
        ({"x_g": normal(5)[0]}, "one width"),
        ({"x_g": np.full((3, D), np.nan)}, "x_g must be finite"),
        ({"x_train": np.full((3, D), np.inf)}, "x_train must be finite"),
        ({"x_g": normal(5) > 0}, "x_g must hold numbers"),
        ({"x_train": np.ones((9, D)), "x_held_out": np.zeros((9, D))}, "1 different training rows and 1 held-out rows"),
        ({"x_train": pool()[1][:1], "x_held_out": normal(210)[150:].repeat(2, axis=0)}, "held-out rows are training"),
        ({"allowed": 1}, r"allowed must be a number in \[0, 1\), got 1"),
        ({"allowed": -0.1}, "allowed must be a number"),
        ({"image_shape": (3, 3)}, r"image_shape is \(3, 3\), expected \(h, w\)"),
        ({"image_shape": (8,)}, "image_shape"),
        ({"image_shape": 8}, "image_shape"),
        ({"image_shape": (-2, -4)}, "image_shape"),
        ({"image_shape": (2.0, 4)}, "image_shape"),
    ],
)
def test_what_cannot_be_tested_is_refused(changed, said):
    x, held_out = pool()
    with pytest.raises(InputError, match=said):
        memorisation(**({"x_train": x, "x_held_out": held_out, "x_g": normal(200)} | changed))
