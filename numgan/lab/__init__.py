"""The lab: the theory of the game as exact numbers, small games whose motion is known, failures on demand, cures."""

from typing import Any


def board(**settings: Any) -> Any:
    """A live board for a notebook (it needs ipywidgets): a run on points that is watched and changed while it runs.

    settings: those of `numgan.lab.choice.Choice`, such as data="grid", loss="hinge", seed=1.
    """
    from numgan.lab import widgets  # only now: it imports matplotlib and ipywidgets

    return widgets.board(**settings)
