"""The chart of a run: a bar for each case, to the right if convlab is faster, else to the left."""

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.runs import Results
from benchmarks.summary import Ratio, Row, summarise
from convlab.bench.table import ratio

WON, LOST, INK, FAINT = "#1f7a8c", "#d1495b", "#22313a", "#7b8a92"

Group = tuple[str, list[tuple[Row, Ratio]]]

# Inches: the names beside the bars, the bars with the text at their ends, a line, the margins.
_NAMES, _BARS, _WORDS, _LINE, _ABOVE, _BELOW = 2.3, 4.3, 2.0, 0.21, 1.0, 0.45

# In lines; a bar takes one.
_HEADING = 1.9

_TICKS = [2.0**power for power in range(-7, 11)]


def draw(results: Results, target: Path) -> None:
    """Draw a run to a file in the format of its suffix, with the same bytes for the same run."""
    rows = [(row, row.peer) for row in summarise(results) if row.peer is not None]
    groups = [(name, list(part)) for name, part in groupby(rows, key=lambda pair: pair[0].group)]
    columns = _split(groups)
    lines = max(_length(column) for column in columns)
    low = min(0.75, *(peer.low / 1.1 for _, peer in rows))
    end = max(2.0, *(max(peer.high, _demand(row) or 0) for row, peer in rows))
    # Add the space that the text at the end of the longest bar needs.
    high = end * (end / low) ** (_WORDS / (_BARS - _WORDS))
    width = (_NAMES + _BARS) * len(columns) + 0.15
    height = _ABOVE + _LINE * lines + _BELOW
    with mpl.rc_context({"svg.hashsalt": "convlab", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(width, height), facecolor="white")
        for number, column in enumerate(columns):
            left = (_NAMES + _BARS) * number + _NAMES
            panel = figure.add_axes((left / width, _BELOW / height, _BARS / width, _LINE * lines / height))
            _panel(panel, column, lines)
            panel.set_xlim(low, high)
            panel.set_xticks([tick for tick in _TICKS if low <= tick <= end])
        _title(figure, results, height)
        # A date would make every file differ.
        plain: dict[str, Any] = {"Date": None} if target.suffix == ".svg" else {}
        figure.savefig(target, dpi=150, metadata=plain)


def _title(figure: Figure, results: Results, height: float) -> None:
    threads = "1 thread" if results["threads"] == 1 else f"{results['threads']} threads"
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items() if name != "Python")
    figure.text(
        0.012,
        1 - 0.32 / height,
        "How many times as fast as the fastest other library",
        fontsize=15,
        fontweight="bold",
        color=INK,
        va="center",
    )
    figure.text(
        0.012,
        1 - 0.68 / height,
        f"float32, {threads}, {results['machine']['cpu']}. {versions}.\n"
        f"Median of {results['rounds']} interleaved rounds; whiskers: quartiles; "
        "diamonds: the least that the project demands; red, left of the line: lost.",
        fontsize=8.5,
        color=FAINT,
        va="center",
        linespacing=1.5,
    )


def _panel(axes: Axes, groups: Sequence[Group], lines: float) -> None:
    axes.set_xscale("log", base=2)
    axes.set_ylim(lines, 0)
    axes.axvline(1, color=INK, linewidth=1.1, zorder=3)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="x", colors=FAINT, labelsize=7, length=0)
    axes.tick_params(axis="y", colors=INK, labelsize=8, length=0)
    axes.grid(axis="x", color="#e6eaec", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)
    places, labels = [], []
    place = 0.0
    for group, members in groups:
        # To the left of the bars, above the names.
        axes.annotate(
            group,
            (0, place + _HEADING - 0.9),
            (-4, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=9,
            fontweight="bold",
            color=INK,
        )
        place += _HEADING
        for row, peer in members:
            _bar(axes, place, row, peer)
            places.append(place)
            labels.append(_label(row))
            place += 1
    axes.set_yticks(places, labels)


def _bar(axes: Axes, place: float, row: Row, peer: Ratio) -> None:
    colour = LOST if row.lost else WON
    axes.barh(place, peer.median - 1, left=1, height=0.66, color=colour, zorder=2)
    axes.plot([peer.low, peer.high], [place, place], color=INK, linewidth=0.9, alpha=0.7, zorder=4)
    end = max(1.0, peer.high)
    least = _demand(row)
    if least is not None:
        axes.plot(least, place, "D", color="white", mec=INK, mew=0.9, ms=4, zorder=5)
        end = max(end, least)
    words = f"{ratio(peer.median)} {peer.to}"
    if row.python is not None and row.python == row.judged:
        words += f", {ratio(row.python.median)} Python"
    axes.annotate(
        words,
        (end, place),
        (6, 0),
        textcoords="offset points",
        va="center",
        fontsize=7.5,
        color=LOST if row.lost else INK,
    )


def _demand(row: Row) -> float | None:
    """Return the target ratio, if it refers to the ratio of the bar."""
    return row.required if row.judged == row.peer else None


def _label(row: Row) -> str:
    # The heading of the group already names the operation.
    return row.name if row.group == "Colour" else re.sub(r"^(filter|lesson|\w+ pool) ", "", row.name)


def _length(groups: Sequence[Group]) -> float:
    return sum(_HEADING + len(members) for _, members in groups)


def _split(groups: list[Group]) -> list[list[Group]]:
    """Divide the groups into two columns of nearly equal length, or one if there are few."""
    if len(groups) < 3:
        return [groups]
    cut = min(
        range(1, len(groups)),
        key=lambda at: max(_length(groups[:at]), _length(groups[at:])),
    )
    return [groups[:cut], groups[cut:]]
