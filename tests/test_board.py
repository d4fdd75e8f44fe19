"""The board: its program does again what was done on it; its widgets, where ipywidgets is, do what they say."""

import ast
import asyncio
import builtins
from dataclasses import fields

import numpy as np
import pytest

import numgan as ng
from numgan.lab import board
from numgan.lab.choice import DATA, LOSSES, PENALTIES, Choice, around
from numgan.lab.live import Board
from numgan.lab.snapshot import GRID, optimal_surface

SMALL = {"width_g": 8, "width_d": 8, "batch": 16}


def small(**settings):
    return Board(**SMALL | settings)


def done_again(code):
    room = {}
    exec(compile(ast.parse(code), "the program", "exec"), room)
    return room


def assert_its_program_does_the_same(live):
    room = done_again(live.code)
    for name in ("G", "D"):
        np.testing.assert_array_equal(room[name].theta, getattr(live, name).theta)
    for name in ("opt_g", "opt_d"):
        assert getattr(room["run"], name).t == getattr(live.run, name).t
        assert getattr(room["run"], name).lr == getattr(live.run, name).lr
    np.testing.assert_array_equal(room["data"].x, live.run.data.x)


STARTS = [{"data": name} for name in DATA]
STARTS += [{"loss": name, "k": 2} for name in LOSSES]
STARTS += [{"penalty": name} for name in PENALTIES]
STARTS += [{"pack": 2, "n_z": 3, "layers_g": 1, "layers_d": 3, "seed": 5}, {"points": ((0.0, 1.0),), "data": "points"}]


@pytest.mark.parametrize("settings", STARTS, ids=str)
def test_the_program_does_what_was_done(settings):
    live = small(**settings)
    first = live.G.theta.copy()
    live.play(3)
    live.step_D()
    live.step_D()
    live.step_G()
    live.play(2)
    assert live.step == 5 and live.run.opt_g.t == 6
    assert (live.G.theta != first).any()
    assert_its_program_does_the_same(live)


CHANGES = [{"data": "grid"}, {"loss": "hinge"}, {"penalty": "r1"}, {"k": 3}, {"batch": 32}, {"lr_g": 1e-4, "lr_d": 0.0}]
CHANGES += [{"data": "points", "points": ((1.0, 0.0), (0.0, 1.0))}]


@pytest.mark.parametrize("settings", CHANGES, ids=str)
def test_settings_change_on_the_same_networks(settings):
    live = small()
    live.play(4)
    G, theta = live.G, live.G.theta.copy()
    live.change(**settings)
    assert live.G is G and (G.theta == theta).all() and live.step == 4
    live.play(3)
    assert live.step == 7
    assert_its_program_does_the_same(live)


def test_a_rate_changes_in_the_run():
    live = small()
    live.play(2)
    run = live.run
    live.change(lr_d=5e-4)
    assert live.run is run and run.opt_d.lr == 5e-4 and run.opt_d.t == 2
    live.change(loss="hinge")
    assert live.run is not run and live.run.opt_d.lr == 5e-4 and live.run.opt_d.t == 0


@pytest.mark.parametrize("settings", [{"width_g": 9}, {"pack": 2}, {"seed": 1}, {"n_z": 4}, {"layers_d": 1}], ids=str)
def test_other_networks_start_anew(settings):
    live = small()
    live.play(3)
    live.look()
    live.change(**settings)
    assert live.step == 0 and [s.step for s in live.seen] == [0] and len(live.modes) == 1
    assert (live.G.theta == small(**settings).G.theta).all()


def test_back_to_the_start_is_the_start():
    live = small(seed=3)
    first = live.G.theta.copy(), live.D.theta.copy(), live.code
    live.play(3)
    live.step_D()
    after = live.D.theta.copy()
    live.reset()
    assert (live.G.theta == first[0]).all() and (live.D.theta == first[1]).all() and live.code == first[2]
    live.play(3)
    live.step_D()
    assert (live.D.theta == after).all()


def test_one_player_moves_and_the_other_does_not():
    live = small()
    G, D = live.G.theta.copy(), live.D.theta.copy()
    live.step_D()
    assert (live.G.theta == G).all() and (live.D.theta != D).any()
    D = live.D.theta.copy()
    live.step_G()
    assert (live.G.theta != G).any() and (live.D.theta == D).all()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"los": "hinge"}, "did you mean 'loss'"),
        ({"loss": "hing"}, "did you mean 'hinge'"),
        ({"data": "digits"}, "choose from ring"),
        ({"penalty": "r3"}, "unknown penalty"),
        ({"pack": 3}, "multiple of pack"),
        ({"pack": 2, "penalty": "r1"}, "set pack to 1"),
        ({"width_g": 0}, "whole number of 1 or more"),
        ({"lr_g": -1}, "lr_g must be a number"),
        ({"data": "points", "points": ()}, "there are no points"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_the_board_as_it_was(settings, says):
    live = small()
    before, code = live.choice, live.code
    with pytest.raises(ng.InputError, match=says):
        live.change(**settings)
    assert live.choice == before and live.code == code
    live.play(1)
    with pytest.raises(ng.InputError, match=says):
        small(**settings)


def test_a_run_that_diverges_says_so():
    live = small()
    live.D.theta[...] = np.float32(1e30)
    with pytest.raises(ng.DivergedError):
        live.play(5)
    live.look()
    assert live.step == 5


def test_points_have_their_modes():
    data = around([(0, 1), (2, 3)], std=0.5, n=2000)
    assert data.std == 0.5 and data.centres.tolist() == [[0, 1], [2, 3]]
    for c in range(2):
        rows = data.x[data.labels == c]
        assert len(rows) == 1000
        np.testing.assert_allclose(rows.mean(axis=0), data.centres[c], atol=0.06)
        np.testing.assert_allclose(rows.std(axis=0), 0.5, rtol=0.08)


def test_D_star_of_two_blurred_points_is_that_of_two_normals():
    """One row each, at (0, 0) and (1, 0): log p_d − log p_g = (1 − 2 x₁) / 2h²."""
    h, box = 0.5, (-1.0, 2.0, -1.5, 1.5)
    found = optimal_surface(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]]), box, h)
    x1 = np.linspace(-1, 2, GRID)
    expected = 1 / (1 + np.exp(-(1 - 2 * x1) / (2 * h**2)))
    there = np.isfinite(found)
    np.testing.assert_allclose(found[there], np.broadcast_to(expected, found.shape)[there], rtol=1e-9)
    assert there.all() and np.isnan(optimal_surface(np.zeros((1, 2)), np.zeros((1, 2)), (9.0, 12.0, 0.0, 1.0), h)).all()


def test_D_star_is_shown_for_the_losses_whose_best_D_it_is():
    assert np.nanmax(small(loss="minimax").optimal()) <= 1
    assert small(loss="wasserstein").optimal() is None


# The widgets


def test_without_ipywidgets_it_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "ipywidgets":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ng.InputError, match="pip install ipywidgets"):
        board()


@pytest.fixture
def panel():
    pytest.importorskip("ipywidgets", reason="ipywidgets, of the extra 'notebooks', is not installed")
    from numgan.lab.widgets import Panel

    return Panel(small())


def test_the_board_is_a_widget_and_every_setting_has_a_field(panel):
    assert set(panel.fields) | {"points"} == {f.name for f in fields(Choice)}
    assert hasattr(board(**SMALL), "_repr_mimebundle_")
    assert bytes(panel.picture.value).startswith(b"\x89PNG")
    assert panel.code.value == panel.board.code
    assert panel.says.value.startswith("step 0, seed 0. ")


def test_buttons_and_fields_do_what_they_say(panel):
    live, drawn = panel.board, panel.picture.value
    panel.buttons["D"].click()
    assert live.run.opt_d.t == 1 and live.run.opt_g.t == 0 and panel.picture.value != drawn
    panel.buttons["G"].click()
    assert live.run.opt_g.t == 1
    panel.fields["lr_g"].value = 1e-4
    assert live.run.opt_g.lr == pytest.approx(1e-4)
    panel.fields["loss"].value = "wasserstein"
    assert live.run.loss is ng.losses.wasserstein
    assert panel.code.value == live.code
    assert_its_program_does_the_same(live)
    panel.buttons["start"].click()
    assert live.run.opt_g.t == 0 and live.choice.loss == "wasserstein"


def test_a_field_that_cannot_be_goes_back_and_says_why(panel):
    panel.fields["penalty"].value = "r1"
    panel.fields["pack"].value = 2
    assert panel.fields["pack"].value == 1 and panel.board.choice.pack == 1
    assert panel.says.value.startswith("not possible: a penalty needs")


def test_points_are_clicked_into_the_plane_or_written(panel):
    panel.fields["data"].value = "points"
    panel.lattice[(1.0, 1.5)].value = True
    assert panel.points.value.splitlines()[-1] == "1 1.5"
    assert panel.board.run.data.centres.tolist()[-1] == [1, 1.5]
    panel.lattice[(0.0, 2.0)].value = False
    assert [0, 2] not in panel.board.run.data.centres.tolist()
    panel.points.value = "0.25, 0.5\n-1 -1"
    assert panel.board.choice.points == ((0.25, 0.5), (-1.0, -1.0))
    assert [at for at, button in panel.lattice.items() if button.value] == [(-1.0, -1.0)]
    panel.points.value = "0.25"
    assert panel.says.value.startswith("not possible: a point is two numbers")
    assert panel.board.choice.points == ((0.25, 0.5), (-1.0, -1.0))


def test_play_goes_on_until_pause_and_takes_changes_meanwhile(panel, monkeypatch):
    monkeypatch.setattr("numgan.lab.widgets.SECONDS", 0.01)

    async def watched():
        panel.play.click()
        while panel.board.step < 10:
            await asyncio.sleep(0.01)
        panel.fields["loss"].value = "hinge"
        before = panel.board.step
        while panel.board.step < before + 10:
            await asyncio.sleep(0.01)
        panel.play.click()
        before = panel.board.step
        await asyncio.sleep(0.1)
        return before

    assert asyncio.run(watched()) == panel.board.step
    assert panel.task is None and panel.play.description == "Play"
    assert len(panel.board.seen) > 3
    assert_its_program_does_the_same(panel.board)


def test_play_stops_where_the_run_diverges(panel):
    panel.board.D.theta[...] = np.float32(1e30)

    async def watched():
        panel.play.click()
        while panel.task is not None:
            await asyncio.sleep(0.01)

    asyncio.run(watched())
    assert panel.says.value.startswith("diverging: step 5: ")
