"""``convlab learn``: find an unknown filter, and learn which filters help to read digits."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from rich.console import Group
from rich.live import Live

import convlab
from convlab import data, filters
from convlab.cli.failures import Failure, quoted
from convlab.cli.files import replacing
from convlab.cli.tables import console, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from rich.console import Console
    from rich.table import Table

    from convlab.learn._digits import Trained

__all__ = ["learn"]

FOUND, DIGITS = "convlab-learn-filter.png", "convlab-learn-digits.png"
# The filter whose descent is drawn.
SHOWN = "vertical_lines"
# Adam's learning rate: about the size of a step of each tap.
ADAM_RATE = 0.4


@click.command()
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Where to write the figures; made if need be.  [default: the current folder]",
)
def learn(folder: Path) -> None:
    """Learn filters from examples, in less than two minutes.

    First it finds the taps of each 3x3 and 5x5 filter of the catalogue from a picture and its filtered version. Then
    it trains networks to read handwritten digits, with and without a convolution and a 2x2 maximum before a dense
    network: for this it needs scikit-learn (pip install "convlab-kernels[learn]").
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"cannot make the folder {quoted(folder)}: {error.strerror}") from error
    screen = console()
    _find(folder / FOUND, screen)
    if importlib.util.find_spec("sklearn") is None:
        raise Failure('the digits need scikit-learn: pip install "convlab-kernels[learn]"')
    _read(folder / DIGITS, screen)


def catalogue() -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Yield the name and the taps of each filter that has 3x3 or 5x5 taps, and of those that have a size."""
    for name in filters.names():
        taps = filters.get(name)
        if taps.shape in ((3, 3), (5, 5)):
            yield name, taps
        if any(parameter.name == "size" for parameter in filters.info(name).parameters):
            yield f"{name} 5x5", filters.get(name, size=5)


def _find(target: Path, screen: Console) -> None:
    from convlab.cli.learning_figures import draw_descent
    from convlab.learn import Adam, find_filter

    picture = data.ascent().astype(np.float32) / 255
    picture -= picture.mean()
    click.echo("Find the filter: the taps begin at random and descend until one picture becomes the other.\n")
    numbers = ("steps", "error", "seconds", "with Adam")
    rows = table("Filters found; error: of the taps, as a part of the largest", *("filter", *numbers), numbers=numbers)
    with Live(rows, console=screen, auto_refresh=False, transient=True) as live:
        for name, secret in catalogue():
            filtered = convlab.filter2d(picture, secret)
            watch = _Watch(live, rows, name)
            found = find_filter(picture, filtered, secret.shape, watch=watch)
            adam = find_filter(picture, filtered, secret.shape, optimiser=Adam(ADAM_RATE))
            rows.add_row(
                name,
                f"{len(found.losses)}",
                f"{_error(found.taps, secret):.0e}",
                f"{found.seconds:.2f}",
                f"{adam.seconds:.2f}",
            )
            live.update(rows, refresh=True)
            if name == SHOWN:
                with replacing(target) as file:
                    draw_descent(picture, secret, watch.taps, found.losses, file)
    screen.print(rows)
    click.echo(f"The descent to {SHOWN}: {click.format_filename(target)}\n")


class _Watch:
    """Show the descent to a filter below the table as it goes, and keep the taps of the one that is drawn."""

    def __init__(self, live: Live, rows: Table, name: str) -> None:
        self.taps: list[npt.NDArray[np.float32]] = []
        self._live, self._rows, self._name = live, rows, name
        self._shown = 0.0

    def __call__(self, step: int, taps: npt.NDArray[np.float32], loss: float) -> None:
        if self._name == SHOWN:
            self.taps.append(taps.copy())
        now = time.monotonic()
        if now - self._shown > 0.1:
            self._shown = now
            lines = "\n".join("  ".join(f"{tap:6.2f}" for tap in row) for row in taps)
            self._live.update(
                Group(self._rows, f"\n{self._name}: step {step}, loss {loss:.1e}; the taps:\n{lines}"), refresh=True
            )


def _error(taps: npt.NDArray[np.float32], secret: npt.NDArray[np.float32]) -> float:
    return float(np.abs(taps - secret).max() / np.abs(secret).max())


def _read(target: Path, screen: Console) -> None:
    from convlab.cli.learning_figures import draw_digits
    from convlab.learn._digits import EPOCHS, SEEDS, tasks, trainings

    click.echo(
        "Which filters help? Networks learn to read handwritten digits: a dense network alone, and the same behind a\n"
        f"convolution and a 2x2 maximum. {SEEDS} seeds each, {EPOCHS} epochs; accuracy on digits not seen before.\n"
    )
    trained: list[Trained] = []
    with Live(_table(trained), console=screen, auto_refresh=False, transient=True) as live:
        for task in tasks():
            for one in trainings(task):
                trained.append(one)
                live.update(_table(trained), refresh=True)
    screen.print(_table(trained))
    with replacing(target) as file:
        draw_digits(trained, file)
    click.echo(f"The filters, and what they show: {click.format_filename(target)}")


def _table(trained: list[Trained]) -> Table:
    numbers = ("numbers passed", "parameters", "seconds", "accuracy", "lowest", "highest")
    rows = table("Digits read", *("pictures", "network", *numbers), numbers=numbers)
    for one in trained:
        network = f"{one.filters} filters, maximum, dense" if one.filters else "dense alone"
        mean, spread = np.mean(one.accuracies), np.std(one.accuracies)
        rows.add_row(
            one.task.name, network, f"{one.passed}", f"{one.parameters:,}", f"{one.seconds:.2f}",
            f"{mean:.1%} \u00b1 {spread:.1%}", f"{min(one.accuracies):.1%}", f"{max(one.accuracies):.1%}",
        )  # fmt: skip
    return rows
