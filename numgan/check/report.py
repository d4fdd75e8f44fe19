"""What a check found, as a small table that reads alike in a terminal and in a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

HEAD = ("tensor", "shape", "at", "analytic", "numeric", "rel. error", "verdict")


@dataclass
class Comparison:
    """One tensor: what backward claims and what the differences say, along a direction or at (some of) its entries."""

    name: str
    shape: tuple[int, ...]
    where: str
    analytic: np.ndarray
    numeric: np.ndarray
    rel_error: float
    verdict: str
    worst: int = 0  # the entry that the table shows
    rough: bool = False  # further apart than the tolerance, but not than the differences' own error
    kink: bool = False
    beyond: str = ""  # says so where a claim at a kink lies outside what the slopes on its two sides allow

    @property
    def entry_errors(self) -> np.ndarray:
        """|a − n| / max(|a|, |n|), entry by entry: large where a gradient is 0, so to be read with care."""
        size = np.maximum(np.abs(self.analytic), np.abs(self.numeric))
        return np.abs(self.analytic - self.numeric) / np.where(size, size, 1)

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
    """What a check found. `print(report)` shows it as a table."""

    title: str
    comparisons: list[Comparison]
    diagnosis: str = ""  # a line for each cause, '' where all is well
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.diagnosis

    @property
    def rel_error(self) -> float:
        """The largest of all tensors: max|a − n| / max(|a|∞, |n|∞, floor)."""
        return max((c.rel_error for c in self.comparisons), default=0.0)

    def __str__(self) -> str:
        head = f"{self.title}: {'ok' if self.ok else 'WRONG'}, largest relative error {self.rel_error:.1e}"
        return "\n".join([head, *_table([HEAD, *(c.cells for c in self.comparisons)]), *self.remarks])

    __repr__ = __str__

    @property
    def remarks(self) -> list[str]:
        """The diagnosis and the notes, line by line."""
        return [*self.diagnosis.splitlines(), *self.notes]


def joined(reports: list[Report]) -> Report:
    """One report of several checks of one thing."""
    comparisons = [c for r in reports for c in r.comparisons]
    diagnosis = "\n".join(r.diagnosis for r in reports if r.diagnosis)
    return Report(reports[0].title, comparisons, diagnosis, [note for r in reports for note in r.notes])


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
