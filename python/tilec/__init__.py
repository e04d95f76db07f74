"""tilec compiles tile kernels and runs them."""

from ._ffi import (BudgetError, CheckError, CompileError, EnvironmentError, InternalError,
                   LaunchError, TargetError, diagnostics)
from ._ffi import version as _version

__version__ = _version()
