"""Plain Python: the lesson's loops, `convlab.reference`, on nested lists."""

import platform
from typing import Any

import numpy as np

from benchmarks.cases.case import Array, Case, Filter, Pool
from benchmarks.contender import UnsupportedError
from convlab import reference

from .base import Peer, Step


class Python(Peer):
    """Loops over pixels and taps, one number at a time."""

    name = "Python"

    def describe(self) -> dict[str, str]:
        return {"Python": platform.python_version()}

    def load(self, case: Case, image: Array) -> Any:
        if not case.bearable_in_python:
            raise UnsupportedError("too slow to time")
        if case.planes > 1:
            raise UnsupportedError("the plain loops are for one grey image")
        return image.tolist()

    def to_array(self, case: Case, result: Any) -> Array:
        return np.array(result, dtype=np.float32)

    def filters(self, case: Case, spec: Filter, kernel: Array) -> dict[str, Step]:
        taps = kernel.tolist()
        return {"loops": lambda rows: reference.filter2d(rows, taps, border=spec.border, clip=spec.clip)}

    def pools(self, case: Case, spec: Pool) -> dict[str, Step]:
        pool = getattr(reference, f"{spec.kind}_pool2d")
        return {"loops": lambda rows: pool(rows, spec.size, spec.stride, spec.padding)}
