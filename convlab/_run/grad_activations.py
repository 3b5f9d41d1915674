"""Gradients of activations: whole arrays in place, or some elements of other layouts at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._dispatch import serve, serving
from convlab._plan.plan import Plan
from convlab._spec.arguments import FLOAT32
from convlab._spec.grad_activations import ActivationGradient
from convlab._threads import limited_sums

from .arrays import check_out

# Elements that are copied at a time.
BUFFER = 1 << 16


def activation(
    plan: Plan[ActivationGradient], grad: NDArray[Any], output: NDArray[Any], out: Any
) -> NDArray[np.float32]:
    """Run a plan of _plan.grad_activations."""
    if out is None:
        y = np.empty(plan.shape, FLOAT32)
    else:
        check_out(out, plan.shape, FLOAT32, grad_output=grad, output=output)
        y = out
    backend = serving(plan.compiled, plan.in_lesson)
    kernel, threads = backend.functions[plan.kernel], limited_sums(plan.threads)
    if all(
        a.dtype == FLOAT32 and a.dtype.isnative and a.flags.c_contiguous and a.flags.aligned for a in (grad, output)
    ):
        kernel(grad, output, y, *plan.tables, threads)
    elif y.size:
        with (
            np.errstate(all="ignore"),
            np.nditer(
                [grad, output, y], ["external_loop", "buffered"],
                [["readonly"], ["readonly"], ["writeonly"]], [FLOAT32, FLOAT32, FLOAT32], order="C",
                casting="unsafe", buffersize=BUFFER,
            ) as pieces,
        ):  # fmt: skip
            for its, values, into in pieces:
                kernel(*(np.ascontiguousarray(a) for a in (its, values)), into, *plan.tables, 1)
    serve(backend, plan.kernel)
    return y


def _is_plain(a: NDArray[Any]) -> bool:
    return bool(a.dtype == FLOAT32 and a.dtype.isnative and a.flags.c_contiguous and a.flags.aligned)
