"""Common parts of the commands for picture files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import numpy as np
import numpy.typing as npt

import convlab
from convlab.cli import pictures
from convlab.cli.failures import Failure
from convlab.cli.files import check_not_input, check_target
from convlab.cli.formats import format_of

if TYPE_CHECKING:
    from convlab.cli.pictures import Picture

__all__ = ["from_in_to_out", "stored", "through"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def from_in_to_out(command: _Command) -> _Command:
    """Add the arguments IN and OUT, and --force, to a command."""
    for decorate in (
        click.option("--force", is_flag=True, help="Allow OUT to be the same file as IN."),
        click.argument("target", metavar="OUT", type=click.Path(path_type=Path)),
        click.argument("source", metavar="IN", type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command


def through(work: Callable[[Picture], Picture], source: Path, target: Path, *, force: bool) -> None:
    """Read a picture, process it, write it, and print what was written and by which kernel."""
    # An unsupported output name is an error before any work is done.
    format_of(target)
    check_target(target)
    if not force:
        check_not_input(source, target)
    words = pictures.write(work(pictures.read(source)), target)
    click.echo(f"{click.format_filename(target)}: {words}, by {convlab.last_kernel()}")


def stored(result: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return a result in the picture's dtype, rounded half to even; raise if it is too large for a 16-bit float."""
    if result.dtype == dtype:
        return result
    if dtype.kind != "f":
        rounded: npt.NDArray[Any] = np.rint(result).astype(dtype)
        return rounded
    with np.errstate(over="ignore"):
        narrow: npt.NDArray[Any] = result.astype(dtype)
    if np.any(np.isinf(narrow) & np.isfinite(result)):
        raise Failure(f"a result is beyond what {8 * dtype.itemsize}-bit float holds; choose a smaller --scale")
    return narrow
