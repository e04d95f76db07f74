"""tilec compiles tile kernels and runs them."""

from ._native import native as _native
from ._values import Buffer, Expr, Name as _Name, Value, Var

__version__ = _native.version()

BudgetError = _native.BudgetError
CheckError = _native.CheckError
CompileError = _native.CompileError
EnvironmentError = _native.EnvironmentError  # pylint: disable=redefined-builtin
InternalError = _native.InternalError
LaunchError = _native.LaunchError
TargetError = _native.TargetError
diagnostics = _native.diagnostics

from . import language, layout, math  # noqa: E402
from .compiler import compile, lower, par_compile  # noqa: E402
from .env import (clear_cache, disable_cache, enable_cache, env, is_cache_enabled,  # noqa: E402
                  set_log_level)
from .jit import JITImpl, jit  # noqa: E402
from .kernel import JITKernel  # noqa: E402
from .pass_configs import PassConfigKey  # noqa: E402
from .target import default_target, determine_target  # noqa: E402

cdiv = _Name("tilelang.cdiv")
next_power_of_2 = _Name("tilelang.next_power_of_2")

# Modules that are loaded when they are asked for, and the names that stand here, too.
_LATE = {"autotuner": ("AutoTuner", "autotune", "set_autotune_inputs"),
         "profiler": ("TensorSupplyType",), "testing": (), "utils": ()}


def __getattr__(name):
    import importlib
    for module, names in _LATE.items():
        if name == module or name in names:
            loaded = importlib.import_module("tilec." + module)
            return loaded if name == module else getattr(loaded, name)
    raise AttributeError("module 'tilec' has no attribute %r" % name)


__all__ = ["AutoTuner", "BudgetError", "Buffer", "CheckError", "CompileError", "EnvironmentError",
           "Expr", "InternalError", "JITImpl", "JITKernel", "LaunchError", "PassConfigKey",
           "TargetError", "TensorSupplyType", "Value", "Var", "autotune", "autotuner", "cdiv",
           "clear_cache", "compile", "default_target", "determine_target", "diagnostics",
           "disable_cache", "enable_cache", "env", "is_cache_enabled", "jit", "language", "layout",
           "lower", "math", "next_power_of_2", "par_compile", "profiler", "set_autotune_inputs",
           "set_log_level", "testing", "utils"]


def __dir__():
    return sorted({*globals(), *__all__})
