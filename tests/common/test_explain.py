"""explain: the plan of the call, as data and as text."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import convlab
from convlab._operations import PLANNED, plan_of
from convlab._plan import cache
from convlab._registry import OPERATIONS

RANK1 = np.outer(np.arange(1.0, 10), np.arange(2.0, 11))


@pytest.mark.parametrize(
    ("shape", "kernel", "options", "algorithm"),
    [
        ((512, 512), np.eye(3), {}, "direct"),
        ((512, 512), RANK1, {}, "separable"),
        ((512, 512), RANK1, {"algorithm": "direct"}, "direct"),
        ((512, 512), np.ones((9, 9)), {"nan": "omit"}, "direct"),
        ((512, 512), np.eye(31), {}, "fft"),
        ((512, 512), np.eye(31), {"precision": "exact"}, "direct"),
        ((40, 40), np.eye(31), {}, "direct"),
        ((1, 1 << 17), np.eye(31), {}, "direct"),
        ((4096, 16), np.eye(31), {}, "direct"),
        ((64, 1024), np.eye(31), {}, "fft"),
        ((512, 512), RANK1[:3, :3], {"algorithm": "separable"}, "separable"),
    ],
)
def test_the_plan_is_that_of_the_call(fast_backend, rng, shape, kernel, options, algorithm):
    explained = convlab.explain("filter2d", shape, kernel, **options)
    assert explained.algorithm == algorithm
    convlab.filter2d(rng.random(shape, np.float32), kernel, **options)
    assert convlab.last_kernel() == explained.kernel + fast_backend
    assert f"[{explained.backend}/{explained.isa}]".replace("/]", "]") == fast_backend
    text = str(explained)
    for word in (algorithm, explained.kernel, "threads", "workspace", "flops", "bytes", "limit", "expected", "tile"):
        assert word in text
    assert explained.bound_seconds > 0
    assert explained.expected_seconds > 0
    others = {name for name, _ in explained.considered}
    assert algorithm not in others


@pytest.mark.parametrize(
    ("operation", "shape", "weight_shape", "options", "algorithm"),
    [
        ("Conv2d", (1, 64, 32, 32), (64, 64, 3, 3), {"padding": 1}, "winograd4"),
        ("Conv2d", (1, 64, 32, 32), (64, 64, 3, 3), {"padding": 1, "precision": "exact"}, "gemm"),
        ("Conv2d", (1, 64, 32, 32), (64, 64, 3, 3), {"padding": 1, "workspace_limit": 1 << 17}, "gemm"),
        ("Conv2d", (1, 64, 7, 7), (64, 64, 1, 1), {}, "narrow"),
        ("conv2d", (1, 64, 7, 7), (64, 64, 1, 1), {}, "gemm"),
        ("conv2d", (2, 9, 9, 6), (6, 1, 3, 3), {"layout": "NHWC", "groups": 6}, "depthwise"),
        ("conv2d", (1, 8, 20, 20), (4, 8, 3, 3), {"algorithm": "winograd2"}, "winograd2"),
        ("conv1d", (4, 50), (6, 4, 5), {"stride": 2, "bias": np.zeros(6)}, "gemm"),
        ("conv3d", (1, 2, 5, 6, 7), (3, 2, 2, 2, 2), {}, "gemm"),
        ("conv1d", (1, 1, 50000), (1, 1, 2049), {}, "fft"),
        ("conv1d", (1, 1, 50000), (1, 1, 2049), {"precision": "exact"}, "depthwise"),
        ("conv_transpose1d", (1, 4, 50), (4, 6, 5), {"stride": 2}, "gemm"),
        ("conv_transpose2d", (1, 4, 9, 9), (4, 1, 3, 3), {"groups": 4, "padding": 1}, "depthwise"),
        ("conv_transpose3d", (1, 2, 4, 4, 4), (2, 3, 2, 2, 2), {"stride": 2}, "gemm"),
    ],
)
def test_the_plan_is_that_of_the_convolution(fast_backend, rng, operation, shape, weight_shape, options, algorithm):
    x, w = rng.random(shape, np.float32), rng.random(weight_shape, np.float32)
    explained = convlab.explain(operation, shape, w, threads=1, **options)
    y = convlab.Conv2d(w, **options)(x) if operation == "Conv2d" else getattr(convlab, operation)(x, w, **options)
    assert convlab.last_kernel() == explained.kernel + fast_backend
    assert explained.algorithm == algorithm
    assert explained.kernel.startswith(f"conv_{algorithm}")
    assert {name for name, _ in explained.considered} == {
        "gemm", "depthwise", "narrow", "winograd2", "winograd4", "fft",
    } - {algorithm}  # fmt: skip
    assert explained.bytes == 4 * (x.size + w.size + y.size)
    if "transpose" in operation:  # elements beyond the input's edge count too
        assert 2 * x.size // w.shape[0] * w.size <= explained.flops < 3 * x.size // w.shape[0] * w.size
    else:
        assert explained.flops == 2 * y.size // w.shape[0] * w.size
    assert explained.workspace_bytes > 0
    assert min(explained.tile) > 0
    assert min(explained.bound_seconds, explained.expected_seconds) > 0
    assert f"not {explained.considered[0][0]}: {explained.considered[0][1]}" in str(explained)


CALLS = [
    ("gaussian", (300, 400), (2,), {}),
    ("unsharp", (30, 40), (), {}),
    ("box", (300, 400), (21,), {"border": "keep"}),
    ("sobel", (300, 400), (), {}),
    ("scharr", (300, 400), (), {"axis": 0}),
    ("prewitt", (3, 30, 40), (), {"channel_axis": 0}),
    ("laplacian", (300, 400), (), {}),
    ("gradient_magnitude", (300, 400), (1.5,), {}),
    ("maximum_filter", (300, 400), (7,), {}),
    ("minimum_filter", (300, 400), (3,), {"border": "keep"}),
    ("median_filter", (300, 400), (5,), {}),
    ("median_filter", (64, 90), (11,), {}),
    ("max_pool1d", (2, 3, 50), (3,), {}),
    ("max_pool2d", (2, 3, 64, 64), (2,), {}),
    ("max_pool2d", (2, 3, 64, 64), (3, 2, 1), {"return_indices": True}),
    ("min_pool2d", (64, 64), (9, 1), {}),
    ("max_pool3d", (1, 2, 8, 9, 10), (2,), {}),
    ("avg_pool1d", (2, 3, 50), (3,), {}),
    ("avg_pool2d", (64, 12, 14, 14), (3, 1, 1), {}),
    ("avg_pool3d", (1, 2, 8, 9, 10), (2,), {}),
    ("lp_pool1d", (2, 3, 50), (2, 3), {}),
    ("lp_pool2d", (2, 3, 50, 51), (2, 3), {}),
    ("lp_pool3d", (1, 2, 8, 9, 10), (2, 2), {}),
    ("adaptive_avg_pool1d", (2, 3, 50), (7,), {}),
    ("adaptive_avg_pool2d", (2, 3, 50, 51), (7,), {}),
    ("adaptive_avg_pool3d", (1, 2, 8, 9, 10), (3,), {}),
    ("adaptive_max_pool1d", (2, 3, 50), (7,), {}),
    ("adaptive_max_pool2d", (2, 3, 50, 51), (7,), {}),
    ("adaptive_max_pool3d", (1, 2, 8, 9, 10), (3,), {}),
    ("global_avg_pool", (2, 3, 50, 51), (), {}),
    ("global_max_pool", (2, 3, 50, 51), (), {}),
    ("global_lp_pool", (2, 3, 50, 51), (), {}),
]


@pytest.mark.parametrize(("operation", "shape", "arguments", "options"), CALLS)
@pytest.mark.parametrize("dtype", ["f4", "u1", "f8"])
def test_every_operation(fast_backend, rng, operation, shape, arguments, options, dtype):
    explained = convlab.explain(operation, shape, *arguments, dtype=dtype, threads=1, **options)
    y = getattr(convlab, operation)(rng.integers(0, 99, shape).astype(dtype), *arguments, **options)
    y = y[0] if isinstance(y, tuple) else y
    kernel = convlab.last_kernel()
    assert kernel.split("[")[0] == explained.kernel
    assert kernel.endswith(f"[{explained.backend}/{explained.isa}]".replace("/]", "]"))
    # No kernel of pools and order statistics reads float64.
    assert kernel.endswith((fast_backend, "[numpy]") if dtype == "f8" else fast_backend)
    assert explained.operation == operation
    assert explained.threads == 1
    assert min(explained.tile) > 0
    assert explained.tile[1] <= max(y.shape)
    assert explained.flops >= y.size
    assert explained.bytes >= y.size
    assert explained.bound_seconds > 0
    assert explained.expected_seconds is None or explained.expected_seconds > 0
    assert explained.reason


@pytest.mark.parametrize(
    ("operation", "arguments", "options", "served"),
    [
        ("filter2d", (np.eye(3),), {}, "python"),
        ("sobel", (), {}, "python"),
        ("max_pool2d", (2,), {}, "python"),
        ("max_pool2d", (3, 2, 1), {"return_indices": True}, "numpy"),
        ("lp_pool2d", (2, 3), {}, "numpy"),
        ("median_filter", (3,), {}, "numpy"),
    ],
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_operations_without_plain_loops(operation, arguments, options, served, dtype):
    with convlab.use_backend("python"):
        explained = convlab.explain(operation, (9, 10), *arguments, dtype=dtype, **options)
        getattr(convlab, operation)(np.ones((9, 10), dtype), *arguments, **options)
    assert explained.backend == served
    assert convlab.last_kernel().endswith(f"[{served}]")


def test_unpools_and_operations_with_out(rng):
    y, places = convlab.max_pool2d(rng.random((2, 8, 10), np.float32), 2, channel_axis=0, return_indices=True)
    explained = convlab.explain("max_unpool2d", y.shape, places, 2, channel_axis=0)
    assert (explained.kernel, explained.threads, explained.tile) == ("max_unpool", 1, (8, 10))
    named = {name for name in convlab.__all__ if "out" in getattr(getattr(convlab, name), "__annotations__", ())}
    assert named == {*PLANNED} - {"Conv2d"}
    assert {name for name, *_ in CALLS} >= {name for name in named if "filter2d" not in name} - {
        "filter_bank", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
        "max_unpool1d", "max_unpool2d", "max_unpool3d",
    }  # fmt: skip


@pytest.mark.parametrize(("operation", "shape", "arguments", "options"), CALLS)
def test_the_plan_is_the_one_that_the_call_finds(rng, operation, shape, arguments, options):
    x = rng.random(shape, np.float32)
    getattr(convlab, operation)(x, *arguments, **options)
    before = set(cache._cache.plans)
    plan_of(operation, x, arguments, options)
    assert set(cache._cache.plans) == before


@pytest.mark.parametrize(("operation", "shape", "arguments", "options"), CALLS)
def test_operations_without_loops(operation, shape, arguments, options):
    loops = next(row.loops for row in OPERATIONS if row.name == operation)
    with convlab.use_backend("python"):
        explained = convlab.explain(operation, shape, *arguments, **options)
    assert loops is None or hasattr(convlab.reference, loops)
    assert loops is not None or explained.backend == "numpy"
    why = ("python", "convlab.reference has no loops for this call, so NumPy serves it")
    assert (why in explained.considered) == (explained.backend == "numpy")


def test_what_no_kernel_reads(fast_backend):
    explained = convlab.explain("median_filter", (9, 9), 3, dtype="f8")
    assert explained.backend == "numpy"
    why = ("compiled", "no kernel reads these arrays, so NumPy serves the call")
    assert (why in explained.considered) == fast_backend.startswith("[compiled")


def test_a_transpose_without_work(fast_backend):
    x, w = np.ones((1, 1, 2), np.float32), np.ones((1, 1, 1))
    explained = convlab.explain("conv_transpose1d", x.shape, w, stride=2, padding=1)
    assert (explained.flops, explained.reason) == (0, "no tap falls on an output")
    assert convlab.conv_transpose1d(x, w, stride=2, padding=1).tolist() == [[[0.0]]]
    assert convlab.last_kernel() == explained.kernel + fast_backend


def test_a_copy_of_the_input_is_workspace():
    arguments = "conv2d", (1, 8, 40, 40), np.ones((4, 8, 3, 3))
    same, copied = (convlab.explain(*arguments, dtype=dtype, threads=1) for dtype in ("f4", "f8"))
    assert copied.workspace_bytes - same.workspace_bytes == 4 * 8 * 40 * 40


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("conv2d", (1, 3, 9, 9), np.zeros((4, 2, 3, 3))), ValueError, "weight: got shape"),
        (("conv2d", (1, 3, 9, 9)), TypeError, "conv2d: got arguments that it does not take"),
        (("Conv2d", (9, 9), np.zeros((4, 3, 3, 3))), ValueError, "x: got shape"),
        (("conv_transpose1d", (1, 3, 9), np.zeros((2, 2, 3))), ValueError, "weight: got shape"),
    ],
)
def test_wrong_convolutions(arguments, error, message):
    with pytest.raises(error, match=message):
        convlab.explain(*arguments)


def test_the_facts_of_the_work():
    explained = convlab.explain("filter2d", (100, 200), np.eye(5), dtype="u1", result_dtype="u1", threads=1)
    assert explained.flops == 2 * 25 * 100 * 200
    assert explained.threads == 1
    assert convlab.explain("filter2d", (4000, 4000), np.eye(5), threads=2).threads == 2
    assert convlab.explain("filter_bank", (100, 200), np.ones((7, 3, 3))).flops == 7 * 2 * 9 * 100 * 200


def test_nothing_is_allocated_for_the_shape():
    assert convlab.explain("filter2d", (1 << 19, 1 << 19), np.eye(3)).bytes == 8 << 38


@pytest.mark.parametrize("shape", [(1 << 62, 1 << 62), (10**5000, 2), (1 << 31, 1 << 32), (1,) * 99])
def test_impossible_shapes(shape):
    with pytest.raises(ValueError, match="^shape: got .*that NumPy has arrays of"):
        convlab.explain("filter2d", shape, np.eye(3))


def test_rank_one_is_found_only_within_rounding(rng):
    down, along = rng.standard_normal(9), rng.standard_normal(11)
    kernel = np.outer(down, along).astype(np.float32)
    assert convlab.explain("filter2d", (512, 512), kernel).algorithm == "separable"
    kernel[3, 4] *= 1.00001
    assert convlab.explain("filter2d", (512, 512), kernel).algorithm == "direct"
    with pytest.raises(ValueError, match="algorithm: got 'separable'.*the kernel is not of rank 1"):
        convlab.filter2d(np.zeros((512, 512)), kernel, algorithm="separable")


@pytest.mark.parametrize("border", ["mirror", "constant", "valid", "keep", "wrap", "nearest", "symmetric"])
@pytest.mark.parametrize("dtype", ["f4", "u1", "f8"])
@pytest.mark.parametrize("target", [None, "u1", "i4"])
def test_the_separable_way_is_the_same_filter(fast_backend, rng, border, dtype, target):
    image = rng.integers(0, 200, (40, 130)).astype(dtype)
    kernel = np.outer([1, 2, 3, 2, 1], [1, 4, 6, 4, 1, 0, 1])
    options = {"border": border, "cval": 3.0, "anchor": (1, 2), "scale": 1 / 64, "dtype": target, "clip": (2, 180)}
    actual = convlab.filter2d(image, kernel, algorithm="separable", **options)
    assert convlab.last_kernel() == "correlate2d_separable" + fast_backend
    assert_array_equal(actual, convlab.filter2d(image, kernel, algorithm="direct", **options))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_separable_way_spreads_what_is_not_finite_alike(fast_backend, rng, value):
    image = rng.random((60, 90), np.float32)
    image[30, 40] = value
    kernel = np.outer([1, 0, 3, 0, -1], [1, -1, 0, 2, 5])
    separable, direct = (convlab.filter2d(image, kernel, algorithm=name) for name in ("separable", "direct"))
    finite = np.isfinite(direct)
    assert_array_equal(separable[~finite], direct[~finite])
    assert_allclose(separable[finite], direct[finite], rtol=1e-5, atol=1e-5)


def test_the_limit_on_memory_is_kept_or_refused():
    image, kernel = np.zeros((600, 600), np.float32), np.eye(5)
    needed = convlab.explain("filter2d", image.shape, kernel, threads=1, workspace_limit=1 << 20).workspace_bytes
    assert needed <= 1 << 20
    with pytest.raises(ValueError, match="workspace_limit: got 1000 bytes; expected at least"):
        convlab.filter2d(image, kernel, workspace_limit=1000)
    with pytest.raises(ValueError, match="workspace_limit: got 1000 bytes.*'fft'"):
        convlab.filter2d(image, kernel, workspace_limit=1000, algorithm="fft")
    for wrong in (-1, 1.5, "1 MB", True):
        with pytest.raises((TypeError, ValueError), match="workspace_limit: got"):
            convlab.filter2d(image, kernel, workspace_limit=wrong)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("filter3d", (3, 3), np.eye(3)), {}, ValueError, "operation: got 'filter3d'; expected one of: filter2d"),
        (("filter2d", (3, -1), np.eye(3)), {}, ValueError, "shape: got"),
        (("filter2d", 3, np.eye(3)), {}, TypeError, "shape: got int"),
        (("filter2d", np.eye(3), np.eye(3)), {}, TypeError, "shape: got ndarray .*; expected .* the array's .shape"),
        ((np.eye(3), np.eye(3)), {}, TypeError, "operation: got ndarray .*; expected a name, then a shape"),
        ((convlab.filter2d, (3, 3), np.eye(3)), {}, TypeError, "operation: got function .*; expected a name"),
        (("filter2d", (3, 3), np.eye(3)), {"mode": "wrap"}, TypeError, "border is what SciPy calls mode"),
        (("max_pool2d", (3, 3)), {"pool_size": 2}, TypeError, "kernel_size is what Keras calls pool_size"),
        (("filter2d", (3, 3)), {}, TypeError, "filter2d: got arguments that it does not take"),
        (("filter2d", (3, 3), np.eye(3)), {"sigma": 1}, TypeError, "filter2d: got arguments"),
        (("filter2d", (3, 3), np.eye(3)), {"dtype": "no"}, TypeError, "dtype: got"),
        (("filter2d", (3, 3), np.eye(3)), {"border": "reflect"}, ValueError, "border: got 'reflect'"),
        (("filter2d", (3, 3), np.eye(3)), {"threads": 0}, ValueError, "n: got 0"),
    ],
)
def test_errors(arguments, options, error, message):
    with pytest.raises(error, match=message):
        convlab.explain(*arguments, **options)


def test_separable_calls_too(rng):
    image, down, along = rng.random((60, 80), np.float32), [1, 2, 1], [1, 0, -1]
    explained = convlab.explain("sep_filter2d", image.shape, down, along, border="nearest")
    convlab.sep_filter2d(image, down, along)
    assert convlab.last_kernel().startswith(explained.kernel + "[")
    assert explained.flops == 2 * 6 * 60 * 80
    masked = convlab.explain("sep_filter2d", image.shape, [1, 2, 1], [1, 2, 1], nan="omit", border="wrap")
    assert masked.kernel == "correlate2d_masked"
    mask = rng.random(image.shape) < 0.5
    for options in ({"nan": "omit"}, {"mask": mask}, {"algorithm": "direct"}, {"algorithm": "fft"}):
        expected = convlab.filter2d(image, np.outer(down, down), **options)
        assert_array_equal(convlab.sep_filter2d(image, down, down, **options), expected)
    with pytest.raises(ValueError, match="workspace_limit: got 10 bytes; expected at least"):
        convlab.sep_filter2d(image, down, along, workspace_limit=10)
    with pytest.raises(ValueError, match="precision: got 'best'"):
        convlab.sep_filter2d(image, down, along, precision="best")
