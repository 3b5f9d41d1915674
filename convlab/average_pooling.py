"""Pools over lines, images and volumes: the average of each window."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import pooling as _plan
from convlab._plan.plan import Plan
from convlab._run import pooling as _run
from convlab._run.entry import entry
from convlab._spec import arguments as _spec
from convlab._spec.pooling import Pool
from convlab.typing import Layout2d, Layout3d, PoolLayout1d, PoolPadding, Sizes


def planned(
    axes: int, x: ArrayLike, kernel_size: object, stride: object, padding: object, ceil_mode: object,
    count_include_pad: object, divisor_override: object, dilation: object, layout: object, channel_axis: object,
) -> tuple[Plan[Pool], NDArray[Any]]:  # fmt: skip
    """Return the plan and array of an avg_pool."""
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    plan = _plan.pool(
        a, None, "avg", axes, kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override,
        layout, channel_axis,
    )  # fmt: skip
    return plan, a


_pool = entry(planned, _run.pool, "x", first=1)


@described(1)
def avg_pool1d(
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    *,
    divisor_override: int | None = None,
    dilation: Sizes = 1,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Average each window.

    Parameters
    ----------
    {x}
    {kernel_size}
    {stride}
    {padding}
    {ceil_mode}
    {count_include_pad}
    {divisor_override}
    {dilation}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray of float32
        As many elements on each axis as a maximum pool has.

    Raises
    ------
    {raises}

    Notes
    -----
    Each window is summed in float32 in an order that depends on its size alone, down the rows first and then along the
    row, and divided by its size: of what lies in the array, or in the array and its padding. The error is at most
    1 + the sum over the axes of 7 + log2(k / 8), or of 7 for k up to 8, times 2 ** -24 of the mean absolute value:
    33 times that for 4096 x 4096. The rules are those of PyTorch's
    ``avg_pool1d``.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.avg_pool1d(np.array([[1, 3, 2, 5]]), 2)
    array([[2. , 3.5]], dtype=float32)
    """
    return _pool(
        out, x, 1, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, layout,
        channel_axis,
    )  # fmt: skip


@described(2)
def avg_pool2d(
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: Sizes = 1,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Average each window.

    Parameters
    ----------
    {x}
    {kernel_size}
    {stride}
    {padding}
    {ceil_mode}
    {count_include_pad}
    {divisor_override}
    {dilation}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray of float32
        As many elements on each axis as a maximum pool has.

    Raises
    ------
    {raises}

    Notes
    -----
    Each window is summed in float32 in an order that depends on its size alone, down the rows first and then along the
    row, and divided by its size: of what lies in the array, or in the array and its padding. The error is at most
    1 + the sum over the axes of 7 + log2(k / 8), or of 7 for k up to 8, times 2 ** -24 of the mean absolute value:
    33 times that for 4096 x 4096. The rules are those of PyTorch's
    ``avg_pool2d``.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.avg_pool2d(np.array([[1, 2, 5, 6], [3, 4, 7, 8]]), 2)
    array([[2.5, 6.5]], dtype=float32)
    """
    return _pool(
        out, x, 2, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, layout,
        channel_axis,
    )  # fmt: skip


@described(3)
def avg_pool3d(
    x: ArrayLike,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: PoolPadding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: Sizes = 1,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Average each window.

    Parameters
    ----------
    {x}
    {kernel_size}
    {stride}
    {padding}
    {ceil_mode}
    {count_include_pad}
    {divisor_override}
    {dilation}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray of float32
        As many elements on each axis as a maximum pool has.

    Raises
    ------
    {raises}

    Notes
    -----
    Each window is summed in float32 in an order that depends on its size alone, down the rows first and then along the
    row, and divided by its size: of what lies in the array, or in the array and its padding. The error is at most
    1 + the sum over the axes of 7 + log2(k / 8), or of 7 for k up to 8, times 2 ** -24 of the mean absolute value:
    33 times that for 4096 x 4096. The rules are those of PyTorch's
    ``avg_pool3d``.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (11), 1998, pp. 2278-2324.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.avg_pool3d(np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]), 2)
    array([[[4.5]]], dtype=float32)
    """
    return _pool(
        out, x, 3, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, layout,
        channel_axis,
    )  # fmt: skip


__all__ = ["avg_pool1d", "avg_pool2d", "avg_pool3d"]
