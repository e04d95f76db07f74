"""Printed by tools/doc.py from python/tilec/compiler.py. Do not edit."""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import enum
from typing import Any, NoReturn

from .env import env as env, logger as logger
from .function import Program as Program, guarded as guarded
from .kernel import JITKernel as JITKernel
from .pass_configs import configs_of as configs_of, options_of as options_of
from .target import target_name as target_name
BACKENDS: Any
class Settings:
    NAMES: Any
    def __init__(self, **given: Any) -> None: ...
    def replaced(self, **given: Any) -> Any: ...
    @property
    def target_name(self) -> str | None: ...
    @property
    def options(self) -> Any: ...
    def compile(self, world: Any, module: Any, entry: Any, out_idx: int | Sequence[int] | None) -> JITKernel: ...
    configs: Any
def compile_function(func: Any, settings: Any) -> Any: ...
def compile(func: Any, out_idx: int | Sequence[int] | None = None, execution_backend: str | None = None, target: Any = None, target_host: Any = None, verbose: bool | None = None, pass_configs: Mapping[str, Any] | None = None, compile_flags: Sequence[str] | str | None = None, debug_root_path: Any = None) -> JITKernel: ...
def in_parallel(function: Any, items: Any, num_workers: int | None = None, ignore_error: bool = False) -> Any: ...
def par_compile(funcs: Any, *args: Any, num_workers: int | None = None, ignore_error: bool = False, **kwargs: Any) -> list[Any]: ...
class CompiledArtifact:
    def __init__(self, func: Any, kernel_source: Any, target: Any, params: Any = ()) -> None: ...
    host_mod: Any
    device_mod: Any
    rt_mod: Any
    prim_func: Any
    params: Any
    kernel_source: Any
    target: Any
    target_host: Any
def lower(func_or_mod: Any, target: Any = 'auto', target_host: Any = None, runtime_only: Any = False, enable_host_codegen: Any = False, enable_device_compile: Any = False, pass_configs: Mapping[str, Any] | None = None) -> CompiledArtifact: ...
