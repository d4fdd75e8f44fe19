"""Text to image and strips: captions and what they mean, the game's gradients, and measures with known answers."""

import numpy as np
import pytest
from numeric import rel_error

import numgan as ng
from numgan.losses import softplus
from numgan.run.streams import Noise
from numgan.uses import captions, strips, text_to_image, told
from numgan.uses.captions import DIGITS, SLANTS, UNSAID, VOCABULARY, WIDTHS, bag, bags, caption
from numgan.uses.images import digits, unseen

RANKS = [UNSAID, *range(5)]


# Captions


def test_captions_are_plain_words():
    assert caption(7) == "a seven" and caption(8) == "an eight" and caption(0, UNSAID, 2) == "an upright zero"
    assert caption(7, 3, 4) == "a thick very slanted seven" and caption(1, 0, 1) == "a fine backward one"
    assert len({caption(d, w, s) for d in range(10) for w in RANKS for s in RANKS}) == 360
    assert len(WIDTHS) == len(SLANTS) == 5 and len(set(VOCABULARY)) == len(VOCABULARY) == 19


def test_a_bag_counts_words_in_whatever_order():
    where = VOCABULARY.index
    c = bag("a thick very slanted seven")
    assert c.dtype == np.float32 and c.sum() == 4
    assert all(c[where(word)] == 1 for word in ("thick", "very", "slanted", "seven"))
    assert (bag("Seven very THICK slanted") == c).all() and bag("very very one")[where("very")] == 2
    every = [(d, w, s) for d in range(10) for w in RANKS for s in RANKS]
    found = bags(np.array(every))
    assert found.shape == (360, len(VOCABULARY)) and len(np.unique(found, axis=0)) == 360
    assert all((found[i] == bag(caption(*every[i]))).all() for i in range(0, 360, 7))


@pytest.mark.parametrize(
    ("text", "says"),
    [("a huge seven", "'huge' is not a word that captions are made of: use fine, thin, "), ("a", "'a' has no words")],
)
def test_unknown_words_are_named_beside_those_that_are_known(text, says):
    with pytest.raises(ng.InputError, match=says) as error:
        bag(text)
    assert all(word in str(error.value) for word in VOCABULARY)


def test_words_are_given_to_shares_of_the_training_digits():
    found = captions.meanings(digits())
    assert (found[:, 0] == digits().labels).all()
    for ranks in found[:, 1:].T:
        assert np.allclose(np.bincount(ranks) / len(ranks), [0.1, 0.25, 0.3, 0.25, 0.1], atol=1e-3)


def test_ranks_follow_what_is_drawn():
    """Bars, the wider the fatter; and bars that are sheared to the left, and to the right."""
    x = np.zeros((7, 28, 28))
    for i in range(5):
        x[i, 4:24, 10 : 11 + i] = 1  # 1 to 5 pixels wide
    for row in range(4, 24):
        for i, lean in ((5, -0.8), (6, 0.8)):
            left = round(13 + lean * (14 - row))
            x[i, row, left : left + 2] = 1
    found = captions.meanings(ng.data.Data(2 * x.reshape(7, -1) - 1, labels=np.arange(7)))
    assert (np.diff(found[:5, 1]) >= 0).all() and found[0, 1] == 0 and found[4, 1] == 4
    assert (found[:5, 2] == 1).all() or (found[:5, 2] == 2).all()
    assert found[5, 2] == 0 and found[6, 2] == 4


def test_a_part_is_left_unsaid():
    meanings = np.random.default_rng(0).integers(0, 5, (4000, 3))
    said = captions.partly(meanings, np.random.default_rng(1), unsaid=0.3)
    assert (said[:, 0] == meanings[:, 0]).all()
    left_out = said[:, 1:] == UNSAID
    assert (said[:, 1:][~left_out] == meanings[:, 1:][~left_out]).all()
    assert np.allclose(left_out.mean(axis=0), 0.3, atol=0.03)
    assert np.isclose(left_out.all(axis=1).mean(), 0.09, atol=0.02)  # one does not depend on the other
    assert (captions.partly(meanings, np.random.default_rng(1), unsaid=0.3) == said).all()


def test_one_thing_is_wrong_and_all_others_are_as_they_were():
    rng = np.random.default_rng(0)
    meanings = np.column_stack([rng.integers(0, 10, 3000), rng.integers(0, 5, (3000, 2))])
    said = captions.partly(meanings, rng, unsaid=0.5)
    before = said.copy()
    wrong = captions.one_wrong(meanings, said, rng)
    assert (said == before).all()
    false = (wrong != meanings) & (wrong != UNSAID)
    assert (false.sum(axis=1) == 1).all() and (wrong[~false] == said[~false]).all()
    assert np.allclose(false.mean(axis=0), 1 / 3, atol=0.03)
    assert set(wrong[:, 0]) == set(range(10)) and set(wrong[:, 1]) == set(wrong[:, 2]) == {UNSAID, *range(5)}
    assert set((wrong - meanings)[false[:, 1], 1]) == {-4, -3, -2, -1, 1, 2, 3, 4}


# The game

EPS = 1e-5


class Recorded(told.Told):
    """Keeps what each player's optimiser is given, and leaves θ as it is."""

    def follow(self, name):
        self.grads = {**getattr(self, "grads", {}), name: self.nets[name].grad.copy()}


def small(matching, kind=Recorded):
    """A game on 64 digits with 4 rows a minibatch, in float64."""
    game = kind(digits().x[:64], captions.meanings(digits())[:64], seed=3, matching=matching, batch=4, threads=1)
    game.nets = {name: net.copy(dtype="float64") for name, net in game.nets.items()}
    return game


def losses_of(game):
    """L_D and L_G of the formulas, from the rows of the first step."""
    G, D, rng = game.nets["G"], game.nets["D"], game.rng(0)
    true, others = (game.meanings[game.x.places(i)] for i in (0, 1))
    said = captions.partly(true, rng)
    c, c_next = bags(said), bags(captions.partly(others, rng))
    wrong = bags(captions.one_wrong(true, said, rng)) if game.matching else c[:0]

    def L_D():
        rows = np.concatenate([game.x(0), G((game.z(0), c)), game.x(0)[: len(wrong)]])
        a = D((rows, np.concatenate([c, c, wrong])))
        of_data, of_generated = softplus(-a[:4]).mean(), softplus(a[4:8]).mean()
        return of_data + ((of_generated + softplus(a[8:]).mean()) / 2 if len(wrong) else of_generated)

    def L_G():
        return softplus(-D((G((game.z(1), c_next)), c_next))).mean()

    return L_D, L_G


@pytest.mark.parametrize("matching", [True, False])
def test_gradients_are_the_slopes_of_the_formulas(matching):
    """In each W and each b, along the gradient and along a direction beside it."""
    game = small(matching)
    values = game.update()
    rng = np.random.default_rng(0)
    for name, loss in zip("DG", losses_of(game), strict=True):
        theta, grad = game.nets[name].theta, game.grads[name]
        assert np.isclose(values[name], loss(), rtol=1e-12)
        for span, part in ((span, part) for span in game.nets[name].slices.values() for part in (1, rng.random())):
            v = np.zeros(len(theta))
            v[span] = grad[span] * np.where(rng.random(span.stop - span.start) < part, 1, 0)
            v /= np.sqrt(v @ v)
            at, ends = theta.copy(), []
            for eps in (EPS, -EPS):
                theta[...] = at + eps * v
                ends.append(loss())
            theta[...] = at
            assert rel_error(np.array([grad @ v]), np.array([(ends[0] - ends[1]) / (2 * EPS)])) < 1e-6, (name, span)


def test_wrong_captions_move_d_alone():
    with_wrong, without = small(True), small(False)
    with_wrong.update(), without.update()
    assert rel_error(with_wrong.grads["D"], without.grads["D"]) > 1e-2
    assert (with_wrong.grads["G"] == without.grads["G"]).all()  # from the same θ, noise and captions


def test_both_players_learn_and_a_seed_repeats():
    def trained(seed):
        game = told.Told(digits().x[:64], captions.meanings(digits())[:64], seed, batch=8, steps=9, threads=1)
        return game, list(game.steps(3))

    (game, values), (other, same) = trained(1), trained(1)
    assert values == same and all((game.nets[name].theta == other.nets[name].theta).all() for name in "GD")
    fresh = told.Told(digits().x[:64], game.meanings, 1, batch=8, threads=1)
    assert all((game.nets[name].theta != fresh.nets[name].theta).any() for name in "GD")
    assert trained(2)[1] != values
    c = np.tile(bag("a seven"), (3, 1))
    x = game.draw(c)
    assert x.shape == (3, 784) and (game.draw(c) == x).all() and len(np.unique(x, axis=0)) == 3
    assert (game.draw(c, np.ones((3, told.N_Z), "f")) != x).any()
    assert (game.draw(np.tile(bag("a one"), (3, 1))) != x).any()


# Measures


def test_the_digits_are_as_their_own_captions_say_and_not_as_others_do():
    """The ceiling and the floor of what is measured."""
    own, shuffled = text_to_image.of_digits(), text_to_image.of_digits(shuffled=True)
    assert own["class"] > 0.98 and own["width"] > 0.9 and own["slant"] > 0.94
    assert shuffled["class"] < 0.13 and abs(shuffled["width"]) < 0.06 and abs(shuffled["slant"]) < 0.06
    assert own["Fréchet distance"] == shuffled["Fréchet distance"] < 1
    assert own["spread"] < 0.85 * shuffled["spread"]


def test_correlation_is_of_what_is_said():
    ranks = np.array([0, 1, 2, UNSAID, 4])
    assert np.isclose(text_to_image.correlation(ranks, np.array([1.0, 3, 5, 99, 9])), 1)
    assert np.isclose(text_to_image.correlation(ranks, -np.array([1.0, 3, 5, 99, 9])), -1)


def test_spread_is_around_the_mean_of_a_caption():
    said = np.array([[1, 0, 0], [2, UNSAID, 0], [1, 0, 0], [2, UNSAID, 0], [3, 1, 1]])
    x = np.array([[1.0, 0], [5, 5], [3, 0], [5, 5], [9, 9]])
    assert np.isclose(text_to_image.spread(x, said), np.sqrt((1 + 1) / 2 / 2))  # 2 rows off by 1
    assert text_to_image.spread(np.repeat(x[:1], 5, axis=0), said) == 0


# Strips


def test_a_strip_goes_straight_from_word_to_word():
    c = strips.along(strips.widths(7))
    assert c.shape == (9, len(VOCABULARY))
    for i, word in enumerate(WIDTHS):
        assert (c[2 * i] == bag(f"a {word} upright seven")).all()
    assert (c[1] == (c[0] + c[2]) / 2).all()
    assert (strips.along(strips.slants(2))[-1] == bag("a medium very slanted two")).all()
    assert (strips.along(strips.to_next(9))[[0, -1]] == [bag(f"medium upright {d}") for d in ("nine", "zero")]).all()


def test_rising_and_change_of_strips_that_are_known():
    up = np.arange(9.0) ** 3 + np.zeros((2, 1))
    assert strips.rising("width", up) == {"width rises": 1, "width, rank correlation": 1}
    assert strips.rising("width", -up) == {"width rises": 0, "width, rank correlation": -1}
    mixed = strips.rising("width", np.stack([up[0], -up[0]]))
    assert mixed == {"width rises": 0.5, "width, rank correlation": 0}
    assert strips.rising("w", np.array([[0.0, 2, 1]])) == {"w rises": 0.5, "w, rank correlation": 0.5}
    rng = np.random.default_rng(0)
    still = rng.standard_normal((30, 1, 50)).repeat(9, axis=1)
    assert strips.change(still) == 0
    assert np.isclose(strips.change(rng.standard_normal((30, 9, 50))), 1, atol=0.05)  # other noise in each column


@pytest.fixture(scope="module")
def game():
    """Two steps, of networks as they are."""
    game = text_to_image.game(True, 0, 1)
    list(game.steps(2))
    return game


class Copies:
    """Draws each digit as the first or the fourth one of the data, by its noise."""

    z = Noise("normal", 8, 2, np.float32, 0, np)

    def draw(self, c, z):
        digit = c[:, [VOCABULARY.index(word) for word in DIGITS]].argmax(axis=1)
        nth = np.where(z[:, 0] > 0, 3, 0)
        return unseen().x[[np.flatnonzero(unseen().labels == d)[i] for d, i in zip(digit, nth, strict=True)]]


def test_what_stays_and_what_turns_in_a_strip():
    found = strips.measure(Copies())
    assert found["class"] == found["ends"] == 1
    assert found["width rises"] == found["slant rises"] == found["change"] == 0


def test_a_strip_keeps_its_noise(game):
    z = game.z.fixed(2)
    x = strips.drawn(game, [strips.widths(7), strips.to_next(3)], z)
    assert x.shape == (2, 9, 784) and x.min() >= 0 and x.max() <= 1
    for i, text in ((0, "a fine upright seven"), (8, "a fat upright seven")):
        alone = (game.draw(bag(text)[None], z[:1]) + 1) / 2
        assert np.allclose(x[0, i], alone[0], atol=1e-5)
    assert (strips.drawn(game, [strips.to_next(3)], z[1:])[0] == x[1]).all()
    assert (strips.drawn(game, [strips.to_next(3)], z[:1])[0] != x[1]).any()


def test_both_uses_measure_and_show_a_game(game):
    for use in (text_to_image.CAPTIONS, strips.STRIPS):
        found = use.measure(game)
        assert all(np.isfinite(value) for value in found.values())
        labels = [ax.get_ylabel() for ax in use.picture({"one": game}).axes]
        assert len(labels) == len(set(labels)) or use is strips.STRIPS
        assert all(bag(part).any() for label in labels for part in label.replace("\n", " ").split("→"))
    assert set(text_to_image.CAPTIONS.measure(game)) == set(text_to_image.of_digits())
    assert len(unseen()) == len(text_to_image.what_is_said()) == 2000
    assert DIGITS[3] in strips.to_next(3)[0] and DIGITS[4] in strips.to_next(3)[1]
