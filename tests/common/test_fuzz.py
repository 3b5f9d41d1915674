"""Random calls of every operation against the right answers: some of `make fuzz`, and the seeds that once failed."""

import pytest
from fuzz import every_call_threaded, run
from operations import DRAWN, draw

import convlab

# What was drawn from seeds that failed once: powers of a strided array read as if it were contiguous; a box that
# leaves a kept image nothing to compute.
FAILED_ONCE = (("pooled", 46), ("pooled", 137), ("pooled", 1034), ("box", 1186), ("whole", 1283))
# What draws no case: settings, data, and filters made of others that are drawn.
NOT_DRAWN = {
    "backend", "data", "explain", "filters", "get_num_threads", "last_kernel", "ndimage", "reference",
    "set_num_threads", "signal", "threads", "translate", "use_backend", "Explanation", "__version__",
    "gabor", "gaussian", "gradient_magnitude", "laplacian", "unsharp",
    "get_subnormals", "register_threadpoolctl", "set_subnormals", "subnormals",
}  # fmt: skip


def test_every_operation_is_drawn():
    drawn = {draw(seed).name for seed in range(60 * len(DRAWN))} | {"Conv2d"}
    assert drawn == set(convlab.__all__) - NOT_DRAWN


@pytest.mark.parametrize(("name", "seed"), FAILED_ONCE)
def test_what_failed_once(name, seed):
    run(seed, name)


@pytest.mark.parametrize("first", range(0, 1300, 130))
def test_random_calls(first):
    with every_call_threaded():
        for seed in range(1_000_000 + first, 1_000_000 + first + 130):
            run(seed)
