"""Every kernel of the table in NumPy, with the compiled kernels' signatures (arrays, tables, threads)."""

from .convolving import (
    conv_depthwise,
    conv_direct,
    conv_gemm,
    conv_narrow,
    conv_winograd2,
    conv_winograd4,
    narrow_weights,
    transpose_weights,
    winograd_weights,
)  # fmt: skip
from .filtering import correlate2d, correlate2d_3x3, correlate2d_5x5, correlate2d_7x7, correlate2d_masked
from .layout import transpose2d
from .machine import multiply_add
from .pooling import (
    avg_pool2d,
    avg_pool2d_2x2,
    avg_pool_narrow,
    max_pool2d,
    max_pool2d_2x2,
    max_pool2d_indices,
    max_pool_narrow,
    max_unpool,
    min_pool2d,
    min_pool2d_2x2,
    min_pool_narrow,
)
from .ranking import (
    maximum2d,
    median2d,
    median2d_3x3,
    median2d_5x5,
    median2d_histogram,
    median2d_ranked,
    minimum2d,
)
from .separable import box2d, correlate2d_separable, magnitude2d_separable

__all__ = [
    "avg_pool2d",
    "avg_pool2d_2x2",
    "avg_pool_narrow",
    "box2d",
    "conv_depthwise",
    "conv_direct",
    "conv_gemm",
    "conv_narrow",
    "conv_winograd2",
    "conv_winograd4",
    "correlate2d",
    "correlate2d_3x3",
    "correlate2d_5x5",
    "correlate2d_7x7",
    "correlate2d_masked",
    "correlate2d_separable",
    "magnitude2d_separable",
    "max_pool2d",
    "max_pool2d_2x2",
    "max_pool2d_indices",
    "max_pool_narrow",
    "max_unpool",
    "maximum2d",
    "median2d",
    "median2d_3x3",
    "median2d_5x5",
    "median2d_histogram",
    "median2d_ranked",
    "min_pool2d",
    "min_pool2d_2x2",
    "min_pool_narrow",
    "minimum2d",
    "multiply_add",
    "narrow_weights",
    "transpose2d",
    "transpose_weights",
    "winograd_weights",
]
