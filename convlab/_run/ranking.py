"""Order statistics over images: conversions, the frame of border="keep", the kernel."""

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab import _borders
from convlab._dispatch import Backend, serve, serving
from convlab._plan.plan import Machine, Plan
from convlab._plan.rank_bands import Bands
from convlab._plan.ranking import plan_band
from convlab._spec.layout import Layout
from convlab._spec.ranking import Rank2d
from convlab._threads import limited

from .arrays import check_out, converted, finished
from .frame import inside_and_frame


def rank2d(plan: Plan[Rank2d], x: NDArray[Any], out: Any) -> NDArray[Any]:
    """Run a plan of _plan.ranking."""
    spec = plan.spec
    if out is not None:
        check_out(out, spec.output.shape, spec.dtype, image=x)
    backend = serving(plan.compiled, plan.in_lesson)
    if plan.plain:  # most calls, and small ones too: nothing but the kernel
        y = np.empty(plan.shape, plan.source) if out is None else out
        backend.functions[plan.kernel](x, y, *plan.tables, limited(plan.threads))
        serve(backend, plan.kernel)
        return y
    truths = spec.dtype.kind == "b"
    in_place = truths or spec.dtype is plan.source or plan.bands is not None
    y = out if out is not None and in_place else None
    if y is None:
        y = np.empty(spec.output.shape, spec.dtype if in_place else plan.source)
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
    if plan.bands is not None:
        _run_bands(plan, backend, x, region)
    elif region.size:
        backend.functions[plan.kernel](x, region, *plan.tables, limited(plan.threads))
    serve(backend, plan.kernel)
    if truths:  # a true's byte may be any but 0
        y = np.not_equal(y, 0, out=y.view(np.bool_))
        return y if out is None else out
    return y if in_place else finished(y, spec.dtype, out)


def _pixels(a: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """A view of an array as planes, rows, columns, channels."""
    planes = layout.plane_axes
    inner = (a.ndim - 1,) if layout.inner_channels else ()
    a = a.transpose(*planes, layout.row_axis, layout.column_axis, *inner)
    return a[(slice(None) if planes else None, ..., *(() if inner else (None,)))]


def _run_bands(plan: Plan[Rank2d], backend: Backend, x: NDArray[Any], y: NDArray[Any]) -> None:
    """Fill y, the region of the output that is computed, part by part."""
    bands: Bands = plan.bands
    spec = bands.spec
    image, region = _pixels(x, spec.image), _pixels(y, spec.region)
    above, _, before, _ = spec.border_sizes
    starts = (range(0, n, step) for n, step in zip(region.shape, bands.shape, strict=True))
    for p, r, c, s in product(*starts):
        ends = (min(a + n, most) for a, n, most in zip((p, r, c, s), bands.shape, region.shape, strict=True))
        planes, down, along, channels = (slice(a, end) for a, end in zip((p, r, c, s), ends, strict=True))
        result = region[planes, down, along, channels]
        rows, columns = (
            _borders.source_indices(spec.border, size, part.start - reach, part.stop - reach + window - 1)
            for size, part, reach, window in (
                (spec.image.height, down, above, spec.size[0]),
                (spec.image.width, along, before, spec.size[1]),
            )
        )
        filters = plan_band(bands, result.shape, plan.source, Machine())
        part = np.empty(filters[0].spec.image.shape, plan.source)
        with np.errstate(all="ignore"):
            _borders.copy_pixels(
                image[planes, :, :, channels], rows, columns, spec.cval,
                part.swapaxes(1, 2) if bands.transposed else part,
            )  # fmt: skip
            for one in filters:
                filtered = np.empty(one.shape, plan.source)
                backend.functions[one.kernel](part, filtered, *one.tables, limited(one.threads))
                part = filtered
            result[...] = part.swapaxes(1, 2) if bands.transposed else part
