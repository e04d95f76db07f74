"""Printed by tools/doc.py from python/tilec/__init__.py. Do not edit."""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import enum
from typing import Any, NoReturn

from .profiler import TensorSupplyType
from ._values import Buffer as Buffer, Expr as Expr, Value as Value, Var as Var
__version__: Any
BudgetError: Any
CheckError: Any
CompileError: Any
EnvironmentError: Any
InternalError: Any
LaunchError: Any
TargetError: Any
diagnostics: Any
from . import language as language, layout as layout, math as math
from .compiler import compile as compile, lower as lower, par_compile as par_compile
from .env import clear_cache as clear_cache, disable_cache as disable_cache, enable_cache as enable_cache, env as env, is_cache_enabled as is_cache_enabled, set_log_level as set_log_level
from .jit import JITImpl as JITImpl, jit as jit
from .kernel import JITKernel as JITKernel
from .pass_configs import PassConfigKey as PassConfigKey
from .target import default_target as default_target, determine_target as determine_target
cdiv: Any
next_power_of_2: Any
def __getattr__(name: Any) -> Any: ...
def __dir__() -> list[str]: ...
from . import autotuner as autotuner
from .autotuner import AutoTuner as AutoTuner
from .autotuner import autotune as autotune
from .autotuner import set_autotune_inputs as set_autotune_inputs
from . import profiler as profiler
from .profiler import TensorSupplyType as TensorSupplyType
from . import testing as testing
from . import utils as utils
