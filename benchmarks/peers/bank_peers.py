"""The ways of each library to correlate one image with many kernels."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.cases.banks import Bank
from benchmarks.contender import UnsupportedError

Step = Callable[[Any], Any]


def bank_ways(library: str, work: Bank) -> dict[str, Step]:
    """Return the ways of a library to do a case's work, by name."""
    taps = work.taps
    margin = work.size // 2
    if library == "OpenCV":
        cv2: Any = import_module("cv2")

        def each(image: Any) -> Any:
            result = np.empty((len(taps), *image.shape), np.float32)
            for kernel, response in zip(taps, result, strict=True):
                cv2.filter2D(image, -1, kernel, response)
            return result

        return {"filter2D, kernel by kernel": each}
    if library == "SciPy":
        ndimage: Any = import_module("scipy.ndimage")
        return {"ndimage.correlate": lambda image: np.array([ndimage.correlate(image, w, mode="mirror") for w in taps])}
    if library == "PyTorch":
        torch: Any = import_module("torch")
        functional: Any = import_module("torch.nn.functional")
        weight = torch.from_numpy(taps)[:, None]
        around = (margin,) * 4
        engines = {
            "conv2d": lambda x: functional.conv2d(x, weight),
            "conv2d by GEMM": lambda x: torch.ops.aten.thnn_conv2d(x, weight, [work.size] * 2),
        }
        return {
            name: lambda image, engine=engine: engine(functional.pad(image, around, mode="reflect"))[None]  # type: ignore[misc]
            for name, engine in engines.items()
        }
    raise UnsupportedError("not implemented for this library")
