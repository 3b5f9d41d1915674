"""The command line ``convlab``: a client of the public API, which ``import convlab`` does not import.

It needs the extra ``convlab-kernels[cli]`` (click, rich, Pillow, tifffile, Matplotlib). This module
imports only the standard library, so an installation without the extra can report what is missing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["launch", "main"]

_NEEDED = {"click": "click", "rich": "rich", "PIL": "Pillow", "tifffile": "tifffile", "matplotlib": "Matplotlib"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments
        The words after the command's name; default: those of the process.

    Returns
    -------
    int
        0 after success, 1 if standard output was closed early or a result was wrong, 2 after bad
        input (reported in one line on standard error), 130 after an interrupt.
    """
    return launch("convlab.cli.app", "cli", arguments)


def launch(
    module: str, extra: str, arguments: Sequence[str] | None = None, needed: Mapping[str, str] = MappingProxyType({})
) -> int:
    """Run the commands of a module, or report the missing packages; return the exit status as `main` does."""
    try:
        missing = [name for package, name in {**_NEEDED, **needed}.items() if find_spec(package) is None]
        if missing:
            print(
                f'convlab: error: the command line needs {", ".join(missing)}: pip install "convlab-kernels[{extra}]"',
                file=sys.stderr,
            )
            return 2
        status: int = import_module(module).run(arguments)  # after the check, because it imports all of them
        return status
    except KeyboardInterrupt:
        return 130
