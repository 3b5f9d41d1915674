"""FFTs are as precise as direct sums: each tile's pixels decide the precision of its FFT."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import signal

import convlab
from convlab._run import filtering_fft

SHAPE = 260, 300


def tiles():
    """Return (name, pixels): noise of rms 29, with typical outliers."""
    rng = np.random.default_rng(5)
    noise = (29 * rng.standard_normal(SHAPE)).astype("f4")
    rows, columns = np.indices(SHAPE)
    yield "noise", noise
    yield "zeros", 0 * noise
    for value in (1e6, 1e8, 1e12, 1e20, 1e30):
        hot = noise.copy()
        hot[100, 120] = value
        yield f"one pixel of {value:g}", hot
    yield "one pixel alone", np.where((rows == 100) & (columns == 120), noise, 0)
    for spacing in (3, 9, 31):
        yield f"stars {spacing} apart", np.where((rows % spacing == 0) & (columns % spacing == 0), noise, 0)
    yield "half zero", np.where(columns < 150, 0, noise)
    yield "mostly zero", np.where(columns < 280, 0, noise)
    for at in (30, 100, 250):
        yield f"step at {at}", np.where(columns < at, 1, 1000) + noise / 1000
        yield f"dark to {at}", np.where(columns < at, noise / 1000, noise)
    yield "gradient", rows * 40 + noise
    yield "steep gradient", noise * 10.0 ** (columns / 40)
    for offset in (1e4, 1e6):
        yield f"offset {offset:g}", noise + offset
    yield "flat", np.full(SHAPE, 29.0)
    yield "bands", np.where(rows % 40 < 20, noise, 0)
    yield "subnormal", noise * 1e-41
    yield "half subnormal", np.where(columns < 150, noise * 1e-41, noise)
    yield "tiny", noise * 1e-25
    yield "huge", noise * 1e30


TILES = {name: x.astype(np.float32) for name, x in tiles()}


def kernels(size):
    rng = np.random.default_rng(size)
    noise = rng.standard_normal((size, size))
    i = np.linspace(-3, 3, size)
    square = i[:, None] ** 2 + i**2
    yield "noise", noise
    yield "balanced", noise - noise.mean()
    yield "bell", np.exp(-square / 2) * (1 + 1e-3 * noise)
    yield "Laplacian of a Gaussian", (square - 2) * np.exp(-square / 2) * (1 + 1e-3 * noise)
    yield "few taps", np.where(rng.random((size, size)) < 50 / size**2, noise, 0)
    yield "one tap", np.where((i == i[size // 3]) & (i[:, None] == i[size // 2]), 0.7, 0)


@pytest.mark.parametrize("name", TILES)
@pytest.mark.parametrize("size", [29, 45])
def test_the_error_is_at_most_eight_times_the_direct_sums(size, name):
    """If an FFT in float32 is not precise enough, 29 x 29 uses direct sums and 45 x 45 an FFT in double."""
    x = TILES[name]
    for kind, kernel in kernels(size):
        w = kernel.astype(np.float32)
        expected = signal.fftconvolve(x.astype(float), w[::-1, ::-1].astype(float), "valid")
        errors = {}
        for algorithm in ("direct", "fft"):
            y = convlab.filter2d(x, w, border="valid", algorithm=algorithm)
            assert np.isfinite(y).all()
            errors[algorithm] = np.abs(y - expected).max()
        # The rounding of doubles, where direct sums are sums of zeros.
        slack = float(np.linalg.norm(x.astype(float)) * np.linalg.norm(w) * 2.0**-50)
        assert errors["fft"] <= 8 * errors["direct"] + slack, kind


@pytest.mark.parametrize("value", [1e6, 1e8])
@pytest.mark.parametrize("size", [31, 45])
def test_a_hot_pixel_changes_only_its_neighbourhood(fast_backend, rng, value, size):
    """The error was 0.19 and 43 in the whole image."""
    if "numpy" in fast_backend and size < 45:
        pytest.skip("NumPy takes minutes over direct sums")
    clean = (29 * rng.standard_normal((400, 420))).astype(np.float32)
    x = clean.copy()
    x[200, 210] = value
    w = rng.standard_normal((size, size), dtype=np.float32)
    y, expected = (convlab.filter2d(a, w, algorithm="fft").astype(np.float64) for a in (x, clean))
    far = np.ones(x.shape, bool)
    far[200 - size : 200 + size, 210 - size : 210 + size] = False
    assert np.abs(y - expected)[far].max() < 0.02


def test_only_the_pixels_decide(fast_backend, rng, monkeypatch):
    seen = []
    correlate = filtering_fft._Kernel.correlate
    monkeypatch.setattr(
        filtering_fft._Kernel, "correlate", lambda self, *a: (seen.append(self.dtype), correlate(self, *a))[1]
    )
    x = rng.standard_normal((1300, 640), dtype=np.float32)
    x[20, 30] = 1e6
    w = rng.standard_normal((40, 40), dtype=np.float32)
    plan = convlab.explain("filter2d", x.shape, w, threads=1)
    results = []
    for threads in (1, 2, 3):
        seen.clear()
        with convlab.threads(threads):
            results.append(convlab.filter2d(x, w))
        tiles = -(-x.shape[0] // plan.tile[0]) * -(-x.shape[1] // plan.tile[1])
        assert seen.count(np.float32) == tiles - 1 > 0
        assert seen.count(np.float64) >= 2  # parts of the tile with the bright pixel
    for other in results[1:]:
        assert_array_equal(other, results[0])


def test_ordinary_pictures_are_transformed_in_float32(fast_backend, monkeypatch):
    monkeypatch.setattr(filtering_fft, "_directly", None)
    monkeypatch.setattr(filtering_fft, "_in_double", None)
    taps = np.random.default_rng(0).standard_normal((33, 31))
    picture = convlab.data.ascent()
    convlab.filter2d(picture, taps, algorithm="fft")
    convlab.filter2d(picture / 255, taps, algorithm="fft", border="constant")
    assert convlab.last_kernel() == "correlate2d_fft" + fast_backend


@pytest.mark.parametrize("size", [(27, 27), (31, 200), (320, 33), (700, 5)])
@pytest.mark.parametrize("limit", [None, 2_000_000])
def test_parts_in_double_need_no_more_memory_than_the_plan_says(fast_backend, rng, size, limit):
    import tracemalloc

    x = rng.standard_normal((900, 800), dtype=np.float32)
    x[::300, ::300] = 1e6
    w = rng.standard_normal(size, dtype=np.float32)
    if limit and max(size) > 200:
        limit *= 4
    options = {"algorithm": "fft", "workspace_limit": limit, "out": np.empty(x.shape, np.float32)}
    plan = convlab.explain("filter2d", x.shape, w, threads=1, algorithm="fft", workspace_limit=limit)
    convlab.filter2d(x[:64, :64], w, algorithm="fft")
    with pytest.MonkeyPatch.context() as patch, convlab.threads(1):
        patch.setattr(filtering_fft, "DOUBLE_TAPS", 0)
        tracemalloc.start()
        convlab.filter2d(x, w, **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak <= 1.1 * plan.workspace_bytes + 300_000


@pytest.mark.parametrize(
    ("value", "block"), [(np.nan, (5, 7)), (np.inf, (5, 7)), (-np.inf, (40, 50)), (np.nan, (40, 1)), (np.inf, (1, 50))]
)
def test_norms_of_blocks(rng, value, block):
    x = rng.standard_normal((40, 50), dtype=np.float32)
    norms = filtering_fft.block_norms(x, block)
    starts = [sorted({*range(0, n - k + 1, k), n - k}) for n, k in zip(x.shape, block, strict=True)]
    each = sorted(
        np.linalg.norm(x[i : i + block[0], j : j + block[1]].astype(float)) for i in starts[0] for j in starts[1]
    )
    np.testing.assert_allclose(norms.largest, each[-1], rtol=1e-5)
    np.testing.assert_allclose(norms.ratio, each[-1] / each[len(each) // 4], rtol=1e-5)
    for scale in (1e-40, 1e-25, 1e25, 1e37):
        scaled = filtering_fft.block_norms((x.astype(float) * scale).astype("f4"), block)
        np.testing.assert_allclose(scaled.ratio, norms.ratio, rtol=1e-3)
    x[39, 0] = value
    assert filtering_fft.block_norms(x, block).ratio == np.inf
