"""Time convlab's backends against each other. `benchmarks/` in the repository compares with other libraries."""

from .backends import run
from .cases import CASES, Case, DisagreementError, select

__all__ = ["CASES", "Case", "DisagreementError", "run", "select"]
