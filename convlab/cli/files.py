"""Output files: check the target, and write it atomically."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from convlab.cli.failures import Failure, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_not_input", "check_target", "replacing"]


def check_target(target: Path) -> None:
    """Refuse a target that cannot be written, before any work is done.

    An existing file may be overwritten.
    """
    if not target.exists():
        folder = Path(os.path.realpath(target)).parent
        if not folder.is_dir():
            raise Failure(f"cannot write {quoted(target)}: no folder {quoted(folder)}")
        return
    mode = target.stat().st_mode
    if stat.S_ISDIR(mode):
        raise Failure(f"cannot write {quoted(target)}: it is a folder")
    # Renaming a new file to the name of a device or a pipe would replace it in the system.
    if not stat.S_ISREG(mode):
        raise Failure(f"cannot write {quoted(target)}: it is not a regular file")


def check_not_input(source: Path, target: Path) -> None:
    """Refuse a target that is the source, or a link to it."""
    if target.exists() and source.exists() and target.samefile(source):
        raise Failure(f"{quoted(target)} is the input itself: name another file, or overwrite it with --force")


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a new file that replaces the target when the block ends, and is deleted if the block fails."""
    # A symbolic link stays: the file that it points to is replaced.
    final = Path(os.path.realpath(target))
    # In the same folder, because only a rename within one file system is atomic.
    temporary = final.with_name(f".convlab-{secrets.token_hex(8)}.tmp")
    try:
        # `open` gives the file the permissions of the user's umask; a temporary file would be private.
        with temporary.open("xb") as file:
            if final.exists():
                temporary.chmod(stat.S_IMODE(final.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(final)
    except OSError as error:
        raise Failure(f"cannot write {quoted(target)}: {error.strerror or error}") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
