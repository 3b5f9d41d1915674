"""What a plan is, and what it may depend on."""

from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from convlab._spec.layout import Layout

# The widest block of any kernel, in floats.
WIDEST_BLOCK = 64
# The widest vector: a kernel may read as many floats past those that it uses.
WIDEST_VECTOR = 16
# The narrowest vector: of the baseline.
NARROWEST_VECTOR = 4
# Bytes that a call may use beside its input and output, unless it says otherwise.
WORKSPACE_LIMIT = 32 << 20
# Rows of maxima that are made together, and share what their windows have in common: what the caches hold of them.
GROUP_ROWS = 128
GROUP_BYTES = 512 << 10


@dataclass(frozen=True, slots=True)
class Machine:
    """What a plan needs to know of a core."""

    flops: float = 40e9
    bytes: float = 8e9
    region_seconds: float = 5e-6  # to start and end a parallel region
    cache_bytes: int = 8 << 20  # a result of this size is not found in the caches again, and is stored past them


class Work(Protocol):
    """What every spec says of the work."""

    @property
    def flops(self) -> int: ...

    @property
    def bytes(self) -> int: ...


SpecT = TypeVar("SpecT", bound=Work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Generic[SpecT]):
    """A checked call, ready to run on any array of its layout."""

    spec: SpecT
    kernel: str  # its name in the dispatch table
    algorithm: str = "direct"
    reason: str  # for choosing it
    considered: tuple[tuple[str, str], ...] = ()  # other algorithms, and why not
    threads: int  # how many pay at most
    tile: tuple[int, int] = (0, 0)  # rows and columns of the output that a thread takes at a time
    workspace: int  # bytes a thread
    buffers: int = 0  # bytes that all threads share
    convert: bool  # whether the source must be copied into a C-contiguous array of `source` first
    source: np.dtype[Any]  # what the kernel reads
    compiled: bool = True  # whether there is a compiled kernel for it
    in_lesson: bool = True  # whether there are plain loops for it
    shape: tuple[int, ...] = ()  # of the result
    plain: bool = False  # nothing but the kernel is to be done; never where one of the fields below says more
    tables: tuple[NDArray[Any], ...]  # the kernel's arguments after the arrays: sizes, borders, values
    taps: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    bands: Any = None  # of an order statistic in bands: their size
    blocks: Any = None  # the Blocks of _plan/blocks.py, where an image is copied and filtered part by part
    inner: Any = None  # the plan of the operation that this one is carried out by
    parts: tuple["Part", ...] = ()  # of a bank whose kernels take several algorithms

    @property
    def dtype(self) -> np.dtype[Any]:
        """The result's."""
        spec: Any = self.spec
        dtype: np.dtype[Any] = spec.dtype
        return dtype

    @property
    def needed(self) -> int:
        """Bytes that a call on one thread needs beside its arguments and its result."""
        served = self if self.inner is None else self.inner
        return int(served.buffers + served.workspace)

    wide: Any = None  # what windows need that hold integers beyond float32's; see wide.py

    def __post_init__(self) -> None:
        more = (
            self.convert or self.parts or any(p is not None for p in (self.bands, self.blocks, self.inner, self.wide))
        )
        if self.plain and more:
            object.__setattr__(self, "plain", False)


@dataclass(frozen=True, slots=True)
class Part:
    """Kernels first .. last - 1 of a bank, and the plan that filters with them: of one kernel, or of a smaller bank."""

    first: int
    last: int
    plan: Plan[Any]


def threads_for(
    spec: Work, machine: Machine, workspace: int = 0, buffers: int = 0, limit: int = WORKSPACE_LIMIT
) -> int:
    """As many as save more than a region costs, twice over, and as the limit on all memory has room for."""
    seconds = spec.flops / machine.flops + spec.bytes / machine.bytes
    room = (limit - buffers) // workspace if workspace else 1024
    return max(1, min(1024, room, int(seconds / (2 * machine.region_seconds))))


def small_group(window: int) -> int:
    """Rows of maxima that are made together where the window has less than 16 rows."""
    return 2 if window == 3 else max(g for g in (1, 2, 4, 8) if g <= window)


def rounded_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def pitches_of(image: Layout, x: NDArray[Any], source: np.dtype[Any]) -> tuple[int, int] | None:
    """The array's own pitches if a kernel can read it where it lies."""
    if not (x.dtype == source and x.dtype.isnative and x.flags.aligned):
        return None
    return image.pitches_of(x.strides, x.dtype.itemsize)
