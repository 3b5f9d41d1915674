"""``convlab demo``: the lesson, as a figure and a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.live import Live

import convlab
from convlab import data
from convlab.cli.failures import Failure, quoted
from convlab.cli.files import replacing
from convlab.cli.lesson import Comparison, Step, compare, lesson
from convlab.cli.tables import console, table

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["demo"]

FIGURE = "convlab-demo.png"


@click.command()
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="The folder for the figure; created if needed.  [default: the current folder]",
)
def demo(folder: Path) -> None:
    """Run the lesson: three filters over a picture, each pooled 2x2.

    Draws the pictures in one figure, and times every step against the same step in plain Python loops.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"cannot make the folder {quoted(folder)}: {error.strerror}") from error
    target = folder / FIGURE
    picture = data.ascent()
    # One thread, because the loops of plain Python use one.
    with convlab.threads(1):
        parts = lesson(picture)
    # Imported here because Matplotlib takes long to import.
    from convlab.cli.figure import draw

    with replacing(target) as file:
        draw(picture, parts, file)
    steps = [step for part in parts for step in (part.filtered, part.pooled)]
    comparisons = _compared(steps)
    differing = [s.title for s, c in zip(steps, comparisons, strict=True) if c.difference > 0]
    ours = sum(step.seconds for step in steps)
    theirs = sum(comparison.seconds for comparison in comparisons)
    click.echo(
        f"\nThe whole lesson: {_milliseconds(ours)} ms, in plain Python "
        f"{_milliseconds(theirs)} ms: {theirs / ours:,.0f} times as fast."
    )
    click.echo(f"The pictures: {click.format_filename(target)}")
    if differing:
        # Not the user's mistake, so the status is 1, as in click.
        raise click.ClickException(f"results differ from plain Python's: {', '.join(differing)}")


def _compared(steps: list[Step]) -> list[Comparison]:
    """Run every step in plain Python, and add a row to the table after each."""
    comparisons: list[Comparison] = []
    click.echo("Timing the same steps in plain Python loops, which takes a few seconds ...\n")
    screen = console()
    # In a terminal of 80 columns a kernel's name takes two lines.
    narrow = screen.width < 96
    with Live(_table(steps, [], narrow), console=screen, auto_refresh=False, transient=True) as live:
        for step in steps:
            comparisons.append(compare(step))
            live.update(_table(steps, comparisons, narrow), refresh=True)
    # Print it again, because a pipe or a file shows nothing of a live table.
    screen.print(_table(steps, comparisons, narrow))
    return comparisons


def _table(steps: list[Step], comparisons: list[Comparison], narrow: bool) -> Table:
    numbers = ("ms", "Python", "ratio")
    rows = table(
        "The lesson on one thread, and in plain Python: milliseconds",
        *("step", "output", "kernel", *numbers, "results"),
        numbers=numbers,
    )
    for number, step in enumerate(steps):
        cells = ["...", "", ""]
        if number < len(comparisons):
            found = comparisons[number]
            cells = [
                _milliseconds(found.seconds),
                f"{found.seconds / step.seconds:,.0f}",
                "identical" if found.difference == 0 else f"differ by {found.difference:g}",
            ]
        height, width = step.result.shape
        kernel = step.kernel.replace("[", "\n[") if narrow else step.kernel
        size = f"{width} x {height}"
        rows.add_row(step.title, size, kernel, _milliseconds(step.seconds), *cells)
    return rows


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.3f}" if seconds < 0.01 else f"{seconds * 1e3:,.0f}"
