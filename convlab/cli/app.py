"""The group of commands, and the one place that converts a failure into an error line and an exit status."""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import TYPE_CHECKING

import click

import convlab
from convlab.cli.commands.bench import bench
from convlab.cli.commands.demo import demo
from convlab.cli.commands.filter import filter_command
from convlab.cli.commands.info import info
from convlab.cli.commands.learn import learn
from convlab.cli.commands.pool import pool

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run"]

# Without a handler, a warning of these loggers would be a second line on standard error.
for _library in ("PIL", "tifffile"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


@click.group(no_args_is_help=False)
@click.version_option(convlab.__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Convolve and pool pictures on the CPU."""


for _command in (demo, filter_command, pool, learn, info, bench):
    cli.add_command(_command)


def run(arguments: Sequence[str] | None = None, command: click.Command = cli, name: str = "convlab") -> int:
    """Run the given arguments (default: those of the process) and return the exit status."""
    # A file name may contain characters that the terminal's encoding lacks: escape them instead of failing.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    status = _invoke(arguments, command, name)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # The rest of the buffer would fail again when the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1
        # An earlier failure is already reported.
        return status or _complain(f"cannot write to standard output: {error.strerror}")
    return status


def _invoke(arguments: Sequence[str] | None, commands: click.Command, name: str) -> int:
    try:
        status = commands.main(arguments, prog_name=name, standalone_mode=False)
    except click.Abort:
        return 130
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else name
        return _complain(f"{error.format_message().rstrip('.')} (see {command} --help)")
    except click.ClickException as error:
        return _complain(error.format_message(), error.exit_code)
    except MemoryError:
        return _complain("not enough memory")
    except BrokenPipeError:
        return 1
    except OSError as error:
        return _complain(str(error))
    # Commands return nothing; --help and --version return their status.
    return status if isinstance(status, int) else 0


def _complain(message: str, status: int = 2) -> int:
    line = " ".join(message.split())
    # A file name may contain control characters, which must not reach the terminal.
    printable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
    print(f"convlab: error: {printable}", file=sys.stderr)
    return status
