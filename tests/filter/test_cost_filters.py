"""The time of a filter grows in proportion to the image, along each axis separately and in any memory layout.

A small case of each kind. The limit is wide because of caches and busy machines: it finds work that grows with the
square, or vectors that are mostly empty.
"""

import numpy as np
import pytest
from support import least_seconds

import convlab

KERNEL = np.arange(15.0).reshape(3, 5)
CALLS = {
    "filter2d": lambda x, **o: convlab.filter2d(x, KERNEL, **o),
    "rank 1": lambda x, **o: convlab.filter2d(x, np.ones((7, 7)), **o),
    "bank": lambda x, **o: convlab.filter_bank(x, KERNEL[None], **o),
    "sep_filter2d": lambda x, **o: convlab.sep_filter2d(x, [1, 2, 3], [4, 5], **o),
    "gaussian": lambda x, **o: convlab.gaussian(x, 1.5, **o),
    "box": lambda x, **o: convlab.box(x, 15, **o),
    "sobel": convlab.sobel,
    "unsharp": convlab.unsharp,
}
N = 20_000
# The image of n pixels, and the axis of the channels.
IMAGES = {
    "rows": lambda n: ((n // 2, 2), None),
    "columns": lambda n: ((2, n // 2), None),
    "inner channels": lambda n: ((10, 10, n // 100), 2),
    "planes": lambda n: ((n // 100, 10, 10), 0),
    "rows of colours": lambda n: ((n // 3, 1, 3), 2),
}


def seconds(call, x, **options):
    return least_seconds(lambda: call(x, **options))


def test_time_grows_in_proportion_to_one_axis():
    def ratio(call, image, dtype):
        (small, axis), (large, _) = image(N), image(8 * N)
        with convlab.threads(1):
            one = seconds(call, np.ones(small, dtype), channel_axis=axis)
            return seconds(call, np.ones(large, dtype), channel_axis=axis) / one

    cases = [(c, i, d) for c in CALLS for i in IMAGES for d in ("f4", "u1", "f8")]
    slow = [case for case in cases if ratio(CALLS[case[0]], IMAGES[case[1]], case[2]) >= 30]
    again = {case: ratio(CALLS[case[0]], IMAGES[case[1]], case[2]) for case in slow}
    assert not {case: value for case, value in again.items() if value >= 30}


@pytest.mark.parametrize("name", CALLS)
def test_a_narrow_image_costs_little_more_than_a_square_one(name):
    """As many pixels in one column, in two and in a row: vectors of one pixel took 20 to 60 times as long."""
    call = CALLS[name]
    with convlab.threads(1):
        square = seconds(call, np.ones((400, 400), np.float32))
        others = {
            shape: seconds(call, np.ones(shape, np.float32)) for shape in ((160_000, 1), (80_000, 2), (1, 160_000))
        }
    assert all(other < 30 * square for other in others.values()), (square, others)


def test_a_transposed_image_costs_little_more():
    """Rows whose stride is a multiple of a page share one cache set: they took 20 times as long."""
    image = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    expected = convlab.filter2d(image, KERNEL)
    transposed = np.asfortranarray(image)
    assert convlab.filter2d(transposed, KERNEL).tobytes() == expected.tobytes()
    with convlab.threads(1):
        assert seconds(CALLS["filter2d"], transposed) < 15 * seconds(CALLS["filter2d"], image)
