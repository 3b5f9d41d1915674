"""The yardstick, in NumPy."""

import numpy as np


def multiply_add(repetitions: int) -> int:
    """Multiply and add small arrays, and return how many floating-point operations that was."""
    a = np.linspace(0, 1, 1024, dtype=np.float32)
    total = np.zeros_like(a)
    for _ in range(repetitions):
        total *= a
        total += a
    return repetitions * 2 * a.size
