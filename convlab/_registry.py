"""The lists of operations and kernels: what the package exports and explains, what setup.py compiles, what is tested.

Imports nothing of convlab: setup.py loads this file by its path.
"""

from typing import NamedTuple


class Source(NamedTuple):
    """A Cython file of src/: some kernels, or a module for every CPU."""

    path: str  # below src/, without its suffix
    wide: bool = True  # whether it gains from 16 lanes with AVX-512
    vectorize: bool = False  # whether the compiler may vectorize its loops too: it makes modules a fifth larger

    @property
    def module(self) -> str:
        return self.path.rpartition("/")[2]


class Kernel(NamedTuple):
    """A compiled function, and its NumPy twin of the same name and arguments."""

    name: str
    fallback: str  # the module of _fallback
    arguments: str  # fields of Call (src/common/call.h), in order: arrays and tables, then numbers
    sums: bool = True  # whether subnormal numbers may be flushed to zero: not where numbers are only moved
    costs: str | None = None  # the kernel whose measured costs it has, if it was not measured itself

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(name for name in self.arguments.split() if name in NUMBERS)

    @property
    def arrays(self) -> tuple[str, ...]:
        return tuple(name for name in self.arguments.split() if name not in NUMBERS)

    @property
    def writes(self) -> int | None:
        """Which argument holds the result."""
        result = next((name for name in ("y", "u") if name in self.arrays), None)
        return None if result is None else self.arrays.index(result)


NUMBERS = ("tile", "groups", "repetitions", "threads")
FILTER = "x w y geometry borders values threads"
POOL = "x y geometry threads"
RANK = "x y geometry borders cval threads"
CONV = "x w y bias geometry sources values threads"


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
    Source("common/cpu"),
    Source("common/calls"),
    Source("common/convlab_workers"),
)
KERNELS = (
    Kernel("correlate2d_3x3", "filtering", FILTER),
    Kernel("correlate2d_5x5", "filtering", FILTER),
    Kernel("correlate2d_7x7", "filtering", FILTER),
    Kernel("correlate2d", "filtering", FILTER),
    Kernel("correlate2d_masked", "filtering", "x w y mask geometry borders values threads"),
    Kernel("correlate2d_separable", "separable", FILTER),
    Kernel("magnitude2d_separable", "separable", FILTER),
    Kernel("box2d", "separable", FILTER),
    Kernel("box_lines", "separable", "x y geometry threads"),
    Kernel("transpose2d", "layout", "x y geometry threads", sums=False),
    Kernel("max_pool2d_2x2", "pooling", POOL, sums=False),
    Kernel("min_pool2d_2x2", "pooling", POOL, sums=False, costs="max_pool2d_2x2"),
    Kernel("avg_pool2d_2x2", "pooling", POOL),
    Kernel("max_pool2d", "pooling", POOL, sums=False),
    Kernel("min_pool2d", "pooling", POOL, sums=False, costs="max_pool2d"),
    Kernel("avg_pool2d", "pooling", POOL),
    Kernel("max_pool2d_registers", "pooling", POOL, sums=False),
    Kernel("min_pool2d_registers", "pooling", POOL, sums=False, costs="max_pool2d_registers"),
    Kernel("avg_pool2d_registers", "pooling", POOL),
    Kernel("max_pool_narrow", "pooling", POOL, sums=False),
    Kernel("min_pool_narrow", "pooling", POOL, sums=False, costs="max_pool_narrow"),
    Kernel("avg_pool_narrow", "pooling", POOL),
    Kernel("max_pool2d_indices", "pooling", "x y indices geometry threads", sums=False),
    Kernel("max_unpool", "pooling", "x indices y sizes threads", sums=False),
    Kernel("maximum2d", "ranking", RANK, sums=False),
    Kernel("minimum2d", "ranking", RANK, sums=False, costs="maximum2d"),
    Kernel("median2d_3x3", "ranking", RANK, sums=False),
    Kernel("median2d_5x5", "ranking", RANK, sums=False),
    Kernel("median2d", "ranking", RANK, sums=False),
    Kernel("median2d_histogram", "ranking", RANK, sums=False),
    Kernel("median2d_ranked", "ranking", RANK, sums=False),
    Kernel("conv_gemm", "convolving", CONV),
    Kernel("conv_depthwise", "convolving", CONV),
    Kernel("conv_depthwise_packed", "convolving", CONV),
    Kernel("conv_depthwise_last", "convolving", CONV),
    Kernel("conv_direct", "convolving", CONV),
    Kernel("conv_narrow", "convolving", "x w y bias geometry sources values u threads"),
    Kernel("conv_winograd2", "convolving", "x w y bias geometry sources values u threads"),
    Kernel("conv_winograd4", "convolving", "x w y bias geometry sources values u threads"),
    Kernel("transpose_weights", "convolving", "w u parts order groups"),
    Kernel("narrow_weights", "convolving", "w u threads"),
    Kernel("winograd_weights", "convolving", "w u tile threads"),
    Kernel("conv_weight", "gradients", "x grad y geometry sources sizes threads"),
    Kernel("conv_weight_planes", "gradients", "x grad y geometry sources sizes threads"),
    Kernel("conv_input_strided", "gradients", "grad w y geometry threads"),
    Kernel("scatter_add", "gradients", "grad indices y sizes threads"),
    Kernel("gather", "gradients", "grad indices y sizes threads", sums=False),
    Kernel("spread_mean", "gradients", "grad y geometry threads"),
    Kernel("activation_gradient", "gradients", "grad x y values threads"),
    Kernel("multiply_add", "machine", "repetitions"),
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
    Operation("Conv2d", "layers", "_planned", loops="conv2d"),
    Operation("conv_transpose1d", "transposing", first=(1,), loops="conv2d"),
    Operation("conv_transpose2d", "transposing", first=(2,), loops="conv2d"),
    Operation("conv_transpose3d", "transposing", first=(3,), loops="conv2d"),
)
