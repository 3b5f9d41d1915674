"""Pools over whole planes and volumes."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlab._docstrings import described
from convlab._plan import pooling as _plan
from convlab._plan.plan import Plan
from convlab._run import pooling as _run
from convlab._spec import arguments as _spec
from convlab._spec.pooling import Pool
from convlab.typing import PoolLayout, ScalarT


def planned(operation: str, x: ArrayLike, *options: object) -> tuple[Plan[Pool], NDArray[Any]]:
    """Return the plan and array of a global_avg_pool or global_max_pool."""
    a = x if type(x) is np.ndarray else _spec.array("x", x)
    return _plan.global_pool(a, None, operation, *options), a


def planned_powers(x: ArrayLike, norm_type: object, *options: object) -> tuple[Plan[Pool], NDArray[Any]]:
    """Return the plan and array of a global_lp_pool."""
    return planned("lp", x, *options, norm_type)


@described(2)
def global_avg_pool(
    x: ArrayLike,
    *,
    layout: PoolLayout | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Average each plane or volume.

    Parameters
    ----------
    x : array_like, shape (N, C, ...) with one to three axes more
        bool, integers, float16, float32 or float64.
    layout : str, optional
        As the operations' for as many axes: "NHWC" where channels lie innermost.
    {channel_axis}
    {out}

    Returns
    -------
    ndarray
        Pooled axes of one element each; float32.

    Raises
    ------
    {raises}

    Notes
    -----
    The same as a pool whose window is the whole plane, in bits too, whatever the layout: see `avg_pool2d` for the bound
    of its error.

    Source: M. Lin, Q. Chen and S. Yan, "Network in network", ICLR 2014, section 3.2.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.global_avg_pool(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    array([[[[2.5]]]], dtype=float32)
    """
    plan, a = planned("avg", x, layout, channel_axis)
    return _run.pool(plan, a, out)


@described(2)
def global_lp_pool(
    x: ArrayLike,
    norm_type: float = 2,
    *,
    layout: PoolLayout | None = None,
    channel_axis: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Take the p-norm of each plane or volume: the p-th root of the sum of |x| ** p.

    Parameters
    ----------
    x : array_like, shape (N, C, ...) with one to three axes more
        bool, integers, float16, float32 or float64.
    norm_type : float
        The exponent p, above 0; infinity keeps the largest absolute value.
    layout : str, optional
        As the operations' for as many axes: "NHWC" where channels lie innermost.
    {channel_axis}
    {out}

    Returns
    -------
    ndarray
        Pooled axes of one element each; float32.

    Raises
    ------
    {raises}

    Notes
    -----
    The same as a pool whose window is the whole plane.

    Source: M. Lin, Q. Chen and S. Yan, "Network in network", ICLR 2014, section 3.2.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.global_lp_pool(np.array([[[[3.0, -4.0]]]]))
    array([[[[5.]]]], dtype=float32)
    """
    plan, a = planned_powers(x, norm_type, layout, channel_axis)
    return _run.pool(plan, a, out)


@overload
def global_max_pool(
    x: NDArray[ScalarT], *, layout: PoolLayout | None = None, channel_axis: int | None = None,
    out: NDArray[ScalarT] | None = None,
) -> NDArray[ScalarT]: ...  # fmt: skip
@overload
def global_max_pool(
    x: ArrayLike, *, layout: PoolLayout | None = None, channel_axis: int | None = None, out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...  # fmt: skip
@described(2)
def global_max_pool(
    x: ArrayLike,
    *,
    layout: PoolLayout | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Keep the largest element of each plane or volume.

    Parameters
    ----------
    x : array_like, shape (N, C, ...) with one to three axes more
        bool, integers, float16, float32 or float64.
    layout : str, optional
        As the operations' for as many axes: "NHWC" where channels lie innermost.
    {channel_axis}
    {out}

    Returns
    -------
    ndarray
        Pooled axes of one element each; the dtype of `x` in native byte order.

    Raises
    ------
    {raises}

    Notes
    -----
    The same as a pool whose window is the whole plane.

    Source: M. Lin, Q. Chen and S. Yan, "Network in network", ICLR 2014, section 3.2.

    Examples
    --------
    >>> import numpy as np, convlab
    >>> convlab.global_max_pool(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    array([[[[4.]]]])
    """
    plan, a = planned("max", x, layout, channel_axis)
    return _run.pool(plan, a, out)


__all__ = ["global_avg_pool", "global_lp_pool", "global_max_pool"]
