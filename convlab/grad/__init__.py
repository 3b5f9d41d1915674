"""Gradients of convolutions, filters, pools and activations, as functions of arrays.

Each function takes the gradient of a loss with respect to an operation's output (`grad_output`), and returns the one
with respect to its input or its weights, in float32. There is no engine that records operations: call the functions in
the reverse order of the operations.
"""

from convlab.grad.activations import (
    clip,
    leaky_relu,
    relu,
    relu6,
)
from convlab.grad.average_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
)
from convlab.grad.bias import (
    conv_bias,
)
from convlab.grad.convolving import (
    conv1d_input,
    conv1d_weight,
    conv2d_input,
    conv2d_weight,
    conv3d_input,
    conv3d_weight,
)
from convlab.grad.filtering import (
    filter2d_image,
    filter2d_kernel,
)
from convlab.grad.global_pooling import (
    global_avg_pool,
    global_lp_pool,
    global_max_pool,
)
from convlab.grad.lp_pooling import (
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
)
from convlab.grad.pooling import (
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from convlab.grad.transposing import (
    conv_transpose1d_input,
    conv_transpose1d_weight,
    conv_transpose2d_input,
    conv_transpose2d_weight,
    conv_transpose3d_input,
    conv_transpose3d_weight,
)
from convlab.grad.unpooling import (
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "clip",
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
    "conv_bias",
    "conv_transpose1d_input",
    "conv_transpose1d_weight",
    "conv_transpose2d_input",
    "conv_transpose2d_weight",
    "conv_transpose3d_input",
    "conv_transpose3d_weight",
    "filter2d_image",
    "filter2d_kernel",
    "global_avg_pool",
    "global_lp_pool",
    "global_max_pool",
    "leaky_relu",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "relu",
    "relu6",
]
