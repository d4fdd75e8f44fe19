"""A table of HTML, for the values that a notebook shows as one."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

LEFT, RIGHT = ' style="text-align: left"', ' style="text-align: right"'


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]], style: str = LEFT) -> str:
    """Its cells are texts, and stay so: nothing in them is taken for HTML."""
    body = "".join(_row("td", row, style) for row in rows)
    return f"<table><thead>{_row('th', head, style)}</thead><tbody>{body}</tbody></table>"


def html_lines(lines: Iterable[str]) -> str:
    """Texts below one another."""
    return "".join(f"<div>{html.escape(line)}</div>" for line in lines)


def _row(tag: str, cells: Iterable[str], style: str) -> str:
    return f"<tr>{''.join(f'<{tag}{style}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"
