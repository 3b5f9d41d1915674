"""The one list of kernels: what setup.py compiles, and what dispatch, the fallback and the tests look up.

Imports nothing of convlab: setup.py loads this file by its path.
"""

from typing import NamedTuple


class Source(NamedTuple):
    """A Cython file of src/, a module of its own."""

    path: str  # below src/, without its suffix
    wide: bool = True  # whether it gains from 16 lanes with AVX-512
    vectorize: bool = False  # whether the compiler may vectorize its loops too: it makes modules a fifth larger

    @property
    def module(self) -> str:
        return self.path.rpartition("/")[2]


class Kernel(NamedTuple):
    """A compiled function, and its NumPy twin of the same name and arguments."""

    name: str
    module: str  # of SOURCES
    fallback: str  # the module of _fallback
    writes: int | None  # which argument holds the result


# Compiled for each instruction set.
SOURCES = (
    Source("filter/filter2d", vectorize=True),  # its loops that leave out NaN are plain ones
    Source("filter/sepfilter2d"),
    Source("filter/box2d"),
    Source("filter/box_lines"),
    Source("rank/extremum2d"),
    Source("rank/median2d"),
    Source("rank/median_histogram"),
    Source("rank/median_ranked"),
    Source("pool/pool2d"),
    Source("pool/pool_sums"),
    Source("pool/pool_narrow"),
    Source("pool/pool_indices"),
    Source("conv/conv_gemm"),
    Source("conv/conv_depthwise"),
    Source("conv/conv_direct"),
    Source("conv/conv_narrow"),
    Source("conv/conv_winograd"),
    Source("grad/grad_weight"),
    Source("grad/grad_pools"),
    Source("common/transpose"),
    Source("common/machine", wide=False),
)
# Compiled once, for every CPU.
BASELINE = (
    Source("common/cpu", wide=False),
    Source("common/signature", wide=False),
    Source("common/convlab_workers", wide=False),
)
KERNELS = (
    Kernel("correlate2d_3x3", "filter2d", "filtering", 2),
    Kernel("correlate2d_5x5", "filter2d", "filtering", 2),
    Kernel("correlate2d_7x7", "filter2d", "filtering", 2),
    Kernel("correlate2d", "filter2d", "filtering", 2),
    Kernel("correlate2d_masked", "filter2d", "filtering", 2),
    Kernel("correlate2d_separable", "sepfilter2d", "separable", 2),
    Kernel("magnitude2d_separable", "sepfilter2d", "separable", 2),
    Kernel("box2d", "box2d", "separable", 2),
    Kernel("box_lines", "box_lines", "separable", 1),
    Kernel("transpose2d", "transpose", "layout", 1),
    Kernel("max_pool2d_2x2", "pool2d", "pooling", 1),
    Kernel("min_pool2d_2x2", "pool2d", "pooling", 1),
    Kernel("avg_pool2d_2x2", "pool2d", "pooling", 1),
    Kernel("max_pool2d", "pool2d", "pooling", 1),
    Kernel("min_pool2d", "pool2d", "pooling", 1),
    Kernel("avg_pool2d", "pool_sums", "pooling", 1),
    Kernel("max_pool2d_registers", "pool2d", "pooling", 1),
    Kernel("min_pool2d_registers", "pool2d", "pooling", 1),
    Kernel("avg_pool2d_registers", "pool_sums", "pooling", 1),
    Kernel("max_pool_narrow", "pool_narrow", "pooling", 1),
    Kernel("min_pool_narrow", "pool_narrow", "pooling", 1),
    Kernel("avg_pool_narrow", "pool_narrow", "pooling", 1),
    Kernel("max_pool2d_indices", "pool_indices", "pooling", 2),
    Kernel("max_unpool", "pool_indices", "pooling", 2),
    Kernel("maximum2d", "extremum2d", "ranking", 1),
    Kernel("minimum2d", "extremum2d", "ranking", 1),
    Kernel("median2d_3x3", "median2d", "ranking", 1),
    Kernel("median2d_5x5", "median2d", "ranking", 1),
    Kernel("median2d", "median2d", "ranking", 1),
    Kernel("median2d_histogram", "median_histogram", "ranking", 1),
    Kernel("median2d_ranked", "median_ranked", "ranking", 1),
    Kernel("conv_gemm", "conv_gemm", "convolving", 2),
    Kernel("conv_depthwise", "conv_depthwise", "convolving", 2),
    Kernel("conv_depthwise_packed", "conv_depthwise", "convolving", 2),
    Kernel("conv_depthwise_last", "conv_depthwise", "convolving", 2),
    Kernel("conv_direct", "conv_direct", "convolving", 2),
    Kernel("conv_narrow", "conv_narrow", "convolving", 2),
    Kernel("conv_winograd2", "conv_winograd", "convolving", 2),
    Kernel("conv_winograd4", "conv_winograd", "convolving", 2),
    Kernel("transpose_weights", "conv_gemm", "convolving", 1),
    Kernel("narrow_weights", "conv_narrow", "convolving", 1),
    Kernel("winograd_weights", "conv_winograd", "convolving", 1),
    Kernel("conv_weight", "grad_weight", "gradients", 2),
    Kernel("scatter_add", "grad_pools", "gradients", 2),
    Kernel("gather", "grad_pools", "gradients", 2),
    Kernel("spread_mean", "grad_pools", "gradients", 1),
    Kernel("activation_gradient", "grad_pools", "gradients", 2),
    Kernel("multiply_add", "machine", "machine", None),
)
BY_NAME = {kernel.name: kernel for kernel in KERNELS}
