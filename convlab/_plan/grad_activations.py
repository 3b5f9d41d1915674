"""Plans of the gradients of activations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab._spec import grad_activations
from convlab._spec.arguments import FLOAT32, check_dtype
from convlab._spec.grad_activations import ActivationGradient, ActivationOptions

from .cache import remembered
from .plan import Machine, Plan, threads_for


@remembered(ActivationOptions)
def activation(grad: NDArray[Any], _: None, options: ActivationOptions) -> Plan[ActivationGradient]:
    """Make the plan of an activation's gradient, or raise the error for a wrong argument; a mask is of bool."""
    check_dtype("grad_output", grad.dtype)
    check_dtype("output", options.output_dtype)
    spec = grad_activations.activation(grad.shape, options)
    return Plan(
        spec=spec,
        kernel="activation_gradient",
        reason="element by element",
        threads=threads_for(spec, Machine()),
        workspace=0,
        convert=False,
        source=FLOAT32,
        in_lesson=False,
        shape=spec.shape,
        tables=(np.array([spec.low, spec.high, spec.slope], np.float32),),
    )
