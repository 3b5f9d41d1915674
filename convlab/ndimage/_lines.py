"""Work around errors of SciPy 1.17 in ranks over lines.

SciPy's code for one axis reads beyond its buffer or never ends if a line is not longer than the window, so such a line
is passed with its border. It writes into `output` as if that were contiguous and of the input's dtype, so no output is
passed.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders
from convlab.translation.borders import ours

GUARDED = ("median_filter", "percentile_filter", "rank_filter")


def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap SciPy's function so that it gets lines in a form that it handles."""
    signature = inspect.signature(original)

    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        lines = args[0] if args else kwargs.get("input")
        if np.ndim(lines) == 1:  # type: ignore[arg-type]
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:  # SciPy raises the error
                return original(*args, **kwargs)
            bound.apply_defaults()
            result = _safely(original, bound.arguments)
            if result is not None:
                return result
        return original(*args, **kwargs)

    return call


def _length(value: Any) -> int | None:
    """Return the window's size along the only axis, from a number or a sequence of one."""
    try:
        (n,) = np.atleast_1d(np.asarray(value))
        return int(n) if n == int(n) else None
    except (TypeError, ValueError, OverflowError):
        return None


def _stored(output: Any, x: NDArray[Any]) -> NDArray[Any] | None:
    """Return SciPy's `output` as an array of x's shape; None if SciPy refuses it."""
    if isinstance(output, np.ndarray):
        return output if output.shape == x.shape and output.dtype.kind in "biuf" else None
    try:
        result = np.zeros(x.shape, x.dtype.newbyteorder("=") if output is None else output)
    except TypeError:
        return None
    return result if result.dtype.kind in "biuf" else None


def _safely(original: Callable[..., Any], call: dict[str, Any]) -> NDArray[Any] | None:
    """Return the result; None if SciPy handles the line itself, or raises an error before it computes."""
    x = np.asarray(call["input"])
    footprint = call["footprint"]
    k = _length(call["size"]) if footprint is None else np.asarray(footprint).size
    origin = _length(call["origin"])
    border = ours("scipy.ndimage", call["mode"]) if isinstance(call["mode"], str) else None
    if not x.size or x.dtype.kind not in "biuf" or k is None or k < 1 or origin is None or border is None:
        return None
    if not 0 <= k // 2 + origin < k or (call["axes"] is not None and np.size(call["axes"]) != 1):
        return None
    plain = x.flags.c_contiguous and x.dtype.isnative and call["output"] is None
    output = None if x.size > 2 * k and plain else _stored(call["output"], x)
    if output is None:
        return None
    options = {name: value for name, value in call.items() if name not in ("input", "rank", "percentile")}
    rank = [call[name] for name in ("rank", "percentile") if name in call]
    if x.size > 2 * k:
        line = np.ascontiguousarray(x, x.dtype.newbyteorder("="))
        np.copyto(output, original(line, *rank, **options | {"output": None}), casting="unsafe")
        return output
    numbers = _borders.source_indices(border, x.size, -k, x.size + k)
    line = x.astype(np.int64 if x.dtype.kind in "biu" else x.dtype.newbyteorder("="), copy=False)[numbers]
    # As in SciPy: the constant has the type in which ranks are compared.
    line[numbers < 0] = (np.float32 if x.dtype == np.float16 else line.dtype.type)(call["cval"])
    result = original(line, *rank, **options | {"output": None, "mode": "nearest"})
    np.copyto(output, result[k : k + x.size], casting="unsafe")
    return output
