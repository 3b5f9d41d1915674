"""The memory that calls of a sweep need beside their arguments and results: each is weighed in a process of its own.

That process is forked from one that has imported convlab and made the arrays of noise: a call only reads these, so it
takes no page for them. A fresh interpreter would import everything, make noise and time the machine for each call.
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

# Sides of the small array of the first call, which loads what is loaded once.
_FEW = 40
# The parameter of GNU's `mallopt`: bytes from which an array has pages of its own, which go back when it is freed.
_M_MMAP_THRESHOLD, _MAPPED_FROM = -3, 1 << 16


def memory(call: Call, threads: int) -> dict[str, Any]:
    """Return the bytes that a call needs beside its arguments and its result, and what `explain` says of them.

    Raises
    ------
    RuntimeError
        If the process in which it is called fails, or is ended.
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
    """Weigh the call, write what it needs, and end the process."""
    status = 1
    try:
        try:
            answer = ("done", _weighed(call, image, threads))
        except Exception:  # whatever the call raises is its answer
            answer = ("failed", traceback.format_exc().strip().splitlines()[-1])
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe)
        status = 0
    finally:  # an interrupt must not go on in the parent's code
        os._exit(status)


def _weighed(call: Call, image: Array, threads: int) -> int:
    convlab.set_num_threads(threads)
    few = replace(call, shape=tuple(min(n, _FEW) for n in call.shape))
    few.bind(few.image())()
    shape, dtype = call.result
    more: dict[str, Any] = {} if call.operation == "gabor" else {"out": np.ones(shape, dtype)}
    made = call.bind(image, **more)
    _return_free_memory()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = resident("VmRSS")
    result = made()
    needed = resident("VmHWM") - before
    results = result if isinstance(result, tuple) else (result,)
    return needed - sum(array.nbytes for array in results if array is not more.get("out"))


def _planned(call: Call, threads: int) -> int | None:
    if call.operation == "gabor":  # it takes no `out` and is not explained
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
    """Return the same noise for all shapes of as many elements."""
    return _noise(math.prod(call.shape), call.dtype).reshape(call.shape)


def _return_free_memory() -> None:
    """Give free memory back to the system, or a call that takes it again would seem to need none."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)
        library.malloc_trim(0)


def resident(name: str) -> int:
    """Return a figure of this process, VmRSS or VmHWM, in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10
