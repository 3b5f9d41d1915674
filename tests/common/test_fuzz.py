"""Compare random calls of every operation with the right answers: a part of `make fuzz`, and seeds that failed."""

import pytest
from fuzz import every_call_threaded, run
from operations import DRAWN, draw

import convlab

# Calls of seeds that failed: powers of a strided array that was read as contiguous; a box on an image that
# border="keep" leaves unchanged.
FAILED_ONCE = (("pooled", 46), ("pooled", 137), ("pooled", 1034), ("box", 1186), ("whole", 1283))
# Without cases: settings, data, and filters composed of tested ones.
NOT_DRAWN = {
    "backend", "data", "explain", "filters", "get_num_threads", "grad", "last_kernel", "ndimage", "reference",
    "set_num_threads", "signal", "threads", "translate", "use_backend", "Explanation", "__version__",
    "gabor", "gaussian", "gradient_magnitude", "laplacian", "unsharp",
    "get_subnormals", "register_threadpoolctl", "set_subnormals", "subnormals",
}  # fmt: skip


def test_every_operation_is_drawn():
    drawn = {draw(seed).name for seed in range(60 * len(DRAWN))} | {"Conv2d"}
    assert drawn == set(convlab.__all__) - NOT_DRAWN


@pytest.mark.parametrize(("name", "seed"), FAILED_ONCE)
def test_seeds_that_failed(name, seed):
    run(seed, name)


@pytest.mark.parametrize("first", range(0, 1300, 130))
def test_random_calls(first):
    with every_call_threaded():
        for seed in range(1_000_000 + first, 1_000_000 + first + 130):
            run(seed)
