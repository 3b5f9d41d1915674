"""A process that measures the calls of a sweep, one at a time, on request of `sweep.py`, which kills it if it hangs.

Times are CPU times of all threads of this process, so other processes have little influence.
"""

import gc
import math
import os
import pickle
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

import convlab
from benchmarks.sweep_calls import Call
from benchmarks.sweep_memory import memory

if TYPE_CHECKING:
    from benchmarks.sweep_draws import Drawn

ROUNDS = 7
_SAMPLE = 2e-4  # least seconds of one sample, so that the clock's cost does not matter
_LONG = 1.0  # seconds of samples after which no new round begins
_HOPELESS = 10.0  # times the fastest; slower calls are not measured again

# The error of an FFT or a Winograd tile, which peers use too.
_TOLERANCE = 1e-3


def growth(small: Call, large: Call) -> dict[str, float]:
    """Return the seconds of two calls, of which the second has an axis eight times as long."""
    return {name: _alone(call.bind(call.image())) for name, call in (("small", small), ("large", large))}


def copies(elements: int) -> dict[str, float]:
    """Return the seconds of a copy of this number of floats, and of eight times as many: the effect of the caches."""
    pairs = {"small": np.ones((2, elements), np.float32), "large": np.ones((2, 8 * elements), np.float32)}
    return {name: _alone(partial(np.copyto, y, x)) for name, (x, y) in pairs.items()}


def _alone(call: Callable[[], Any]) -> float:
    """Return the seconds of one call."""
    return fastest({"": call}, {"": _timed(call)[1]})[""]


def compared(seed: int, index: int, elements: int, rounds: int = ROUNDS) -> dict[str, Any]:
    """Time one random call and its peers.

    Returns
    -------
    dict
        The call as text, the operation, the seconds of each library that computes the same, in `differing` the
        largest relative error of those that do not, and in `refused` those that raise an error.
    """
    drawn = draw(seed, index, elements)
    image = drawn.call.image()
    ours = drawn.call.bind(image)
    result, first = _timed(ours)
    answer: dict[str, Any] = {
        "call": str(drawn.call),
        "operation": drawn.call.operation,
        "kernel": convlab.last_kernel(),
    }
    differing: dict[str, float] = {}
    refused: dict[str, str] = {}
    calls, firsts = {"convlab": ours}, {"convlab": first}
    for name, way in drawn.ways.items():
        try:
            theirs, taken = _timed(lambda way=way: way(image))  # type: ignore[misc]
        except Exception as error:  # a peer may refuse a shape or a border with any error
            refused[name] = f"{type(error).__name__}: {error}"[:200]
            continue
        error = _difference(result, theirs)
        if error > _TOLERANCE:
            differing[name] = error
            continue
        calls[name], firsts[name] = (lambda way=way: way(image)), taken  # type: ignore[misc]
    del result
    seconds = fastest(calls, firsts, rounds) if len(calls) > 1 else {}
    return answer | {"seconds": seconds, "differing": differing, "refused": refused}


def draw(seed: int, index: int, elements: int) -> "Drawn":
    """Return a random call of up to twice this number of elements, the same for the same arguments."""
    # The peers are imported when they are needed, because measurements of memory must not import them.
    from benchmarks.sweep_draws import draw_dropin, draw_image
    from benchmarks.sweep_tensors import draw_tensor

    random = np.random.default_rng([seed, index])
    size = int(np.exp(random.uniform(math.log(min(500, elements)), math.log(2 * elements))))
    family = [draw_image, draw_tensor, draw_dropin][int(random.choice(3, p=[0.4, 0.4, 0.2]))]
    return family(random, size)


def fastest(
    calls: Mapping[str, Callable[[], Any]], firsts: Mapping[str, float], rounds: int = ROUNDS
) -> dict[str, float]:
    """Return the least seconds of each call over some interleaved rounds.

    `firsts` are the seconds of the first call of each. A call that is much slower than another, or takes seconds, is
    measured at most once more.
    """
    counts = {name: max(1, math.ceil(_SAMPLE / firsts[name])) for name in calls}
    best = dict.fromkeys(calls, math.inf)
    spent = dict.fromkeys(calls, 0.0)
    for name in calls:
        if firsts[name] > _LONG:  # warm caches do not matter
            best[name], spent[name] = firsts[name], _LONG
    for number in range(rounds):
        leader = min(best.values())
        for name, call in calls.items():
            if spent[name] >= _LONG or (number > 1 and best[name] > _HOPELESS * leader):
                continue
            start = time.process_time_ns()
            for _ in repeat(None, counts[name]):
                call()
            seconds = (time.process_time_ns() - start) * 1e-9
            best[name] = min(best[name], seconds / counts[name])
            spent[name] += seconds
    return best


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time_ns()
    result = call()
    return result, (time.process_time_ns() - start) * 1e-9


def _difference(ours: Any, theirs: Any) -> float:
    """Return the largest difference, relative to the largest value; infinity if shapes or kinds of dtypes differ."""
    one, other = (np.asarray(array).squeeze() for array in (ours, theirs))
    if one.shape != other.shape:
        return math.inf
    if one.size == 0:
        return 0.0
    scale = float(np.abs(other).max()) or 1.0
    return float(np.abs(np.subtract(one, other, dtype=np.float64)).max()) / scale


def _serve() -> None:
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the output of a library must not mix with the answers
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    gc.disable()
    questions = {"growth": growth, "copies": copies, "compared": compared, "memory": memory}
    while True:
        try:
            name, *arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = ("done", questions[name](*arguments))
        except Exception:
            answer = ("failed", traceback.format_exc())
        pickle.dump(answer, channel)
        channel.flush()


if __name__ == "__main__":
    _serve()
