"""The order of a sum depends only on the kernel and the options: the same bits for any threads, place in an image or
batch, memory layout, and instruction set with fused multiply-adds."""

import hashlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support import BUILT_ISAS, needs_kernels

import convlab
from convlab import _dispatch

pytestmark = needs_kernels
FUSED = [isa for isa in BUILT_ISAS if isa != "baseline"]
SIZES = [(3, 3), (5, 5), (7, 7), (2, 5), (4, 4), (11, 3), (1, 9)]


def work(rng):
    """(name, call) of each algorithm, on data whose sums round."""
    image = rng.standard_normal((97, 131), dtype=np.float32)
    colour = rng.standard_normal((40, 51, 3), dtype=np.float32)
    batch = rng.standard_normal((3, 2, 37, 53), dtype=np.float32)
    for size in SIZES:
        kernel = rng.standard_normal(size, dtype=np.float32)
        yield f"filter {size}", lambda kernel=kernel: convlab.filter2d(image, kernel)
        yield (
            f"filter {size} finished",
            lambda kernel=kernel: convlab.filter2d(image, kernel, scale=0.3, offset=0.1, clip=(-2, 2)),
        )
        yield f"filter {size} colour", lambda kernel=kernel: convlab.filter2d(colour, kernel, channel_axis=-1)
    for window, stride, padding in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (5, 3, 0)]:
        for pool in (convlab.max_pool2d, convlab.min_pool2d, convlab.avg_pool2d):
            yield (
                f"{pool.__name__} {window} {stride}",
                lambda pool=pool, arguments=(window, stride, padding): pool(batch, *arguments),
            )


def digests(rng):
    return {name: hashlib.sha256(call().tobytes()).hexdigest() for name, call in work(rng)}


@pytest.mark.skipif(len(FUSED) < 2, reason="this CPU has fewer than two instruction sets with fused multiply-adds")
def test_every_isa_with_fused_multiply_adds_gives_the_same_bytes():
    results = []
    for isa in FUSED:
        with convlab.use_backend("compiled", isa):
            results.append(digests(np.random.default_rng(1)))
            assert convlab.last_kernel().endswith(f"[compiled/{isa}]")
    for other in results[1:]:
        assert other == results[0]


@pytest.mark.skipif(
    "baseline" not in _dispatch.built_isas(), reason="this processor's baseline has fused multiply-adds"
)
def test_the_baseline_gives_the_fallbacks_bytes():
    with convlab.use_backend("compiled", "baseline"):
        compiled = digests(np.random.default_rng(2))
    with convlab.use_backend("numpy"):
        assert digests(np.random.default_rng(2)) == compiled


def test_threads_change_nothing(fast_backend):
    expected = digests(np.random.default_rng(3))
    before = convlab.get_num_threads()
    image = np.random.default_rng(4).standard_normal((700, 900), dtype=np.float32)
    kernel = np.random.default_rng(5).standard_normal((3, 3), dtype=np.float32)
    large = convlab.filter2d(image, kernel).tobytes(), convlab.max_pool2d(image, 3, 2, 1).tobytes()
    for n in (1, 2, 3, 7):
        convlab.set_num_threads(n)
        try:
            assert digests(np.random.default_rng(3)) == expected
            assert convlab.filter2d(image, kernel).tobytes() == large[0]
            assert convlab.max_pool2d(image, 3, 2, 1).tobytes() == large[1]
        finally:
            convlab.set_num_threads(before)


@pytest.mark.parametrize("size", SIZES)
def test_the_place_in_the_image_changes_nothing(fast_backend, rng, size):
    """Each pixel's sum equals that of a small image of only its neighbourhood."""
    image = rng.standard_normal((60, 90), dtype=np.float32)
    kernel = rng.standard_normal(size, dtype=np.float32)
    whole = convlab.filter2d(image, kernel, border="valid")
    for i, j in [(0, 0), (13, 37), (31, 64), (whole.shape[0] - 1, whole.shape[1] - 1)]:
        alone = image[i : i + size[0], j : j + size[1]]
        assert_array_equal(convlab.filter2d(alone, kernel, border="valid"), whole[i : i + 1, j : j + 1])
    top, bottom = image[: 30 + size[0] - 1], image[30:]
    parts = [convlab.filter2d(part, kernel, border="valid") for part in (top, bottom)]
    assert_array_equal(np.concatenate(parts), whole)


def test_the_place_in_a_batch_changes_nothing(fast_backend, rng):
    batch = rng.standard_normal((5, 3, 20, 31), dtype=np.float32)
    for pool in (convlab.max_pool2d, convlab.avg_pool2d):
        whole = pool(batch, 3, 2, 1)
        for n in range(5):
            assert_array_equal(pool(batch[n], 3, 2, 1), whole[n])


def test_fused_multiply_add_is_used_where_it_exists(rng):
    """(1 + e)^2 - (1 + 2e) is e^2 with one rounding and 0 with two."""
    e = np.float32(2**-12)
    image = np.array([[-(1 + 2 * e), 1 + e]], np.float32)
    kernel = np.array([[1, 1 + e]], np.float32)
    for isa in _dispatch.built_isas():
        with convlab.use_backend("compiled", isa):
            y = convlab.filter2d(image, kernel, border="valid")
        assert y == (0 if isa == "baseline" else e * e)
