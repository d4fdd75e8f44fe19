"""Unpaired translation: every player's gradient in a whole update against differences of its loss; its measures."""

import copy
from functools import partial

import numpy as np
import pytest
from matplotlib.figure import Figure
from numeric import numeric_gradient, rel_error

import numgan as ng
from numgan.uses import BY_NAME, clouds, negatives
from numgan.uses.cycle import PLAYERS, Cycle

LOSSES = [ng.losses.nonsaturating, ng.losses.least_squares]


def small(weight=3.0, loss=ng.losses.nonsaturating, dropout=0.0, **how):
    """G: 3 numbers → 2, F: 2 → 3 in float64; every player moves by its gradient alone."""
    extra = [ng.Dropout(dropout)] if dropout else []
    widths = {"G": (3, 2), "F": (2, 3), "D_A": (3, 1), "D_B": (2, 1)}
    players = {}
    for seed, (name, (n, k)) in enumerate(widths.items()):
        layers = [ng.Linear(n, 4), ng.Tanh(), *(extra if name[0] == "D" else []), ng.Linear(4, k)]
        players[name] = ng.Network(copy.deepcopy(layers), seed=seed, dtype="float64"), ng.SGD(0.1)
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((40, 3)), rng.standard_normal((40, 2))
    return Cycle(players, a, b, weight, batch=5, loss=loss, **how)


def copies(game):
    return {name: net.copy() for name, net in game.nets.items()}


def run(net, x, rng=None):
    return net.forward(x, train=True, rng=rng)[0]


def judged(loss, D, x, x_g):
    """What D descends."""
    return loss.discriminator(run(D, x), run(D, x_g))[0]


@pytest.mark.parametrize("weight", [3.0, 0.0])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_one_update_moves_each_player_down_its_own_loss(loss, weight):
    game = small(weight, loss)
    before = copies(game)
    G, F, D_A, D_B = (before[name] for name in PLAYERS)
    values = game.update()
    after = copies(game)

    a, b = game.a(0), game.b(0)  # what the two D see, and G and F as they were
    for name, D, x, x_g in (("D_B", D_B, b, run(G, a)), ("D_A", D_A, a, run(F, b))):
        value = partial(judged, loss, D, x, x_g)
        assert np.isclose(values[name], value(), rtol=1e-12)
        slope = numeric_gradient(value, D.theta)
        assert rel_error(game.nets[name].grad, slope) < 1e-6
        assert np.allclose(after[name].theta, D.theta - 0.1 * slope, atol=1e-8)

    a, b = game.a(1), game.b(1)  # what G and F see, with the two D as they have become
    D_A, D_B = after["D_A"], after["D_B"]

    def cycle():
        return weight * (abs(run(F, run(G, a)) - a).mean() + abs(run(G, run(F, b)) - b).mean())

    def whole():
        return loss.generator(run(D_B, run(G, a)))[0] + loss.generator(run(D_A, run(F, b)))[0] + cycle()

    assert np.isclose(values["G"] + values["F"] + values.get("cycle", 0), whole(), rtol=1e-12)
    for name, net in (("G", G), ("F", F)):
        slope = numeric_gradient(whole, net.theta)
        assert rel_error(game.nets[name].grad, slope) < 1e-6
        assert np.allclose(after[name].theta, net.theta - 0.1 * slope, atol=1e-8)


def test_without_a_weight_the_two_games_know_nothing_of_each_other():
    alone, other = small(weight=0.0), small(weight=0.0)
    other.nets["F"].theta[...] += 1
    other.nets["D_A"].theta[...] += 1
    for game in (alone, other):
        list(game.steps(3))
    assert (alone.nets["G"].theta == other.nets["G"].theta).all()
    tied = small(weight=1.0)
    list(tied.steps(3))
    assert (tied.nets["G"].theta != alone.nets["G"].theta).all()


def test_each_domain_is_drawn_in_an_order_of_its_own():
    game = small()
    assert all((game.a.places(i) != game.b.places(i)).any() for i in range(3))


def test_the_layers_of_each_player_draw_numbers_of_their_own_and_a_seed_repeats_them():
    games = [small(dropout=0.5, seed=seed) for seed in (0, 0, 1)]
    one, again, other = ([tuple(values.values()) for values in game.steps(4)] for game in games)
    assert one == again
    assert one != other
    drawn_by, game = [], games[0]
    game.rng = lambda j: drawn_by.append(j) or np.random.default_rng(j)
    list(game.steps(1))
    assert sorted(drawn_by) == [0, 1, 2, 3, 4, 4]  # each player's step, and both ways of the cycle


def test_there_and_back_is_what_the_averaged_networks_make():
    game = small(ema=0.5)
    list(game.steps(3))
    a, b = game.a.x, game.b.x
    G, F = game.ready("G"), game.ready("F")
    for found, wanted in zip(game.there_and_back(a), (G(a), F(G(a))), strict=True):
        assert np.allclose(found, wanted)
    for found, wanted in zip(game.back_and_there(b), (F(b), G(F(b))), strict=True):
        assert np.allclose(found, wanted)


def test_a_player_that_is_missing_is_named():
    players = {name: None for name in ("G", "F", "D")}
    with pytest.raises(ng.InputError, match=r"players G, F, D_A, D_B, got G, F, D$"):
        Cycle(players, np.zeros((4, 2)), np.zeros((4, 2)), 1.0, batch=2)


class Known:
    """In place of a trained game: maps that are known."""

    def __init__(self, there, back):
        self.there, self.back = there, back

    def there_and_back(self, a):
        return self.there(a), self.back(self.there(a))

    def back_and_there(self, b):
        return self.back(b), self.there(self.back(b))


def sends(start, end, to):
    """Each row, with what lies between it and its nearest mode of `start`, to mode to[c] of `end`."""

    def moved(x):
        c = np.linalg.norm(x[:, None] - start, axis=2).argmin(axis=1)
        return x + (end[np.array(to)] - start)[c]

    return moved


def clouds_by(to, back):
    """A game whose G sends mode c of A to mode to[c] of B, and whose F sends mode c of B to mode back[c] of A."""
    a = clouds.circle()
    b = clouds.bent(a)
    return Known(sends(a, b, to), sends(b, a, back))


MODES = np.arange(clouds.MODES)


def test_measures_of_clouds_know_the_map_that_made_B():
    found = clouds.measure(clouds_by(MODES, MODES))
    assert found["A and back"] < 1e-6
    assert found["B and back"] < 1e-6
    assert abs(found["on a mode"] - (1 - np.exp(-4.5))) < 0.01  # of a normal in the plane, within three widths
    assert (found["home"], found["kept together"], found["as B was made"]) == (1, 1, 1)
    assert abs(found["narrowest"] - 1) < 0.1
    assert found["modes reached"] == 8


def test_measures_of_clouds_tell_another_map_from_one_that_is_not_one_to_one():
    turned = clouds.measure(clouds_by((MODES + 1) % 8, (MODES - 1) % 8))
    assert (turned["home"], turned["modes reached"], turned["as B was made"]) == (1, 8, 0)
    strangers = clouds.measure(clouds_by((MODES + 1) % 8, MODES))  # each one-to-one, but neither undoes the other
    assert (strangers["home"], strangers["modes reached"]) == (0, 8)
    assert strangers["A and back"] > 0.7
    in_pairs = clouds.measure(clouds_by(MODES // 2 * 2, MODES))
    assert (in_pairs["home"], in_pairs["kept together"], in_pairs["modes reached"]) == (0.5, 1, 4)
    assert in_pairs["as B was made"] == 0.5


def test_sent_counts_by_mode_and_nearest_centre():
    centres = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    x = np.array([[0.1, 0], [1.9, 0], [1.8, 0.3], [0, 1.5], [0, 0.2]])
    shares = clouds.sent(x, np.array([0, 0, 1, 2, 2]), centres)
    assert (shares == [[0.5, 0.5, 0], [0, 1, 0], [0.5, 0, 0.5]]).all()


def test_a_mode_that_is_torn_reaches_the_one_where_most_of_it_goes():
    shares = np.array([[0.6, 0.4, 0], [1, 0, 0], [0, 0, 1]])
    assert clouds.reached(shares) == 2


def test_the_plane_is_bent_one_to_one():
    x = np.random.default_rng(0).standard_normal((9, 2))
    y = clouds.bent(x)
    assert np.allclose(np.stack([y[:, 0] / 1.5, y[:, 1] - (y[:, 0] / 1.5) ** 2 + 0.5], axis=1), x)
    assert np.allclose(clouds.bent(np.array([[2.0, 1.0]])), [[3, 4.5]])


def test_narrowest_is_the_least_width_in_any_direction():
    rng = np.random.default_rng(0)
    x = clouds.STD * rng.standard_normal((4000, 2))
    labels = np.arange(4000) % 2
    assert abs(clouds.narrowest(x, labels) - 1) < 0.06
    x[labels == 1] @= np.array([[1, 1], [1, 1]]) / 2  # onto the diagonal
    assert clouds.narrowest(x, labels) < 1e-6
    x[labels == 1] += 0.1 * clouds.STD * rng.standard_normal((2000, 2))
    assert abs(clouds.narrowest(x, labels) - 0.1) < 0.01


def test_clouds_are_normals_around_their_modes_drawn_apart():
    drawn = [*clouds.trained_on(), *clouds.measured_on()]
    noise = [each.x - each.centres[each.labels] for each in drawn]
    assert all((noise[i] != noise[j]).any() for i in range(4) for j in range(i))
    for each, off in zip(drawn, noise, strict=True):
        assert (np.bincount(each.labels) == 500).all()
        assert abs(off.mean()) < 0.002
        assert abs(off.std() - clouds.STD) < 0.001
    assert (drawn[1].centres == clouds.bent(drawn[0].centres)).all()


def test_no_digit_is_there_in_both_domains():
    a, b = negatives.domains()
    assert a.shape == b.shape == (2500, 784)
    images = ((a + 1) / 2).reshape(-1, 28, 28)
    outlines = 2 * (1 - ng.data.edges(images)).reshape(b.shape) - 1
    assert not {row.tobytes() for row in outlines.round(2)} & {row.tobytes() for row in b.round(2)}
    assert b.mean() > 0.5 > 0 > a.mean()  # black lines on white, white digits on black


def test_measures_of_digits_do_not_take_a_perfect_round_trip_for_a_translation():
    found = negatives.measure(Known(*[lambda x: x] * 2))
    assert found["L1 of F(G(a))"] == 0
    assert found["F(G(a)) read"] > 0.98  # the classifier's own share on these digits is 0.99
    assert found["F(b) read"] < 0.5
    assert found["agreement"] < found["by chance"] + 0.1 < 0.5


def test_measures_of_digits_know_the_true_outlines():
    def styled(x):
        return 2 * negatives.styled((x.reshape(-1, 28, 28) + 1) / 2).reshape(x.shape) - 1

    found = negatives.measure(Known(styled, lambda x: x))
    assert found["agreement"] > 1 - 1e-6
    assert 0.7 < found["by chance"] < 0.9


def test_a_translator_keeps_places():
    """A stroke moved by a multiple of the strides is translated to the same, moved, where no border is near."""
    layers = negatives.translator(0).layers[1:-1]  # without the shapes of 28 × 28
    x = np.full((2, 56, 56, 1), -1, dtype=np.float32)
    x[0, 26:29, 25:28] = x[1, 30:33, 21:24] = 1
    for layer in layers:
        x = layer(x)
    assert abs(x[0] - x[0, 20, 20]).max() > 0.1
    assert np.allclose(x[0, 22:34, 22:34], x[1, 26:38, 18:30], atol=1e-6)


@pytest.mark.parametrize("name", ["clouds", "negatives"])
def test_a_use_trains_is_measured_and_drawn(name):
    use = BY_NAME[name]
    games = {each: make(0, 1) for each, make in use.games.items()}
    kept = {each: {player: net.theta.copy() for player, net in game.nets.items()} for each, game in games.items()}
    assert [game.weight > 0 for game in games.values()] == [True, False]
    for each, game in games.items():
        list(game.steps(2))
        assert all((game.nets[player].theta != kept[each][player]).any() for player in PLAYERS)
    first, *others = kept.values()
    assert all((first[player] == other[player]).all() for other in others for player in PLAYERS)  # alike but for one
    rows = [use.measure(next(iter(games.values()))), *(measure() for measure in use.references.values())]
    assert all(np.isfinite(value) for row in rows for value in row.values())
    assert isinstance(use.picture(games), Figure)


def test_the_cycle_ties_one_cloud_to_the_other():
    """A quarter of the steps: what G and F make may not lie on the modes yet, but they undo each other."""
    with_cycle, without = (make(0, 1) for make in BY_NAME["clouds"].games.values())
    for game in (with_cycle, without):
        list(game.steps(500))
    assert clouds.measure(with_cycle)["home"] > 0.9
    assert clouds.measure(without)["home"] < 0.6
