"""Pools: conversions and the kernel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import reference
from convlab._dispatch import NUMPY, PYTHON, active, serve
from convlab._plan.plan import Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.pooling import Pool2d
from convlab._threads import get_num_threads

from .arrays import by_planes, check_out, finished


def pool2d(plan: Plan[Pool2d], x: NDArray[Any], out: Any) -> NDArray[Any]:
    """Run a plan of _plan.pool2d."""
    spec = plan.spec
    if out is not None:
        check_out(out, spec.output.shape, spec.dtype, x=x)
    backend = active()
    if backend is PYTHON:
        serve(backend, f"{spec.operation}_pool2d")
        return finished(_reference_pool2d(spec, x), spec.dtype, out)
    if plan.source is not FLOAT32:
        backend = NUMPY  # what float32 cannot hold is reduced in its own dtype
    if plan.convert:
        x = np.array(x, plan.source, order="C")
    y = out if out is not None and spec.dtype is plan.source else np.empty(spec.output.shape, plan.source)
    if y.size:
        threads = 1 if plan.threads == 1 else min(plan.threads, get_num_threads())
        backend.functions[plan.kernel](x, y, *plan.tables, threads)
    serve(backend, plan.kernel)
    return y if spec.dtype is plan.source else finished(y, spec.dtype, out)


def _reference_pool2d(spec: Pool2d, x: NDArray[Any]) -> NDArray[Any]:
    operation = getattr(reference, f"{spec.operation}_pool2d")

    def one(plane: NDArray[Any]) -> Any:
        return operation(plane, spec.window, spec.stride, spec.padding)

    return by_planes(one, x, spec.image, spec.output, spec.dtype)
