"""Plans of pools."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._geometry import PoolGeometry
from convlab._spec import pooling
from convlab._spec.arguments import EXACT_IN_FLOAT32, FLOAT32, check_dtype
from convlab._spec.pooling import Pool2d

from .cache import remembered
from .plan import WIDEST_BLOCK, Machine, Plan, pitches_of, rounded_up, threads_for

# Output rows in a tile, the piece of work that a thread takes.
TILE_ROWS = 24


def plan_pool2d(spec: Pool2d, source: np.dtype[Any], pitches: tuple[int, int] | None, machine: Machine) -> Plan[Pool2d]:
    """Rows of windows, then along the row; 2x2 at stride 2 in one pass in registers."""
    image, output = spec.image, spec.output
    in_registers = (spec.window, spec.stride, spec.padding, image.step) == ((2, 2), (2, 2), (0, 0), 1)
    # A row of the windows' rows, and one of its windows at stride 1: see `along` in src/pool2d.pyx.
    workspace = 2 * rounded_up(image.width * image.step + WIDEST_BLOCK, 16)
    geometry = PoolGeometry(
        output.planes, image.height, image.width, output.height, output.width, image.step,
        *(pitches or image.pitches()), *output.pitches(),
        *spec.window, *spec.stride, *spec.padding, -(-output.height // TILE_ROWS), workspace,
    )  # fmt: skip
    return Plan(
        spec=spec,
        kernel=f"{spec.operation}_pool2d" + ("_2x2" if in_registers else ""),
        reason="2x2 at stride 2 fits in registers"
        if in_registers
        else "rows first, then along the row, for any window",
        threads=threads_for(spec, machine),
        workspace=4 * workspace,
        convert=pitches is None,
        source=source,
        tables=(np.array(geometry, np.intp),),
    )


@remembered
def pool2d(x: NDArray[Any], _: None, *options: Any) -> Plan[Pool2d]:
    """The plan for a pool's arguments, the array and the operation first; errors for wrong ones."""
    check_dtype("x", x.dtype)
    spec = pooling.pool2d(x.shape, x.dtype, *options)
    exact = spec.operation == "avg" or spec.dtype in EXACT_IN_FLOAT32
    source = FLOAT32 if exact else spec.dtype
    return plan_pool2d(spec, source, pitches_of(spec.image, x, source), Machine())
