"""Pictures of the lab: what is drawn."""

import io

import numpy as np

from numgan import labplots
from numgan.lab import dynamics


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
