"""scikit-image: its image filters."""

import skimage  # type: ignore[import-untyped]

from benchmarks.cases.case import Array, Case, Filter, Pool
from benchmarks.contender import UnsupportedError

from .base import Peer, Step


class ScikitImage(Peer):
    """`skimage.filters`, if it has the function."""

    name = "scikit-image"

    def describe(self) -> dict[str, str]:
        return {"scikit-image": skimage.__version__}

    def filters(self, case: Case, spec: Filter, kernel: Array) -> dict[str, Step]:
        raise UnsupportedError("it calls SciPy for arbitrary taps")

    def pools(self, case: Case, spec: Pool) -> dict[str, Step]:
        raise UnsupportedError("its pools pad with zeros")
