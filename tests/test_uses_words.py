"""The gradient through argmax is 0, and what is done instead: each statement of numgan/uses/words.py."""

import numpy as np
import pytest
from numeric import rel_error

from numgan.uses import words
from numgan.uses.use import table

G, D = words.players()
Z = np.random.default_rng(0).standard_normal((4, 3))
SCORES = G(Z)
RNG = np.random.default_rng
DRAWS = 20_000


def slope_of(f, s, h=1e-6):
    """∂f/∂s by central differences."""
    found = np.zeros_like(s)
    for i in np.ndindex(s.shape):
        step = np.zeros_like(s)
        step[i] = h
        found[i] = (f(s + step) - f(s - step)) / (2 * h)
    return found


def test_the_differences_of_the_loss_through_argmax_are_exactly_0_and_those_through_softmax_are_not():
    assert (words.differences(G, D, Z, words.chosen) == 0).all()
    assert (words.through_argmax(D, SCORES, None) == 0).all()
    found = words.differences(G, D, Z, words.softmax)
    assert np.abs(found).max() > 1e-3
    s, tape = G.forward(Z, train=True)
    G.backward(words.through_softmax(D, s, None), tape, inputs=False, add=False)
    assert rel_error(G.grad, found) < 1e-7


def test_where_two_words_have_the_same_score_there_is_no_slope():
    """The loss jumps there: its difference stays the same, however small the step, and the quotient grows as 1/h."""
    s = np.array([[[1.0, 1.0, 0.0, 0.0], [3.0, 0.0, 0.0, 0.0]]])
    step = np.zeros_like(s)
    step[0, 0, 1] = 1

    def difference(h):
        above, below = (words.loss(D, words.chosen(s + sign * h * step)) for sign in (1, -1))
        return (above - below)[0]

    assert difference(1e-3) == difference(1e-9) != 0


def test_the_exact_gradient_is_that_of_the_sum_over_all_sentences():
    value, gradient = words.exact(D, SCORES)
    assert rel_error(gradient, slope_of(lambda s: words.exact(D, s)[0], SCORES)) < 1e-8
    w = words.chosen(np.tile(SCORES, (DRAWS, 1, 1)) + RNG(1).gumbel(size=(4 * DRAWS, 2, 4)))
    losses = words.loss(D, w)
    assert abs(losses.mean() - value) < 4 * losses.std() / len(losses) ** 0.5


def test_the_largest_of_scores_and_gumbel_noise_is_a_sample_of_the_softmax():
    p = words.softmax(SCORES[0])
    counts = words.chosen(SCORES[0] + RNG(2).gumbel(size=(DRAWS, 2, 4))).mean(axis=0)
    assert (abs(counts - p) < 4 * np.sqrt(p * (1 - p) / DRAWS)).all()


def estimates(way, draws=DRAWS, seed=3, **how):
    return words.repeated(lambda D, s, rng: way(D, s, rng, **how), D, SCORES, RNG(seed), draws)


@pytest.mark.parametrize("baseline", [0.0, 0.7, -2.0])
def test_reinforce_is_the_exact_gradient_in_expectation_whatever_its_baseline(baseline):
    _, wanted = words.exact(D, SCORES)
    found = estimates(words.reinforce, baseline=baseline)
    error = found.std(axis=0) / DRAWS**0.5
    assert (abs(found.mean(axis=0) - wanted) < 4.5 * error).all()  # 32 numbers, each within 4.5 of its errors
    assert (abs(wanted) > 8 * error).any()  # which are small beside it


def test_a_baseline_near_the_mean_loss_makes_reinforce_less_noisy():
    value, _ = words.exact(D, SCORES)
    plain, less = (estimates(words.reinforce, 2000, baseline=b).var(axis=0).sum() for b in (0.0, value))
    assert less < plain / 2


def off(found):
    _, wanted = words.exact(D, SCORES)
    return np.linalg.norm(found.mean(axis=0) - wanted) / np.linalg.norm(wanted)


def test_gumbel_softmax_comes_nearer_and_becomes_noisier_as_tau_falls():
    warm, cool = (estimates(words.gumbel_softmax, tau=tau) for tau in (1.0, 0.2))
    assert off(cool) < 0.1 < 0.2 < off(warm)
    assert warm.var(axis=0).sum() < cool.var(axis=0).sum()


def test_gumbel_softmax_is_the_slope_of_its_own_loss():
    def value(s):
        return words.loss(D, words.softmax((s + RNG(4).gumbel(size=s.shape)) / 0.5)).mean()

    assert rel_error(words.gumbel_softmax(D, SCORES, RNG(4), tau=0.5), slope_of(value, SCORES)) < 1e-7


def test_straight_through_shows_d_words_and_points_the_right_way():
    found = estimates(words.straight_through)
    _, wanted = words.exact(D, SCORES)
    mean = found.mean(axis=0)
    assert (mean * wanted).sum() > 0.8 * np.linalg.norm(mean) * np.linalg.norm(wanted)
    assert off(found) > 0.1  # and is not the gradient
    noisy = SCORES + RNG(5).gumbel(size=SCORES.shape)
    dx = words.slope(D, words.chosen(noisy))  # at words, not at mixtures of them
    by_hand = words.softmax_backward(dx, words.softmax(noisy / 0.5)) / 0.5
    assert (words.straight_through(D, SCORES, RNG(5), tau=0.5) == by_hand).all()


def test_softmax_and_its_slope():
    s = RNG(6).standard_normal((2, 3, 5))
    p, c = words.softmax(s), RNG(7).standard_normal((2, 3, 5))
    assert np.isclose(p.sum(axis=-1), 1).all() and np.isfinite(words.softmax(1e4 * s)).all()
    assert rel_error(words.softmax_backward(c, p), slope_of(lambda s: (c * words.softmax(s)).sum(), s)) < 1e-8


def test_the_table_that_says_it_all():
    found = words.compare(draws=4000)
    assert found["argmax"] == {"size": 0, "off": 1, "spread": 0}
    assert found["softmax"]["spread"] < 1e-9 and found["softmax"]["off"] > 0.3
    assert max(found[name]["off"] for name in found if "REINFORCE" in name) < 0.2
    assert "Gumbel-softmax, τ = 0.2" in table(found)
