"""The lists of operations and kernels: what the package exports and explains, what setup.py compiles, what is tested.

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


class Operation(NamedTuple):
    """A public function, or layer, that computes."""

    name: str
    facade: str  # the module that holds it
    # The facade's function, or the layer's method, that returns a call's plan and arrays; None where a call has two.
    plan: str | None = "planned"
    first: tuple[str | int, ...] = ()  # what that function takes before the call's own arguments
    loops: str | None = None  # of convlab.reference, if they serve some of its calls


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
    Source("grad/grad_planes"),
    Source("grad/grad_strided"),
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
    Kernel("conv_weight_planes", "grad_planes", "gradients", 2),
    Kernel("conv_input_strided", "grad_strided", "gradients", 2),
    Kernel("scatter_add", "grad_pools", "gradients", 2),
    Kernel("gather", "grad_pools", "gradients", 2),
    Kernel("spread_mean", "grad_pools", "gradients", 1),
    Kernel("activation_gradient", "grad_pools", "gradients", 2),
    Kernel("multiply_add", "machine", "machine", None),
)
BY_NAME = {kernel.name: kernel for kernel in KERNELS}
# All that take `out`, and gabor.
OPERATIONS = (
    Operation("filter2d", "filtering", first=(False,), loops="filter2d"),
    Operation("filter_bank", "filtering", first=(True,), loops="filter2d"),
    Operation("sep_filter2d", "separable", loops="filter2d"),
    Operation("box", "imaging", "planned_box", loops="filter2d"),
    Operation("gabor", "imaging", plan=None, loops="filter2d"),
    Operation("gaussian", "imaging", "planned_gaussian", loops="filter2d"),
    Operation("unsharp", "imaging", "planned_unsharp", loops="filter2d"),
    Operation("laplacian", "edges", "planned_laplacian", loops="filter2d"),
    Operation("prewitt", "edges", first=("prewitt",), loops="filter2d"),
    Operation("scharr", "edges", first=("scharr",), loops="filter2d"),
    Operation("sobel", "edges", first=("sobel",), loops="filter2d"),
    Operation("gradient_magnitude", "gradients", loops="filter2d"),
    Operation("maximum_filter", "ranking", first=("maximum",)),
    Operation("median_filter", "ranking", first=("median",)),
    Operation("minimum_filter", "ranking", first=("minimum",)),
    Operation("max_pool1d", "pooling", first=("max", 1)),
    Operation("max_pool2d", "pooling", first=("max", 2), loops="max_pool2d"),
    Operation("max_pool3d", "pooling", first=("max", 3)),
    Operation("min_pool2d", "pooling", "planned_minimum", loops="min_pool2d"),
    Operation("avg_pool1d", "average_pooling", first=(1,)),
    Operation("avg_pool2d", "average_pooling", first=(2,), loops="avg_pool2d"),
    Operation("avg_pool3d", "average_pooling", first=(3,)),
    Operation("lp_pool1d", "lp_pooling", first=(1,)),
    Operation("lp_pool2d", "lp_pooling", first=(2,)),
    Operation("lp_pool3d", "lp_pooling", first=(3,)),
    Operation("adaptive_avg_pool1d", "adaptive_pooling", first=("avg", 1)),
    Operation("adaptive_avg_pool2d", "adaptive_pooling", first=("avg", 2), loops="avg_pool2d"),
    Operation("adaptive_avg_pool3d", "adaptive_pooling", first=("avg", 3)),
    Operation("adaptive_max_pool1d", "adaptive_pooling", "planned_maximum", first=(1,)),
    Operation("adaptive_max_pool2d", "adaptive_pooling", "planned_maximum", first=(2,), loops="max_pool2d"),
    Operation("adaptive_max_pool3d", "adaptive_pooling", "planned_maximum", first=(3,)),
    Operation("global_avg_pool", "global_pooling", first=("avg",), loops="avg_pool2d"),
    Operation("global_lp_pool", "global_pooling", "planned_powers"),
    Operation("global_max_pool", "global_pooling", first=("max",), loops="max_pool2d"),
    Operation("max_unpool1d", "unpooling", first=(1,)),
    Operation("max_unpool2d", "unpooling", first=(2,)),
    Operation("max_unpool3d", "unpooling", first=(3,)),
    Operation("conv1d", "convolving", first=(1,), loops="conv2d"),
    Operation("conv2d", "convolving", first=(2,), loops="conv2d"),
    Operation("conv3d", "convolving", first=(3,), loops="conv2d"),
    Operation("Conv2d", "convolving", "_planned", loops="conv2d"),
    Operation("conv_transpose1d", "transposing", first=(1,), loops="conv2d"),
    Operation("conv_transpose2d", "transposing", first=(2,), loops="conv2d"),
    Operation("conv_transpose3d", "transposing", first=(3,), loops="conv2d"),
)
