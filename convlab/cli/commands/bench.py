"""``convlab bench``: time our own backends against each other."""

from __future__ import annotations

from pathlib import Path

import click

from convlab.cli.failures import core_errors
from convlab.cli.files import check_target

__all__ = ["bench"]


@click.command()
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads to use.")
@click.option("--case", "select", metavar="SUBSTRING", help="Only the cases with this in the name.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the results there too.",
)
def bench(threads: int | None, select: str | None, json_path: Path | None) -> None:
    """Time every operation on each backend of this install."""
    if json_path is not None:
        check_target(json_path)  # now, and not after minutes of measuring
    # Only this command needs the cases.
    from convlab.bench import DisagreementError, run

    with core_errors():
        try:
            run(threads, select, None if json_path is None else str(json_path))
        except DisagreementError as error:
            # Not the user's mistake: click's own status, 1.
            raise click.ClickException(str(error)) from error
