"""SciPy: `ndimage` filters, and `signal` where the kernel is large."""

from typing import Any

import numpy as np
import scipy
from scipy import fft, ndimage, signal

from benchmarks.cases.case import Array, Case, Filter, Pool

from .base import Peer, Step, colour, copy_frame, interior, taken, widths, window
from .numpy_peer import PAD_MODES

_MODES = {
    "constant": "constant",
    "mirror": "mirror",
    "nearest": "nearest",
    "symmetric": "reflect",
    "wrap": "wrap",
    # Any border is right: pixels near the edges are cropped or replaced.
    "valid": "nearest",
    "keep": "nearest",
}


class SciPy(Peer):
    """`ndimage.correlate`; `signal.correlate2d` and its FFT on a padded image; rank filters."""

    name = "SciPy"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        # ndimage and correlate2d have no threads; the FFTs do.
        self._workers = fft.set_workers(threads)
        self._workers.__enter__()

    def describe(self) -> dict[str, str]:
        return {"SciPy": scipy.__version__}

    def filters(self, case: Case, spec: Filter, kernel: Array) -> dict[str, Step]:
        margin = spec.size // 2
        inside = interior(margin, colour(case))
        padding = widths(case, margin)
        mode = _MODES[spec.border]
        taps = kernel[:, :, np.newaxis] if colour(case) else kernel
        flipped = np.ascontiguousarray(taps[::-1, ::-1])

        low, high = spec.clip or (None, None)

        def correlate(image: Array) -> Any:
            return ndimage.correlate(image, taps, mode=mode)

        def keep(image: Array) -> Any:
            result = correlate(image)
            np.clip(result, low, high, out=result)
            copy_frame(image, result, margin, colour(case))
            return result

        def padded(image: Array) -> Array:
            if spec.border == "valid":
                return image
            return np.pad(image, padding, PAD_MODES[spec.border])

        if spec.border == "keep":
            return {"ndimage.correlate": keep}
        ways: dict[str, Step] = {
            "ndimage.correlate": correlate,
            "signal.fftconvolve": lambda image: signal.fftconvolve(padded(image), flipped, "valid", axes=(0, 1)),
            "signal.oaconvolve": lambda image: signal.oaconvolve(padded(image), flipped, "valid", axes=(0, 1)),
        }
        if spec.border == "valid":
            ways["ndimage.correlate"] = lambda image: correlate(image)[inside]
        if not colour(case):
            ways["signal.correlate2d"] = lambda image: signal.correlate2d(padded(image), kernel, "valid")
        return ways

    def pools(self, case: Case, spec: Pool) -> dict[str, Step]:
        chosen = window(*taken(spec, *case.spatial), colour(case))
        size = tuple(spec.size if before or after else 1 for before, after in widths(case, 1))
        if spec.kind == "avg":
            return {
                "ndimage.uniform_filter": lambda image: ndimage.uniform_filter(image, size, mode="constant")[chosen]
            }
        name = {"max": "maximum_filter", "min": "minimum_filter"}[spec.kind]
        rank_filter = getattr(ndimage, name)
        outside = {"max": -np.inf, "min": np.inf}[spec.kind]
        return {f"ndimage.{name}": lambda image: rank_filter(image, size, mode="constant", cval=outside)[chosen]}
