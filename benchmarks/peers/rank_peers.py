"""The ways of each library to compute an order statistic; its peer module has already imported the library."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.cases.case import Case
from benchmarks.cases.ranks import Rank
from benchmarks.contender import UnsupportedError

Step = Callable[[Any], Any]


def rank_ways(library: str, case: Case, work: Rank) -> dict[str, Step]:
    """Return the ways of a library to do a case's work, by name."""
    makers = {"OpenCV": _opencv, "SciPy": _scipy, "PyTorch": _torch}
    ways = makers[library](case, work) if library in makers else {}
    if not ways:
        raise UnsupportedError(f"no comparable {work.function}")
    return ways


def _opencv(case: Case, work: Rank) -> dict[str, Step]:
    cv2: Any = import_module("cv2")
    size = work.size
    if work.kind == "median":
        if work.dtype != "uint8" and size > 5:
            return {}
        return {"medianBlur": lambda image: cv2.medianBlur(image, size)}
    window = np.ones((size, size), np.uint8)
    if work.kind == "maximum":
        return {"dilate": lambda image: cv2.dilate(image, window)}
    return {"erode": lambda image: cv2.erode(image, window)}


def _scipy(case: Case, work: Rank) -> dict[str, Step]:
    return {f"ndimage.{work.function}": work.by_scipy}


def _torch(case: Case, work: Rank) -> dict[str, Step]:
    functional: Any = import_module("torch.nn.functional")
    if work.kind != "maximum" or work.dtype != "float32" or case.channel_axis is not None:
        return {}
    size = work.size
    return {"max_pool2d": lambda image: functional.max_pool2d(image, size, 1, size // 2)}
