"""Serves `tilelang`, and of `tvm` what scripts import, as modules of tilec.

A module tilelang.x is, in this order: a file below compat/served; tilec.x itself, the same object;
one of NAMED, whose names the compiler is asked for; one of ABSENT, or below one of PARTS, whose names
are errors when they are used. Importing those is none: a script may use a few of the names it imports.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import pathlib
import sys
import types

from .. import _world
from .._native import native
from ._reach import Absent, OutOfReach

_SERVED = pathlib.Path(__file__).parent / "served"
_ROOTS = ("tilelang", "tvm")
_PRIVATE = ("compat",)

# Modules of which the compiler itself knows the names (pybuiltins.def).
NAMED = (
    "tilelang.carver.arch.driver", "tilelang.cuda", "tilelang.cuda.intrinsics",
    "tilelang.cuda.intrinsics.layout", "tilelang.cuda.intrinsics.layout.mma_layout",
    "tilelang.cuda.intrinsics.macro", "tilelang.cuda.intrinsics.macro.mma_macro_generator",
    "tilelang.cuda.intrinsics.sparse_layout", "tilelang.language.meta",
    "tilelang.rocm", "tilelang.rocm.intrinsics", "tilelang.rocm.intrinsics.mfma_macro_generator",
    "tilelang.tileop", "tilelang.tileop.base",
    "tvm.tir", "tvm.tirx",
)

# Modules that scripts import for what has no counterpart here, and why there is none.
_ANALYSIS = "tilec has no model of devices that makes configurations; list them yourself"
_OWN_TOOLS = "tilec has a tool chain of its own"
_ENGINE = "what tilec emits cannot be changed before it is compiled"
ABSENT = {
    "tilelang.carver.template": _ANALYSIS,
    "tilelang.carver.roller": _ANALYSIS,
    "tilelang.carver.roller.hint": _ANALYSIS,
    "tilelang.carver.roller.policy": _ANALYSIS,
    "tilelang.carver.roller.rasterization": _ANALYSIS,
    "tilelang.contrib.nvrtc": _OWN_TOOLS,
    "tilelang.engine.callback": _ENGINE,
    "tvm.ir": "tilec has its own intermediate form",
    "tvm.relax": "tilec compiles kernels, not graphs",
    "tvm.runtime": "kernels of tilec are called directly",
    "tvm.te": "tilec compiles the language of kernels only",
    "tvm.script": "tilec compiles the language of kernels only",
}

# Packages of TileLang's and TVM's implementation: any module in them, and any name that is not served.
_INSIDE = "it is a part of the implementation of TileLang, not of its language"
INSIDE_TVM = "of tvm only targets, element types and words of kernels exist"
PARTS = {
    **dict.fromkeys(("tilelang." + name for name in (
        "autotuner", "backend", "cache", "carver", "contrib", "cpu", "cuda", "engine", "errors",
        "instrumentation", "ir", "jit", "language", "layout", "math", "metal", "profiler", "rocm",
        "tileop", "tools", "transform", "utils", "webgpu")), _INSIDE),
    **dict.fromkeys(("tvm." + name for name in (
        "arith", "contrib", "driver", "error", "ffi", "instrument", "ir", "rpc", "s_tir", "script",
        "support", "te", "testing", "tir", "tirx", "topi", "transform")), INSIDE_TVM),
}


def _why_absent(path):
    """Why there is no module `path` here; None where there is none in TileLang either."""
    if path in ABSENT:
        return ABSENT[path]
    while path and path not in PARTS:
        path = path.rpartition(".")[0]
    return PARTS.get(path)


def is_module(path):
    """Whether `path` is known to be a module, and no class or function."""
    base = _SERVED.joinpath(*path.split("."))
    return path in NAMED or path in ABSENT or base.is_dir() or base.with_suffix(".py").exists()


def _submodule(path, name):
    """path.name when it is a module, else None; special names are never there."""
    if name.startswith("__") and name.endswith("__"):
        raise AttributeError("module %r has no attribute %r" % (path, name))
    whole = path + "." + name
    return importlib.import_module(whole) if is_module(whole) else None


def _ask(path):
    """__getattr__ of a module whose names the compiler knows."""
    def look_up(name):
        module = _submodule(path, name)
        if module is not None:
            return module
        try:
            return _world.member(path, name)
        except native.CompileError:
            return Absent(path + "." + name, "the compiler does not know it")
    return look_up


def _refuse(path):
    """__getattr__ of a module that has no counterpart."""
    def look_up(name):
        return _submodule(path, name) or Absent(path + "." + name, _why_absent(path))
    return look_up


def _open_below(module):
    """Makes a package of a module: what TileLang has below it is absent, not unknown."""
    if not hasattr(module, "__path__"):
        module.__path__ = []


class _File(importlib.machinery.SourceFileLoader):
    """A module below compat/served; what it does not name is absent."""

    def exec_module(self, module):
        super().exec_module(module)
        _open_below(module)
        if not hasattr(module, "__getattr__"):
            module.__getattr__ = _refuse(module.__name__)


class _AbsentModule(types.ModuleType):
    """Perhaps it is no module but a class, a function or a table: using it as one is the error."""

    def __call__(self, *args, **kwargs):
        raise OutOfReach(self.__name__, _why_absent(self.__name__))

    __getitem__ = __iter__ = __len__ = __contains__ = __instancecheck__ = __mro_entries__ = __call__


class _Empty(importlib.abc.Loader):
    """A module without a file, whose names are made when they are asked for."""

    def __init__(self, look_up):
        self.look_up = look_up

    def create_module(self, spec):
        return _AbsentModule(spec.name) if spec.name not in NAMED else None

    def exec_module(self, module):
        module.__getattr__ = self.look_up
        module.__path__ = []


class _Alias(importlib.abc.Loader):
    """A module that is another one. Importing sets attributes of a module; these keep theirs."""

    _KEPT = ("__spec__", "__loader__", "__package__")

    def __init__(self, name):
        self.name = name

    def create_module(self, spec):
        module = importlib.import_module(self.name)
        self.kept = {name: getattr(module, name, None) for name in self._KEPT}
        return module

    def exec_module(self, module):
        for name, value in self.kept.items():
            setattr(module, name, value)
        _open_below(module)


class Finder(importlib.abc.MetaPathFinder):
    """First on sys.meta_path, so that an installed TileLang is not looked at."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] not in _ROOTS:
            return None
        return self._file(fullname) or self._ours(fullname) or self._made(fullname)

    @staticmethod
    def _file(fullname):
        base = _SERVED.joinpath(*fullname.split("."))
        package = base / "__init__.py"
        if package.exists():
            return importlib.util.spec_from_file_location(
                fullname, package, loader=_File(fullname, str(package)),
                submodule_search_locations=[str(base)])
        module = base.with_suffix(".py")
        if not module.exists():
            return None
        return importlib.util.spec_from_file_location(fullname, module,
                                                      loader=_File(fullname, str(module)))

    @staticmethod
    def _ours(fullname):
        root, _, rest = fullname.partition(".")
        if root != "tilelang" or not rest or rest.startswith(("_",) + _PRIVATE):
            return None
        name = rest if rest.partition(".")[0] == "tvm" else "tilec." + rest
        try:
            found = name in sys.modules or importlib.util.find_spec(name)
        except ModuleNotFoundError:
            return None
        return importlib.machinery.ModuleSpec(fullname, _Alias(name)) if found else None

    @staticmethod
    def _made(fullname):
        look_up = _ask if fullname in NAMED else _refuse if _why_absent(fullname) else None
        return look_up and importlib.machinery.ModuleSpec(fullname, _Empty(look_up(fullname)),
                                                          is_package=True)


def install():
    """From now on, `import tilelang` is ours."""
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    foreign = [name for name in sys.modules if name.partition(".")[0] in _ROOTS]
    if foreign:
        raise ImportError("%s is imported already: compatibility mode begins before" % foreign[0])
    sys.meta_path.insert(0, Finder())
