"""Targets by name."""

from tilec.utils import determine_target

__all__ = ["determine_target"]
