"""The result of a gradient check, as a small table: in a terminal as text, in a notebook as HTML."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from numgan.run.table import html_lines, html_table

HEAD = ("tensor", "shape", "at", "analytic", "numeric", "rel. error", "verdict")


@dataclass
class Comparison:
    """The gradient of one tensor, as backward returns it and from differences: along a direction, or entry by entry."""

    name: str
    shape: tuple[int, ...]
    where: str  # "direction", or the index of the entry that the table shows
    analytic: np.ndarray
    numeric: np.ndarray
    rel_error: float
    verdict: str  # "ok", or the cause
    worst: int = 0  # position of the entry that the table shows
    rounding: bool = False  # the error exceeds the tolerance, but not the rounding error of the differences
    kink: bool = False
    kink_at: str = ""  # the index of an entry at a kink
    kink_error: str = ""  # a sentence, where a gradient at a kink lies outside the one-sided derivatives

    @property
    def shown(self) -> tuple[str, str]:
        """The two numbers at the entry that the table shows."""
        if not self.analytic.size:
            return "-", "-"
        return f"{self.analytic.flat[self.worst]:+.6e}", f"{self.numeric.flat[self.worst]:+.6e}"

    @property
    def cells(self) -> tuple[str, ...]:
        return self.name, str(self.shape), self.where, *self.shown, f"{self.rel_error:.1e}", self.verdict


@dataclass(repr=False)
class Report:
    """The result of a gradient check. `print(report)` shows it as a table."""

    title: str
    comparisons: list[Comparison]
    diagnosis: str = ""  # a line for each cause, '' where everything is correct
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.diagnosis

    @property
    def rel_error(self) -> float:
        """The largest of all tensors: max|a − n| / max(|a|∞, |n|∞, floor)."""
        return max((c.rel_error for c in self.comparisons), default=0.0)

    def __str__(self) -> str:
        return "\n".join([self.head, *_table([HEAD, *(c.cells for c in self.comparisons)]), *self.remarks])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table = html_table(HEAD, (c.cells for c in self.comparisons))
        return html_lines([self.head]) + table + html_lines(self.remarks)

    @property
    def head(self) -> str:
        """The verdict in a line."""
        return f"{self.title}: {'ok' if self.ok else 'WRONG'}, largest relative error {self.rel_error:.1e}"

    @property
    def remarks(self) -> list[str]:
        """The diagnosis and the notes, line by line."""
        return [*self.diagnosis.splitlines(), *self.notes]


def joined(reports: list[Report]) -> Report:
    """Several reports on one object as one."""
    comparisons = [c for r in reports for c in r.comparisons]
    diagnosis = "\n".join(r.diagnosis for r in reports if r.diagnosis)
    return Report(reports[0].title, comparisons, diagnosis, [note for r in reports for note in r.notes])


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
