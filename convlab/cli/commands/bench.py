"""``convlab bench``: time convlab's backends against each other."""

from __future__ import annotations

from pathlib import Path

import click

from convlab.cli.failures import core_errors
from convlab.cli.files import check_target

__all__ = ["bench"]


@click.command()
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads to use.")
@click.option("--case", "select", metavar="SUBSTRING", help="Only the cases whose names contain this.")
@click.option("--list", "listing", is_flag=True, help="Print the names of the cases and time nothing.")
@click.option("--quick", is_flag=True, help="Fewer rounds: less than a minute.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write the results to this file.",
)
def bench(threads: int | None, select: str | None, listing: bool, quick: bool, json_path: Path | None) -> None:
    """Time operations of every family on each backend of this install."""
    if json_path is not None:
        check_target(json_path)  # before minutes of measuring
    # Imported here because only this command needs the cases.
    from convlab import bench as benchmark

    with core_errors():
        if listing:
            click.echo("\n".join(case.name for case in benchmark.select(select)))
            return
        try:
            benchmark.run(threads, select, None if json_path is None else str(json_path), quick)
        except benchmark.DisagreementError as error:
            # Not the user's mistake, so the status is 1, as in click.
            raise click.ClickException(str(error)) from error
