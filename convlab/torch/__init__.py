"""convlab under PyTorch: functions, operators with gradients, and models on convlab's kernels.

The functions have the names, arguments and results of `torch.nn.functional`. They are operators of PyTorch
(``torch.ops.convlab.conv2d`` ...), so that autograd, ``torch.compile(fullgraph=True)`` and ``torch.export`` work.
`accelerate` puts them under a model, and `report` says what it brings. On CPU tensors of float32; PyTorch computes all
else.
"""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("convlab.torch needs PyTorch: pip install torch") from error

from ._accelerate import Accelerated, accelerate
from ._functional import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from ._report import Layer, Report, report

__all__ = [
    "Accelerated", "Layer", "Report", "accelerate", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "avg_pool1d",
    "avg_pool2d", "avg_pool3d", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool2d", "max_pool3d", "report",
]  # fmt: skip
