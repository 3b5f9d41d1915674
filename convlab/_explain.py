"""What a call would do, and why: plans made to be read, without an array and without computing anything."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import DTypeLike, NDArray

from convlab import _costs, _errors
from convlab._dispatch import PYTHON, Backend, active, serving
from convlab._operations import PLANNED, plan_of
from convlab._plan.plan import Plan
from convlab._spec import arguments as _spec
from convlab._spec.arguments import FLOAT32
from convlab._spec.pooling import Pool
from convlab._spec.ranking import Rank2d
from convlab._spec.unpooling import Unpool
from convlab._threads import get_num_threads, limited
from convlab._threads import threads as _threads


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a call would be carried out; `print` it, or read its fields.

    Bytes and seconds are of the whole call on this machine: `bound_seconds` is the least that the plain sum could take
    here (its flops at the measured rate of multiply-adds, or the bytes that must be read and written at the rate of a
    copy, whichever is longer), `expected_seconds` what this algorithm, which may need fewer, should take, by the costs
    that were measured on one machine; None for a kernel whose costs are unknown.
    """

    operation: str
    algorithm: str
    reason: str
    considered: tuple[tuple[str, str], ...]
    kernel: str
    backend: str
    isa: str
    tile: tuple[int, int]
    threads: int
    workspace_bytes: int
    flops: int
    bytes: int
    bound_seconds: float
    expected_seconds: float | None
    limited_by: str

    def __str__(self) -> str:
        served = self.backend + (f"/{self.isa}" if self.isa else "")
        others = [("", f"not {name}: {why}") for name, why in self.considered]
        rows = [
            ("algorithm", f"{self.algorithm}: {self.reason}"),
            *others,
            ("kernel", f"{self.kernel} [{served}]"),
            ("tile", f"{self.tile[0]} x {self.tile[1]} of the output"),
            ("threads", str(self.threads)),
            ("workspace", f"{self.workspace_bytes:,} bytes"),
            ("flops", f"{self.flops:,}"),
            ("bytes", f"{self.bytes:,} that must be read and written"),
            ("limit", f"{_time(self.bound_seconds)} of the direct algorithm, by this machine's {self.limited_by}"),
            ("expected", "unknown" if self.expected_seconds is None else _time(self.expected_seconds)),
        ]
        return "\n".join([self.operation, *(f"  {name:<10} {text}" for name, text in rows)])


def explain(
    operation: str,
    shape: tuple[int, ...],
    *arguments: Any,
    dtype: DTypeLike = np.float32,
    threads: int | None = None,
    **options: Any,
) -> Explanation:
    """Say how a call would be carried out: by which algorithm and why, in what tiles, how fast.

    Parameters
    ----------
    operation : str
        The name of the function, or of the layer: all of convlab's that take ``out=``, which `gabor` does not.
    shape : tuple of int
        The shape of its first argument, C-contiguous; no array is needed or made. Of a layer what it is called with.
    *arguments : Any
        The other positional arguments of the call, such as the kernel; those that make the layer.
    dtype : dtype
        The dtype of the first argument. (The result's is ``result_dtype=``.)
    threads : int, optional
        How many the call might use, on any machine; what it would use here unless given.
    **options : Any
        The keyword arguments of the call.

    Returns
    -------
    Explanation
        An object to print, with the facts as fields.

    Raises
    ------
    TypeError, ValueError
        What the call would raise, or an unknown operation.

    Notes
    -----
    The first call measures the machine for some 20 ms. The limit is the roofline of S. Williams, A. Waterman and
    D. Patterson, "Roofline: an insightful visual performance model for multicore architectures", Communications of the
    ACM 52(4), 2009, pp. 65-76.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> plan = convlab.explain("filter2d", (512, 512), np.eye(3), border="nearest")
    >>> plan.algorithm, plan.kernel, plan.flops
    ('direct', 'correlate2d_3x3', 4718592)
    >>> print(convlab.explain("filter2d", (512, 512), np.eye(41)))  # doctest: +ELLIPSIS
    filter2d
      algorithm  fft: a product of transforms, tile by tile
                 not separable: the kernel is not of rank 1
                 not direct: 1681 products a pixel are more than its transforms cost
    ...
    >>> plan = convlab.explain("Conv2d", (1, 64, 56, 56), np.ones((64, 64, 3, 3)), padding=1)
    >>> plan.algorithm, plan.reason
    ('winograd4', 'fewer multiplications, in tiles of 4 x 4')
    >>> convlab.explain("max_pool2d", (8, 64, 56, 56), 2).kernel
    'max_pool2d_2x2'
    """
    if not isinstance(operation, str):
        expected = 'a name, then a shape: convlab.explain("filter2d", image.shape, ...)'
        raise _errors.wrong_type("operation", operation, expected)
    _spec.word("operation", operation, tuple(PLANNED))
    if "result_dtype" in options:
        options["dtype"] = options.pop("result_dtype")
    x = stand_in(shape, dtype)
    plan = plan_of(operation, x, arguments, options)
    if threads is None:
        return _explained(operation, plan, x, limited(plan.threads))
    with _threads(threads):
        return _explained(operation, plan, x, min(plan.threads, get_num_threads()))


def stand_in(shape: Any, dtype: DTypeLike) -> NDArray[Any]:
    """An array of this layout that holds one element: plans look at no more."""
    expected = "a tuple of whole numbers of at least 0"
    if not isinstance(shape, (tuple, list)):
        raise _errors.wrong_type("shape", shape, f"{expected}, such as the array's .shape")
    sizes = tuple(_spec.integer("shape", n, expected) for n in shape)
    if any(n < 0 for n in sizes):
        raise _errors.wrong_value("shape", shape, expected)
    element = np.zeros(1, _spec.dtype_of("dtype", dtype, "a dtype"))
    strides = [element.itemsize * math.prod(sizes[axis + 1 :]) for axis in range(len(sizes))]
    try:
        return as_strided(element, sizes, strides, writeable=False)
    except (ValueError, OverflowError):
        raise _errors.wrong_value("shape", shape, f"{expected}, that NumPy has arrays of") from None


def _bytes(plan: Plan[Any], x: NDArray[Any]) -> int:
    """Return the bytes that must be read and written. Sums count four for each element of the image, of any dtype."""
    spec = plan.spec
    of_image = isinstance(spec, (Rank2d, Unpool)) or (isinstance(spec, Pool) and spec.operation in ("max", "min"))
    return int(spec.bytes + (0 if of_image else (x.itemsize - FLOAT32.itemsize) * x.size))


def _explained(operation: str, plan: Plan[Any], x: NDArray[Any], threads: int) -> Explanation:
    backend, asked = serving(plan.compiled, plan.in_lesson), active()
    why_not = {
        "compiled": "no kernel reads these arrays, so NumPy serves the call",
        "python": "convlab.reference has no loops for this call, so NumPy serves it",
    }
    others = () if backend is asked else ((asked.name, why_not[asked.name]),)
    served = plan if plan.inner is None else plan.inner
    moved = _bytes(plan, x)
    flops, copy = multiply_adds(backend), _copy_rate(_power_of_two(moved))
    arithmetic, traffic = plan.spec.flops / flops / threads, moved / copy
    return Explanation(
        operation=operation,
        algorithm=plan.algorithm,
        reason=plan.reason,
        considered=(*plan.considered, *others),
        kernel=served.kernel,
        backend=backend.name,
        isa=backend.isa,
        tile=served.tile,
        threads=threads,
        workspace_bytes=served.buffers + threads * served.workspace,
        flops=plan.spec.flops,
        bytes=moved,
        bound_seconds=max(arithmetic, traffic),
        limited_by="multiply-adds" if arithmetic > traffic else "memory",
        expected_seconds=_costs.expected(plan, x, backend.name, flops, threads),
    )


def _power_of_two(n: int) -> int:
    """The next one, within what it takes a moment to copy, and that moment to measure."""
    return 1 << min(max((n - 1).bit_length(), 12), 25)


@cache
def multiply_adds(backend: Backend) -> float:
    """Flops per second of one thread in registers of a backend, the best of a few samples."""
    if backend is PYTHON:
        return 1e7
    run = backend.functions["multiply_add"]
    repetitions, seconds, flops = 1, 0.0, 0
    while seconds < 1e-3:
        repetitions *= 2
        seconds, flops = min(_timed(partial(run, repetitions)) for _ in range(7))
    return flops / seconds


@cache
def _copy_rate(size: int) -> float:
    """Bytes per second read and written by a copy of half of `size` bytes to the other half."""
    # Half a page further on: copies between equal places of two pages are up to ten times as slow on some processors.
    memory = np.ones(size + 2048, np.uint8)
    source, target = memory[: size // 2], memory[size // 2 + 2048 :]
    times = max(1, (1 << 20) // size)

    def copies() -> int:
        for _ in range(times):
            np.copyto(target, source)
        return size * times

    seconds, copied = min(_timed(copies) for _ in range(7))
    return copied / seconds


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    start = time.perf_counter()
    done = work()
    return time.perf_counter() - start, done


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} us"


__all__ = ["Explanation", "explain"]
