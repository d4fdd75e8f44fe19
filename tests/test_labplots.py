"""Pictures of the lab: what is drawn, each label with its colour and its numbers, on a box that is not square."""

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.quiver import Quiver
from PIL import Image

import numgan as ng
from numgan.lab import dynamics
from numgan.lab import plots as labplots
from numgan.lab.setup import Setup
from numgan.lab.snapshot import Snapshot, line_snapshot, snapshot
from numgan.plots import GENERATED, REAL

BOX = (-1.0, 7.0, 2.0, 5.0)


def drawn(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=40)
    assert file.getvalue().startswith(b"\x89PNG")


def curves(ax, widths=(1,)):
    """{label: (colour, style, x, y)} of the lines of an Axes; how wide the solid ones are."""
    assert {line.get_linewidth() for line in ax.lines if line.get_linestyle() == "-"} == {*widths}
    return {
        line.get_label(): (line.get_color(), line.get_linestyle(), *np.transpose(line.get_xydata()).tolist())
        for line in ax.lines
    }


def legend(ax):
    assert {text.get_fontsize() for text in ax.get_legend().get_texts()} == {7}
    return [text.get_text() for text in ax.get_legend().get_texts()]


def grids(*axes):
    """(rows, columns) of the grid in which axes stand, in reading order."""
    specs = [ax.get_subplotspec() for ax in axes]
    assert [spec.num1 for spec in specs] == list(range(len(specs)))
    (geometry,) = {spec.get_geometry()[:2] for spec in specs}
    return geometry


def one(ax, kind):
    """The one collection of this kind in an Axes."""
    (found,) = (c for c in ax.collections if isinstance(c, kind))
    return found


def by_hand(step, seed=0, n=5, m=70):
    rng = np.random.default_rng([seed, step])
    x, x_g, pull = rng.uniform(-1, 7, (n, 2)), rng.uniform(0, 6, (m, 2)), rng.standard_normal((m, 2))
    figures = rng.uniform(0, 1, 4)
    return Snapshot(step, x, x_g, pull, BOX, rng.random((4, 4)), rng.uniform(0, 5, (3, 3, 2)), *figures)


# Phase portraits


def test_phase_portraits_show_both_ways_of_stepping():
    games, start = dynamics.variants()[:5], (0.7, -1.1)
    figure = labplots.phase_portraits(games, h=0.3, steps=23, start=start)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert figure.get_layout_engine() is not None
    assert grids(*figure.axes) == (2, 4)  # two rows of four, of which three are not needed
    assert [ax.get_title() for ax in shown] == [game.name for game in games]
    assert figure.get_size_inches().tolist() == pytest.approx([12, 6.4])
    for ax, game in zip(shown, games, strict=True):
        found = curves(ax)
        for label, color, alternating in (("simultaneous", GENERATED, False), ("alternating", REAL, True)):
            theta, psi = dynamics.path(game, start, 0.3, 23, alternating).T.tolist()
            assert found.pop(label) == (color, "-", theta, psi)
        ((color, style, *origin),) = found.values()
        assert (color, style, origin, ax.lines[-1].get_marker()) == ("k", "None", [[0], [0]], "+")
        assert ax.get_xlim() == ax.get_ylim() == (-2.2, 2.2)
        assert ax.get_aspect() == 1
    assert shown[0].get_shared_x_axes().joined(shown[0], shown[4]) and shown[0].get_shared_y_axes().joined(*shown[:2])
    assert legend(shown[0]) == ["simultaneous", "alternating"]
    assert [ax.get_legend() for ax in shown[1:]] == [None] * 4
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("θ, where G puts its point", "ψ (the slope of D is −ψ)")


def test_arrows_of_one_length_show_where_both_want_to_go():
    game = dynamics.gan(gamma=0.3)
    figure = labplots.phase_portraits([game, game], steps=1)
    assert len(figure.axes) == 2
    arrows = one(figure.axes[1], Quiver)
    side = np.linspace(-2.2, 2.2, 13)
    assert sorted(set(arrows.X)) == pytest.approx(list(side)) and len(arrows.X) == 169
    for x, y, u, v in list(zip(arrows.X, arrows.Y, arrows.U, arrows.V, strict=True))[1::7]:
        speed = np.array([game.theta(x, y), game.psi(x, y)])
        assert abs(u * speed[1] - v * speed[0]) < 1e-12 and u * speed[0] + v * speed[1] >= 0
        assert np.hypot(u, v) == pytest.approx(1 if speed.any() else 0)
    assert (arrows.pivot, arrows.scale, arrows.width) == ("middle", 22, 0.004)
    assert to_hex(arrows.get_facecolor()[0]) == to_hex("0.75")


def test_one_portrait_by_default():
    figure = labplots.phase_portraits([dynamics.bilinear()])
    drawn(figure)
    theta, psi = dynamics.path(dynamics.bilinear(), (1.0, 1.0), 0.2, 150).T.tolist()
    assert curves(figure.axes[0])["simultaneous"][2:] == (theta, psi)


# A run in the plane


def assert_widths(figure, *expected):
    """Those of its parts; all is laid out so that no label is cut off."""
    assert figure.get_layout_engine() is not None
    widths = [part.bbox.width for part in figure.subfigs]
    assert [width / sum(widths) for width in widths] == pytest.approx([width / sum(expected) for width in expected])


def assert_scene(ax, s):
    (image,) = ax.images
    assert (image.get_array() == s.surface).all() and ax.get_aspect() == "auto"
    assert (image.get_extent(), image.origin, image.get_clim()) == (list(s.box), "lower", (0, 1))
    assert image.get_cmap() == labplots.D_COLORS
    mesh = one(ax, LineCollection).get_segments()
    np.testing.assert_array_equal(mesh, [*s.mesh, *np.transpose(s.mesh, (1, 0, 2))])
    dots = [c for c in ax.collections if isinstance(c, PathCollection)]
    clouds = [(c.get_label(), to_hex(c.get_facecolor()[0]).upper(), c.get_offsets().tolist()) for c in dots]
    assert clouds == [("x", REAL, s.x.tolist()), ("G(z)", GENERATED, s.x_g.tolist())]
    assert legend(ax) == ["x", "G(z)"]
    assert [(c.get_sizes().tolist(), c.get_linewidths().tolist()) for c in dots] == [([4], [0])] * 2
    lines = one(ax, LineCollection)
    assert (lines.get_linewidths(), to_hex(lines.get_colors()[0])) == ([0.4], to_hex("0.5"))
    arrows = one(ax, Quiver)
    assert (arrows.width, to_hex(arrows.get_facecolor()[0])) == (0.003, to_hex("0.2"))
    np.testing.assert_array_equal(np.transpose([arrows.X, arrows.Y]), s.x_g[:60])
    found, pull = np.transpose([arrows.U, arrows.V]), s.pull[:60]
    longest = max(np.hypot(*row) for row in pull)
    np.testing.assert_allclose(found, pull / longest * 8 / 8)  # the longest is ⅛ of the width, which is 8
    assert (arrows.angles, arrows.scale_units, arrows.scale) == ("xy", "xy", 1)
    assert (ax.get_xlim(), ax.get_ylim()) == (BOX[:2], BOX[2:])
    assert ax.get_title() == f"step {s.step}"
    assert [axis.get_tick_params()["labelsize"] for axis in (ax.xaxis, ax.yaxis)] == [7, 7]


def test_a_portrait_shows_the_last_look_and_the_figures_of_all():
    seen = [by_hand(step) for step in (0, 3, 10)]
    figure = labplots.portrait(seen)
    drawn(figure)
    assert figure.get_size_inches().tolist() == [8, 4]
    assert_widths(figure, 1.2, 1)
    scene, losses, kl, js = figure.axes
    assert_scene(scene, seen[-1])
    assert grids(losses, kl, js) == (3, 1)
    assert [ax.yaxis.get_tick_params()["labelsize"] for ax in (losses, kl, js)] == [7] * 3
    assert {(line.get_marker(), line.get_markersize()) for line in losses.lines} == {(".", 2)}
    assert losses.margins()[1] == 0.3 and js.xaxis.label.get_fontsize() == 8
    step = [0, 3, 10]
    assert curves(losses) == {
        "loss_D": (REAL, "-", step, [s.loss_D for s in seen]),
        "loss_G": (GENERATED, "-", step, [s.loss_G for s in seen]),
    }
    assert curves(kl) == {"kl": ("0.2", "-", step, [s.kl for s in seen])}, "blue is data or D"
    assert curves(js) == {"js": ("0.2", "-", step, [s.js for s in seen])}
    assert [legend(ax) for ax in (losses, kl, js)] == [["loss_D", "loss_G"], ["kl"], ["js"]]
    assert [ax.get_xlabel() for ax in (losses, kl, js)] == ["", "", "step"]
    assert losses.get_shared_x_axes().joined(losses, kl) and losses.get_shared_x_axes().joined(losses, js)


def test_a_scene_without_surface_mesh_or_pull():
    s = by_hand(4, m=3)._replace(surface=None, mesh=None, pull=np.zeros((3, 2)))
    scene = labplots.portrait([s]).axes[0]
    assert not scene.images and not any(isinstance(c, LineCollection) for c in scene.collections)
    assert not one(scene, Quiver).U.any()
    assert (scene.get_xlim(), scene.get_ylim()) == (BOX[:2], BOX[2:])


def test_orange_looks_generated_and_blue_looks_real():
    assert [to_hex(labplots.D_COLORS(value)) for value in (0.0, 1.0)] == ["#f0a368", "#74b3dc"]
    assert min(labplots.D_COLORS(0.5)) > 0.99


def test_the_board_shows_the_best_D_and_the_modes():
    seen, modes = [by_hand(step, seed=1) for step in (2, 3, 9)], [None, 4, 6]
    optimal = np.array([[0.1, 0.2], [0.3, np.nan]])
    figure = labplots.live(seen, optimal, modes, of=7)
    drawn(figure)
    scene, best, bar, losses, divergences, found = figure.axes
    assert_scene(scene, seen[-1])
    (image,) = best.images
    np.testing.assert_array_equal(image.get_array().filled(np.nan), optimal)
    assert (image.get_extent(), image.origin, image.get_clim()) == (list(BOX), "lower", (0, 1))
    assert image.get_cmap() == labplots.D_COLORS
    assert (best.get_xlim(), best.get_ylim(), best.get_aspect()) == (BOX[:2], BOX[2:], "auto")
    assert (best.title.get_fontsize(), best.xaxis.get_tick_params()["labelsize"]) == (9, 7)
    assert best.get_title() == "D* of data and samples, blurred; grey: neither"
    assert to_hex(best.get_facecolor()) == to_hex("0.92")
    assert (bar.get_xlabel(), bar.get_xticks().tolist()) == ("D, and D*", [0, 0.5, 1])
    assert grids(losses, divergences, found) == (3, 1)
    step = [2, 3, 9]
    assert curves(losses) == {
        "loss of D": (REAL, "-", step, [s.loss_D for s in seen]),
        "of G": (GENERATED, "-", step, [s.loss_G for s in seen]),
    }
    assert curves(divergences) == {
        "KL": ("0.6", "-", step, [s.kl for s in seen]),
        "JSD": ("0.2", "-", step, [s.js for s in seen]),
    }
    ((label, (color, style, x, y)),) = curves(found).items()
    assert (label, color, style, x) == ("modes found, of 7", "0.2", "-", step)
    np.testing.assert_array_equal(y, [np.nan, 4, 6])
    assert found.get_ylim() == pytest.approx((-0.35, 9.8))
    assert found.get_xlabel() == "updates of G"
    assert found.get_shared_x_axes().joined(losses, found) and found.get_shared_x_axes().joined(divergences, found)
    assert [legend(ax) for ax in (losses, divergences)] == [["loss of D", "of G"], ["KL", "JSD"]]
    assert figure.get_size_inches().tolist() == [10.5, 4.3]
    assert_widths(figure, 1.25, 1, 0.9)


def test_the_board_says_where_there_is_no_best_D():
    figure = labplots.live([by_hand(1)], None, [3], of=4)
    assert len(figure.axes) == 5 and not figure.axes[1].images  # no bar of colours
    assert [text.get_text() for text in figure.axes[1].texts] == ["no D* for this loss"]


def test_a_moving_picture_adds_one_snapshot_a_frame(tmp_path, monkeypatch):
    """Each frame is drawn from the snapshots so far: here, as a grey that tells which."""

    def draw(figure, seen):
        assert not figure.axes  # nothing is left of the frame before
        figure.add_axes((0.4, 0.4, 0.2, 0.2)).set_axis_off()
        figure.patch.set_facecolor(str(sum(s.step for s in seen) / 100))

    monkeypatch.setattr(labplots, "_draw", draw)
    labplots.gif([by_hand(step) for step in (10, 20, 40)], tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as shown:
        assert (shown.n_frames, shown.size, shown.info["loop"]) == (3, (440, 220), 0)
        for i, grey in enumerate((10, 30, 70)):
            shown.seek(i)
            assert shown.info["duration"] == pytest.approx(125, abs=5)  # eight a second
            assert shown.convert("L").getpixel((9, 9)) == pytest.approx(2.55 * grey, abs=3)


def test_a_moving_picture_keeps_nothing_of_the_frame_before(tmp_path, monkeypatch):
    """Each frame has a square of its own, left of which stood those before it; dpi is what is asked for."""

    def draw(figure, seen):
        ax = figure.add_axes((0.25 * (len(seen) - 1), 0.0, 0.25, 1.0))
        ax.set_axis_off()
        ax.patch.set_visible(False)
        ax.imshow([[0]], cmap="gray", vmin=0, vmax=1, aspect="auto")

    monkeypatch.setattr(labplots, "_draw", draw)
    labplots.gif([by_hand(step, n=1, m=1) for step in range(3)], tmp_path / "a.gif", dpi=30)
    with Image.open(tmp_path / "a.gif") as shown:
        assert (shown.n_frames, shown.size) == (3, (240, 120))
        for i in range(3):
            shown.seek(i)
            dark = [shown.convert("L").getpixel((30 + 60 * at, 60)) < 128 for at in range(4)]
            assert dark == [at == i for at in range(4)]


def test_the_longest_arrow_is_an_eighth_of_the_width_and_of_those_that_are_drawn():
    """On a box 2.4 wide and 30 high, where the longest pull of all is that of a sample that has no arrow."""
    s = by_hand(4)._replace(box=(0.1, 2.5, -10.0, 20.0))
    s.pull[:60] *= np.array([0.3, 0.7]) / np.hypot(*(s.pull[:60] * [0.3, 0.7]).T).max()
    s.pull[65] = 99
    arrows = one(labplots.portrait([s]).axes[0], Quiver)
    lengths = np.hypot(arrows.U, arrows.V)
    assert len(lengths) == 60 and lengths.max() == pytest.approx(0.3)
    np.testing.assert_allclose(np.transpose([arrows.U, arrows.V]), 0.3 * s.pull[:60], rtol=1e-9)


def test_arrows_point_where_the_loss_of_G_falls():
    run = replace(Setup(), n_z=2, batch=32, width=16, steps=12).training(0)
    D, s = run.D, snapshot(run)
    moved = s.x_g + 1e-3 * s.pull
    before, after = (run.loss.generator(D(x_g.astype("float32")))[0] for x_g in (s.x_g, moved))
    assert after < before


# A run on a line


@pytest.mark.parametrize("std", [1.0, 0.125])
def test_figure_1_follows_a_run(std):
    G, D = ng.Network([ng.Linear(1, 1)]), ng.Network([ng.Linear(1, 1)], seed=1)
    run = ng.Training(G, D, ng.data.gaussian(n=500, mean=1.0, std=std), batch=32, threads=1)
    figure = labplots.figure_1(run, [0, 5, 5, 9])
    if std == 1:
        drawn(figure)
    assert [record.step for record in run.history] == [5, 9]
    assert grids(*figure.axes) == (1, 4) and figure.get_layout_engine() is not None
    assert len({ax.get_ylim() for ax in figure.axes}) == 1  # heights can be compared
    assert [ax.get_title() for ax in figure.axes] == ["step 0", "step 5", "step 5", "step 9"]
    assert figure.get_size_inches().tolist() == [12, 3]
    assert legend(figure.axes[0]) == ["data", "p_g", "D"]
    assert [ax.get_legend() for ax in figure.axes[1:]] == [None] * 3
    s, ax = line_snapshot(run), figure.axes[-1]
    found = curves(ax, widths=(0.7, 1.5))
    assert found.pop("data") == ("k", ":", s.x.tolist(), s.p_d.tolist())
    assert found.pop("p_g") == ("#009E73", "-", s.x.tolist(), s.p_g.tolist())
    assert found.pop("D") == (REAL, "--", s.x.tolist(), s.D.tolist())
    low = -0.5 if s.p_d.max() < 1 else -s.p_d.max() / 2
    assert sorted(line.get_ydata()[0] for line in ax.lines[3:]) == pytest.approx([low, 0])  # x above, z below
    assert [(line.get_color(), line.get_linewidth()) for line in ax.lines[3:]] == [("0.4", 0.7)] * 2
    strings = one(ax, LineCollection)
    assert (strings.get_linewidths(), to_hex(strings.get_colors()[0])) == ([0.7], to_hex("0.4"))
    below, above = np.swapaxes(one(ax, LineCollection).get_segments(), 0, 1)
    assert below[:, 1] == pytest.approx(low) and above[:, 1] == pytest.approx(0)
    np.testing.assert_allclose(above[:, 0], G(s.z[:, None].astype("float32"))[:, 0], rtol=1e-6)
    half = (s.x[-1] - s.x[0]) / 4.4  # z is drawn evenly over the middle 1/2.2 of the line
    np.testing.assert_allclose(below[:, 0], np.linspace(s.x.mean() - half, s.x.mean() + half, 13), rtol=1e-6)
    assert ax.get_xlim() == (s.x[0], s.x[-1]) and not ax.get_yticks().size
    assert (s.p_d * (s.x[1] - s.x[0])).sum() == pytest.approx(1, abs=0.02)


def test_pictures_are_of_the_runs_they_are_for():
    line = ng.Training(ng.Network([ng.Linear(1, 1)]), ng.Network([ng.Linear(1, 1)]), np.ones((9, 1)), batch=3)
    with pytest.raises(ng.InputError, match="points in the plane"):
        snapshot(line)
    with pytest.raises(ng.InputError, match="Figure 1 needs"):
        labplots.figure_1(Setup(batch=32, width=16, steps=12).training(0), [0])
