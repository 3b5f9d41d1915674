"""Failures of commands: one line on standard error and an exit status."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Failure", "codecs_silenced", "core_errors", "quoted"]


class Failure(click.ClickException):
    """Bad input, or a file that cannot be read or written."""

    exit_code = 2


@contextmanager
def core_errors() -> Iterator[None]:
    """Convert the public API's errors about arguments into a Failure."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise Failure(str(error)) from error


@contextmanager
def codecs_silenced() -> Iterator[None]:
    """Suppress the messages of libtiff and libjpeg on standard error."""
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def quoted(path: Path) -> str:
    """Return a path in the form that messages use."""
    return f"'{click.format_filename(path)}'"
