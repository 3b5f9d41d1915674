"""Benchmarks: the list of cases, a fair way to time them, and our own backends compared."""

from .backends import run
from .cases import CASES, Case
from .oracle import DisagreementError

__all__ = ["CASES", "Case", "DisagreementError", "run"]
