"""The cases of `convlab bench`: one or two calls of each family."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convlab

_EPS = float(np.finfo(np.float32).eps)


class DisagreementError(Exception):
    """A backend's result differs from NumPy's by more than rounding, so the case is not timed."""


@dataclass(frozen=True, eq=False)
class Case:
    """One call of the public API. Images, kernels and weights are random and not negative.

    `terms` is the number of products or values in the sum of one result; a result without sums is exact.
    """

    name: str
    operation: str
    shape: tuple[int, ...]
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    terms: int = 0
    dtype: str = "float32"
    in_python: bool = False  # whether plain loops exist and take about a second

    def image(self) -> NDArray[Any]:
        """Make the image, equal in every process and every run."""
        random = np.random.default_rng(zlib.crc32(self.name.encode()))
        if self.dtype == "float32":
            return random.random(self.shape, dtype=np.float32)
        return random.integers(0, 256, self.shape).astype(self.dtype)

    def call(self, image: NDArray[Any]) -> Callable[[], Any]:
        """Return a call that computes into a new array."""
        module, _, name = self.operation.rpartition(".")
        function = getattr(getattr(convlab, module) if module else convlab, name)
        if name == "Conv2d":
            return partial(function(*self.arguments, **self.options), image)
        return partial(function, image, *self.arguments, **self.options)

    def limit(self, threads: int) -> float | None:
        """Return the lower bound in seconds that `convlab.explain` states; None for a drop-in."""
        if "." in self.operation:
            return None
        options = {"result_dtype" if name == "dtype" else name: value for name, value in self.options.items()}
        options |= {"dtype": self.dtype, "threads": threads}
        with convlab.use_backend("auto"):
            return convlab.explain(self.operation, self.shape, *self.arguments, **options).bound_seconds

    def difference(self, name: str, result: Any, expected: Any) -> float:
        """Return the largest difference of two results, relative to the largest value.

        Raises
        ------
        DisagreementError
            If it is more than twice the promised error bound of each.
        """
        if (result.shape, result.dtype) != (expected.shape, expected.dtype):
            raise DisagreementError(
                f"{self.name}: {name} gives {result.dtype} {result.shape}, numpy {expected.dtype} {expected.shape}"
            )
        wanted = expected.astype(np.float64)
        found = float(np.abs(result - wanted).max() / np.abs(wanted).max())
        allowed = 2 * 4 * self.terms * _EPS
        if not found <= allowed:  # written so that NaN counts as a difference
            raise DisagreementError(f"{self.name}: {name} differs from numpy by {found:.2g}, allowed {allowed:.2g}")
        return found


def _random(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(len(shape)).random(shape, dtype=np.float32)


_TRIANGLE = np.array([1, 2, 1], np.float32) / 4
_PLACES = np.arange(64 * 64).reshape(64, 64)[::2, ::2]

CASES = (
    Case("filter 3x3 512x512", "filter2d", (512, 512), (_random(3, 3),), terms=9, in_python=True),
    Case("filter 3x3 2048x2048", "filter2d", (2048, 2048), (_random(3, 3),), terms=9),
    Case("filter 7x7 512x512 RGB", "filter2d", (512, 512, 3), (_random(7, 7),), {"channel_axis": -1}, terms=49),
    Case("filter bank 16 x 3x3 512x512", "filter_bank", (512, 512), (_random(16, 3, 3),), terms=9),
    Case("separable 9 taps 512x512", "sep_filter2d", (512, 512), (_random(9), _random(9)), terms=18),
    Case("separable 3 taps uint8 512x512", "sep_filter2d", (512, 512), (_TRIANGLE,) * 2, {"dtype": np.uint8},
         dtype="uint8"),
    Case("gaussian sigma 2 512x512", "gaussian", (512, 512), (2.0,), terms=34),
    Case("box 15 512x512", "box", (512, 512), (15,), terms=30),
    Case("sobel 512x512", "sobel", (512, 512), terms=12),
    Case("maximum 15x15 512x512", "maximum_filter", (512, 512), (15,)),
    Case("median 3x3 512x512", "median_filter", (512, 512), (3,)),
    Case("median 15x15 uint8 256x256", "median_filter", (256, 256), (15,), dtype="uint8"),
    Case("max pool 2x2 stride 2 28x28", "max_pool2d", (28, 28), (2, 2), in_python=True),
    Case("max pool 2x2 stride 2 512x512", "max_pool2d", (512, 512), (2, 2), in_python=True),
    Case("max pool 3x3 stride 2 1x64x112x112", "max_pool2d", (1, 64, 112, 112), (3, 2, 1)),
    Case("avg pool 3x3 stride 1 1x64x56x56", "avg_pool2d", (1, 64, 56, 56), (3, 1, 1), terms=9),
    Case("adaptive avg pool to 7x7 1x512x14x14", "adaptive_avg_pool2d", (1, 512, 14, 14), (7,), terms=4),
    Case("max unpool 2x2 1x16x32x32", "max_unpool2d", (1, 16, 32, 32), (np.tile(_PLACES, (1, 16, 1, 1)), 2)),
    Case("conv layer 3x3 64-64 56x56", "Conv2d", (1, 64, 56, 56), (_random(64, 64, 3, 3),), {"padding": 1}, 576),
    Case("conv 1x1 256-64 28x28", "conv2d", (1, 256, 28, 28), (_random(64, 256, 1, 1),), terms=256),
    Case("conv depthwise 3x3 144 56x56", "conv2d", (1, 144, 56, 56), (_random(144, 1, 3, 3),), {"groups": 144}, 9),
    Case("conv transposed 4x4/2 64-32 16x16", "conv_transpose2d", (1, 64, 16, 16), (_random(64, 32, 4, 4),),
         {"stride": 2}, terms=256),
    Case("ndimage.gaussian_filter 64x64", "ndimage.gaussian_filter", (64, 64), (1.0,), terms=18),
    Case("signal.convolve2d 5x5 64x64", "signal.convolve2d", (64, 64), (_random(5, 5),), {"mode": "same"}, 25),
)  # fmt: skip


def select(substring: str | None) -> tuple[Case, ...]:
    """Return the cases whose name contains `substring`, in the list's order.

    Raises
    ------
    ValueError
        If no case has such a name.
    """
    chosen = tuple(case for case in CASES if substring is None or substring in case.name)
    if not chosen:
        raise ValueError(f"no benchmark case has {substring!r} in its name; `convlab bench --list` prints the names")
    return chosen
