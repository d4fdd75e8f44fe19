"""One thing that GANs are for: its game, what it is measured by, and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from numgan import plots
from numgan.uses.game import Game

Measures = dict[str, float]
G = TypeVar("G", bound=Game)


@dataclass(frozen=True)
class Use(Generic[G]):
    """A use in miniature.

    about: in one line. games: of a seed and a number of threads, by name; the first is the use, the others are its
    baselines, trained alike but for one thing. steps: of each of them.
    measure: of a trained game, on data it never saw. references: measures of what nobody trains, such as the data.
    picture: of the trained games by name. files: what else the command writes, of the same games.
    """

    about: str
    games: Mapping[str, Callable[[int, int | None], G]]
    steps: int
    measure: Callable[[G], Measures]
    picture: Callable[[Mapping[str, G]], plots.Figure]
    references: Mapping[str, Callable[[], Measures]] = field(default_factory=dict)
    files: Mapping[str, Callable[[Mapping[str, G]], bytes]] = field(default_factory=dict)


def table(rows: Mapping[str, Measures]) -> str:
    """Measures by name as lines of text, a row each."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    cells = [["", *names]] + [[row, *(_figure(found.get(name)) for name in names)] for row, found in rows.items()]
    first, *others = (max(map(len, column)) for column in zip(*cells, strict=True))
    return "\n".join("  ".join([row[0].ljust(first), *map(str.rjust, row[1:], others)]).rstrip() for row in cells)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
