"""The wording of every error: the argument, what came, what was expected, what to do.

Each function builds an exception, and the caller raises it. Below everything: imports nothing of convlab.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def _shown(value: Any) -> str:
    """What came, short enough for one line."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a whole number of more digits than Python prints, lists too deep, a broken __repr__
        text = f"a number of {value.bit_length()} bits" if isinstance(value, int) else "what cannot be printed"
    return text if len(text) <= 80 else text[:77] + "..."


def wrong_type(name: str, value: Any, expected: str) -> TypeError:
    return TypeError(f"{name}: got {type(value).__name__} ({_shown(value)}); expected {expected}")


def wrong_value(name: str, value: Any, expected: str) -> ValueError:
    return ValueError(f"{name}: got {_shown(value)}; expected {expected}")


def wrong_word(name: str, value: Any, choices: Iterable[str], hint: str = "") -> ValueError:
    listed = ", ".join(choices)
    return ValueError(f"{name}: got {_shown(value)}; expected one of: {listed}" + (f". {hint}" if hint else ""))


def wrong_dtype(name: str, dtype: Any, expected: str) -> TypeError:
    return TypeError(f"{name}: got dtype {dtype}; expected {expected}")


def wrong_shape(name: str, shape: tuple[int, ...], expected: str) -> ValueError:
    return ValueError(f"{name}: got shape {shape}; expected {expected}")


def not_an_array(name: str, reason: Exception) -> TypeError:
    todo = "; convlab.torch has functions of tensors with gradients" if "requires grad" in str(reason) else ""
    return TypeError(
        f"{name}: got something that NumPy cannot make an array of numbers of ({reason}); expected an array{todo}"
    )


_PIXELS = "an array: read the file first, for example with numpy.asarray(PIL.Image.open(path))"
_TAPS = "an array of taps: convlab.filters.get(name) returns a filter of the catalogue"
# Arguments for which the name of a file or of a filter is given at times, and what to pass.
INSTEAD_OF_TEXT = {"image": _PIXELS, "x": _PIXELS, "kernel": _TAPS, "kernels": _TAPS, "weight": _TAPS}


def text(name: str, value: Any) -> TypeError:
    return TypeError(f"{name}: got {type(value).__name__} ({_shown(value)}); expected {INSTEAD_OF_TEXT[name]}")


def masked(name: str) -> TypeError:
    return TypeError(
        f"{name}: got a masked array, whose mask would be ignored; expected a plain array: "
        f"fill it first, e.g. with {name}.filled(0)"
    )


def no_channel_axis(name: str, shape: tuple[int, ...]) -> ValueError:
    return ValueError(
        f"{name}: got shape {shape}; expected (height, width), or three axes with channel_axis: "
        "channel_axis=-1 for (height, width, channels), channel_axis=0 for (channels, height, width)"
    )


def caller_level() -> int:
    """Return the `stacklevel` of a warning that names the user's own line, seen from the function that warns."""
    package, frame, level, ours = str(Path(__file__).parent) + os.sep, sys._getframe(1).f_back, 2, 1
    while frame is not None:
        if frame.f_code.co_filename.startswith(package):
            ours = level
        frame, level = frame.f_back, level + 1
    return ours + 1


def empty_output(name: str, size: tuple[int, ...], window: tuple[int, ...], todo: str) -> ValueError:
    what = "height and width" if len(size) == 2 else "sizes"
    return ValueError(
        f"{name}: got {what} {size} for a window of {window}, which leaves no output; expected at least "
        f"the window's size; {todo}"
    )


def out_mismatch(what: str, came: Any, expected: Any, todo: str = "") -> ValueError:
    return ValueError(f"out: got {what} {came}; expected {expected}" + (f": {todo}" if todo else ""))


def out_readonly() -> ValueError:
    return ValueError("out: got a read-only array; expected a writeable one: pass another, or None")


def out_overlaps(name: str) -> ValueError:
    return ValueError(f"out: got memory that it shares with {name}; expected an array of its own: pass a new one")


def too_large(name: str, shape: Iterable[int], limit: str) -> ValueError:
    return ValueError(f"{name}: the result would have shape {tuple(shape)}; expected {limit}")


def not_built(variable: str, value: str, built: Iterable[str]) -> ImportError:
    return ImportError(
        f"{variable}: got {value!r}, which this installation was built without; expected one of: "
        f"{', '.join(built)}. Install with a C compiler and CONVLAB_BUILD=require to see why"
    )


def not_on_this_cpu(variable: str, value: str, available: Iterable[str]) -> ValueError:
    return ValueError(f"{variable}: got {value!r}, which this CPU lacks; expected one of: {', '.join(available)}")


def workspace(limit: int, algorithm: str, needed: int) -> ValueError:
    return ValueError(
        f"workspace_limit: got {limit} bytes; expected at least {needed} for the algorithm {algorithm!r} on this image"
    )


def wrong_call(name: str, reason: Exception, hints: Iterable[str]) -> TypeError:
    todo = "".join(f": {hint}" for hint in hints)
    return TypeError(f"{name}: got arguments that it does not take ({reason}); expected those of a call of it{todo}")


def not_normalisable(name: str) -> ValueError:
    return ValueError(
        f"{name}: got taps that sum to 0; expected a sum to divide by where pixels are left out (by nan or mask): "
        "fill them first, or use a smoothing kernel"
    )


def empty_convolution(name: str, padded: tuple[int, ...], window: tuple[int, ...]) -> ValueError:
    return ValueError(
        f"{name}: got a padded size of {padded} for a window of {window} (kernel and dilation), which leaves no "
        "output; expected at least the window's size: choose a larger padding, or a smaller kernel or dilation"
    )


def workspace_too_small(limit: int, needed: int) -> ValueError:
    return ValueError(
        f"workspace_limit: got {limit} bytes; expected at least {needed}: raise it, or pass None for the default"
    )


def cannot_serve(algorithm: str, reason: str, choices: Iterable[str]) -> ValueError:
    return ValueError(
        f"algorithm: got {algorithm!r}, which cannot serve this call ({reason}); expected None or one of: "
        f"{', '.join(choices)}"
    )


def not_entered(name: str) -> RuntimeError:
    return RuntimeError(f"{name}: got an exit of a block that was not entered; expected one exit for each entry")


def too_wide(name: str, value: int) -> ValueError:
    return ValueError(
        f"{name}: got {value}; expected integers of at most 2**53 in magnitude, which sums in double hold: subtract an "
        f"offset or divide first, or pass {name}.astype(numpy.float32) if rounding does not matter"
    )
