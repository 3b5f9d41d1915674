"""convlab's process: `python -m benchmarks.ours`.

Backend, ISA and threads come from the environment variables of the package.
"""

import convlab
from benchmarks.cases.case import Array, Case, Inputs
from benchmarks.contender import Call, serve


class Ours:
    """The public API of convlab."""

    def describe(self) -> dict[str, str]:
        """Return the package's version."""
        return {"convlab": convlab.__version__}

    def calls(self, case: Case, inputs: Inputs) -> dict[str, Call]:
        """Return the only variant of the case's work."""
        return {"": case.ours(inputs)}

    def to_array(self, case: Case, result: Array) -> Array:
        """Return the result, which is already an array."""
        return result

    def served_by(self) -> str:
        """Return the kernel of the last call."""
        return str(convlab.last_kernel())


if __name__ == "__main__":
    serve(Ours)
