"""precision="exact": a result depends only on its window's pixels, the kernel and the options.

Sizes are drawn on both sides of every limit at which a plan changes.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import convlab
from convlab._plan import box as box_plan
from convlab._plan import conv_blocks, conv_choice, filtering, separable
from convlab._plan.filtering_direct import CHUNK_COLUMNS, TILE_ROWS
from convlab._plan.plan import WIDEST_BLOCK

# Sides of images: around vectors, blocks, tiles and chunks, and around FFT_PIXELS and SEPARABLE_PRODUCTS.
SIDES = sorted(
    {
        side + more
        for side in (8, 16, TILE_ROWS, separable.TILE_ROWS, WIDEST_BLOCK, 110, 128, CHUNK_COLUMNS)
        for more in (-1, 0, 1)
    }
)
# Taps around SEPARABLE_TAPS and FFT_TAPS, the unrolled sizes, and one row or column.
KERNELS = [(3, 3), (5, 5), (7, 7), (4, 6), (6, 4), (1, 25), (25, 1), (8, 8), (15, 3), (26, 26), (27, 27)]
BOXES = [(3, 3), (9, 9), (10, 9), (9, 10), (12, 31), (40, 40), (63, 5)]


def test_the_sides_are_on_both_sides_of_the_limits():
    pixels = [side * side for side in SIDES]
    assert min(pixels) < filtering.FFT_PIXELS < max(pixels)
    taps = [height * width for height, width in KERNELS]
    assert min(taps) < filtering.SEPARABLE_TAPS <= max(taps)
    assert min(taps) < filtering.FFT_TAPS <= max(taps)
    products = [t * p for t in taps if t >= filtering.SEPARABLE_TAPS for p in pixels]
    assert min(products) < filtering.SEPARABLE_PRODUCTS < max(products)
    assert min(max(size) for size in BOXES) <= box_plan.DIRECT < max(max(size) for size in BOXES)


def layouts(x):
    """The same pixels in other memory layouts and in wider dtypes."""
    wide = np.zeros((x.shape[0], x.shape[1] + 7), x.dtype)
    wide[:, 3:-4] = x
    yield "rows apart", wide[:, 3:-4]
    yield "Fortran", np.asfortranarray(x)
    yield "from below", x[::-1].copy()[::-1]
    yield "from the right", x[:, ::-1].copy()[:, ::-1]
    yield "every other column", np.repeat(x, 2, axis=1)[:, ::2]
    yield "unaligned", np.frombuffer(b"\0" + x.tobytes(), x.dtype, x.size, 1).reshape(x.shape)
    yield "byte-swapped", x.astype(x.dtype.newbyteorder())
    yield "float64", x.astype(np.float64)


def assert_of_the_window_alone(call, x, size, rng):
    """Assert that `call` with border="valid" on a crop, in all layouts, gives the bits of the whole."""
    whole = call(x)
    height, width = (int(rng.integers(k, n + 1)) for k, n in zip(size, x.shape, strict=True))
    if rng.random() < 0.5:  # small crops too
        height, width = size[0] + int(rng.integers(0, 3)), size[1] + int(rng.integers(0, 3))
        height, width = min(height, x.shape[0]), min(width, x.shape[1])
    i, j = (int(rng.integers(0, n - h + 1)) for n, h in zip(x.shape, (height, width), strict=True))
    crop = x[i : i + height, j : j + width]
    expected = whole[i : i + height - size[0] + 1, j : j + width - size[1] + 1]
    assert_array_equal(call(crop), expected)
    assert_array_equal(call(np.ascontiguousarray(crop)), expected)
    for name, same in layouts(crop):
        assert_array_equal(call(same), expected, name)
    names = list(layouts(x))
    name, same = names[int(rng.integers(len(names)))]
    assert_array_equal(call(same), whole, name)


def image(rng, size, dtype):
    height, width = (max(int(rng.choice(SIDES)), k) for k in size)
    if dtype == "f4":
        return (rng.standard_normal((height, width)) * 10.0 ** rng.integers(-3, 4, (height, width))).astype("f4")
    return rng.integers(0, 200, (height, width)).astype(dtype)


@pytest.mark.parametrize("seed", range(60))
def test_filters(fast_backend, seed):
    rng = np.random.default_rng(seed)
    size = KERNELS[seed % len(KERNELS)]
    if "numpy" in fast_backend and size[0] * size[1] > 100:
        pytest.skip("NumPy takes minutes over so many taps")
    x = image(rng, size, rng.choice(["f4", "f4", "u1", "i2"]))
    column, row = (rng.standard_normal(n).astype("f4") for n in size)
    whole = rng.standard_normal(size).astype("f4")
    options = {"border": "valid", "precision": "exact"}
    if rng.random() < 0.3:
        options |= {"scale": 0.3, "offset": 0.1, "clip": (-50, 50)}
    for kernel in (np.outer(column, row), whole):
        assert_of_the_window_alone(lambda a, kernel=kernel: convlab.filter2d(a, kernel, **options), x, size, rng)
    bank = np.array([whole, np.outer(column, row)])
    assert_of_the_window_alone(lambda a: convlab.filter_bank(a, bank, **options)[1], x, size, rng)
    assert_of_the_window_alone(lambda a: convlab.sep_filter2d(a, column, row, **options), x, size, rng)


@pytest.mark.parametrize("limit", [60_000, 1_000_000])
def test_a_limit_on_memory_is_an_option(fast_backend, limit):
    """The size decides what fits into the limit, but must not change the result."""
    rng = np.random.default_rng(limit)
    x = rng.standard_normal((90, 257), dtype=np.float32)
    kernel = np.outer(*(rng.standard_normal(n).astype("f4") for n in (5, 7)))
    options = {"border": "valid", "precision": "exact", "workspace_limit": limit}
    for _ in range(8):
        assert_of_the_window_alone(lambda a: convlab.filter2d(a, kernel, **options), x, (5, 7), rng)


@pytest.mark.parametrize("seed", range(28))
def test_boxes(fast_backend, seed):
    rng = np.random.default_rng(seed)
    size = BOXES[seed % len(BOXES)]
    x = image(rng, size, rng.choice(["f4", "f4", "u1", "i2"]))
    options = {"border": "valid", "precision": "exact", "normalize": bool(seed % 2)}
    assert_of_the_window_alone(lambda a: convlab.box(a, size, **options), x, size, rng)


def test_a_box_is_summed_in_the_order_that_it_says(fast_backend, rng):
    x = rng.standard_normal((40, 50), dtype=np.float32)
    exact = convlab.box(x, (12, 15), precision="exact", normalize=False)
    assert convlab.last_kernel() == "correlate2d_separable" + fast_backend
    assert_array_equal(exact, convlab.sep_filter2d(x, np.ones(12), np.ones(15)))
    assert (convlab.box(x, (12, 15), normalize=False) != exact).any()
    with pytest.raises(ValueError, match="precision: got 'high'; expected one of: fast, exact"):
        convlab.box(x, 3, precision="high")


@pytest.mark.parametrize("seed", range(12))
def test_pixels_left_out(fast_backend, seed):
    rng = np.random.default_rng(seed)
    size = [(3, 3), (5, 5), (4, 6), (6, 5)][seed % 4]
    x = image(rng, size, "f4")
    x[rng.random(x.shape) < 0.1] = np.nan
    kernel = np.outer(*(rng.random(n).astype("f4") + 1 for n in size))
    options = {"border": "valid", "precision": "exact", "nan": "omit"}
    assert_of_the_window_alone(lambda a: convlab.filter2d(a, kernel, **options), x, size, rng)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_channels(fast_backend, rng, axis):
    """A channel has the bits of a single image, on any axis."""
    x = rng.standard_normal((70, 90, 3), dtype=np.float32)
    kernel = np.outer(*(rng.standard_normal(n).astype("f4") for n in (5, 7)))
    for call in (
        lambda a, **o: convlab.filter2d(a, kernel, precision="exact", **o),
        lambda a, **o: convlab.box(a, (12, 11), precision="exact", **o),
    ):
        expected = np.stack([call(np.ascontiguousarray(x[..., c])) for c in range(3)], axis)
        moved = np.moveaxis(x, -1, axis)
        for image in (moved, np.ascontiguousarray(moved), np.asfortranarray(moved)):
            assert_array_equal(call(image, channel_axis=axis), expected)


# Channels, output channels and groups on both sides of the limits between a packed panel, rows in place, vectors of
# channels, Winograd's tiles, and depthwise sums.
LAYERS = [
    (1, 8, 1),
    (3, 16, 1),
    (16, 16, 1),
    (17, 40, 1),
    (48, 96, 2),
    (64, 64, 1),
    (6, 6, 6),
    (5, 10, 5),
    (128, 32, 1),
]
PLANES = [3, 7, 8, 9, 11, 14, 15, 16, 17, 28, 31, 33, 56]


def test_the_layers_are_on_both_sides_of_the_limits():
    terms = [9 * channels // groups for channels, _, groups in LAYERS]
    assert min(terms) < conv_blocks.DIRECT_TERMS < max(terms)
    assert min(PLANES) ** 2 < conv_choice.NARROWEST < max(PLANES) ** 2
    assert min(out // groups for _, out, groups in LAYERS) < conv_blocks.NARROW_WIDTH


@pytest.mark.parametrize("seed", range(54))
def test_convolutions(fast_backend, seed):
    if "numpy" in fast_backend:
        pytest.skip("NumPy's products of matrices choose an order by their sizes")
    rng = np.random.default_rng(seed)
    channels, out_channels, groups = LAYERS[seed % len(LAYERS)]
    kernel = int(rng.choice([1, 3, 3, 3, 5]))
    stride, dilation = (1, 1) if rng.random() < 0.5 else (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    reach = (kernel - 1) * dilation + 1
    height, width = (max(int(rng.choice(PLANES)), reach) for _ in range(2))
    x = rng.standard_normal((2, channels, height, width), dtype=np.float32)
    w = rng.standard_normal((out_channels, channels // groups, kernel, kernel), dtype=np.float32)
    bias = rng.standard_normal(out_channels, dtype=np.float32)
    options = {"stride": stride, "dilation": dilation, "groups": groups, "precision": "exact"}
    layer = convlab.Conv2d(w, bias, **options)
    whole = convlab.conv2d(x, w, bias, **options)
    for _ in range(3):
        i, j = (stride * int(rng.integers(0, (n - reach) // stride + 1)) for n in (height, width))
        h, w_ = (int(rng.integers(reach, n - at + 1)) for n, at in ((height, i), (width, j)))
        crop = x[:1, :, i : i + h, j : j + w_]
        part = (slice(1), slice(None), *(slice(at // stride, at // stride + (n - reach) // stride + 1)
                                         for at, n in ((i, h), (j, w_))))  # fmt: skip
        last = np.ascontiguousarray(np.moveaxis(crop, 1, -1)).transpose(0, 3, 1, 2)
        for same in (crop, np.ascontiguousarray(crop), last, np.asfortranarray(crop), crop.astype(np.float64)):
            assert_array_equal(convlab.conv2d(same, w, bias, **options), whole[part])
            assert_array_equal(layer(same), whole[part])


WITHOUT_A_CHOICE = {
    "sep_filter2d": (lambda a: convlab.sep_filter2d(a, np.ones(12) / 7, np.ones(5) / 3, border="valid"), (12, 5)),
    "gaussian": (lambda a: convlab.gaussian(a, 1.5, border="valid"), (13, 13)),
    "laplacian": (lambda a: convlab.laplacian(a, border="valid"), (3, 3)),
    "unsharp": (lambda a: convlab.unsharp(a, 1.0, border="keep")[4 : len(a) - 4, 4 : a.shape[1] - 4], (9, 9)),
    "sobel": (lambda a: convlab.sobel(a, border="valid"), (3, 3)),
    "scharr": (lambda a: convlab.scharr(a, axis=0, border="valid"), (3, 3)),
    "prewitt": (lambda a: convlab.prewitt(a, axis=1, border="valid"), (3, 3)),
    "gradient_magnitude": (lambda a: convlab.gradient_magnitude(a, 1.5, border="valid"), (13, 13)),
}


@pytest.mark.parametrize("name", WITHOUT_A_CHOICE)
@pytest.mark.parametrize("seed", range(6))
def test_filters_without_a_choice(fast_backend, name, seed):
    call, size = WITHOUT_A_CHOICE[name]
    rng = np.random.default_rng(seed)
    assert_of_the_window_alone(call, image(rng, size, rng.choice(["f4", "f4", "u1", "i2"])), size, rng)


def test_the_limits_that_the_page_names():
    page = Path(__file__).resolve().parents[2] / "docs" / "in-production.md"
    if not page.is_file():
        pytest.skip("the documents are not beside these tests")
    text = page.read_text(encoding="utf-8")
    assert f"with at least {filtering.SEPARABLE_TAPS} taps: applied as a column and a row" in text
    assert f"from {filtering.SEPARABLE_PRODUCTS:,} products of taps and pixels on" in text
    assert f"with at least {filtering.FFT_TAPS} taps: applied by FFT" in text
    assert f"from {filtering.FFT_PIXELS:,} pixels on" in text
    assert f"from {filtering.FFT_PRODUCTS:,} products of taps and pixels per tile on" in text
    assert f"more than {box_plan.DIRECT} pixels a side" in text
    for limit in (filtering.SEPARABLE_PRODUCTS, filtering.FFT_PIXELS):
        assert f"{limit:,}" in convlab.filter2d.__doc__
