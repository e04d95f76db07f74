"""The text that a function becomes."""

from tilec import lower

__all__ = ["lower"]
