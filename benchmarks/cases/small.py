"""Cases of small images, where a call's own cost counts: those that the other families do not have."""

from .case import Case, Filter, Pool
from .ranks import Rank
from .separables import Separable

_BINOMIAL = tuple(tap / 16 for tap in (1.0, 4.0, 6.0, 4.0, 1.0))
# Shapes that other families have too.
_ELSEWHERE = {("filter", 28), ("filter", 64), ("pool", 28), ("median", 64)}


def small_cases() -> list[Case]:
    """Return filters, pools and medians of 8 x 8 to 64 x 64 pixels."""
    group, cases = "Small calls", list[Case]()
    for side in (8, 28, 64):
        shape, name = (side, side), f"{side}x{side}"
        if ("filter", side) not in _ELSEWHERE:
            cases += [
                Case(f"filter {size}x{size} {name}", group, shape, filter=Filter(size), required=1.1) for size in (3, 5)
            ]
        work = Separable("sep_filter2d", "mirror", ((_BINOMIAL, _BINOMIAL),))
        cases.append(Case(f"separable 5 taps {name}", group, shape, work=work, required=1.1))
        if ("pool", side) not in _ELSEWHERE:
            cases += [
                Case(f"{pool.kind} pool {pool.size}x{pool.size} stride {pool.stride} {name}", group, shape, pool=pool,
                     required=1.1 if pool.kind == "max" else 0.9)
                for pool in (Pool("max", 2, 2), Pool("max", 3, 1, 1), Pool("avg", 2, 2), Pool("avg", 3, 1, 1))
            ]  # fmt: skip
        if ("median", side) not in _ELSEWHERE:
            cases.append(Case(f"median 3x3 float32 {name}", group, shape, work=Rank("median", 3), required=0.9))
    return cases
