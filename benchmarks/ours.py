"""Our own process: `python -m convlab.bench.ours`.

Backend, ISA and threads come from the environment, as for every other user of the package.
"""

import os

import convlab

from .cases import Array, Case, Inputs
from .worker import Call, UnsupportedError, serve


class Ours:
    """The public API, called as its users call it."""

    def describe(self) -> dict[str, str]:
        """Return the package's version."""
        return {"convlab": convlab.__version__}

    def calls(self, case: Case, inputs: Inputs) -> dict[str, Call]:
        """Return the one way to do the case's work."""
        if os.environ.get("CONVLAB_BACKEND") == "python" and not case.bearable_in_python:
            raise UnsupportedError("too slow to time")
        return {"": case.ours(inputs)}

    def to_array(self, case: Case, result: Array) -> Array:
        """Return the result: it is an array."""
        return result

    def served_by(self) -> str:
        """Return which kernel did the last call's work."""
        return str(convlab.last_kernel())


if __name__ == "__main__":
    serve(Ours)
