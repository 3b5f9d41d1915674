"""The list of benchmark cases, a module for each family; `benchmarks.compare` times every library on it.

A new operation needs a case here; a test checks it. `convlab bench` has a separate short list in the package.
"""

from convlab._registry import OPERATIONS

from .banks import bank_cases
from .case import Case
from .dropins import dropin_cases
from .filters import colour_cases, filter_cases, lesson_cases
from .gradients import gradient_cases
from .layers import layer_cases
from .pools import plane_cases, pool_cases
from .ranks import rank_cases
from .separables import separable_cases
from .small import small_cases

CASES: tuple[Case, ...] = (
    *lesson_cases(),
    *filter_cases(),
    *colour_cases(),
    *plane_cases(),
    *separable_cases(),
    *rank_cases(),
    *pool_cases(),
    *bank_cases(),
    *dropin_cases(),
    *layer_cases(),
    *small_cases(),
    *gradient_cases(),
)


def without_case() -> set[str]:
    """Return the public operations that no case calls; the result must be empty."""
    return {operation.name for operation in OPERATIONS} - {name for case in CASES for name in case.operations}


def select(substring: str | None) -> tuple[Case, ...]:
    """Return the cases whose name contains `substring`, in the list's order.

    Raises
    ------
    ValueError
        If no case has such a name.
    """
    chosen = tuple(case for case in CASES if substring is None or substring in case.name)
    if not chosen:
        examples = ", ".join({case.group: repr(case.name) for case in CASES}.values())
        raise ValueError(f"no benchmark case has {substring!r} in its name; examples of names: {examples}")
    return chosen
