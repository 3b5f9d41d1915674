"""The tables that the commands print."""

from __future__ import annotations

import sys

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

__all__ = ["console", "table"]

# Columns of a pipe or a file: enough for the widest table, so that no line of a log wraps.
_UNBOUNDED = 120


def console() -> Console:
    """Return a console on the current standard output."""
    width = None if sys.stdout is not None and sys.stdout.isatty() else _UNBOUNDED
    return Console(width=width, highlight=False, markup=False)


def table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return an empty table; the columns in ``numbers`` are right-aligned."""
    result = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        result.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return result
