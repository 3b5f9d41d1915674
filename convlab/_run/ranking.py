"""Order statistics over images: conversions, the frame of border="keep", the kernel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._dispatch import serve, serving
from convlab._plan.plan import Plan
from convlab._spec.ranking import Rank2d
from convlab._threads import limited

from .arrays import check_out, converted, finished
from .frame import inside_and_frame


def rank2d(plan: Plan[Rank2d], x: NDArray[Any], out: Any) -> NDArray[Any]:
    """Run a plan of _plan.ranking."""
    spec = plan.spec
    if out is not None:
        check_out(out, plan, spec.output.shape, spec.dtype, image=x)
    backend = serving(plan.compiled, plan.in_lesson)
    if plan.plain:  # most calls, and small ones too: nothing but the kernel
        y = np.empty(plan.shape, plan.source) if out is None else out
        backend.functions[plan.kernel](x, y, *plan.tables, limited(plan.threads))
        serve(backend, plan.kernel)
        return y
    truths = spec.dtype.kind == "b"
    y = out if out is not None and (truths or spec.dtype is plan.source) else None
    if y is None:
        y = np.empty(spec.output.shape, spec.dtype if truths else plan.source)
    if truths:
        x, y = x.view(np.uint8), y.view(np.uint8)
    if plan.convert:
        x = converted(x, plan.source)
    region = y
    if spec.border == "keep":
        inside, *frame = inside_and_frame(spec.image, spec.region, spec.anchor)
        region = y[inside]
        for part in frame:
            y[part] = x[part]
    if region.size:
        backend.functions[plan.kernel](x, region, *plan.tables, limited(plan.threads))
    serve(backend, plan.kernel)
    if truths:  # a true's byte may be any but 0
        y = np.not_equal(y, 0, out=y.view(np.bool_))
        return y if out is None else out
    return y if spec.dtype is plan.source else finished(y, spec.dtype, out)
