"""The right answers in float64, and the error of a result.

Every result is compared with them before it is timed. They are computed by shifting whole arrays in
NumPy, which is simple, and fast enough for 15x15 taps on 2048x2048 pixels; the plain loops of
`reference` would take many minutes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases.case import Array, Case, Filter, Inputs, Pool

Doubles = NDArray[np.float64]

# NumPy's names of convlab's borders; `valid` and `keep` read nothing outside the image.
_PAD_MODES = {
    "mirror": "reflect",
    "symmetric": "symmetric",
    "nearest": "edge",
    "wrap": "wrap",
    "constant": "constant",
}

# FFTs and Winograd spread their rounding errors; a wrong border or a flipped kernel has a far
# larger error.
_PEER_TOLERANCE = 1e-4


class DisagreementError(Exception):
    """A contender's result is wrong, so it is not timed."""


@dataclass(frozen=True)
class Expected:
    """The answer, the sum of |w| |x| of each pixel, and the allowed errors."""

    values: Doubles
    magnitude: Doubles
    our_tolerance: float
    peer_tolerance: float
    dtype: np.dtype[Any] = np.dtype(np.float32)  # noqa: RUF009 - a dtype never changes

    def error(self, result: Array) -> float:
        """Return the largest error, relative to the sum of |w| |x| of its pixel."""
        if result.shape != self.values.shape or result.dtype != self.dtype:
            raise DisagreementError(
                f"the result is {result.dtype} {result.shape}, expected {self.dtype} {self.values.shape}"
            )
        difference = np.abs(result - self.values)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(difference == 0, 0.0, difference / self.magnitude)
        return float(relative.max())

    def check(self, name: str, result: Array, *, ours: bool) -> float:
        """Return the error of `result`, or raise `DisagreementError` if it is more than rounding."""
        tolerance = self.our_tolerance if ours else self.peer_tolerance
        try:
            error = self.error(result)
        except DisagreementError as disagreement:
            raise DisagreementError(f"{name}: {disagreement}") from None
        # Written so that NaN fails too.
        if not error <= tolerance:
            raise DisagreementError(f"{name}: the error is {error:.2g} of sum |w| |x|, allowed {tolerance:.2g}")
        return error


def expected(case: Case, inputs: Inputs) -> Expected:
    """Compute the float64 answer of a case."""
    if case.work is not None:
        return Expected(*case.work.expected(inputs.image), np.dtype(case.work.result))
    values = inputs.image.astype(np.float64)
    if case.conv is not None and inputs.kernel is not None:
        kernel = inputs.kernel.astype(np.float64)
        magnitude = case.conv.expected(np.abs(values), np.abs(kernel))
        terms = kernel.size // case.conv.channels(case.shape)
        ours = 4.0 * terms * float(np.finfo(np.float32).eps)
        return Expected(case.conv.expected(values, kernel), magnitude, ours, max(ours, _PEER_TOLERANCE))
    if case.channel_axis == -1:
        values = np.moveaxis(values, -1, 0)
    magnitude = np.abs(values)
    additions = 0
    if case.filter is not None and inputs.kernel is not None:
        kernel = inputs.kernel.astype(np.float64)
        magnitude = _filtered(magnitude, np.abs(kernel), case.filter)
        values = _filtered(values, kernel, case.filter)
        if case.filter.clip is not None:
            frame = values
            values = np.clip(values, *case.filter.clip)
            if case.filter.border == "keep":
                _copy_frame(frame, values, case.filter.size // 2)
        additions += kernel.size
    if case.pool is not None:
        magnitude = _pooled(magnitude, case.pool)
        values = _pooled(values, case.pool)
        if case.pool.kind == "avg":
            additions += case.pool.size**2
    if case.channel_axis == -1:
        values, magnitude = np.moveaxis(values, 0, -1), np.moveaxis(magnitude, 0, -1)
    # The promised error bound: c * K * eps * sum |w| |x| with c = 4. A maximum does not round.
    ours = 4.0 * additions * float(np.finfo(np.float32).eps)
    peers = max(ours, _PEER_TOLERANCE) if additions else 0.0
    return Expected(values, magnitude, ours, peers)


def _filtered(image: Doubles, kernel: Doubles, spec: Filter) -> Doubles:
    margin = spec.size // 2
    inner = spec.border in ("valid", "keep")
    padded = image if inner else _padded(image, margin, _PAD_MODES[spec.border])
    height, width = padded.shape[-2] - spec.size + 1, padded.shape[-1] - spec.size + 1
    total = np.zeros((*padded.shape[:-2], height, width))
    for (row, column), weight in np.ndenumerate(kernel):
        total += weight * padded[..., row : row + height, column : column + width]
    if spec.border != "keep":
        return total
    kept = image.copy()
    kept[..., margin:-margin, margin:-margin] = total
    return kept


def _copy_frame(source: Doubles, target: Doubles, margin: int) -> None:
    for edge in (slice(None, margin), slice(-margin, None)):
        target[..., edge, :] = source[..., edge, :]
        target[..., :, edge] = source[..., :, edge]


def _pooled(image: Doubles, pool: Pool) -> Doubles:
    outside = {"max": -np.inf, "min": np.inf, "avg": 0.0}[pool.kind]
    padded = _padded(image, pool.padding, "constant", constant_values=outside)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (pool.size, pool.size), (-2, -1))
    windows = windows[..., :: pool.stride, :: pool.stride, :, :]
    reduce: Any = {"max": np.max, "min": np.min, "avg": np.mean}[pool.kind]
    result: Doubles = reduce(windows, axis=(-2, -1))
    return result


def _padded(image: Doubles, margin: int, mode: str, **options: float) -> Doubles:
    widths = [(0, 0)] * (image.ndim - 2) + [(margin, margin)] * 2
    padded: Doubles = np.pad(image, widths, mode=mode, **options)  # type: ignore[call-overload]
    return padded
