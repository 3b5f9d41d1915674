"""convlab.set_subnormals, convlab.subnormals and CONVLAB_SUBNORMALS."""

import numpy as np
import operations
import pytest
from numpy.testing import assert_array_equal
from support import needs_kernels, run_python

import convlab
from convlab import _dispatch

TINY = np.float32(1e-40)
IMAGE = np.full((40, 50), TINY)
ONES = np.ones((3, 3), np.float32)
SUMS = {
    "filter2d": lambda x: convlab.filter2d(x, ONES + np.eye(3, dtype=np.float32)),
    "filter_bank": lambda x: convlab.filter_bank(x, ONES[None]),
    "sep_filter2d": lambda x: convlab.sep_filter2d(x, ONES[0], ONES[0]),
    "gaussian": lambda x: convlab.gaussian(x, 1),
    "box": lambda x: convlab.box(x, 11),
    "sobel": convlab.sobel,
    "avg_pool2d": lambda x: convlab.avg_pool2d(x, 2),
    "global_avg_pool": lambda x: convlab.global_avg_pool(x[None, None]),
    "lp_pool1d": lambda x: convlab.lp_pool1d(x[None], 1, 3),
    "conv2d": lambda x: convlab.conv2d(x[None, None], ONES[None, None]),
    "depthwise": lambda x: convlab.conv2d(np.stack([x, x])[None], np.stack([ONES, ONES])[:, None], groups=2),
    "conv_transpose2d": lambda x: convlab.conv_transpose2d(x[None, None], ONES[None, None]),
}
MOVES = {
    "max_pool2d": lambda x: convlab.max_pool2d(x, 2),
    "max_pool2d, 3x3": lambda x: convlab.max_pool2d(x, 3, 1),
    "maximum_filter": lambda x: convlab.maximum_filter(x, 5),
    "median_filter": lambda x: convlab.median_filter(x, 3),
    "median_filter, 9x9": lambda x: convlab.median_filter(x, 9),
}


@needs_kernels
@pytest.mark.parametrize("name", SUMS)
def test_sums_flush(name):
    if "neon" in _dispatch.built_isas():
        pytest.skip("aarch64 flushes otherwise")
    with convlab.use_backend("compiled"):
        kept = SUMS[name](IMAGE)
        with convlab.subnormals("flush"):
            assert not np.any(SUMS[name](IMAGE))
        assert_array_equal(SUMS[name](IMAGE), kept)
    if name != "sobel":
        assert np.all(kept != 0)


@pytest.mark.parametrize("name", MOVES)
def test_operations_that_copy_pixels_keep_them(fast_backend, name):
    with convlab.subnormals("flush"):
        assert np.all(MOVES[name](IMAGE) == TINY)


def test_frames_keep_them(fast_backend):
    with convlab.subnormals("flush"):
        y = convlab.filter2d(IMAGE, ONES, border="keep")
    assert np.all(y[0] == TINY)
    assert np.all(y[:, -1] == TINY)


@needs_kernels
def test_flushed_bytes_do_not_depend_on_threads_or_instruction_set(rng):
    image = (rng.standard_normal((300, 400)) * 10.0 ** rng.uniform(-42, -36, (300, 400))).astype(np.float32)
    fused = [isa for isa in _dispatch.built_isas() if isa in ("avx2", "avx512")]
    results = []
    for isa in fused or ["auto"]:
        for threads in (1, 2):
            with convlab.use_backend("compiled", isa), convlab.threads(threads), convlab.subnormals("flush"):
                results.append(
                    [convlab.filter2d(image, ONES), convlab.gaussian(image, 2), convlab.avg_pool2d(image, 3)]
                )
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert a.tobytes() == b.tobytes()


def test_ordinary_numbers_are_the_same(fast_backend):
    for seed in range(len(operations.DRAWN)):
        case = operations.draw(seed)
        kept = case.call(*case.arrays)
        with convlab.subnormals("flush"):
            flushed = case.call(*case.arrays)
        for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (kept, flushed)), strict=True):
            tiny = np.abs(np.asarray(a, np.float64)) < 2.0**-120
            assert_array_equal(np.where(tiny, 0, a), np.where(tiny, 0, b), err_msg=case.said)


def test_words():
    assert convlab.get_subnormals() == "keep"
    with convlab.subnormals("flush"):
        assert convlab.get_subnormals() == "flush"
        with convlab.subnormals("keep"):
            assert convlab.get_subnormals() == "keep"
        assert convlab.get_subnormals() == "flush"
    convlab.set_subnormals("flush")
    try:
        assert convlab.get_subnormals() == "flush"
    finally:
        convlab.set_subnormals("keep")
    for call in (convlab.set_subnormals, convlab.subnormals):
        for wrong in ("zero", None, 1):
            with pytest.raises(ValueError, match="mode: got .*keep.*flush"):
                call(wrong)


def test_the_environment():
    code = "import convlab; print(convlab.get_subnormals())"
    assert run_python(code, CONVLAB_SUBNORMALS="flush").stdout.strip() == "flush"
    done = run_python(code, check=False, CONVLAB_SUBNORMALS="1")
    assert "CONVLAB_SUBNORMALS: got '1'; expected one of" in done.stderr
