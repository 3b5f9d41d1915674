"""Our own process: `python -m benchmarks.ours`.

Backend, ISA and threads come from the environment, as for every other user of the package.
"""

import convlab
from benchmarks.cases.case import Array, Case, Inputs
from benchmarks.contender import Call, serve


class Ours:
    """The public API, called as its users call it."""

    def describe(self) -> dict[str, str]:
        """Return the package's version."""
        return {"convlab": convlab.__version__}

    def calls(self, case: Case, inputs: Inputs) -> dict[str, Call]:
        """Return the one way to do the case's work."""
        return {"": case.ours(inputs)}

    def to_array(self, case: Case, result: Array) -> Array:
        """Return the result: it is an array."""
        return result

    def served_by(self) -> str:
        """Return which kernel did the last call's work."""
        return str(convlab.last_kernel())


if __name__ == "__main__":
    serve(Ours)
