"""The figures of ``convlab learn``: a descent to a filter, and the filters that help to read digits."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import convlab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

    from convlab.learn import Network
    from convlab.learn._digits import Trained

__all__ = ["draw_descent", "draw_digits"]

_INK, _MUTED, _ACCENT = "#1d2733", "#5c6873", "#b4471c"
Array = npt.NDArray[Any]


@contextmanager
def _figure(width: float, height: float, file: BinaryIO) -> Iterator[Figure]:
    """Make a figure of this size in inches, and write it as PNG; a user's own style does not change it."""
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(width, height), dpi=120, facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        figure.savefig(file, format="png")


def draw_descent(picture: Array, secret: Array, taps: list[Array], losses: list[float], file: BinaryIO) -> None:
    """Draw the taps and the filtered picture at some steps, beside the unknown filter, and the loss."""
    last = len(taps) - 1
    steps = [0, min(10, last), min(50, last), last]
    with _figure(13, 7.6, file) as figure:
        figure.suptitle("Find the filter: gradient descent from random taps", fontsize=16, color=_INK)
        axes = figure.subplots(3, 5, height_ratios=[1, 1.1, 0.9])
        target = convlab.filter2d(picture, secret)
        reach = 3 * float(target.std())
        for column, step in enumerate([*steps, None]):
            shown = secret if step is None else taps[step]
            title = "the unknown filter" if step is None else f"after {step} steps"
            _taps(axes[0, column], shown, float(np.abs(secret).max()))
            axes[0, column].set_title(title, fontsize=11, color=_ACCENT if step is None else _INK)
            axes[1, column].imshow(convlab.filter2d(picture, shown), cmap="gray", vmin=-reach, vmax=reach)
            _bare(axes[1, column])
        for one in axes[2]:
            one.remove()
        loss = figure.add_subplot(axes[2, 0].get_gridspec()[2, :])
        loss.semilogy(losses, color=_INK, linewidth=1.2)
        for step in steps:
            loss.axvline(step, color=_ACCENT, linewidth=0.8, linestyle=":")
        loss.set_xlabel("step")
        loss.set_ylabel("loss: half the mean\nsquared difference")
        loss.tick_params(labelsize=9)


def draw_digits(trained: list[Trained], file: BinaryIO) -> None:
    """Draw accuracies, the learned filters with what each lets through, and digits that only they make readable."""
    plain, filtered = _compared(trained)
    pictures, labels = filtered.task.test
    before, after = (one.networks[_typical(one)] for one in (plain, filtered))
    guesses, better = before.classes(pictures), after.classes(pictures)
    gained = np.flatnonzero((guesses != labels) & (better == labels))[: filtered.filters]
    with _figure(13, 10.5, file) as figure:
        figure.suptitle("Which filters help to read digits?", fontsize=16, color=_INK)
        parts: Any = figure.subfigures(3, 1, height_ratios=[1.1, 1.9, 0.9])
        top, middle, bottom = parts
        _accuracies(top.subplots(1, 1), trained)
        _filters(middle, after, pictures[int(gained[0]) if gained.size else 0, 0])
        bottom.suptitle(
            f"{filtered.task.name} that the dense network alone read wrong, and this one right", fontsize=11
        )
        for axes, number in zip(bottom.subplots(1, filtered.filters), gained, strict=False):
            axes.imshow(pictures[number, 0], cmap="gray_r")
            axes.set_title(f"{labels[number]}, not {guesses[number]}", fontsize=10, color=_ACCENT)
        for axes in bottom.axes:
            _bare(axes)


def _compared(trained: list[Trained]) -> tuple[Trained, Trained]:
    """Of the last task: the dense network alone, and the network that reads best."""
    last = [one for one in trained if one.task is trained[-1].task]
    return last[0], max(last[1:], key=lambda one: float(np.mean(one.accuracies)))


def _typical(trained: Trained) -> int:
    """Return the seed whose accuracy is the median."""
    return int(np.argsort(trained.accuracies)[len(trained.accuracies) // 2])


def _accuracies(axes: Axes, trained: list[Trained]) -> None:
    names = [f"{'dense' if not one.filters else f'{one.filters} filters'}\n{one.task.name}" for one in trained]
    for place, one in enumerate(trained):
        axes.plot([place] * len(one.accuracies), [100 * a for a in one.accuracies], "o", color=_MUTED, markersize=4)
        mean = 100 * float(np.mean(one.accuracies))
        axes.plot([place - 0.25, place + 0.25], [mean, mean], color=_ACCENT, linewidth=2)
        axes.annotate(
            f"{one.passed} numbers", (place, 0.02), xycoords=("data", "axes fraction"), ha="center", fontsize=8
        )
    axes.set_xticks(range(len(names)), names, fontsize=9)
    axes.set_ylabel("digits read right, %")
    axes.set_title(
        "Each point is one seed; the line is their mean; below, the numbers that enter the dense network", fontsize=10
    )
    low = 100 * min(min(one.accuracies) for one in trained)
    axes.set_ylim(low - 6, 101)


def _filters(figure: Any, network: Network, digit: Array) -> None:
    """Draw each filter's taps, what it lets through, and its pool."""
    layers = network.layers
    filtered = layers[0].forward(digit[np.newaxis, np.newaxis])
    pooled = layers[1].forward(filtered)
    taps = layers[0].parameters[0][:, 0]
    axes = figure.subplots(3, len(taps) + 1)
    axes[0, 0].remove()
    axes[2, 0].remove()
    axes[1, 0].imshow(digit, cmap="gray_r")
    axes[1, 0].set_title("a digit", fontsize=10)
    _bare(axes[1, 0])
    for column, one in enumerate(taps, start=1):
        _taps(axes[0, column], one, float(np.abs(taps).max()), size=6)
        for row, values in ((1, filtered[0, column - 1]), (2, pooled[0, column - 1])):
            axes[row, column].imshow(values, cmap="gray_r", vmin=0, vmax=float(filtered.max()) or 1)
            _bare(axes[row, column])
    for row, text in enumerate(("learned taps", "what passes", "2x2 maximum")):
        axes[row, 1].set_ylabel(text, fontsize=10, color=_INK)


def _taps(axes: Axes, taps: Array, reach: float, size: float = 8) -> None:
    """Draw taps in colour, with their numbers where they are few."""
    image = axes.imshow(taps, cmap="RdBu", vmin=-1.6 * reach, vmax=1.6 * reach)
    if taps.size <= 9:
        for (row, column), value in np.ndenumerate(taps):
            red, green, blue, _ = image.to_rgba(value)
            color = "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else _INK
            text = f"{round(float(value), 2) + 0.0:.2f}"  # no "-0.00"
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=color)
    _bare(axes)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=_MUTED, linewidth=0.6)
