"""The command line ``convlab``: a client of the public API, kept out of ``import convlab``.

It needs the extra ``convlab-kernels[cli]`` (click, rich, Pillow, tifffile, Matplotlib). This module
imports the standard library alone, so that an install without the extra can say what is missing.
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
        The words after the command's name; those of the process by default.

    Returns
    -------
    int
        0 when done, 1 when standard output was closed early or a result did not agree, 2 after bad
        input (said in one line on standard error), 130 after an interrupt.
    """
    return launch("convlab.cli.app", "cli", arguments)


def launch(
    module: str, extra: str, arguments: Sequence[str] | None = None, needed: Mapping[str, str] = MappingProxyType({})
) -> int:
    """Run the commands of a module, or say what must be installed for them; return the exit status as `main`."""
    try:
        missing = [name for package, name in {**_NEEDED, **needed}.items() if find_spec(package) is None]
        if missing:
            print(
                f'convlab: error: the command line needs {", ".join(missing)}: pip install "convlab-kernels[{extra}]"',
                file=sys.stderr,
            )
            return 2
        status: int = import_module(module).run(arguments)  # not before the check: it needs them all
        return status
    except KeyboardInterrupt:
        return 130
