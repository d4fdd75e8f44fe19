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
from numgan.lab.health import health
from numgan.lab.live import Board
from numgan.lab.snapshot import GRID, optimal_surface

SMALL = {"width_g": 8, "width_d": 8, "batch": 16}


def small(**settings):
    return Board(**SMALL | settings)


@pytest.fixture
def few(monkeypatch):
    """Pictures and the health line of few samples: a surface of D* takes a tenth of a second, and a look draws it."""
    monkeypatch.setattr("numgan.lab.snapshot.GRID", 6)
    monkeypatch.setattr("numgan.lab.snapshot.ROWS", 48)
    monkeypatch.setattr("numgan.lab.health.ROWS", 64)


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
    for name in ("loss", "penalty", "batch", "k", "seed", "step"):
        assert getattr(room["run"], name) == getattr(live.run, name)
    np.testing.assert_array_equal(room["data"].x, live.run.data.x)


# Every setting another number, so that none can stand for another.
UNLIKE = {"data": "mixture", "loss": "hinge", "penalty": "r1", "weight": 0.7, "lr_g": 0.003, "lr_d": 0.002, "k": 3}
UNLIKE |= {"batch": 24, "layers_g": 1, "width_g": 5, "layers_d": 2, "width_d": 7, "n_z": 4, "seed": 6}
PROGRAM = """import numpy as np

import numgan as ng
from numgan.lab.choice import around

rng = np.random.default_rng(6)
G = ng.Network([ng.Linear(4, 5), ng.LeakyReLU(0.2), ng.Linear(5, 2)], seed=12)
D = ng.Network([ng.Linear(2, 7), ng.LeakyReLU(0.2), ng.Linear(7, 7), ng.LeakyReLU(0.2), ng.Linear(7, 1)], seed=13)
data = around(((-2.0, -1.0), (2.0, -1.0), (0.0, 2.0)), std=0.4)
run = ng.Training(
    G, D, data, loss=ng.losses.hinge, batch=24, k=3, seed=6, penalty=ng.R1(0.7), threads=1,
    optimizers=(ng.Adam(0.003, beta1=0.5), ng.Adam(0.002, beta1=0.5)),
)
"""
DONE = """for record in run.steps(7):
    pass
x = rng.choice(data.x, run.batch)
z = rng.standard_normal((run.batch, run.n_z), dtype="float32")
info = ng.discriminator_gradient(G, D, x, z, run.loss, rng)
run.penalty(D, x, info.x_g, rng)
run.opt_d.step(D.theta, D.grad)
z = rng.standard_normal((run.batch, run.n_z), dtype="float32")
ng.generator_gradient(G, D, z, run.loss, rng)
run.opt_g.step(G.theta, G.grad)
run.opt_d.lr = 0.5
run.opt_g.lr = 0.25
for record in run.steps(2):
    pass
"""


def test_the_program_is_this_text():
    live = Board(**UNLIKE)
    assert live.code == PROGRAM
    live.play(3)
    live.play(4)
    live.step_D()
    live.step_G()
    live.change(lr_g=0.25, lr_d=0.5)
    live.play(2)
    assert live.code == PROGRAM + DONE
    live.change(pack=2, penalty="none")
    begun = PROGRAM.replace("[ng.Linear(2, 7)", "[ng.Pack(2), ng.Linear(4, 7)").replace("ng.R1(0.7)", "None")
    assert live.code == begun.replace("0.003", "0.25").replace("0.002", "0.5")


def test_networks_and_the_run_are_those_that_were_chosen():
    live = Board(**UNLIKE)
    assert [(layer.n_in, layer.n_out) for layer in live.G.layers[::2]] == [(4, 5), (5, 2)]
    assert [(layer.n_in, layer.n_out) for layer in live.D.layers[::2]] == [(2, 7), (7, 7), (7, 1)]
    assert all(layer.slope == 0.2 for net in (live.G, live.D) for layer in net.layers[1::2])
    for net, seed in ((live.G, 12), (live.D, 13)):
        assert (net.theta == ng.Network([type(a)(*vars_of(a)) for a in net.layers], seed=seed).theta).all()
    run = live.run
    assert (run.loss, run.penalty, run.batch, run.k, run.seed) == (ng.losses.hinge, ng.R1(0.7), 24, 3, 6)
    assert run.step == 0 and run.n_z == 4
    for optimizer, rate in ((run.opt_g, 0.003), (run.opt_d, 0.002)):
        assert (optimizer.lr, optimizer.beta1, optimizer.beta2) == (rate, 0.5, 0.999)


def vars_of(layer):
    return (layer.n_in, layer.n_out) if isinstance(layer, ng.Linear) else (layer.slope,)


def test_one_step_of_each_is_that_of_the_formulas():
    """Rows and noise from the board's own generator, which begins at its seed: first D's rows, then its noise."""
    live, rng = Board(**UNLIKE), np.random.default_rng(6)
    x, z = rng.choice(live.run.data.x, 24), rng.standard_normal((24, 4), dtype="float32")
    D = live.D.copy()
    info = ng.discriminator_gradient(live.G, D, x, z, ng.losses.hinge)
    ng.penalty.r1(D, x, 0.7)
    live.step_D()
    np.testing.assert_allclose(live.D.grad, D.grad, rtol=1e-5, atol=1e-6)
    assert (live.D.theta != D.theta).any() and info.x_g.shape == (24, 2)
    G, z = live.G.copy(), rng.standard_normal((24, 4), dtype="float32")
    ng.generator_gradient(G, live.D, z, ng.losses.hinge)
    live.step_G()
    np.testing.assert_allclose(live.G.grad, G.grad, rtol=1e-5, atol=1e-6)
    assert (live.step, live.run.step) == (0, 0)


CHOICE = {"data": "ring", "points": ((-2.0, -1.0), (2.0, -1.0), (0.0, 2.0)), "loss": "nonsaturating"}
CHOICE |= {"penalty": "none", "weight": 0.1, "lr_g": 1e-3, "lr_d": 1e-3, "k": 1, "pack": 1, "batch": 128}
RATED = ("weight", "lr_g", "lr_d")
CHOICE |= {"layers_g": 2, "width_g": 64, "layers_d": 2, "width_d": 64, "n_z": 2, "seed": 0}


def test_what_is_set_at_first_and_what_can_be_chosen():
    assert {field.name: getattr(Choice(), field.name) for field in fields(Choice)} == CHOICE
    assert [*DATA] == ["ring", "grid", "mixture", "points"]
    assert {"none": None, "r1": ng.R1, "r2": ng.R2, "wgan_gp": ng.WGANGP} == PENALTIES
    assert [*PENALTIES] == ["none", "r1", "r2", "wgan_gp"] and LOSSES is ng.losses.BY_NAME
    for name in ("k", "pack", "batch", "layers_g", "width_g", "layers_d", "width_d", "n_z"):
        Choice(**{"batch": 2, name: 1})
        with pytest.raises(ng.InputError, match=f"^{name} must be a whole number of 1 or more, got 0"):
            Choice(**{name: 0})
    with pytest.raises(ng.InputError, match="seed must be a whole number of 0 or more, got -1"):
        Choice(seed=-1)
    for name in RATED:
        assert getattr(Choice(**{name: 0.0}), name) == 0
        with pytest.raises(ng.InputError, match=f"^{name} must be a number in"):
            Choice(**{name: -0.5})
    for names, bad in ((("k", "pack", "batch", "layers_g", "width_g", "layers_d", "width_d", "n_z"), 0), (RATED, -1.0)):
        for i, name in enumerate(names):  # of several that are wrong the first is named
            with pytest.raises(ng.InputError, match=f"^{name} must be"):
                Choice(**dict.fromkeys(names[i:], bad))
    for given, says in (({"batch": 7, "pack": 2}, "batch is 7, expected a multiple of pack, 2"), ({"loss": 1}, "loss")):
        with pytest.raises(ng.InputError, match=says):
            Choice(**given)
    assert Choice(batch=6, pack=3).pack == 3 and Choice(penalty="r1", pack=1).penalty == "r1"


@pytest.mark.parametrize("name", DATA)
def test_a_data_set_and_the_expression_that_makes_it_are_one(name):
    points = ((1.0, 0.5), (3.0, 0.0))
    made = DATA[name].make(points)
    again = eval(DATA[name].code.format(points=[*points]), {"ng": ng, "around": around})
    assert made.fingerprint == again.fingerprint and made.std == again.std == {"mixture": 0.4}.get(name, 0.1)
    modes = {"ring": 8, "grid": 25, "mixture": 3, "points": 2}[name]
    assert len(made.centres) == modes and len(made) == {"ring": 20000, "grid": 20000}.get(name, 4000)
    assert made.name == {"mixture": "points"}.get(name, name)
    if modes < 4:
        assert made.centres.tolist() == [[*at] for at in {2: points, 3: CHOICE["points"]}[modes]]


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
CHANGES += [{"penalty": "wgan_gp", "weight": 0.75}, {"k": 2, "batch": 9, "loss": "wasserstein", "lr_g": 0.25}]
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


SHAPES = {"width_g": ([2, 9, 9, 2], [2, 8, 8, 1]), "width_d": ([2, 8, 8, 2], [2, 9, 9, 1])}
SHAPES |= {"layers_g": ([2, *[8] * 9, 2], [2, 8, 8, 1]), "layers_d": ([2, 8, 8, 2], [2, *[8] * 9, 1])}
SHAPES |= {"n_z": ([9, 8, 8, 2], [2, 8, 8, 1]), "pack": ([2, 8, 8, 2], [18, 8, 8, 1])}
SHAPES |= {"seed": ([2, 8, 8, 2], [2, 8, 8, 1])}


@pytest.mark.parametrize("name", SHAPES)
def test_other_networks_start_anew(name, few):
    """Each of these settings at 9: the sizes of both networks, and where they begin."""
    live = small(batch=18)
    live.play(3)
    live.look()
    run = live.run
    live.change(**{name: 9})
    assert live.step == 0 and [s.step for s in live.seen] == [0] and len(live.modes) == 1
    assert live.run is not run and (live.run.G, live.run.D, live.run.step) == (live.G, live.D, 0)
    fresh = small(batch=18, **{name: 9})
    for net, new, sizes in zip((live.G, live.D), (fresh.G, fresh.D), SHAPES[name], strict=True):
        linear = [layer for layer in net.layers if isinstance(layer, ng.Linear)]
        assert [linear[0].n_in, *(layer.n_out for layer in linear)] == sizes
        assert (net.theta == new.theta).all()
    assert live.code == fresh.code


def test_the_program_has_every_digit():
    """Numbers that no rounding leaves alone: as the text, and as what the text does."""
    third = 1 / 3
    live = small(data="points", points=((third, -2 / 7), (1e-7, 123.456789)), penalty="r1", weight=third / 10)
    live.play(2)
    live.change(lr_g=third / 1000, lr_d=third / 700)
    live.play(1)
    assert_its_program_does_the_same(live)
    live.change(weight=third / 9)
    live.play(2)
    assert live.run.penalty == ng.R1(third / 9)
    assert_its_program_does_the_same(live)
    assert_its_program_does_the_same(small(lr_g=third / 1000, lr_d=third / 700))


def test_the_box_is_around_the_data_of_now(few):
    """A little more than the data: 0.3 of its width and height to each side of five times the rows drawn."""
    live = small()
    for change in ({"data": "grid"}, {"data": "points"}, {"points": ((40.0, 1.0), (50.0, 2.0))}, {"data": "ring"}):
        live.change(**change)
        x = live.run.data.x[:240].astype(float)
        low, high = x.min(axis=0), x.max(axis=0)
        wide = [low[0], high[0], low[1], high[1]] + 0.3 * (high - low)[[0, 0, 1, 1]] * [-1, 1, -1, 1]
        assert live.box == live.seen[-1].box == pytest.approx(tuple(wide), rel=1e-5)
        assert live.seen[-1].surface.shape == live.optimal().shape == (6, 6)
    live.reset()
    assert live.box == pytest.approx(tuple(wide), rel=1e-5)


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
        ({"pack": 4, "penalty": "wgan_gp"}, "set pack to 1"),
        ({"pack": 2, "penalty": "r2"}, "set pack to 1"),
        ({"data": "points", "points": ()}, "there are no points"),
        ({"data": "points", "points": ((0.5, 1.0), (np.nan, 1.0))}, "a point's number must be a number .* got nan"),
        ({"data": "points", "points": ((1e40, 1.0),)}, "a point's number must be a number"),
        ({"points": ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))}, r"a point is two numbers, .* got \(1.0, 2.0, 3.0\)"),
        ({"points": ((1.0, 2.0), 3.0)}, r"a point is two numbers, .* got 3.0"),
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
    assert live.step == 5 and live.seen[-1].step == 5
    assert live.optimal() is None  # no samples that could be drawn
    assert live.code.endswith("for record in run.steps(5):\n    pass\n")


def test_a_look_is_of_now_and_stays(few):
    live = small(data="grid", seed=2)
    live.play(3)
    shot = live.look()
    assert live.seen[-1] is shot and len(live.seen) == len(live.modes) == 2
    assert [s.step for s in live.seen] == [0, 3] and all(s.box == live.box for s in live.seen)
    live.G.layers[-1].W[...] = 0
    live.G.layers[-1].b[...] = live.run.data.centres[7]
    live.look()
    assert (live.seen[-1].x_g == live.run.data.centres[7]).all() and (shot.x_g != live.seen[-1].x_g).any()
    assert live.modes[-1] == 1
    now = optimal_surface(live.seen[-1].x, live.seen[-1].x_g, live.box)
    np.testing.assert_array_equal(live.optimal(), now)
    live.change(loss="hinge")
    assert len(live.seen) == 3  # the same data: what was seen stays in the charts
    live.change(data="ring")
    assert len(live.seen) == len(live.modes) == 1 and live.seen[0].step == 3


def test_points_have_their_modes():
    data = around([(0, 1), (2, 3)], std=0.5, n=2000)
    assert data.std == 0.5 and data.centres.tolist() == [[0, 1], [2, 3]]
    for c in range(2):
        rows = data.x[data.labels == c]
        assert len(rows) == 1000
        np.testing.assert_allclose(rows.mean(axis=0), data.centres[c], atol=0.06)
        np.testing.assert_allclose(rows.std(axis=0), 0.5, rtol=0.08)


def test_points_are_equally_frequent_and_drawn_with_a_width_of_a_tenth():
    data = around([(0, 1), (2, 3), (5, 5)])
    assert len(data) == 4000 and data.std == 0.1 and data.name == "points"
    assert np.bincount(data.labels).tolist() == [1334, 1333, 1333]
    noise = np.random.default_rng(0).standard_normal((4000, 2))[:3]
    np.testing.assert_allclose(data.x[:3], np.array([[0, 1], [2, 3], [5, 5]]) + 0.1 * noise, rtol=1e-5)
    with pytest.raises(ng.InputError, match="std must be a number"):
        around([(0, 0)], std=0)


def test_D_star_of_two_blurred_points_is_that_of_two_normals():
    """One row each, at (0, 0) and (1, 0): log p_d − log p_g = (1 − 2 x₁) / 2h²."""
    h, box = 0.5, (-1.0, 2.0, -1.5, 1.5)
    found = optimal_surface(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]]), box, h)
    x1 = np.linspace(-1, 2, GRID)
    expected = 1 / (1 + np.exp(-(1 - 2 * x1) / (2 * h**2)))
    there = np.isfinite(found)
    np.testing.assert_allclose(found[there], np.broadcast_to(expected, found.shape)[there], rtol=1e-9)
    assert there.all() and np.isnan(optimal_surface(np.zeros((1, 2)), np.zeros((1, 2)), (9.0, 12.0, 0.0, 1.0), h)).all()


def test_D_star_is_shown_for_the_losses_whose_best_D_it_is(few):
    assert np.nanmax(small(loss="minimax").optimal()) <= 1
    shown = {loss for loss in LOSSES if small(loss=loss).optimal() is not None}
    assert shown == {"minimax", "nonsaturating"}


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


class Picture:
    """Stands in for a figure: drawing a real one takes a second."""

    def __init__(self, *shown):
        self.shown = shown

    def savefig(self, file, format, dpi):
        assert format == "png"
        seen, optimal, modes, of = self.shown
        file.write(repr((len(seen), seen[-1].step, optimal is not None, modes, of, float(seen[-1].x_g.sum()))).encode())


@pytest.fixture
def panel(monkeypatch, few):
    pytest.importorskip("ipywidgets", reason="ipywidgets, of the extra 'notebooks', is not installed")
    from numgan.lab import widgets

    monkeypatch.setattr(widgets.plots, "live", Picture)
    monkeypatch.setattr(widgets, "LATTICE", np.array([-1, 0, 1, 1.5, 2]))
    return widgets.Panel(small())


def test_the_board_is_a_widget_and_every_setting_has_a_field(few):
    pytest.importorskip("ipywidgets", reason="ipywidgets, of the extra 'notebooks', is not installed")
    whole = board(**SMALL | {"seed": 4})
    assert hasattr(whole, "_repr_mimebundle_")
    (top, picture, columns, below) = whole.children
    assert bytes(picture.value).startswith(b"\x89PNG") and picture.format == "png"
    texts = ["Play", "one step of D", "one step of G", "back to the start"]
    assert [child.description for child in top.children[:4]] == texts
    assert top.children[4].value.startswith("step 0, seed 4. ")
    names = [[field.description for field in column.children] for column in columns.children]
    assert names == [
        ["data", "loss", "penalty", "weight", "k"],
        ["lr_g", "lr_d", "batch", "pack", "seed"],
        ["layers_g", "width_g", "layers_d", "width_d", "n_z"],
    ]
    assert {name for column in names for name in column} | {"points"} == {f.name for f in fields(Choice)}
    own, code = below.children
    assert code.children[0].value == "the same as a program:"
    assert code.children[1].value == Board(**SMALL | {"seed": 4}).code and code.children[1].disabled
    (plane, points) = own.children[1].children
    assert "−2 to 2" in own.children[0].value and points.value == "-2 -1\n2 -1\n0 2"
    assert plane.layout.grid_template_columns == "repeat(9, 23px)"
    small = [(button.layout.width, button.layout.height) for button in plane.children]  # as the columns are wide
    assert small == [("22px", "22px")] * 81 and picture.layout.max_width == "100%"
    where = [button.tooltip for button in plane.children]
    assert where[:10] == ["-2 2", "-1.5 2", "-1 2", "-0.5 2", "0 2", "0.5 2", "1 2", "1.5 2", "2 2", "-2 1.5"]
    assert len(where) == 81 and where[-1] == "2 -2"
    on = [button.tooltip for button in plane.children if button.value]
    assert on == ["0 2", "-2 -1", "2 -1"]
    assert [button.tooltip for button in plane.children if button.button_style == "primary"] == on


def test_fields_offer_what_can_be_set(panel):
    choice, f = panel.board.choice, panel.fields
    assert all(field.description == name and field.value == getattr(choice, name) for name, field in f.items())
    assert f["data"].options == ("ring", "grid", "mixture", "points")
    assert f["loss"].options == tuple(ng.losses.BY_NAME)
    assert f["penalty"].options == ("none", "r1", "r2", "wgan_gp")
    bounds = {"weight": (-3, 2), "lr_g": (-5, -1), "lr_d": (-5, -1), "k": (1, 10), "pack": (1, 8), "batch": (8, 512)}
    bounds |= {"layers_g": (1, 4), "width_g": (1, 256), "layers_d": (1, 4), "width_d": (1, 256), "n_z": (1, 32)}
    assert {n: (f[n].min, f[n].max) for n in f if hasattr(f[n], "min")} == bounds | {"seed": (0, 1000000)}
    assert [f[n].step for n in ("weight", "lr_g", "lr_d")] == [0.25] * 3
    late = [name for name, field in f.items() if getattr(field, "continuous_update", None) is False]
    assert set(late) == {*bounds, "seed"}  # not at every digit that is typed
    assert f["lr_g"].readout_format == ".1e"


def test_a_board_that_was_set_is_what_its_fields_say(panel):
    """Each setting another number than that of a fresh board; making the fields changes nothing."""
    points = ((0.5, 1.5), (1 / 3, -2.0), (1.0, 0.0))
    live = Board(**UNLIKE | {"data": "points", "points": points})
    choice, code = live.choice, live.code
    fresh = type(panel)(live)
    assert live.choice is choice and live.code == fresh.code.value == code and len(live.seen) == 1
    assert {name: field.value for name, field in fresh.fields.items()} == pytest.approx(
        UNLIKE | {"data": "points", "pack": 1}
    )
    assert fresh.points.value == f"0.5 1.5\n{1 / 3} -2\n1 0"
    assert [at for at, button in fresh.lattice.items() if button.value] == [(1.0, 0.0)]
    fresh.lattice[(-1.0, 2.0)].value = True
    assert live.choice.points == (*points, (-1.0, 2.0))
    assert fresh.says.value.startswith("step 0, seed 6. ")


def test_a_point_is_the_same_point_however_it_is_written(panel):
    """Clicked off where it was written by hand; and its button comes on without its being written twice."""
    panel.fields["data"].value = "points"
    panel.points.value = text = " 1.50,1\n-1.0 -1.0\n0.25 7"
    assert panel.points.value == text
    assert panel.board.choice.points == ((1.5, 1.0), (-1.0, -1.0), (0.25, 7.0))
    assert [at for at, button in panel.lattice.items() if button.value] == [(1.5, 1.0), (-1.0, -1.0)]
    panel.lattice[(1.5, 1.0)].value = False
    assert panel.points.value == "-1.0 -1.0\n0.25 7"
    assert panel.board.choice.points == ((-1.0, -1.0), (0.25, 7.0))
    panel.points.value += "\nnan 1"
    assert panel.says.value.startswith("not possible: a point's number must be")
    assert panel.board.choice.points == ((-1.0, -1.0), (0.25, 7.0))


def test_the_picture_shows_what_was_seen_up_to_now(panel):
    def shown():
        return eval(panel.picture.value)

    live = panel.board
    assert shown()[:5] == (1, 0, True, live.modes, 8)
    panel.buttons["D"].click()
    assert shown() == (2, 0, True, live.modes, 8, float(live.seen[-1].x_g.sum()))
    live.play(5)
    panel.buttons["G"].click()
    assert shown() == (3, 5, True, live.modes, 8, float(live.seen[-1].x_g.sum()))
    assert panel.says.value == f"step 5, seed 0. {str(health(live.run)).replace('<', '&lt;')}"
    panel.fields["data"].value = "grid"
    assert shown()[4] == 25
    panel.fields["loss"].value = "hinge"
    assert shown()[2] is False
    panel.tell("a < b & c")
    assert panel.says.value == "a &lt; b &amp; c"


def test_buttons_and_fields_do_what_they_say(panel):
    live = panel.board
    panel.buttons["D"].click()
    assert live.run.opt_d.t == 1 and live.run.opt_g.t == 0 and len(live.seen) == 2
    panel.buttons["G"].click()
    assert live.run.opt_g.t == 1 and live.run.opt_d.t == 1 and len(live.seen) == 3
    panel.fields["lr_g"].value = 1e-4
    assert live.run.opt_g.lr == pytest.approx(1e-4) and live.run.opt_d.lr == 1e-3
    panel.fields["loss"].value = "wasserstein"
    assert live.run.loss is ng.losses.wasserstein and len(live.seen) == 5
    panel._set("loss", "wasserstein")  # it is that already
    assert len(live.seen) == 5
    assert panel.code.value == live.code
    assert_its_program_does_the_same(live)
    panel.buttons["start"].click()
    assert live.run.opt_g.t == 0 and live.choice.loss == "wasserstein"
    for name, value in {"weight": 0.01, "lr_d": 1e-2, "k": 2, "batch": 24, "layers_g": 1, "n_z": 3, "seed": 5}.items():
        panel.fields[name].value = value
        assert getattr(live.choice, name) == pytest.approx(value)
    assert live.choice.penalty == "none" and panel.says.value.startswith("step 0, seed 5. ")


def test_a_field_that_cannot_be_goes_back_and_says_why(panel):
    panel.fields["penalty"].value = "r1"
    panel.fields["pack"].value = 2
    assert panel.fields["pack"].value == 1 and panel.board.choice.pack == 1
    assert panel.says.value.startswith("not possible: a penalty needs")


def test_points_are_clicked_into_the_plane_or_written(panel):
    panel.fields["data"].value = "points"
    panel.lattice[(1.0, 1.5)].value = True
    assert panel.points.value.splitlines() == ["-2 -1", "2 -1", "0 2", "1 1.5"]
    assert panel.board.run.data.centres.tolist()[-1] == [1, 1.5]
    assert panel.lattice[(1.0, 1.5)].button_style == "primary"
    panel.lattice[(0.0, 2.0)].value = False
    assert panel.points.value.splitlines() == ["-2 -1", "2 -1", "1 1.5"]
    assert panel.board.run.data.centres.tolist() == [[-2, -1], [2, -1], [1, 1.5]]
    assert panel.lattice[(0.0, 2.0)].button_style == ""
    looks = len(panel.board.seen)
    panel.points.value = "0.25, 0.5\n\n -1 -1\n"
    assert panel.board.choice.points == ((0.25, 0.5), (-1.0, -1.0))
    assert [at for at, button in panel.lattice.items() if button.value] == [(-1.0, -1.0)]
    assert len(panel.board.seen) <= looks + 2
    code = panel.board.code
    for text in ("0.25", "1 2 3", "a b"):
        panel.points.value = text
        assert panel.says.value == "not possible: a point is two numbers, x₁ and x₂, a point a line"
    panel.tell("as it was")
    panel.points.value = " "  # in the middle of writing
    assert panel.says.value == "as it was"
    assert panel.board.choice.points == ((0.25, 0.5), (-1.0, -1.0)) and panel.board.code == code


def test_play_goes_on_until_pause_and_takes_changes_meanwhile(panel, monkeypatch):
    monkeypatch.setattr("numgan.lab.widgets.SECONDS", 0.001)

    async def until(done):
        for _ in range(1000):
            if done():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it stands still")

    async def watched():
        panel.play.click()
        assert panel.play.description == "Pause"
        await until(lambda: panel.board.step >= 10)
        panel.fields["loss"].value = "hinge"
        before = panel.board.step
        await until(lambda: panel.board.step >= before + 10)
        panel.play.click()
        before = panel.board.step
        await asyncio.sleep(0.05)
        return before

    assert asyncio.run(watched()) == panel.board.step
    assert panel.task is None and panel.play.description == "Play"
    assert len(panel.board.seen) > 3 and panel.board.step % 5 == 0
    assert panel.board.seen[-1].step == panel.board.step
    assert panel.code.value == panel.board.code
    assert_its_program_does_the_same(panel.board)


def test_between_two_pictures_it_trains_for_a_while(panel, monkeypatch):
    """By a clock that says what time it is each time it is asked: 0.4 s pass in the fourth look at it."""
    times = iter([10, 10.1, 10.2, 10.39, 10.41])
    monkeypatch.setattr("numgan.lab.widgets.time.perf_counter", lambda: next(times))
    panel.once()
    assert panel.board.step == 15 and [s.step for s in panel.board.seen] == [0, 15]
    assert panel.says.value.startswith("step 15, seed 0. ")


def test_play_stops_where_the_run_diverges(panel):
    panel.board.D.theta[...] = np.float32(1e30)

    async def watched():
        panel.play.click()
        for _ in range(1000):
            if panel.task is None:
                return
            await asyncio.sleep(0.01)

    asyncio.run(watched())
    assert panel.says.value.startswith("diverging: step 5: ")
    assert panel.task is None and panel.play.description == "Play"
    monkeypatched = panel.board.play
    panel._act(lambda: monkeypatched(5))
    assert panel.says.value.startswith("not possible: step ")
