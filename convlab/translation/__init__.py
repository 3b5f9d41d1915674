"""Other libraries' calls in convlab's words."""

from ._translate import RULES, translate

__all__ = ["RULES", "translate"]
