"""The types of results, for tests/packaging/test_typing.py, which runs type checkers on this file, and runs it."""

from contextlib import AbstractContextManager
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import convlab
from convlab import data, filters, ndimage, reference, signal
from convlab.typing import Border, Layout2d, Subnormals

picture = data.ascent()[:16, :16]
assert_type(data.ascent(), NDArray[np.uint8])
taps = filters.get("vertical_lines")
assert_type(taps, NDArray[np.float32])
rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
floats = np.ones((8, 8), np.float32)
tensor = np.ones((1, 2, 8, 8), np.float32)
words: str = "uint8"
flag = bool(len(rows))

# Filters return float32, or the dtype of dtype=.
assert_type(convlab.filter2d(picture, taps), NDArray[np.float32])
assert_type(convlab.filter2d(rows, [[1.0]], border="valid", clip=(0, None)), NDArray[np.float32])
assert_type(convlab.filter2d(picture, taps, dtype=np.uint8), NDArray[np.uint8])
assert_type(convlab.filter2d(picture, taps, dtype=picture.dtype), NDArray[np.uint8])
assert_type(convlab.filter2d(picture, taps, dtype=words), NDArray[Any])
assert_type(convlab.filter2d(floats, taps, out=np.empty((8, 8), np.float32)), NDArray[np.float32])
assert_type(convlab.filter_bank(picture, [taps, taps], algorithm="direct"), NDArray[np.float32])
assert_type(convlab.filter_bank(picture, [taps, taps], dtype=np.int16), NDArray[np.int16])
assert_type(convlab.sep_filter2d(picture, [1, 2, 1], [1, 0, -1]), NDArray[np.float32])
assert_type(convlab.sep_filter2d(picture, [1, 2, 1], [1, 0, -1], dtype=np.int16), NDArray[np.int16])
assert_type(convlab.box(picture, 3, precision="exact"), NDArray[np.float32])
assert_type(convlab.box(picture, (3, 5), normalize=False, dtype=np.int32), NDArray[np.int32])
assert_type(convlab.gaussian(picture, 1.5), NDArray[np.float32])
assert_type(convlab.gaussian(picture, (1.5, 2.0), dtype=np.uint8), NDArray[np.uint8])
assert_type(convlab.unsharp(picture, 2.0, 0.5), NDArray[np.float32])
assert_type(convlab.unsharp(picture, clip=(0, 255), dtype=np.uint8), NDArray[np.uint8])
assert_type(convlab.gabor(picture, 0.25), tuple[NDArray[np.float32], NDArray[np.float32]])

assert_type(convlab.laplacian(picture), NDArray[np.float32])
assert_type(convlab.laplacian(picture, dtype=np.int16), NDArray[np.int16])
assert_type(convlab.sobel(picture, axis=0), NDArray[np.float32])
assert_type(convlab.sobel(picture, axis=0, dtype=words), NDArray[Any])
assert_type(convlab.scharr(picture, border="wrap"), NDArray[np.float32])
assert_type(convlab.prewitt(picture), NDArray[np.float32])
assert_type(convlab.gradient_magnitude(picture, 2.0), NDArray[np.float32])
assert_type(convlab.gradient_magnitude(picture, dtype=np.uint8), NDArray[np.uint8])

# Order statistics keep the dtype.
assert_type(convlab.maximum_filter(picture, 3), NDArray[np.uint8])
assert_type(convlab.minimum_filter(floats, (3, 5)), NDArray[np.float32])
assert_type(convlab.median_filter(rows, 3), NDArray[Any])

# Maximum pools keep it too. A flag adds indices.
assert_type(convlab.max_pool2d(picture, 2), NDArray[np.uint8])
assert_type(convlab.max_pool2d(rows, 2), NDArray[Any])
assert_type(convlab.max_pool2d(floats, 2, return_indices=True), tuple[NDArray[np.float32], NDArray[np.int64]])
assert_type(convlab.max_pool2d(floats, 2, 2, 0, 1, False, True), tuple[NDArray[Any], NDArray[np.int64]])
assert_type(convlab.max_pool2d(rows, 2, return_indices=True), tuple[NDArray[Any], NDArray[np.int64]])
assert_type(convlab.max_pool2d(floats, 2, return_indices=flag), NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]])
assert_type(convlab.max_pool1d(floats, 2, layout="NCL"), NDArray[np.float32])
assert_type(convlab.max_pool1d(floats, 2, return_indices=True), tuple[NDArray[np.float32], NDArray[np.int64]])
assert_type(convlab.max_pool3d(tensor, 2, padding=((0, 0), (1, 0), (0, 1))), NDArray[np.float32])
assert_type(convlab.max_pool3d(tensor, 2, return_indices=True), tuple[NDArray[np.float32], NDArray[np.int64]])
assert_type(convlab.min_pool2d(picture, 2, padding="same"), NDArray[np.uint8])
assert_type(convlab.adaptive_max_pool1d(floats, 3), NDArray[np.float32])
assert_type(convlab.adaptive_max_pool2d(picture, (3, None), True), tuple[NDArray[np.uint8], NDArray[np.int64]])
assert_type(convlab.adaptive_max_pool3d(tensor, 1, return_indices=False), NDArray[np.float32])
assert_type(convlab.global_max_pool(tensor, layout="NCHW"), NDArray[np.float32])
largest, places = convlab.max_pool2d(picture, 2, return_indices=True)
assert_type(convlab.max_unpool2d(largest, places, 2), NDArray[np.uint8])
smaller, where = convlab.max_pool1d(floats, 2, return_indices=True)
assert_type(convlab.max_unpool1d(smaller, where, 2, output_size=(8,)), NDArray[np.float32])
volume, inside = convlab.max_pool3d(tensor, 2, return_indices=True)
assert_type(convlab.max_unpool3d(volume, inside, 2), NDArray[np.float32])

# Pools that sum return float32.
assert_type(convlab.avg_pool1d(picture, 2), NDArray[np.float32])
assert_type(convlab.avg_pool2d(picture, 2, ceil_mode=True), NDArray[np.float32])
assert_type(convlab.avg_pool3d(tensor, 2, divisor_override=3), NDArray[np.float32])
assert_type(convlab.lp_pool1d(picture, 2, 2), NDArray[np.float32])
assert_type(convlab.lp_pool2d(picture, 1.5, (2, 3)), NDArray[np.float32])
assert_type(convlab.lp_pool3d(tensor, 2, 2), NDArray[np.float32])
assert_type(convlab.adaptive_avg_pool1d(picture, 2), NDArray[np.float32])
assert_type(convlab.adaptive_avg_pool2d(picture, (2, 3), channel_axis=None), NDArray[np.float32])
assert_type(convlab.adaptive_avg_pool3d(tensor, 2), NDArray[np.float32])
assert_type(convlab.global_avg_pool(tensor), NDArray[np.float32])
assert_type(convlab.global_lp_pool(tensor, 3), NDArray[np.float32])

# Convolutions return float32.
weight = np.ones((4, 2, 3, 3), np.float32)
assert_type(convlab.conv1d(tensor[0, :, 0], weight[:, :, 0], padding="same"), NDArray[np.float32])
assert_type(convlab.conv2d(tensor, weight, stride=(1, 2), activation=(0, None)), NDArray[np.float32])
assert_type(convlab.conv2d(tensor, weight, [1, 2, 3, 4], padding_mode="wrap", padding=1), NDArray[np.float32])
assert_type(convlab.conv3d(tensor, weight[:, :1, None], algorithm="gemm", precision="fast"), NDArray[np.float32])
assert_type(convlab.conv_transpose1d(tensor[0, :, 0], weight[:2, :, 0]), NDArray[np.float32])
assert_type(convlab.conv_transpose2d(tensor, weight[:2], layout="NCHW"), NDArray[np.float32])
assert_type(convlab.conv_transpose3d(tensor, weight[:1, :, None], output_padding=0), NDArray[np.float32])
layer = convlab.Conv2d(weight, activation="relu")
assert_type(layer, convlab.Conv2d)
assert_type(layer(tensor), NDArray[np.float32])
assert_type(layer.weight, NDArray[np.float32])
assert_type(layer.bias, NDArray[np.float32] | None)

# The drop-ins return arrays whose dtype depends on the arguments.
assert_type(ndimage.gaussian_filter(picture, 1.5, mode=["reflect", "grid-wrap"]), NDArray[Any])
assert_type(ndimage.correlate(floats, taps, output=np.float32), NDArray[Any])
assert_type(ndimage.sobel(floats, axis=0), NDArray[Any])
assert_type(ndimage.median_filter(picture, footprint=np.ones((3, 3), bool)), NDArray[Any])
assert_type(ndimage.uniform_filter1d(floats, 3, mode="nearest"), NDArray[Any])
assert_type(signal.convolve2d(floats, taps, mode="same", boundary="symm"), NDArray[Any])
assert_type(signal.medfilt(floats[0], 3), NDArray[Any])

# Other functions.
assert_type(reference.max_pool2d(rows, 2), list[list[float]])
assert_type(convlab.explain("filter2d", (64, 64), taps), convlab.Explanation)
assert_type(convlab.translate("scipy.ndimage.sobel(x)"), str)
assert_type(convlab.last_kernel(), str | None)
assert_type(convlab.get_num_threads(), int)
assert_type(convlab.get_subnormals(), Subnormals)
assert_type(convlab.use_backend("numpy"), AbstractContextManager[None])
assert_type(convlab.threads(2), AbstractContextManager[None])
assert_type(convlab.subnormals("keep"), AbstractContextManager[None])


def smoothed(image: NDArray[np.uint8], border: Border = "mirror", layout: Layout2d = "NCHW") -> NDArray[np.float32]:
    """A function that passes words on can use their named types."""
    return convlab.avg_pool2d(convlab.gaussian(image, border=border), 2, layout=layout if image.ndim > 2 else None)


assert_type(smoothed(picture), NDArray[np.float32])
