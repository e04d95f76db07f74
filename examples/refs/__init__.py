"""What every example kernel must compute, in NumPy and float64, and on which inputs it is tried.
`CASES` is read by tests/run/run.py; sizes are small, odd, and mostly no multiple of a tile."""

from .common import CASES, Bounded, Case, Columns, integers, normal, uniform  # noqa: F401
from . import attention, experts, gemm, language, recurrent, rows  # noqa: F401
