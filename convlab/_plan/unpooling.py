"""Plans of max unpooling."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _errors
from convlab._spec import unpooling
from convlab._spec.arguments import check_dtype
from convlab._spec.unpooling import Unpool, UnpoolOptions

from .cache import remembered
from .plan import Machine, Plan, threads_for
from .pooling import PART_ELEMENTS

# Pieces of an unpool's planes, at most: the kernel's own limit.
PIECES = 64


@remembered(UnpoolOptions)
def max_unpool(x: NDArray[Any], _: None, options: UnpoolOptions) -> Plan[Unpool]:
    """Make the plan of an unpool, or raise the error for a wrong argument."""
    check_dtype("x", x.dtype)
    if options.indices_dtype.kind not in "iu":
        raise _errors.wrong_dtype("indices", options.indices_dtype, "integers, as max_pool2d returns them")
    spec = unpooling.max_unpool(x.shape, x.dtype, options)
    size = math.prod(spec.image.sizes)
    planes = math.prod(spec.image.shape) // size  # innermost channels are moved outwards
    out = math.prod(spec.output.sizes)
    pieces = max(1, min(planes, PIECES, planes * (size + out) // PART_ELEMENTS))
    sizes = np.array([planes, size, out, spec.dtype.itemsize, pieces], np.intp)
    return Plan(
        spec=spec,
        kernel="max_unpool",
        reason="planes are shared out: within one the last of several values for a place stays",
        threads=min(pieces, threads_for(spec, Machine())),
        tile=(math.prod(spec.output.sizes[:-1]), spec.output.sizes[-1]),
        workspace=0,
        convert=False,
        source=spec.dtype,
        in_lesson=False,
        tables=(sizes,),
    )
