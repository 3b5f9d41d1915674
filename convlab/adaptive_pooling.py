"""Pools whose results have a given size."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import pooling as _plan
from convlab._plan.plan import Plan
from convlab._run import pooling as _run
from convlab._spec import arguments as _spec
from convlab._spec.pooling import Pool
from convlab.typing import Layout2d, Layout3d, OutputSize, PoolLayout1d, ScalarT


def planned(operation: str, axes: int, x: ArrayLike, *options: object) -> tuple[Plan[Pool], NDArray[Any]]:
    """Return the plan and array of an adaptive_avg_pool."""
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    return _plan.adaptive_pool(a, None, operation, axes, *options), a


def planned_maximum(
    axes: int, x: ArrayLike, output_size: object, return_indices: object, layout: object, channel_axis: object
) -> tuple[Plan[Pool], NDArray[Any]]:
    """Return the plan and array of an adaptive_max_pool."""
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    return _plan.adaptive_pool(a, None, "max", axes, output_size, layout, channel_axis, return_indices), a


@described(1)
def adaptive_avg_pool1d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Average each part of axes that are divided into a given number of parts.

    Parameters
    ----------
    {x}
    {output_size}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray of float32
        `output_size` elements on each axis.

    Raises
    ------
    {raises}

    Notes
    -----
    Part i of o runs from floor(i * n / o) to ceil((i + 1) * n / o), as PyTorch's: parts may share elements, and be more
    than there are elements.

    Source: K. He, X. Zhang, S. Ren and J. Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition", ECCV 2014, pp. 346-361.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.adaptive_avg_pool1d(np.array([[1, 3, 2, 5, 4]]), 2)
    array([[2.       , 3.6666667]], dtype=float32)
    """
    plan, a = planned("avg", 1, x, output_size, layout, channel_axis)
    return _run.pool(plan, a, out)


@described(2)
def adaptive_avg_pool2d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Average each part of axes that are divided into a given number of parts.

    Parameters
    ----------
    {x}
    {output_size}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray of float32
        `output_size` elements on each axis.

    Raises
    ------
    {raises}

    Notes
    -----
    Part i of o runs from floor(i * n / o) to ceil((i + 1) * n / o), as PyTorch's: parts may share elements, and be more
    than there are elements.

    Source: K. He, X. Zhang, S. Ren and J. Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition", ECCV 2014, pp. 346-361.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.adaptive_avg_pool2d(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), 2)
    array([[3., 4.],
           [6., 7.]], dtype=float32)
    """
    plan, a = planned("avg", 2, x, output_size, layout, channel_axis)
    return _run.pool(plan, a, out)


@described(3)
def adaptive_avg_pool3d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Average each part of axes that are divided into a given number of parts.

    Parameters
    ----------
    {x}
    {output_size}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray of float32
        `output_size` elements on each axis.

    Raises
    ------
    {raises}

    Notes
    -----
    Part i of o runs from floor(i * n / o) to ceil((i + 1) * n / o), as PyTorch's: parts may share elements, and be more
    than there are elements.

    Source: K. He, X. Zhang, S. Ren and J. Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition", ECCV 2014, pp. 346-361.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.adaptive_avg_pool3d(np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]), 1)
    array([[[4.5]]], dtype=float32)
    """
    plan, a = planned("avg", 3, x, output_size, layout, channel_axis)
    return _run.pool(plan, a, out)


@overload
def adaptive_max_pool1d(
    x: NDArray[ScalarT], output_size: OutputSize, return_indices: Literal[False] = False, *,
    layout: PoolLayout1d | None = None, channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def adaptive_max_pool1d(
    x: ArrayLike, output_size: OutputSize, return_indices: Literal[False] = False, *,
    layout: PoolLayout1d | None = None, channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@overload
def adaptive_max_pool1d(
    x: NDArray[ScalarT], output_size: OutputSize, return_indices: Literal[True], *, layout: PoolLayout1d | None = None,
    channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> tuple[NDArray[ScalarT], NDArray[np.int64]]: ...  # fmt: skip
@overload
def adaptive_max_pool1d(
    x: ArrayLike, output_size: OutputSize, return_indices: Literal[True], *, layout: PoolLayout1d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@overload
def adaptive_max_pool1d(
    x: ArrayLike, output_size: OutputSize, return_indices: bool = False, *, layout: PoolLayout1d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@described(1)
def adaptive_max_pool1d(
    x: ArrayLike,
    output_size: OutputSize,
    return_indices: bool = False,
    *,
    layout: PoolLayout1d | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]:
    """Keep the largest element of each part of axes that are divided into a given number of parts.

    Parameters
    ----------
    {x}
    {output_size}
    {return_indices}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray, or a pair of them
        The dtype of `x` in native byte order; with `return_indices` the indices too.

    Raises
    ------
    {raises}

    Notes
    -----
    Part i of o runs from floor(i * n / o) to ceil((i + 1) * n / o), as PyTorch's: parts may share elements, and be more
    than there are elements.

    Source: K. He, X. Zhang, S. Ren and J. Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition", ECCV 2014, pp. 346-361.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.adaptive_max_pool1d(np.array([[1, 3, 2, 5, 4]]), 2)
    array([[3, 5]])
    """
    plan, a = planned_maximum(1, x, output_size, return_indices, layout, channel_axis)
    return _run.pool_and_indices(plan, a, out)


@overload
def adaptive_max_pool2d(
    x: NDArray[ScalarT], output_size: OutputSize, return_indices: Literal[False] = False, *,
    layout: Layout2d | None = None, channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: OutputSize, return_indices: Literal[False] = False, *, layout: Layout2d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@overload
def adaptive_max_pool2d(
    x: NDArray[ScalarT], output_size: OutputSize, return_indices: Literal[True], *, layout: Layout2d | None = None,
    channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> tuple[NDArray[ScalarT], NDArray[np.int64]]: ...  # fmt: skip
@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: OutputSize, return_indices: Literal[True], *, layout: Layout2d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: OutputSize, return_indices: bool = False, *, layout: Layout2d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@described(2)
def adaptive_max_pool2d(
    x: ArrayLike,
    output_size: OutputSize,
    return_indices: bool = False,
    *,
    layout: Layout2d | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]:
    """Keep the largest element of each part of axes that are divided into a given number of parts.

    Parameters
    ----------
    {x}
    {output_size}
    {return_indices}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray, or a pair of them
        The dtype of `x` in native byte order; with `return_indices` the indices too.

    Raises
    ------
    {raises}

    Notes
    -----
    Part i of o runs from floor(i * n / o) to ceil((i + 1) * n / o), as PyTorch's: parts may share elements, and be more
    than there are elements.

    Source: K. He, X. Zhang, S. Ren and J. Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition", ECCV 2014, pp. 346-361.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.adaptive_max_pool2d(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), 2)
    array([[5, 6],
           [8, 9]])
    """
    plan, a = planned_maximum(2, x, output_size, return_indices, layout, channel_axis)
    return _run.pool_and_indices(plan, a, out)


@overload
def adaptive_max_pool3d(
    x: NDArray[ScalarT], output_size: OutputSize, return_indices: Literal[False] = False, *,
    layout: Layout3d | None = None, channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def adaptive_max_pool3d(
    x: ArrayLike, output_size: OutputSize, return_indices: Literal[False] = False, *, layout: Layout3d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@overload
def adaptive_max_pool3d(
    x: NDArray[ScalarT], output_size: OutputSize, return_indices: Literal[True], *, layout: Layout3d | None = None,
    channel_axis: int | None = None, out: NDArray[ScalarT] | None = None,
) -> tuple[NDArray[ScalarT], NDArray[np.int64]]: ...  # fmt: skip
@overload
def adaptive_max_pool3d(
    x: ArrayLike, output_size: OutputSize, return_indices: Literal[True], *, layout: Layout3d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@overload
def adaptive_max_pool3d(
    x: ArrayLike, output_size: OutputSize, return_indices: bool = False, *, layout: Layout3d | None = None,
    channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]: ...  # fmt: skip
@described(3)
def adaptive_max_pool3d(
    x: ArrayLike,
    output_size: OutputSize,
    return_indices: bool = False,
    *,
    layout: Layout3d | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]:
    """Keep the largest element of each part of axes that are divided into a given number of parts.

    Parameters
    ----------
    {x}
    {output_size}
    {return_indices}
    {layout}
    {channel_axis}
    {out}

    Returns
    -------
    ndarray, or a pair of them
        The dtype of `x` in native byte order; with `return_indices` the indices too.

    Raises
    ------
    {raises}

    Notes
    -----
    Part i of o runs from floor(i * n / o) to ceil((i + 1) * n / o), as PyTorch's: parts may share elements, and be more
    than there are elements.

    Source: K. He, X. Zhang, S. Ren and J. Sun, "Spatial pyramid pooling in deep convolutional networks for visual
    recognition", ECCV 2014, pp. 346-361.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.adaptive_max_pool3d(np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]), 1)
    array([[[8]]])
    """
    plan, a = planned_maximum(3, x, output_size, return_indices, layout, channel_axis)
    return _run.pool_and_indices(plan, a, out)


__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]
