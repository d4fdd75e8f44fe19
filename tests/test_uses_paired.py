"""Paired translation and the next frame: one update, the motion, what the measures measure, and the pictures."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error

import numgan as ng
from numgan.gan import discriminator_gradient
from numgan.losses import nonsaturating
from numgan.reconstruction import absolute, squared
from numgan.uses import BY_NAME, frames, paired
from numgan.uses.images import SIDE, grey, read_right, sharpness, unseen
from numgan.uses.paired import Paired
from numgan.uses.translation import Translation, left_half

SMALL = (4, 8, 3)  # two channels given


def rows(n=40, shape=SMALL):
    return np.random.default_rng(0).uniform(-1, 1, (n, np.prod(shape)))


@pytest.fixture
def small(monkeypatch):
    """Networks of so few weights that each can be moved, in float64, whose step is the gradient itself."""
    monkeypatch.setattr(paired, "unet", partial(paired.unet, maps=1, hidden=2))
    monkeypatch.setattr(paired, "discriminator", partial(paired.discriminator, maps=1, hidden=3))

    def made(**how):
        game = Paired(rows(), SMALL, seed=3, threads=1, **how)
        game.nets = {name: net.copy(dtype="float64") for name, net in game.nets.items()}
        game.opts = {name: ng.SGD(1.0) for name in game.nets}
        game.ema = None
        return game

    return made


# One update


def values(game, distance):
    """L_D and L_G, written again from their formulas, of the networks as they stand when they are called."""
    G, D = game.nets["G"], game.nets["D"]

    def softplus(a):
        return np.logaddexp(0, a)

    def L_D():
        x, rng = game.pairs(0).astype(float), game.rng(0)
        x_g = G(game.given(x))
        a = D.forward(np.concatenate([x, x_g]), train=True, rng=rng)[0]
        return softplus(-a[: len(x)]).mean() + softplus(a[len(x) :]).mean()

    def L_G():
        x = game.pairs(1).astype(float)
        x_g = G(game.given(x))
        off = x_g - x
        far = {absolute: np.abs(off).mean(), squared: (off**2).mean()}[distance]
        game_of = softplus(-D.forward(x_g, train=True, rng=game.rng(1))[0]).mean() if game.adversarial else 0
        return game_of + game.weight * far

    return L_D, L_G


KINDS = [(True, 5.0, absolute), (True, 5.0, squared), (True, 0.0, absolute), (False, 5.0, absolute)]
KINKS = 1e-7  # differences so short that hardly one goes over a kink, of L1 or of LeakyReLU


@pytest.mark.parametrize("adversarial, weight, distance", KINDS)
def test_an_update_follows_the_slopes_of_both_losses(small, adversarial, weight, distance):
    game = small(adversarial=adversarial, weight=weight, distance=distance)
    L_D, L_G = values(game, distance)
    before = {name: net.theta.copy() for name, net in game.nets.items()}
    slope_D, value_D = (numeric_gradient(L_D, game.nets["D"].theta, KINKS), L_D()) if adversarial else (None, None)
    found = game.update()
    after = {name: net.theta.copy() for name, net in game.nets.items()}
    if adversarial:
        assert rel_error(before["D"] - after["D"], slope_D) < 1e-6 and found["D"] == pytest.approx(value_D)
    else:
        assert (before["D"] == after["D"]).all() and "D" not in found
    game.nets["G"].theta[...] = before["G"]  # G stands where it stood, D where it has gone
    assert rel_error(before["G"] - after["G"], numeric_gradient(L_G, game.nets["G"].theta, KINKS)) < 1e-6
    assert found.get("G", 0) + found.get("distance", 0) == pytest.approx(L_G())


def test_d_is_shown_each_pair_beside_what_g_makes_of_the_same_image(small):
    game = small()
    G, D, x = game.nets["G"], game.nets["D"], game.pairs(0).astype(float)
    info = discriminator_gradient(G, D, x, game.given(x), nonsaturating, game.rng(0))
    found, given = info.x_g.reshape(-1, *SMALL), x.reshape(-1, *SMALL)
    assert (found[..., :-1] == given[..., :-1]).all() and (found[..., -1] != given[..., -1]).all()


def test_given_and_answers_are_channels():
    game, x = Paired(rows(), SMALL, threads=1), rows()
    images = x.reshape(-1, *SMALL)
    assert (game.given(x).reshape(-1, 4, 8, 2) == images[..., :2]).all()
    assert (game.answers(x).reshape(-1, 4, 8) == images[..., 2]).all()
    translated = game.translate(game.given(x).astype("float32"))
    assert translated.shape == (40, 32) and not game.nets["G"].stochastic
    assert np.allclose(translated, game.answers(game.nets["G"](game.given(x))))


def test_a_seed_repeats_and_another_does_not():
    def theta(seed):
        game = Paired(rows(), SMALL, seed, threads=1)
        list(game.steps(2))
        return game.nets["G"].theta

    assert (theta(0) == theta(0)).all() and (theta(0) != theta(1)).any()


def test_g_does_not_go_black_with_L1_alone():
    """As it does where tanh ends where it is flat: then the digits of all classes are read as one."""
    edges = BY_NAME["edges"]
    game = edges.games["L1 alone"](0, 1)
    list(game.steps(250))
    found = edges.measure(game)
    assert found["read right"] > 0.4 and found["L1"] < 0.13, found


def refused(words, make):
    with pytest.raises(ng.InputError) as error:
        make()
    assert words in str(error.value)


def test_what_cannot_be_learned_from_is_refused():
    refused("with c ≥ 2, got (40, 96) for (4, 8, 2)", lambda: Paired(rows(), (4, 8, 2)))
    refused("with c ≥ 2, got (40, 32) for (4, 8, 1)", lambda: Paired(rows(shape=(4, 8, 1)), (4, 8, 1)))
    refused("G has nothing to learn from", lambda: Paired(rows(), SMALL, adversarial=False, weight=0))
    refused("whole numbers", lambda: Paired(rows(shape=(6, 8, 2)), (6, 8, 2)).update())


# What sharpness measures


@pytest.mark.parametrize("k", [1, 2, 4, 8])
@pytest.mark.parametrize("turned", [False, True])
def test_an_edge_over_k_pixels_has_1_over_k(k, turned):
    edge = np.tile(np.clip((np.arange(SIDE) - 9) / k, 0, 1), (3, SIDE, 1))
    assert sharpness((edge.transpose(0, 2, 1) if turned else edge).reshape(3, -1)) == pytest.approx(1 / k)
    assert sharpness(1 - edge[:, :7].reshape(3, -1), (7, SIDE)) == pytest.approx(1 / k)


def test_each_blur_makes_digits_less_sharp_however_much_is_black():
    x = grey(unseen().x[:200]).reshape(-1, SIDE, SIDE)
    found = [sharpness(x.reshape(len(x), -1))]
    assert found[0] == pytest.approx(sharpness(np.concatenate([x, np.zeros_like(x)]).reshape(2 * len(x), -1)))
    for _ in range(5):
        x = sum(np.roll(x, by, axis=axis) for axis in (1, 2) for by in (-1, 0, 1)) / 6
        found.append(sharpness(x.reshape(len(x), -1)))
    assert found[0] > 0.6 and all(b < 0.9 * a for a, b in pairwise(found)), found
    assert sharpness(np.zeros((2, SIDE**2))) == 0


# Translations


def test_pairs_are_what_is_given_beside_the_digit():
    data = unseen()
    images = Translation(left_half, 14).pairs(data).reshape(-1, SIDE, SIDE, 2)
    assert (images[..., 1].reshape(len(data), -1) == data.x).all()
    assert (images[:, :, 14:, 0] == -1).all()
    assert np.allclose(images[:, :, :14, 0], images[:, :, :14, 1], atol=1e-6)


def test_scores_are_of_what_was_open():
    x, of = grey(unseen().x), Translation(left_half, 14)
    truth = of.scores(x)
    assert truth["L1"] == 0 and truth["read right"] > 0.98 and truth["sharpness"] > 0.6
    black = np.where(np.tile(np.arange(SIDE) < 14, SIDE), 0, x)  # what is given is left out
    assert of.scores(black)["L1"] == 0 and of.scores(black)["sharpness"] == truth["sharpness"]
    assert of.scores(black)["read right"] < 0.9
    assert of.scores(1 - x)["L1"] == pytest.approx(np.abs(1 - 2 * x).reshape(-1, SIDE, SIDE)[..., 14:].mean())
    assert Translation(left_half).scores(black)["L1"] > 0


@pytest.mark.parametrize("name", ["edges", "halves", "frames"])
def test_a_picture_has_a_line_for_each_game(name):
    use = BY_NAME[name]
    games = dict.fromkeys(use.games, next(iter(use.games.values()))(0, 1))
    figure = use.picture(games)
    labels = [ax.get_ylabel() for ax in figure.axes]
    first, last = (["before", "now"], ["next"]) if name == "frames" else (["given"], ["answer"])
    assert labels == [*first, *games, *last]
    sides = {ax.images[0].get_array().shape[:2] for ax in figure.axes}
    assert len(sides) == 1 and (side := sides.pop())[1] > 12 * SIDE and side[0] >= SIDE


# The motion


def test_it_flies_straight_and_leaves_a_wall():
    p, v = np.array([[5, 5], [1, 7], [13, 1]]), np.array([[3, -3], [-3, 3], [3, -3]])
    p, v = frames.step(p, v, np.random.default_rng(0))
    assert p.tolist() == [[8, 2], [0, 10], [14, 0]]
    assert v[0].tolist() == [3, -3] and v[1][0] == 3 and abs(v[1][1]) == 3 and v[2].tolist() == [-3, 3]


def test_a_wall_is_left_to_both_sides_equally_often():
    n = 4000
    p, v = np.tile([1, 7], (n, 1)), np.tile([-3, 3], (n, 1))
    _, v = frames.step(p, v, np.random.default_rng(0))
    assert (v[:, 0] == 3).all() and abs((v[:, 1] == 3).mean() - 0.5) < 4 * 0.5 / n**0.5


def test_the_third_frame_is_certain_in_flight_and_one_of_two_at_a_wall():
    before, now, after = frames.paths(3000, np.random.default_rng(0))
    assert now.min() == 0 and now.max() == frames.ROOM
    wall = frames.at_wall(now)
    corner = ((now == 0) | (now == frames.ROOM)).all(axis=1)
    ways = {v: frames.possible(v, before, now) for v in [(-3, -3), (-3, 3), (3, -3), (3, 3)]}
    count = sum(ways.values())
    assert (count[~wall] == 1).all() and (count[wall & ~corner] == 2).all() and (count[corner] == 1).all()
    assert 0.2 < wall.mean() < 0.5 and corner.any()
    reached = [may & ((now + v).clip(0, frames.ROOM) == after).all(axis=1) for v, may in ways.items()]
    assert np.any(reached, axis=0).all()
    assert (after[~wall] == (2 * now - before)[~wall].clip(0, frames.ROOM)).all()


# The films, and their measures


def test_films_show_a_smaller_digit_where_its_path_is():
    data, (x, path) = unseen(), frames.to_test()
    images = (x.reshape(-1, *frames.FRAMES) + 1) / 2
    for i in (0, 7):
        digit = grey(data.x[i]).reshape(14, 2, 14, 2).mean(axis=(1, 3))
        for k in range(3):
            row, column = path[k, i]
            assert np.allclose(images[i, row : row + 14, column : column + 14, k], digit, atol=1e-6)
            assert images[i, ..., k].sum() == pytest.approx(digit.sum(), rel=1e-4)


def test_films_of_other_seeds_have_other_paths():
    data = ng.data.Data(unseen().x[:5], image_shape=(SIDE, SIDE), range=(-1, 1), name="five")
    x, path = frames.films(data, seed=1, per_digit=2)
    assert x.shape == (10, SIDE**2 * 3) and path.shape == (3, 10, 2)
    assert (frames.films(data, 1, 2)[1] == path).all() and (frames.films(data, 2, 2)[1] != path).any()


@pytest.fixture(scope="module")
def true_scores():
    return frames.measure_frame(2)


def test_true_frames_are_read_and_are_possible(true_scores):
    assert true_scores["read right"] > 0.97
    assert true_scores["L1 in flight"] < 1e-6 and true_scores["L1 at a wall"] < 1e-6
    assert true_scores["sharpness in flight"] > 0.6 and true_scores["sharpness at a wall"] > 0.6
    again = frames.measure_frame(1)
    assert again["L1 in flight"] > 0.04 and again["L1 at a wall"] > 0.04


def test_the_mean_of_both_futures_is_blurred_and_far_from_each(true_scores):
    """What least squares aims at: as good as the truth in flight; at a wall neither sharp nor near to a future."""
    _, (before, now, _) = frames.to_test()
    digits = frames.smaller(grey(unseen().x))
    each = [
        (frames.possible(v, before, now)[:, None], frames.placed(digits, (now + v).clip(0, frames.ROOM)))
        for v in [(-3, -3), (-3, 3), (3, -3), (3, 3)]
    ]
    mean = sum(may * future for may, future in each) / sum(may for may, _ in each)
    found = frames.scores(mean)
    assert found["L1 in flight"] < 1e-6
    assert found["sharpness in flight"] == pytest.approx(true_scores["sharpness in flight"])
    assert found["L1 at a wall"] > 0.02
    assert found["sharpness at a wall"] < 0.75 * true_scores["sharpness at a wall"]


def test_either_way_of_leaving_a_wall_is_right():
    _, (before, now, after) = frames.to_test()
    v = 3 * np.sign(after - now)
    other = (now + np.where((now == 0) | (now == frames.ROOM), v, -v)).clip(0, frames.ROOM)
    wall, digits = frames.at_wall(now), frames.smaller(grey(unseen().x))
    assert (other != after)[wall].any(axis=1).mean() > 0.9
    found = frames.from_futures(frames.placed(digits, other), before, now)
    assert found[wall].max() < 1e-6 and found[~wall].min() > 0.01


def test_a_digit_is_cut_out_about_its_centre():
    x = grey(unseen().x)
    small = frames.smaller(x)
    middle = frames.enlarged(frames.placed(small, np.full((len(x), 2), 7)))
    corner = frames.enlarged(frames.placed(small, np.tile([0, 14], (len(x), 1))))
    labels = np.asarray(unseen().labels)
    assert read_right(middle, labels) > 0.97 and read_right(corner, labels) > 0.93
    assert frames.enlarged(np.zeros((2, SIDE**2))).shape == (2, SIDE**2)
