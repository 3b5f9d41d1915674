"""Compare random calls with the right answers: `python tests/fuzz.py --cases 100000`, or one call: `--seed 123`.

A seed draws the operation, its data and its parameters (operations.py), the memory layout of the arrays, the backend,
the number of threads, and whether to use `out`.
"""

import argparse
import contextlib
import sys
import time
from collections import Counter
from unittest import mock

import numpy as np
import operations
from support import BUILT_ISAS

import convlab
from convlab._plan import box, cache, convolving, filtering_direct, filtering_fft, pooling, ranking, separable

PLANNERS = (box, convolving, filtering_direct, filtering_fft, pooling, ranking, separable)
BACKENDS = [*(("compiled", isa) for isa in BUILT_ISAS), ("numpy", "auto")]


@contextlib.contextmanager
def every_call_threaded():
    """Let plans use all threads, so that small arrays are divided too."""
    with contextlib.ExitStack() as stack:
        for module in PLANNERS:
            stack.enter_context(mock.patch.object(module, "threads_for", return_value=1024))
        cache._cache.clear()
        try:
            yield
        finally:
            cache._cache.clear()


def laid(rng, a, exact):
    """Return the same values in another memory layout."""
    if a.ndim == 0 or (a.dtype.kind == "i" and a.dtype.itemsize == 8):
        return a
    way = rng.integers(0, 10)
    if way == 0:
        return np.asfortranarray(a)
    if way == 1 and a.ndim > 1:  # negative strides
        return a[::-1, ..., ::-1].copy()[::-1, ..., ::-1]
    if way == 2:  # every second column of another array
        wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
        wide[..., ::2] = a
        return wide[..., ::2]
    if way == 3:
        return a.astype(a.dtype.newbyteorder())
    if way == 4:
        memory = np.zeros(a.nbytes + 1, np.uint8)
        shifted = memory[1:].view(a.dtype).reshape(a.shape)
        shifted[...] = a
        return shifted
    if way == 5:
        a = a.copy()
        a.flags.writeable = False
        return a
    if way == 6:  # a row stride larger than the row
        wide = np.zeros((*a.shape[:-1], a.shape[-1] + int(rng.integers(1, 20))), a.dtype)
        wide[..., : a.shape[-1]] = a
        return wide[..., : a.shape[-1]]
    if way == 7 and not exact and a.dtype.kind == "f":
        return a.astype(np.float64)
    return a


def run(seed, name=None):
    """Run one call and compare; return the AssertionError, or the error of the call."""
    case = operations.draw(seed, name)
    rng = np.random.default_rng([seed, 1])
    arrays = [laid(rng, a, case.exact) for a in case.arrays]
    backend, isa = BACKENDS[rng.integers(0, len(BACKENDS))]
    with convlab.use_backend(backend, isa), convlab.threads(int(rng.integers(1, 5))):
        y = case.call(*arrays)
        assert "python" not in convlab.last_kernel()
        served = convlab.last_kernel()
        operations.compare(y, case)
        if not isinstance(y, tuple) and rng.random() < 0.3:
            out = np.empty_like(y, order="C")
            assert case.call(*arrays, out=out) is out
            np.testing.assert_array_equal(out, y)
    return case, served


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one alone, with all of its error")
    options = parser.parse_args()
    if options.seed is not None:
        print(operations.drawn(options.seed), operations.draw(options.seed).said)
        run(options.seed)
        return
    failed, kernels, start = [], Counter(), time.perf_counter()
    with every_call_threaded():
        for i, seed in enumerate(range(options.first, options.first + options.cases)):
            try:
                _, served = run(seed)
                kernels[served] += 1
            except Exception as error:
                case = operations.draw(seed)
                print(f"{operations.drawn(seed)}, {seed}: {case.name}({case.said})", flush=True)
                print(f"    {type(error).__name__}: {str(error)[:300]}", flush=True)
                failed.append(seed)
            if (i + 1) % max(options.cases // 10, 1) == 0:
                print(f"{i + 1} cases, {len(failed)} failed", flush=True)
    seconds = time.perf_counter() - start
    print(f"{options.cases} cases in {seconds:.0f} s on {len(kernels)} kernels, {len(failed)} failed: {failed[:20]}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
