"""Printed by tools/doc.py from src/ffi/objects.def and functions.def. Do not edit."""

from collections.abc import Mapping
from typing import Any

LIBRARY: Any

class CompileError(ValueError):
    diagnostics: list[Diagnostic]
class CheckError(CompileError): ...
class LaunchError(RuntimeError):
    diagnostics: list[Diagnostic]
class TargetError(RuntimeError):
    diagnostics: list[Diagnostic]
class EnvironmentError(RuntimeError):
    diagnostics: list[Diagnostic]
class BudgetError(RuntimeError):
    diagnostics: list[Diagnostic]
class RaisedError(RuntimeError):
    diagnostics: list[Diagnostic]
class InternalError(RuntimeError):
    diagnostics: list[Diagnostic]

def diagnostics(error: BaseException) -> list[Diagnostic]: ...
def config(options: Mapping[str, Any] | None = None) -> Config: ...
def options() -> list[tuple[str, str, str, str, str]]: ...
def version(*args: Any) -> Any: ...
def targets(*args: Any) -> Any: ...
def module(*args: Any) -> Any: ...
def explain(*args: Any) -> Any: ...
def cache(*args: Any) -> Any: ...
def layout(*args: Any) -> Any: ...
def layout_make(*args: Any) -> Any: ...
def layout_fit(*args: Any) -> Any: ...
def copy(*args: Any) -> Any: ...
def live(*args: Any) -> Any: ...
def trace_do(*args: Any) -> Any: ...
def value(*args: Any) -> Any: ...
def value_do(*args: Any) -> Any: ...
def history(*args: Any) -> Any: ...
def evaluate(*args: Any) -> Any: ...
def python_methods(*args: Any) -> Any: ...
def words(*args: Any) -> Any: ...

class Diagnostic:
    code: str
    severity: str
    message: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    help: str
    notes: Any

class Target:
    name: str
    help: str
    available: bool

class Config:
    options: Any
    def get(self, name: Any = ...) -> Any: ...

class Param:
    name: str
    kind: str
    dtype: str
    rank: int
    flags: int
    rtol: float
    atol: float
    atol_scale: float

class Layout:
    text: str
    shape: Any
    n_threads: int
    n_slots: int
    n_offsets: int
    n_copies: int
    is_injective: bool
    is_surjective: bool
    is_replicated: bool
    is_table: bool
    def find(self, index: Any = ..., copy: Any = ...) -> Any: ...
    def element(self, thread: Any = ..., slot: Any = ..., offset: Any = ...) -> Any: ...

class Module:
    path: str
    entry: str
    config: Config
    def check(self) -> Any: ...
    def emit(self, form: Any = ...) -> Any: ...
    def opt(self, passes: Any = ...) -> Any: ...
    def compile(self, target: Any = ...) -> Any: ...
    def build(self, target: Any = ..., directory: Any = ..., name: Any = ...) -> Any: ...

class Kernel:
    name: str
    target: str
    signature: str
    function: Any
    params: Any
    dims: Any
    cached: bool
    compile_ns: int
    toolchain_ns: int
    device_type: int
    device_id: int
    config: Config
    def bind(self, outs: Any = ...) -> Any: ...
    def shape(self, *args: Any) -> Any: ...
    def shape_with(self, parameter: Any = ..., dims: Any = ...) -> Any: ...
    def resources(self) -> Any: ...
    def diagnostics(self) -> Any: ...
    def time(self, *args: Any) -> Any: ...

class History: ...

class Trace:
    evaluation: int
