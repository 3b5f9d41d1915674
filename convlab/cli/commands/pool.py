"""``convlab pool``: pool a picture file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import numpy.typing as npt

import convlab
from convlab.cli.commands._arguments import from_in_to_out, stored, through
from convlab.cli.failures import core_errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from convlab.cli.pictures import Picture

__all__ = ["pool"]

_OPERATIONS: dict[str, Callable[..., npt.NDArray[Any]]] = {
    "max": convlab.max_pool2d,
    "avg": convlab.avg_pool2d,
    "min": convlab.min_pool2d,
}


@click.command()
@from_in_to_out
@click.option(
    "--op",
    type=click.Choice(list(_OPERATIONS)),
    default="max",
    show_default=True,
    help="The value that replaces each window.",
)
@click.option("--size", type=int, default=2, show_default=True, help="Side of the window.")
@click.option("--stride", type=int, help="Step from window to window.  [default: the size]")
@click.option(
    "--padding",
    type=int,
    default=0,
    show_default=True,
    help="Pixels added around the picture; a maximum or minimum ignores them, an average counts them as 0.",
)
def pool(source: Path, target: Path, force: bool, op: str, size: int, stride: int | None, padding: int) -> None:
    """Pool the picture IN and write OUT.

    Windows that reach beyond the right or lower end are dropped. Each colour and the transparency
    are pooled separately. OUT is a picture of the same kind as IN (a palette is reduced to 256
    colours if needed), with its colour profile and resolution; an average is rounded half to even.
    An unsupported picture is refused.
    """

    def work(picture: Picture) -> Picture:
        def pooled(values: npt.NDArray[Any], channel_axis: int | None) -> npt.NDArray[Any]:
            result = _OPERATIONS[op](values, size, stride, padding, channel_axis=channel_axis)
            return stored(result, values.dtype)  # the average of integers is float32

        with core_errors():
            # The transparency first, so that the reported kernel is that of the colours.
            alpha = None if picture.alpha is None else pooled(picture.alpha, None)
            values = pooled(picture.values, picture.channel_axis)
        return replace(picture, values=values, alpha=alpha)

    through(work, source, target, force=force)
