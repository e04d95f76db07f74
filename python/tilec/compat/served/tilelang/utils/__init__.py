"""Helpers around tensors and targets."""

from tilec.utils import *  # noqa: F401,F403
