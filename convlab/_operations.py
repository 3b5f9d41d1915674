"""The public operations by name, and the plans of their calls."""

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from convlab import _errors, _importing
from convlab._plan.convolving import TransposePlan
from convlab._plan.plan import Plan
from convlab._registry import OPERATIONS

# Those whose call has one plan.
PLANNED = {operation.name: operation for operation in OPERATIONS if operation.plan is not None}
# Other libraries' words for arguments.
ELSEWHERE = {
    "mode": ("border", "border is what SciPy calls mode"),
    "pool_size": ("kernel_size", "kernel_size is what Keras calls pool_size"),
}


def public(name: str) -> Callable[..., Any]:
    """Return an operation's public function, or layer."""
    function: Callable[..., Any] = getattr(_facade(name), name)
    return function


def _facade(name: str) -> Any:
    with _importing.lock:
        return import_module(f"convlab.{PLANNED[name].facade}")


def plan_of(name: str, x: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Plan[Any]:
    """Return the plan of ``name(x, *arguments, **options)``, the one that the call itself finds; of a layer's call."""
    operation, function = PLANNED[name], public(name)
    layer = inspect.isclass(function)
    given = arguments if layer else (x, *arguments)
    try:
        bound = inspect.signature(function).bind(*given, **options)
    except TypeError as error:
        hints = [text for word, (ours, text) in ELSEWHERE.items() if word in options and _takes(function, ours)]
        raise _errors.wrong_call(name, error, hints) from None
    if layer:
        found = getattr(function(*given, **options), str(operation.plan))(x)
    else:
        bound.apply_defaults()
        bound.arguments.pop("out")
        found = getattr(_facade(name), str(operation.plan))(*operation.first, *bound.arguments.values())
    plan: Plan[Any] | TransposePlan = found[0]
    return plan.summary() if isinstance(plan, TransposePlan) else plan


def _takes(function: Callable[..., Any], argument: str) -> bool:
    return argument in inspect.signature(function).parameters
