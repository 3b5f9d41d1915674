"""Bad input raises one clear error: the argument's name, the value, the expected value."""

import numpy as np
import pytest

import convlab

IMAGE = np.zeros((8, 9), np.float32)
KERNEL = np.ones((3, 3), np.float32)


class NoArray:
    """An object that NumPy converts to an object array."""


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.zeros(5), KERNEL), {}, ValueError, r"image: got shape \(5,\)"),
        ((np.zeros((2, 3, 4)), KERNEL), {}, ValueError, "channel_axis=-1 for"),
        ((np.zeros((2, 3, 4, 5)), KERNEL), {}, ValueError, "image: got shape"),
        ((np.float32(3), KERNEL), {}, ValueError, r"image: got shape \(\)"),
        ((np.zeros((0, 4)), KERNEL), {}, ValueError, "at least one pixel"),
        ((np.zeros((4, 5, 0)), KERNEL), {"channel_axis": -1}, ValueError, "at least one pixel and one channel"),
        ((IMAGE.astype(complex), KERNEL), {}, TypeError, "image: got dtype complex128"),
        ((IMAGE.astype(object), KERNEL), {}, TypeError, "image: got dtype object"),
        ((IMAGE.astype(np.longdouble), KERNEL), {}, TypeError, "image: got dtype"),
        ((IMAGE.astype("M8[s]"), KERNEL), {}, TypeError, "image: got dtype datetime64"),
        ((np.zeros((4, 4), "U3"), KERNEL), {}, TypeError, "image: got dtype <U3"),
        ((np.zeros((4, 4), "f4,f4"), KERNEL), {}, TypeError, "image: got dtype"),
        (([[1, 2], [3]], KERNEL), {}, TypeError, "image: got something that NumPy cannot"),
        ((NoArray(), KERNEL), {}, TypeError, "image: got dtype object"),
        ((None, KERNEL), {}, TypeError, "image: got dtype object"),
        (("picture.png", KERNEL), {}, TypeError, "image: got str .*expected an array: read the file first"),
        ((IMAGE, "sobel"), {}, TypeError, "kernel: got str .*convlab.filters.get"),
        ((np.ma.masked_array(IMAGE), KERNEL), {}, TypeError, "image: got a masked array"),
        ((IMAGE, np.ma.masked_array(KERNEL)), {}, TypeError, "kernel: got a masked array"),
        ((IMAGE, np.ones(3)), {}, ValueError, r"kernel: got shape \(3,\)"),
        ((IMAGE, 3.0), {}, ValueError, r"kernel: got shape \(\)"),
        ((IMAGE, np.ones((0, 3))), {}, ValueError, "kernel: .* at least one tap"),
        ((IMAGE, []), {}, ValueError, "kernel: got shape"),
        ((IMAGE, KERNEL * 1j), {}, TypeError, "kernel: got dtype complex"),
        ((IMAGE, [[1, "a"]]), {}, TypeError, "kernel: got dtype <U"),
        ((IMAGE, [[1, 2], [3]]), {}, TypeError, "kernel: got something"),
        ((IMAGE, [[1e300]]), {}, ValueError, "kernel: .*float32's range"),
        ((IMAGE, KERNEL), {"border": "reflect"}, ValueError, "'mirror' here .* and 'symmetric'"),
        ((IMAGE, KERNEL), {"border": "replicate"}, ValueError, "'nearest' here"),
        ((IMAGE, KERNEL), {"border": "edge"}, ValueError, "'nearest' here"),
        ((IMAGE, KERNEL), {"border": "circular"}, ValueError, "'wrap' here"),
        ((IMAGE, KERNEL), {"border": "miror"}, ValueError, "border: got 'miror'; expected one of: mirror, symmetric"),
        ((IMAGE, KERNEL), {"border": None}, TypeError, "border: got NoneType"),
        ((IMAGE, KERNEL), {"border": ["mirror"]}, TypeError, "border: got list"),
        (
            (IMAGE, np.ones((9, 3))),
            {"border": "valid"},
            ValueError,
            r"height and width \(8, 9\) for a window of \(9, 3\)",
        ),
        ((IMAGE, KERNEL), {"cval": "0"}, TypeError, "cval: got str"),
        ((IMAGE, KERNEL), {"cval": None}, TypeError, "cval: got NoneType"),
        ((IMAGE, KERNEL), {"cval": 1e39}, ValueError, "cval: .*float32's range"),
        ((IMAGE, KERNEL), {"cval": 10**400}, ValueError, "cval: .*float32's range"),
        ((IMAGE, KERNEL), {"scale": np.nan}, ValueError, "scale: got nan; expected a finite number"),
        ((IMAGE, KERNEL), {"scale": 1j}, TypeError, "scale: got complex"),
        ((IMAGE, KERNEL), {"offset": np.inf}, ValueError, "offset: got inf"),
        ((IMAGE, KERNEL), {"clip": (0, np.nan)}, ValueError, "clip: .*neither of them NaN"),
        ((IMAGE, KERNEL), {"clip": (2, 1)}, ValueError, "clip: got .*low <= high"),
        ((IMAGE, KERNEL), {"clip": (1, 2, 3)}, ValueError, "clip: got .* a pair"),
        ((IMAGE, KERNEL), {"clip": 255}, TypeError, "clip: got int"),
        ((IMAGE, KERNEL), {"clip": "01"}, TypeError, "clip: got str"),
        ((IMAGE, KERNEL), {"clip": ("0", "1")}, TypeError, "clip: got str"),
        ((IMAGE, KERNEL), {"clip": [[0, 1], [2, 3]]}, TypeError, "clip: got list"),
        (
            (IMAGE, KERNEL),
            {"anchor": (3, 0)},
            ValueError,
            r"anchor: got \(3, 0\); expected .*from \(0, 0\) to \(2, 2\)",
        ),
        ((IMAGE, KERNEL), {"anchor": (-1, 0)}, ValueError, "anchor: got"),
        ((IMAGE, KERNEL), {"anchor": 1}, TypeError, "anchor: got int"),
        ((IMAGE, KERNEL), {"anchor": np.array(1)}, TypeError, "anchor: got ndarray"),
        ((IMAGE, [[np.nan, 1e39]]), {}, ValueError, r"kernel: got 1e\+39; expected taps within float32's range"),
        ((IMAGE, np.broadcast_to(np.float32(1), (2**20, 2**20))), {"border": "no"}, ValueError, "kernel: got shape"),
        ((IMAGE, np.broadcast_to(np.float32(1), (2**15, 2**15))), {"border": "no"}, ValueError, "border: got 'no'"),
        (
            (np.broadcast_to(np.float32(1), (2**30, 2**30)), KERNEL),
            {},
            ValueError,
            "image: the result would have shape",
        ),
        ((IMAGE, KERNEL), {"anchor": (1,)}, ValueError, "anchor: got"),
        ((IMAGE, KERNEL), {"anchor": (0.5, 0)}, TypeError, "anchor: got float"),
        ((IMAGE, KERNEL), {"channel_axis": -1}, ValueError, "image: got shape .* three axes"),
        ((np.zeros((2, 3, 4)), KERNEL), {"channel_axis": 3}, ValueError, "channel_axis: got 3"),
        ((np.zeros((2, 3, 4)), KERNEL), {"channel_axis": 1.0}, TypeError, "channel_axis: got float"),
        ((np.zeros((2, 3, 4)), KERNEL), {"channel_axis": True}, TypeError, "channel_axis: got bool"),
        ((IMAGE, KERNEL), {"dtype": np.float64}, TypeError, "dtype: got dtype float64; .*astype"),
        ((IMAGE, KERNEL), {"dtype": bool}, TypeError, "dtype: got dtype bool"),
        ((IMAGE, KERNEL), {"dtype": ">i4"}, TypeError, "dtype: .*native"),
        ((IMAGE, KERNEL), {"dtype": "int17"}, TypeError, "dtype: got str"),
        (
            (IMAGE, KERNEL),
            {"out": np.empty((8, 8), np.float32)},
            ValueError,
            r"out: got shape \(8, 8\); expected \(8, 9\)",
        ),
        ((IMAGE, KERNEL), {"out": np.empty((8, 9))}, ValueError, "out: got dtype float64; expected float32"),
        ((IMAGE, KERNEL), {"out": np.empty((8, 9), ">f4")}, ValueError, "out: got dtype >f4"),
        ((IMAGE, KERNEL), {"out": np.empty((9, 8), np.float32).T}, ValueError, "out: got strides .* C-contiguous"),
        ((IMAGE, KERNEL), {"out": [[0.0]]}, TypeError, "out: got list"),
        ((IMAGE, KERNEL), {"out": IMAGE}, ValueError, "out: got memory that it shares with image"),
        ((IMAGE, KERNEL), {"out": np.ma.zeros((8, 9), np.float32)}, TypeError, "out: got MaskedArray"),
    ],
)
def test_filter2d(backend, arguments, options, error, message):
    with pytest.raises(error, match=message) as caught:
        convlab.filter2d(*arguments, **options)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)


def test_out_that_shares_memory(backend):
    memory = np.zeros(400, np.float32)
    with pytest.raises(ValueError, match="shares with image"):
        convlab.filter2d(memory[:100].reshape(10, 10), KERNEL, out=memory[50:150].reshape(10, 10))
    with pytest.raises(ValueError, match="shares with kernel"):
        convlab.filter2d(np.ones((10, 10)), memory[140:149].reshape(3, 3), out=memory[50:150].reshape(10, 10))
    frozen = np.zeros((8, 9), np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="out: got a read-only array"):
        convlab.filter2d(IMAGE, KERNEL, out=frozen)
    assert not memory.any()


@pytest.mark.parametrize("pool", [convlab.max_pool2d, convlab.min_pool2d, convlab.avg_pool2d])
@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.zeros(5), 2), {}, ValueError, r"x: got shape \(5,\); expected \(H, W\)"),
        ((np.zeros((1, 2, 3, 4, 5)), 2), {}, ValueError, "x: got shape"),
        ((np.zeros((2, 0, 4, 4)), 2), {}, ValueError, "at least one pixel and one channel"),
        ((np.zeros((2, 3, 0, 4)), 2), {}, ValueError, "at least one pixel"),
        ((IMAGE.astype(complex), 2), {}, TypeError, "x: got dtype complex"),
        ((IMAGE.astype(object), 2), {}, TypeError, "x: got dtype object"),
        ((np.ma.masked_array(IMAGE), 2), {}, TypeError, "x: got a masked array"),
        ((IMAGE, 0), {}, ValueError, "kernel_size: got 0"),
        ((IMAGE, -2), {}, ValueError, "kernel_size: got -2"),
        ((IMAGE, 2.0), {}, TypeError, "kernel_size: got float"),
        ((IMAGE, True), {}, TypeError, "kernel_size: got bool"),
        ((IMAGE, "22"), {}, TypeError, "kernel_size: got str"),
        ((IMAGE, (2, 2, 2)), {}, ValueError, "kernel_size: got"),
        ((IMAGE, ()), {}, ValueError, "kernel_size: got"),
        ((IMAGE, None), {}, TypeError, "kernel_size: got NoneType"),
        ((IMAGE, 9), {}, ValueError, r"height and width \(8, 9\) for a window of \(9, 9\)"),
        ((IMAGE, 2**30), {}, ValueError, "x: got height and width"),
        ((IMAGE, 2, 0), {}, ValueError, "stride: got 0"),
        ((IMAGE, 2, 2**63), {}, ValueError, "stride: got .*at most 2147483647"),
        ((IMAGE, 2**63 - 1, None, 2**63 - 2), {}, ValueError, "kernel_size: got .*at most 2147483647"),
        ((IMAGE, 10**5000), {}, ValueError, "kernel_size: got a number of 16610 bits"),
        ((IMAGE, ((1, 2), 3)), {}, TypeError, "kernel_size: got tuple"),
        ((IMAGE, 2, -1), {}, ValueError, "stride: got -1"),
        ((IMAGE, 2, 1.5), {}, TypeError, "stride: got float"),
        ((IMAGE, 2, None, -1), {}, ValueError, "padding: got -1"),
        ((IMAGE, 2, None, 2), {}, ValueError, "padding: got 2; expected less than the window"),
        ((IMAGE, 2, None, "full"), {}, ValueError, "padding: got .full.; expected one of: same"),
        ((IMAGE, 2**31 - 1, 1, 2**31 - 2), {}, ValueError, "x: the result would have shape"),
        ((IMAGE, 2), {"channel_axis": 0}, ValueError, "x: got shape"),
        ((IMAGE[None], 2), {"channel_axis": "last"}, TypeError, "channel_axis: got str"),
        ((IMAGE, 2), {"out": np.empty((4, 5), np.float32)}, ValueError, r"out: got shape \(4, 5\); expected \(4, 4\)"),
        ((IMAGE, 2), {"out": np.empty((4, 4), np.int32)}, ValueError, "out: got dtype int32"),
        ((IMAGE, 1), {"out": IMAGE}, ValueError, "out: got memory that it shares with x"),
    ],
)
def test_pools(backend, pool, arguments, options, error, message):
    with pytest.raises(error, match=message) as caught:
        pool(*arguments, **options)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [0, -1, 1025, 2**40])
def test_thread_numbers_out_of_range(value):
    with pytest.raises(ValueError, match="n: got .*from 1 to 1024"):
        convlab.set_num_threads(value)
    with pytest.raises(ValueError, match="n: got"), convlab.threads(value):
        pytest.fail("the block ran")


@pytest.mark.parametrize("value", [1.0, "2", None, True])
def test_thread_numbers_of_the_wrong_type(value):
    with pytest.raises(TypeError, match="n: got"):
        convlab.set_num_threads(value)


def test_backend_words():
    with pytest.raises(ValueError, match="backend: got 'fast'; expected one of: auto, compiled, numpy, python"):
        convlab.use_backend("fast")
    with pytest.raises(ValueError, match="isa: got 'avx'; expected one of: auto, baseline, avx2, avx512, neon"):
        convlab.use_backend("compiled", "avx")
    with pytest.raises(ValueError, match="backend: got array"):
        convlab.use_backend(np.array(["auto", "numpy"]))


class Broken:
    """An object whose every method raises another error."""

    def __array__(self, *_, **__):
        raise KeyError("no array")

    def __index__(self):
        raise RuntimeError("no index")

    def __repr__(self):
        raise OSError("no text")

    def __eq__(self, _):
        raise ZeroDivisionError

    def __hash__(self):
        raise ZeroDivisionError


def test_values_whose_methods_fail():
    deep = []
    for _ in range(10000):
        deep = [deep]
    for value in (Broken(), deep, (2, 10**5000), np.zeros((2, 3)), np.zeros(0), np.zeros(3, "f4,f4")):
        for name in ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "layout", "channel_axis", "out"):
            with pytest.raises((TypeError, ValueError), match=f"^{name}: got "):
                convlab.max_pool2d(**{"x": IMAGE, "kernel_size": 2, name: value})
    with pytest.raises(TypeError, match="x: got something that NumPy cannot make an array of"):
        convlab.max_pool2d(Broken(), 2)
    with pytest.raises(TypeError, match="kernel: got something that NumPy cannot make an array of"):
        convlab.filter2d(IMAGE, Broken())
    for word in ("(2,", "\ud800", deep, Broken()):
        with pytest.raises(TypeError, match="dtype: got "):
            convlab.filter2d(IMAGE, KERNEL, dtype=word)
        with pytest.raises(TypeError, match="dtype: got "):
            convlab.explain("filter2d", (8, 9), KERNEL, dtype=word)
    with pytest.raises(ValueError, match="groups: got a number of 16610 bits"):
        convlab.conv1d(np.zeros((1, 2, 9)), np.zeros((2, 2, 3)), groups=10**5000)
    with pytest.raises(ValueError, match="output_size: got array"):
        convlab.max_unpool2d(IMAGE, np.zeros(IMAGE.shape, int), 2, output_size=np.array(4))


@pytest.mark.parametrize("filter_", [convlab.filter2d, convlab.filter_bank, convlab.sep_filter2d])
def test_out_that_shares_the_masks_memory(backend, filter_):
    mask = np.ones(IMAGE.shape, bool)
    kernels = {convlab.filter2d: (KERNEL,), convlab.filter_bank: (KERNEL[None],), convlab.sep_filter2d: ([1, 1], [1])}
    out = mask.view(np.uint8)
    with pytest.raises(ValueError, match="out: got memory that it shares with mask"):
        filter_(
            IMAGE, *kernels[filter_], mask=mask, dtype="u1", out=out[None] if filter_ is convlab.filter_bank else out
        )
    assert mask.all()


def test_wrong_indices_leave_out_as_it_was(fast_backend):
    x, out = np.ones((2, 2, 2), np.float32), np.full((2, 4, 4), 7, np.float32)
    with pytest.raises(ValueError, match="indices: got 16"):
        convlab.max_unpool2d(x, np.array([[[0, 1], [2, 3]], [[5, 16], [-1, 2]]]), 2, channel_axis=0, out=out)
    assert (out == 7).all()
    convlab.max_unpool2d(x, np.zeros((2, 2, 2), int), 2, channel_axis=0, out=out)
    assert (out.sum(), out[0, 0, 0]) == (2, 1)


@pytest.mark.parametrize("value", [1e300, -1e300, 1e-310, 3e38])
def test_overflow_to_float32_raises_no_floating_point_error(fast_backend, value):
    """For every setting of NumPy's error handling."""
    x, w = np.full((1, 1, 20, 20), value), np.full((1, 1, 3, 3), 1e-30)
    with np.errstate(all="raise"):
        for pool in (convlab.max_pool2d, convlab.avg_pool2d):
            pool(x, 3)
        convlab.lp_pool2d(x, 2, 3)
        convlab.adaptive_avg_pool2d(x, 3)
        convlab.global_lp_pool(x)
        assert convlab.conv2d(x, w).shape == (1, 1, 18, 18)
        assert convlab.conv_transpose2d(x, w).shape == (1, 1, 22, 22)
        for dtype in (None, "u1"):
            convlab.filter2d(x[0, 0], w[0, 0] * 1e-10, dtype=dtype)
            convlab.filter2d(x[0, 0], np.eye(9), algorithm="fft", dtype=dtype)
            convlab.gaussian(x[0, 0], 2, truncate=20, dtype=dtype)
            convlab.sobel(x[0, 0], dtype=dtype)
            convlab.unsharp(x[0, 0], dtype=dtype)
        assert (convlab.maximum_filter(x[0, 0], 3) == value).all()
