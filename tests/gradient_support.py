"""What the tests of gradients share: whole numbers, for which float32 is exact, and central differences of them."""

import numpy as np


def numbers(rng, shape, most=4):
    """Whole numbers that sums of products hold exactly."""
    return rng.integers(-most, most + 1, shape).astype(np.float32)


def check_slope(operation, x, grad_output, grad, rng, times=3):
    """Central differences of sum(operation(x) * grad_output): exact for what is linear in x, whatever the step."""
    for _ in range(times):
        step = numbers(rng, x.shape)
        ahead, behind = (np.asarray(operation(x + s), np.float64) for s in (step, -step))
        found = float(((ahead - behind) * grad_output).sum() / 2)
        assert found == float((step.astype(np.float64) * grad).sum())
