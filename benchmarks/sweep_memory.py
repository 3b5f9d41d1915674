"""Measure the memory that calls need in addition to their arguments and results, each in a separate process.

That process is forked from one that has imported convlab and made the arrays of noise. A call only reads these arrays,
so it needs no new pages for them. A new interpreter would import everything and make the noise for each call.
"""

import ctypes
import math
import os
import pickle
import re
import traceback
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import convlab
from benchmarks.sweep_calls import Array, Call
from convlab._importing import scipy_fft

# Sides of the small array of the first call, which imports modules and fills caches.
_FEW = 40
# Parameter of GNU's `mallopt`: larger arrays get separate pages, which return to the system when they are freed.
_M_MMAP_THRESHOLD, _MAPPED_FROM = -3, 1 << 16


def memory(call: Call, threads: int) -> dict[str, Any]:
    """Return the bytes that a call needs in addition to its arguments and its result, and the bytes of `explain`.

    Raises
    ------
    RuntimeError
        If the process of the call fails or is killed.
    """
    scipy_fft()  # small calls do not load it
    image, planned = _image(call), _planned(call, threads)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _answer(writing, call, image, threads)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if not answer:
        raise RuntimeError(f"the call's process ended with status {os.waitstatus_to_exitcode(status)}")
    kind, value = pickle.loads(answer)
    if kind == "failed":
        raise RuntimeError(value)
    return {"needed": value, "planned": planned}


def _answer(writing: int, call: Call, image: Array, threads: int) -> None:
    """Measure the call, write its memory, and end the process."""
    status = 1
    try:
        try:
            answer = ("done", _weighed(call, image, threads))
        except Exception:  # any error of the call is its answer
            answer = ("failed", traceback.format_exc().strip().splitlines()[-1])
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe)
        status = 0
    finally:  # an interrupt must not continue in the parent's code
        os._exit(status)


def _weighed(call: Call, image: Array, threads: int) -> int:
    convlab.set_num_threads(threads)
    few = replace(call, shape=tuple(min(n, _FEW) for n in call.shape))
    few.bind(few.image())()
    shape, dtype = call.result
    more: dict[str, Any] = {} if call.operation == "gabor" else {"out": np.ones(shape, dtype)}
    made = call.bind(image, **more)
    _return_free_memory()
    Path("/proc/self/clear_refs").write_text("5")  # reset the peak
    before = resident("VmRSS")
    result = made()
    needed = resident("VmHWM") - before
    results = result if isinstance(result, tuple) else (result,)
    return needed - sum(array.nbytes for array in results if array is not more.get("out"))


def _planned(call: Call, threads: int) -> int | None:
    if call.operation == "gabor":  # it has no `out` and `explain` does not support it
        return None
    options = dict(call.options)
    planned: int = convlab.explain(
        call.operation, call.shape, *call.others(), dtype=call.dtype, threads=threads, **options
    ).workspace_bytes
    return planned


@lru_cache(maxsize=2)
def _noise(count: int, dtype: str) -> Array:
    return Call("", (count,), dtype=dtype).image()


def _image(call: Call) -> Array:
    """Return the same noise for all shapes with this number of elements."""
    return _noise(math.prod(call.shape), call.dtype).reshape(call.shape)


def _return_free_memory() -> None:
    """Return free memory to the system; else a call that reuses it would seem to need none."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)
        library.malloc_trim(0)


def resident(name: str) -> int:
    """Return VmRSS or VmHWM of this process, in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10
