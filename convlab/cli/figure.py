"""The lesson as one figure: the picture, and for each filter its taps, its result and the pooled result.

All positions are in pixels of the figure. A pixel of a 512 x 512 picture is one pixel of the
figure, and a pixel of a pooled picture is 2 x 2 pixels: nothing is resampled, so thin lines stay
visible.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, BinaryIO

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convlab import filters

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from convlab.cli.lesson import Part

__all__ = ["HEIGHT", "WIDTH", "draw"]

_PANEL = 512
_LEFT, _GAP, _RIGHT = 84, 96, 44
_TITLE, _HEADS, _FILTERED, _POOLED = 56, 128, 370, 1010  # rows, from the top
_HEAD = 150  # side of a drawing of taps
WIDTH = _LEFT + 4 * _PANEL + 3 * _GAP + _RIGHT
HEIGHT = _POOLED + _PANEL + 72

_DPI = 160
_INK = "#1d2733"
_MUTED = "#5c6873"
_ACCENT = "#b4471c"

# Row and column of the patch that shows pooling in numbers: a line ends there.
_PATCH = (334, 234)

_Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]


def draw(picture: _Pixels, parts: list[Part], file: BinaryIO) -> None:
    """Write the figure to an open file, as PNG of WIDTH x HEIGHT pixels."""
    # The user's matplotlibrc must not change the figure or make it fail.
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH / _DPI, HEIGHT / _DPI), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        _write(figure, _LEFT, _TITLE, "Convolution and pooling", size=20, weight="bold")
        _write(figure, _LEFT, _HEADS + 8, "the picture", size=14, weight="bold")
        _write(figure, _LEFT, _HEADS + 46, "one grey value from 0 to 255\na pixel")
        _panel(figure, 0, _FILTERED, picture)
        _pooling(figure, parts[1])
        for column, part in enumerate(parts, start=1):
            _head(figure, column, part)
            _panel(figure, column, _FILTERED, part.filtered.result)
            _panel(figure, column, _POOLED, part.pooled.result)
        figure.savefig(file, format="png")


def _place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a position in pixels from the upper left corner."""
    box = (left / WIDTH, 1 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT)
    return figure.add_axes(box)


def _write(
    figure: Figure,
    left: float,
    top: float,
    text: str,
    *,
    size: float = 10,
    weight: str = "normal",
    color: str = _INK,
) -> None:
    place = left / WIDTH, 1 - top / HEIGHT
    figure.text(*place, text, va="top", fontsize=size, fontweight=weight, color=color)


def _column(number: int) -> int:
    return _LEFT + number * (_PANEL + _GAP)


def _panel(figure: Figure, column: int, top: int, pixels: _Pixels) -> None:
    """Show a picture with axes that count its pixels."""
    axes = _place(figure, _column(column), top, _PANEL, _PANEL)
    height, width = pixels.shape
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0), interpolation="nearest")
    axes.set_xticks(np.linspace(0, width, 5))
    axes.set_yticks(np.linspace(0, height, 5))
    axes.tick_params(labelsize=9, colors=_MUTED, labelcolor=_INK)
    # The lesson is about this size: 512 becomes 256.
    for label in (axes.get_xticklabels()[-1], axes.get_yticklabels()[-1]):
        label.set(color=_ACCENT, fontweight="bold", fontsize=11)
    for spine in axes.spines.values():
        spine.set(color=_MUTED, linewidth=0.6)


def _head(figure: Figure, column: int, part: Part) -> None:
    """Draw a filter's taps, with its name and its description."""
    left = _column(column)
    axes = _place(figure, left, _HEADS, _HEAD, _HEAD)
    reach = float(np.abs(part.taps).max())
    axes.imshow(part.taps, cmap="RdBu", vmin=-1.6 * reach, vmax=1.6 * reach)
    _numbers(axes, part.taps, size=12)
    right = left + _HEAD + 24
    _write(figure, right, _HEADS + 8, part.name, size=14, weight="bold")
    shows = textwrap.fill(filters.info(part.name).description, 27)
    _write(figure, right, _HEADS + 46, shows)
    _write(figure, left, _FILTERED - 40, "filtered: 3x3 weighted sums, 0 to 255", color=_MUTED)
    _write(figure, left, _POOLED - 40, "pooled: the maximum of every 2x2", color=_MUTED)


def _pooling(figure: Figure, part: Part) -> None:
    """Show pooling in numbers: a patch of 4 x 4 pixels, and its 2 x 2 pooled pixels."""
    row, column = _PATCH
    patch = part.filtered.result[row : row + 4, column : column + 4]
    pooled = part.pooled.result[row // 2 : row // 2 + 2, column // 2 : column // 2 + 2]
    cell = 64
    _write(figure, _LEFT, _POOLED - 40, "what pooling does", color=_MUTED)
    for pixels, left, top in (
        (patch, _LEFT, _POOLED + 40),
        (pooled, _LEFT + 6 * cell, _POOLED + 40 + cell),
    ):
        side = cell * len(pixels)
        axes = _place(figure, left, top, side, side)
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)
        _numbers(axes, pixels, size=11)
        block = len(pixels) // 2
        for y in (0, block):
            for x in (0, block):
                axes.add_patch(
                    Rectangle(
                        (x - 0.5, y - 0.5),
                        block,
                        block,
                        fill=False,
                        edgecolor=_ACCENT,
                        linewidth=2,
                        clip_on=False,
                    )
                )
    _write(figure, _LEFT + 4.6 * cell, _POOLED + 14 + 2 * cell, "\u2192", size=22, color=_ACCENT)
    words = (
        f"{part.name}, rows {row} to {row + 3} and columns {column} to {column + 3}: of every 2x2 "
        "pixels the largest is kept. Rows and columns halve, 512 becomes 256, and what the filter "
        "found stays."
    )
    _write(figure, _LEFT, _POOLED + 40 + 4 * cell + 28, textwrap.fill(words, 40))


def _numbers(axes: Axes, values: _Pixels, *, size: float) -> None:
    """Write every value into its cell, in black on bright cells and in white on dark ones."""
    colours = axes.get_images()[0].to_rgba(values)
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = colours[row, column]
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        axes.text(
            column,
            row,
            f"{value:g}",
            ha="center",
            va="center",
            fontsize=size,
            color="white" if dark else _INK,
        )
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=_MUTED, linewidth=0.6)
