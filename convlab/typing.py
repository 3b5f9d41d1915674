"""The types of arguments and results, for annotations of your own: ``border: convlab.typing.Border``.

Every list of words stands here once. What checks an argument takes the words from its type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, SupportsIndex, TypeAlias, TypeVar

if TYPE_CHECKING:  # `import convlab` does not wait for NumPy
    import numpy as np

# The type of an array's elements.
ScalarT = TypeVar("ScalarT", bound="np.generic")

# Words of images.
Border: TypeAlias = Literal["mirror", "symmetric", "nearest", "wrap", "constant", "valid", "keep"]
NanPolicy: TypeAlias = Literal["propagate", "omit"]
Precision: TypeAlias = Literal["fast", "exact"]
FilterAlgorithm: TypeAlias = Literal["direct", "separable", "fft"]

# Words of tensors.
ConvLayout1d: TypeAlias = Literal["NCW", "NWC"]
PoolLayout1d: TypeAlias = Literal["NCL", "NLC"]
Layout2d: TypeAlias = Literal["NCHW", "NHWC"]
Layout3d: TypeAlias = Literal["NCDHW", "NDHWC"]
PoolLayout: TypeAlias = PoolLayout1d | Layout2d | Layout3d
PaddingWord: TypeAlias = Literal["valid", "same", "same_lower"]
PaddingMode: TypeAlias = Literal["zeros", "nearest", "symmetric", "mirror", "wrap"]
ActivationWord: TypeAlias = Literal["relu", "relu6", "leaky_relu"]
ConvAlgorithm: TypeAlias = Literal["gemm", "depthwise", "narrow", "winograd2", "winograd4", "fft"]

# Words of settings.
BackendWord: TypeAlias = Literal["auto", "compiled", "numpy", "python"]
IsaWord: TypeAlias = Literal["auto", "baseline", "avx2", "avx512", "neon"]
Subnormals: TypeAlias = Literal["keep", "flush"]

# SciPy's words.
NdimageMode: TypeAlias = Literal[
    "reflect", "grid-mirror", "mirror", "nearest", "wrap", "grid-wrap", "constant", "grid-constant"
]
SignalMode: TypeAlias = Literal["full", "same", "valid"]
SignalBoundary: TypeAlias = Literal["fill", "pad", "wrap", "circular", "symm", "symmetric"]

# Numbers: one for all axes, or one for each.
Sizes: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
Shape: TypeAlias = Sequence[SupportsIndex]
OutputSize: TypeAlias = SupportsIndex | Sequence[SupportsIndex | None] | None
Numbers: TypeAlias = float | Sequence[float]
Anchor: TypeAlias = tuple[SupportsIndex, SupportsIndex]
Clip: TypeAlias = tuple[float | None, float | None]
Activation: TypeAlias = ActivationWord | Clip
ConvPadding: TypeAlias = Sizes | PaddingWord
PoolPadding: TypeAlias = Sizes | PaddingWord | Sequence[Sequence[SupportsIndex]]

__all__ = [
    "Activation",
    "ActivationWord",
    "Anchor",
    "BackendWord",
    "Border",
    "Clip",
    "ConvAlgorithm",
    "ConvLayout1d",
    "ConvPadding",
    "FilterAlgorithm",
    "IsaWord",
    "Layout2d",
    "Layout3d",
    "NanPolicy",
    "NdimageMode",
    "Numbers",
    "OutputSize",
    "PaddingMode",
    "PaddingWord",
    "PoolLayout",
    "PoolLayout1d",
    "PoolPadding",
    "Precision",
    "Shape",
    "SignalBoundary",
    "SignalMode",
    "Sizes",
    "Subnormals",
]
