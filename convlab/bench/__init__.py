"""Our own backends timed against each other. The comparison with other libraries is `benchmarks/` of the repository."""

from .backends import run
from .cases import CASES, Case, DisagreementError, select

__all__ = ["CASES", "Case", "DisagreementError", "run", "select"]
