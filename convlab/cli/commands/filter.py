"""``convlab filter``: filter a picture file."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import numpy.typing as npt

import convlab
from convlab import filters
from convlab.cli.commands._arguments import from_in_to_out, stored, through
from convlab.cli.failures import core_errors
from convlab.cli.formats import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from convlab.cli.pictures import Picture

__all__ = ["filter_command"]


class _WithCatalogue(click.Command):
    """A command whose help ends with a list of the filters and their parameters."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Filters (and their parameters)"):
            formatter.write_dl([(name, _described(name)) for name in filters.names()])


def _described(name: str) -> str:
    entry = filters.info(name)
    parameters = ", ".join(parameter.name for parameter in entry.parameters)
    return f"{entry.description} ({parameters})" if parameters else entry.description


def _number(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        raise click.BadParameter(f"{word!r} is not a number.", param_hint="'--kernel'") from None
    if not math.isfinite(number):
        raise click.BadParameter(f"{word!r} is not a finite number.", param_hint="'--kernel'")
    return number


def _taps(text: str) -> list[list[float]]:
    """Read a kernel such as "0 1 0; 1 -4 1; 0 1 0"."""
    rows = []
    for row in text.split(";"):
        words = row.split(",") if "," in row else row.split()
        if any(len(word.split()) != 1 for word in words):
            raise click.BadParameter(
                f"{row.strip()!r} mixes spaces and commas: put one of them between taps, and ';' between rows.",
                param_hint="'--kernel'",
            )
        rows.append([_number(word.strip()) for word in words])
    if not all(rows) or len({len(row) for row in rows}) != 1:
        lengths = ", ".join(str(len(row)) for row in rows)
        raise click.BadParameter(
            f"every row needs the same number of taps, at least one, not {lengths}.",
            param_hint="'--kernel'",
        )
    return rows


def _parameters(words: Sequence[str]) -> dict[str, int | float | str]:
    """Read parameters such as "sigma=2"."""
    parameters: dict[str, int | float | str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals or name in parameters:
            raise click.BadParameter(f"{word!r} must be NAME=VALUE, each name once.", param_hint="'--param'")
        parameters[name] = _value(value)
    return parameters


def _value(word: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


@click.command("filter", cls=_WithCatalogue)
@from_in_to_out
@click.option("--filter", "name", metavar="NAME", help="A filter of the catalogue; see below.")
@click.option(
    "--param",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter of the filter, such as sigma=2; may be repeated.",
)
@click.option(
    "--kernel",
    metavar="TAPS",
    help='The taps, row by row: "0 1 0; 1 -4 1; 0 1 0". They are not flipped.',
)
@click.option(
    "--border",
    metavar="NAME",
    default="mirror",
    show_default=True,
    help="The pixels outside the picture: constant, nearest, symmetric, mirror or wrap; or valid "
    "(the picture gets smaller) or keep (the outermost pixels do not change).",
)
@click.option("--cval", type=float, default=0.0, show_default=True, help="The outside pixel of --border constant.")
@click.option("--scale", type=float, default=1.0, show_default=True, help="Multiplies each sum.")
@click.option("--offset", type=float, default=0.0, show_default=True, help="Is then added to each sum.")
@click.option("--clip", type=(float, float), metavar="LOW HIGH", help="Then limit each result to this range.")
def filter_command(
    source: Path,
    target: Path,
    force: bool,
    name: str | None,
    parameters: tuple[str, ...],
    kernel: str | None,
    border: Any,  # not checked yet: filter2d does it
    cval: float,
    scale: float,
    offset: float,
    clip: tuple[float, float] | None,
) -> None:
    """Filter the picture IN and write OUT, by --filter or --kernel.

    OUT is a picture of the same kind as IN: grey, RGB, palette, 1-bit, 16-bit, signed or float, or
    bands. The EXIF orientation of IN is applied. Each colour or band is filtered separately.
    Transparency, colour profile and resolution are copied unchanged; other tags and comments are
    dropped. Numbers are in the picture's units: 0 to 255, 0 to 65535 in 16 bits, 0 to 1 in one bit.
    Results are rounded half to even and clipped to that range. A palette picture whose result
    has more than 256 colours is reduced to the best 256. An unsupported picture is refused.
    """
    if (name is None) == (kernel is None):
        raise click.UsageError("Give one of --filter NAME and --kernel TAPS.")
    if kernel is not None and parameters:
        raise click.UsageError("--param belongs to --filter NAME.")
    with core_errors():
        taps = filters.get(name, **_parameters(parameters)) if name is not None else np.array(_taps(kernel or ""))

    def work(picture: Picture) -> Picture:
        dtype = picture.values.dtype
        with core_errors():
            values = convlab.filter2d(
                picture.values,
                taps,
                border=border,
                cval=cval,
                scale=scale,
                offset=offset,
                clip=clip,
                channel_axis=picture.channel_axis,
                dtype=dtype if dtype.kind in "iu" else None,
            )
        values = np.minimum(values, 1) if picture.kind is Kind.BIT else stored(values, dtype)
        alpha = _under(picture.alpha, values.shape, taps.shape)
        return replace(picture, values=values, alpha=alpha)

    through(work, source, target, force=force)


def _under(alpha: npt.NDArray[Any] | None, shape: tuple[int, ...], taps: tuple[int, ...]) -> npt.NDArray[Any] | None:
    """Return the transparency of the output's pixels, which are fewer with --border valid."""
    if alpha is None or alpha.shape == shape[:2]:
        return alpha
    top, left = taps[0] // 2, taps[1] // 2
    return alpha[top : top + shape[0], left : left + shape[1]]
