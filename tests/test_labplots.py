"""Pictures of the lab: what is drawn."""

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection

import numgan as ng
from numgan.lab import dynamics
from numgan.lab import plots as labplots
from numgan.lab.setup import Setup
from numgan.lab.snapshot import line_snapshot, snapshot
from numgan.plots import GENERATED, REAL


def drawn(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=40)
    assert file.getvalue().startswith(b"\x89PNG")


def test_phase_portraits_show_both_ways_of_stepping():
    games = dynamics.variants()[:5]
    figure = labplots.phase_portraits(games, steps=30)
    drawn(figure)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in shown] == [game.name for game in games]
    at_once, in_turns = (line.get_xydata() for line in shown[0].lines[:2])
    np.testing.assert_array_equal(at_once, dynamics.path(games[0], steps=30))
    np.testing.assert_array_equal(in_turns, dynamics.path(games[0], steps=30, alternating=True))


def small_run(n_z=2, pack=1, steps=12):
    return replace(Setup(), n_z=n_z, pack=pack, batch=32, width=16, steps=steps).training(0)


@pytest.mark.parametrize(("n_z", "pack"), [(2, 1), (16, 2), (1, 1)])
def test_a_portrait_shows_data_samples_surface_mesh_arrows(n_z, pack):
    run = small_run(n_z, pack)
    seen = [snapshot(run), *(snapshot(run) for _ in run.steps(12, every=4))]
    figure = labplots.portrait(seen)
    drawn(figure)
    scene, losses, kl, js = figure.axes
    assert len(scene.images) == (pack == 1)
    assert sum(isinstance(c, LineCollection) for c in scene.collections) == (n_z >= 2)
    assert {"x", "G(z)"} <= {c.get_label() for c in scene.collections}
    assert losses.lines[0].get_xdata().tolist() == [0, 4, 8, 12]
    assert js.lines[0].get_ydata().max() < np.log(2) + 1e-12
    assert kl.lines[0].get_ydata().tolist() == [s.kl for s in seen]
    assert (losses.lines[0].get_color(), losses.lines[1].get_color()) == (REAL, GENERATED)
    assert kl.lines[0].get_color() == js.lines[0].get_color() == "0.2", "blue is data or D"


def test_arrows_point_where_the_loss_of_G_falls():
    run = small_run()
    D, s = run.D, snapshot(run)
    moved = s.x_g + 1e-3 * s.pull
    before, after = (run.loss.generator(D(x_g.astype("float32")))[0] for x_g in (s.x_g, moved))
    assert after < before


def test_figure_1_follows_a_run():
    G, D = ng.Network([ng.Linear(1, 1)]), ng.Network([ng.Linear(1, 1)], seed=1)
    run = ng.Training(G, D, ng.data.gaussian(n=500, mean=1.0), batch=32)
    figure = labplots.figure_1(run, [0, 5, 9])
    drawn(figure)
    assert run.step == 9
    assert [ax.get_title() for ax in figure.axes] == ["step 0", "step 5", "step 9"]
    shown = line_snapshot(run)
    spacing = shown.x[1] - shown.x[0]
    assert (shown.p_d * spacing).sum() == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(shown.G, G(shown.z[:, None].astype("float32"))[:, 0])
    with pytest.raises(ng.InputError, match="Figure 1 needs"):
        line_snapshot(small_run())
    with pytest.raises(ng.InputError, match="points in the plane"):
        snapshot(run)
