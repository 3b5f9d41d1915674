"""Translate calls of other libraries into calls of convlab."""

from ._translate import RULES, translate

__all__ = ["RULES", "translate"]
