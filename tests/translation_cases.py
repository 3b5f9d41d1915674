"""Calls for `convlab.translate` of every known function, by library, and the comparison of two results.

`x` is a float32 image, `u` one of uint8, `k` a kernel of 3 x 4 taps, `m` one of 4 x 4, `w` three taps, `wide` four;
PyTorch's arguments are tensors.
"""

import numpy as np

import convlab

MODES = ["reflect", "mirror", "nearest", "wrap", "constant", "grid-mirror", "grid-wrap", "grid-constant"]

SCIPY = [
    *(f"ndi.{f}(x, k, mode='{m}', cval=2.0)" for f in ("correlate", "convolve") for m in MODES),
    *(f"ndimage.{f}(x, m, origin=(-2, 1))" for f in ("correlate", "convolve")),
    *(f"ndi.{f}(x, k, origin=-1)" for f in ("correlate", "convolve")),
    *(
        f"ndi.{f}(x, wide, axis={a}, origin={o})"
        for f in ("correlate1d", "convolve1d")
        for a in (0, -1)
        for o in (0, 1)
    ),
    "ndi.correlate1d(x, w, 0, mode='wrap')",
    "ndi.correlate(u, k, output=np.float32)",
    "ndi.uniform_filter(x, 4)",
    "ndi.uniform_filter(x, size=(3, 12), mode='constant', cval=5, origin=(1, -6))",
    "ndi.uniform_filter(x, 5, output=np.float32)",
    "ndi.uniform_filter1d(x, 3, axis=0)",
    "ndi.gaussian_filter1d(x, 1.5)",
    "ndi.gaussian_laplace(x, 1.5)",
    "ndi.gaussian_gradient_magnitude(x, sigma=1.5)",
    "scipy.ndimage.gaussian_filter(x, 1.5)",
    "ndi.gaussian_filter(x, sigma=1.2, mode='wrap', truncate=3.0)",
    "ndi.gaussian_filter(x, 1.2, order=(0, 1))",
    *(f"ndi.{f}(x, {a}, mode='nearest')" for f in ("sobel", "prewitt") for a in (0, 1, -1)),
    "ndi.sobel(x, mode='constant', cval=3.0)",
    "ndi.laplace(x)",
    "ndi.laplace(x, mode='constant', cval=2.0)",
    *(f"ndi.{f}(u, size={s}, mode='mirror')" for f in ("maximum_filter", "minimum_filter") for s in (3, (4, 5))),
    "ndi.maximum_filter(u, size=5, origin=(1, -2))",
    "ndi.maximum_filter(u, footprint=np.eye(3))",
    "ndi.minimum_filter1d(u, 3)",
    "ndi.median_filter(u, 3)",
    "ndi.median_filter(x, size=(3, 5), mode='constant')",
    *(
        f"scipy.signal.{f}(x, {k}, '{m}', boundary='{b}')"
        for f in ("convolve2d", "correlate2d")
        for k in ("k", "m")
        for m in ("full", "same", "valid")
        for b in ("fill", "wrap", "symm")
    ),
    "signal.convolve2d(x, k, mode='same', fillvalue=1.5)",
    "signal.fftconvolve(x, k, mode='same')",
    "signal.oaconvolve(x, k)",
    "signal.medfilt2d(x, 5)",
    "signal.medfilt2d(u)",
]
NUMPY = [
    *(f"np.{f}(x[0], w, '{m}')" for f in ("convolve", "correlate") for m in ("full", "same", "valid")),
    "np.convolve(x[0], wide)",
    "np.correlate(x[0], wide)",
]
BORDERS = ["DEFAULT", "REFLECT", "REFLECT_101", "REPLICATE", "CONSTANT"]
OPENCV = [
    *(f"cv2.filter2D({i}, -1, k, borderType=cv2.BORDER_{b})" for i in "xu" for b in BORDERS),
    "cv2.filter2D(x, cv2.CV_32F, k, anchor=(0, 2), delta=7)",
    "cv2.filter2D(x, -1, m, anchor=(-1, 1))",
    "cv2.filter2D(u, cv2.CV_32F, m, None, (3, -1), 0, 1)",
    "cv2.filter2D(u, ddepth=cv2.CV_16S, kernel=np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]))",
    *(f"cv2.sepFilter2D({i}, -1, w, np.ones(5, np.float32), borderType=cv2.BORDER_{b})" for i in "x" for b in BORDERS),
    "cv2.sepFilter2D(x, cv2.CV_32F, wide, w, anchor=(1, -1), delta=1)",
    *(
        f"cv2.GaussianBlur({i}, {s}, {g})"
        for i in "xu"
        for s, g in [((3, 3), 0), ((5, 5), 1.2), ((9, 3), 2), ((7, 9), 0)]
    ),
    "cv2.GaussianBlur(x, (5, 7), 1.0, sigmaY=2.5, borderType=cv2.BORDER_REPLICATE)",
    "cv2.GaussianBlur(x, (11, 11), 0)",
    *(f"cv2.blur({i}, {s})" for i in "xu" for s in [(3, 3), (5, 3), (5, 5)]),
    "cv2.blur(x, (4, 2), borderType=cv2.BORDER_REFLECT)",
    "cv2.blur(x, (4, 3), anchor=(0, -1))",
    "cv2.boxFilter(x, -1, (3, 5), normalize=False)",
    "cv2.boxFilter(u, cv2.CV_32F, (3, 5))",
    *(f"cv2.medianBlur({i}, {s})" for i in "xu" for s in (3, 5)),
    *(
        f"cv2.{f}({i}, {k})"
        for f in ("dilate", "erode")
        for i in "xu"
        for k in (
            "None",
            "np.ones((3, 3), np.uint8)",
            "cv2.getStructuringElement(cv2.MORPH_RECT, (4, 3))",
        )
    ),
    "cv2.dilate(u, np.ones((3, 4), np.uint8), iterations=3)",
    "cv2.erode(u, np.ones((2, 4), np.uint8), iterations=2)",
    "cv2.dilate(u, np.ones((3, 3), np.uint8), anchor=(0, 2))",
    "cv2.erode(u, np.ones((4, 5), np.uint8), anchor=(1, -1), iterations=2)",
    "cv2.dilate(x, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_REFLECT)",
    *(f"cv2.Sobel(x, cv2.CV_32F, {d}, ksize={s})" for d in ("1, 0", "0, 1", "1, 1", "2, 0") for s in (1, 3, 5, 7)),
    "cv2.Sobel(u, cv2.CV_16S, 1, 0)",
    "cv2.Sobel(u, -1, 0, 1, scale=0.5, delta=100, borderType=cv2.BORDER_REPLICATE)",
    "cv2.Sobel(x, cv2.CV_32F, 1, 0, ksize=-1)",
    "cv2.Scharr(x, cv2.CV_32F, 0, 1)",
    "cv2.Scharr(u, cv2.CV_16S, 1, 0, scale=2)",
    *(f"cv2.Laplacian({i}, cv2.CV_32F, ksize={s})" for i in "xu" for s in (1, 3, 5, 7)),
    "cv2.Laplacian(u, -1)",
]
SKIMAGE = [
    "skimage.filters.gaussian(x, 1.5)",
    *(f"skimage.filters.gaussian(x, sigma=1.5, mode='{m}', truncate=3.0)" for m in MODES[:4]),
    "filters.gaussian(x, 1, mode='constant', cval=2.0)",
    *(f"filters.{f}(x, axis={a})" for f in ("sobel", "prewitt", "scharr") for a in (None, 0, 1)),
    *(f"filters.sobel(x, mode='{m}')" for m in MODES[:4]),
    "filters.laplace(x)",
    "filters.median(u)",
    "filters.median(x, np.ones((5, 5)), mode='mirror')",
    "filters.unsharp_mask(x, radius=2, amount=1.5, preserve_range=True)",
    "filters.unsharp_mask(x / 100)",
    "filters.unsharp_mask(abs(x) / 100, amount=2)",
    "filters.gabor(x, 0.3, theta=0.5)",
    "filters.gabor(x, frequency=0.2, bandwidth=1.5, mode='nearest')",
]
PYTORCH = [
    "F.conv1d(t1, w1)",
    "F.conv2d(t2, w2, b, 2, padding=1)",
    "torch.conv2d(t2, w2, bias=b, padding='same')",
    "F.conv2d(t2, w2[:, :1], groups=2, dilation=(1, 2))",
    "F.conv3d(t3, w3, padding=(0, 1, 1))",
    "F.conv_transpose1d(t1, w1, stride=2)",
    "F.conv_transpose2d(t2, w2, b[:2], stride=2, padding=1, output_padding=1)",
    "F.conv_transpose3d(t3, w3, dilation=2)",
    "F.max_pool1d(t1, 3)",
    "torch.nn.functional.max_pool2d(t2, 2)",
    "F.max_pool2d(t2, 3, 1, padding=1, dilation=2)",
    "F.max_pool2d(t2, (3, 2), ceil_mode=True)",
    "F.max_pool2d(t2, 3, return_indices=True)",
    "F.max_pool3d(t3, 2)",
    "F.avg_pool1d(t1, 4, 2)",
    "F.avg_pool2d(t2, 3, 2, 1, count_include_pad=False)",
    "F.avg_pool2d(t2, 3, divisor_override=5)",
    "F.avg_pool3d(t3, 2, ceil_mode=True)",
    "F.lp_pool1d(t1.abs(), 3, 3)",
    "F.lp_pool2d(t2, 2.0, (2, 3), stride=1)",
    "F.lp_pool3d(t3, 2, 2)",
    *(f"F.adaptive_{kind}_pool{n}d(t{n}, 3)" for kind in ("avg", "max") for n in (1, 2, 3)),
    "F.adaptive_max_pool2d(t2, (2, 5), return_indices=True)",
    "F.max_unpool1d(pooled1, indices1, 2)",
    "F.max_unpool2d(pooled2, indices2, kernel_size=2, output_size=(9, 11))",
    "F.max_unpool3d(pooled3, indices3, 2, 2)",
]


def arrays():
    """Return the variables of the calls."""
    rng = np.random.default_rng(7)
    return {
        "np": np,
        "convlab": convlab,
        "x": (rng.standard_normal((23, 37)) * 100).astype(np.float32),
        "u": rng.integers(0, 256, (23, 37), np.uint8),
        "k": rng.standard_normal((3, 4)).astype(np.float32),
        "m": rng.standard_normal((4, 4)).astype(np.float32),
        "w": np.array([0.25, 0.5, -1.5], np.float32),
        "wide": np.array([1.0, 2.0, -1.5, 0.5], np.float32),
    }


def assert_equivalent(call, names, tolerance=2e-5):
    """Run a call and its translation, and compare: floats within the bound of float32 sums, integers within one."""
    translated = convlab.translate(call)
    assert translated.startswith("convlab."), translated
    theirs, ours = eval(call, names), eval(translated, names)
    theirs, ours = (r if isinstance(r, tuple) else (r,) for r in (theirs, ours))
    assert len(theirs) == len(ours)
    for one, other in zip(theirs, ours, strict=True):
        their, our = np.asarray(one), np.asarray(other)
        assert our.shape == their.shape
        if their.dtype.kind in "iu" and our.dtype == their.dtype:
            assert np.abs(our.astype(int) - their.astype(int)).max() <= 1, translated
        else:
            scale = max(1.0, np.abs(their).max())
            np.testing.assert_allclose(our, their, rtol=0, atol=tolerance * scale, err_msg=translated)
