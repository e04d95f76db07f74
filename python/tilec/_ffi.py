"""The native library: finds it, attaches it to tvm-ffi, and gives its functions and types names.

Everything here is a thin face of src/ffi; what a type has and does stands in src/ffi/objects.def.
"""

import ctypes
import importlib.util
import os
import pathlib
import re
import sys
import threading

_PACKAGE = pathlib.Path(__file__).resolve().parent


# ---- one copy of libtvm_ffi ----

_LIBTVM_FFI = re.compile(r"(?:lib)?tvm_ffi(?:-[0-9a-f]+)?\.(?:so|dylib|dll)(?:\.[0-9.]+)?")


def _mapped_copies():
    """Paths of the libraries named libtvm_ffi that this process has; none where /proc is missing."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            paths = {line.split(None, 5)[5].strip() for line in maps if "tvm_ffi" in line}
    except (OSError, IndexError):
        return set()
    return {os.path.realpath(p) for p in paths if _LIBTVM_FFI.fullmatch(os.path.basename(p))}


def _refuse_copies(paths):
    raise ImportError(
        "two copies of libtvm_ffi cannot live in one process: %s. Remove the package that brings "
        "its own, or import tilec in a process of its own" % " and ".join(sorted(paths)))


def _import_tvm_ffi():
    """Imports tvm_ffi unless that would load a second copy, which aborts the process."""
    loaded = _mapped_copies()
    spec = importlib.util.find_spec("tvm_ffi") if "tvm_ffi" not in sys.modules else None
    if "tvm_ffi" not in sys.modules and spec is None:
        raise ImportError("tilec needs the package apache-tvm-ffi (0.1.9 or a later 0.1): "
                          "pip install apache-tvm-ffi")
    if loaded and spec is not None and spec.origin:
        own = pathlib.Path(spec.origin).parent / "lib" / "libtvm_ffi.so"
        others = loaded - {os.path.realpath(own)}
        if others and own.exists():
            _refuse_copies(others | {str(own)})
    import tvm_ffi
    loaded = _mapped_copies()
    if len(loaded) > 1:
        _refuse_copies(loaded)
    return tvm_ffi


# ---- the library ----

def _installed(path):
    """A file of the installed package, which need not lie beside this file: an editable install
    takes the Python files from elsewhere."""
    import importlib.metadata
    try:
        return [pathlib.Path(importlib.metadata.distribution("tilec").locate_file(path))]
    except importlib.metadata.PackageNotFoundError:
        return []


def _library_path():
    """PYTILEC_LIBRARY, else the one in the package, else the one of a build tree around it."""
    name = {"darwin": "libtilec_ffi.dylib", "win32": "tilec_ffi.dll"}.get(sys.platform,
                                                                        "libtilec_ffi.so")
    named = os.environ.get("PYTILEC_LIBRARY")
    places = [lambda: [pathlib.Path(named)]] if named else [
        lambda: [_PACKAGE / "lib" / name], lambda: [_PACKAGE.parent.parent / "build" / name],
        lambda: _installed("tilec/lib/" + name)]
    looked = []
    for place in places:
        for path in place():
            if path.exists():
                return path
            looked.append(str(path))
    raise ImportError("the native library of tilec is missing: looked for " + ", ".join(looked))


def _attach(library, runtime=None):
    """Attaches to libtvm_ffi: the copy that is loaded, or the one at `runtime`."""
    text = ctypes.create_string_buffer(1024)
    attach = library.tilec_ffi_attach
    attach.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]
    attach.restype = ctypes.c_int
    if attach(runtime, text, len(text)):
        raise ImportError("tilec: " + text.value.decode("utf-8", "replace"))


tvm_ffi = _import_tvm_ffi()
LIBRARY = _library_path()
_attach(ctypes.CDLL(str(LIBRARY)))


def _function(name):
    return tvm_ffi.get_global_func("tilec." + name)


version = _function("version")
targets = _function("targets")
module = _function("module")
explain = _function("explain")
cache = _function("cache")
live = _function("live")
copy = _function("copy")
trace_do = _function("trace_do")
value = _function("value")
value_do = _function("value_do")
history = _function("history")
evaluate = _function("evaluate")
words = _function("words")
layout = _function("layout")
layout_make = _function("layout_make")
layout_fit = _function("layout_fit")
_new_config = _function("config")
_options = _function("options")


# Long compilations call this: on the main thread it runs the handlers of signals, and Ctrl-C raises.
_function("on_signals")(lambda _check=ctypes.pythonapi.PyErr_CheckSignals: _check() and None)


# ---- calls ----

def _makers_of_callables():
    """calling(plain, named): plain(*args), or named(*args, **kwargs) where there are keywords.
    trying(plain, otherwise): the same, and otherwise(*args) where plain refuses its arguments.
    No Python runs in between."""
    try:
        api = ctypes.pythonapi
        functions = (api.PyObject_Call, api.PyTuple_GetItem, api.PyErr_Occurred, api.PyErr_Clear)
        make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object,
                                 ctypes.c_void_p)(("PyCFunction_NewEx", api))
    except AttributeError:  # a Python without that ABI
        return [lambda plain, otherwise: otherwise] * 2
    addresses = [ctypes.cast(f, ctypes.c_void_p).value for f in functions]
    methods = _function("python_methods")(*addresses, id(TypeError), id(ValueError))
    return [lambda plain, otherwise, method=method: make(method, (plain, otherwise), None)
            for method in methods]


calling, trying = _makers_of_callables()


# ---- errors ----

class _WithDiagnostics:
    """What tilec found is attached to the error itself."""

    @property
    def diagnostics(self):
        return diagnostics(self)


class CompileError(_WithDiagnostics, ValueError):
    """A kernel is wrong; the last frames of the traceback are its lines."""


class CheckError(CompileError):
    """A check found a fault that a run would have: bounds, races, values never written."""


class LaunchError(_WithDiagnostics, RuntimeError):
    """A kernel stopped while it ran."""


class TargetError(_WithDiagnostics, RuntimeError):
    """A target is not known, or its device is missing."""


class EnvironmentError(_WithDiagnostics, RuntimeError):  # pylint: disable=redefined-builtin
    """A file, the C compiler or a driver failed."""


class BudgetError(_WithDiagnostics, RuntimeError):
    """A limit on steps or time was reached."""


class RaisedError(_WithDiagnostics, RuntimeError):
    """An exception of Python code that a kernel called, by its text."""


class InternalError(_WithDiagnostics, RuntimeError):
    """A fault of tilec itself; please report it."""


def diagnostics(error):
    """The diagnostics that came with an exception, a list of Diagnostic."""
    source = getattr(error, "__tvm_ffi_error__", None)
    found = getattr(source, "extra_context", None)
    return list(found) if isinstance(found, tvm_ffi.Array) else []


def _register_errors():
    for cls in (CompileError, CheckError, LaunchError, TargetError, EnvironmentError, BudgetError,
                InternalError, RaisedError):
        tvm_ffi.register_error("tilec." + cls.__name__, cls)
    # These are the process's: whoever came first has named them.
    known = getattr(tvm_ffi.core, "ERROR_NAME_TO_TYPE", {})
    for cls in (OSError, OverflowError, NotImplementedError, KeyboardInterrupt):
        if cls.__name__ not in known:
            tvm_ffi.register_error(cls.__name__, cls)


_register_errors()


# ---- types ----

class _Data(tvm_ffi.Object):
    """Two of them are equal when their fields are."""

    def __eq__(self, other):
        return type(self) is type(other) and tvm_ffi.structural_equal(self, other)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return tvm_ffi.structural_hash(self)


@tvm_ffi.register_object("tilec.Diagnostic")
class Diagnostic(_Data):
    """What is wrong with a kernel, and where."""

    def __str__(self):
        place = "%s:%d:%d: " % (self.path, self.line, self.column) if self.line else ""
        code = "[%s]" % self.code if self.code else ""
        return "%s%s%s: %s" % (place, self.severity, code, self.message)


@tvm_ffi.register_object("tilec.Target")
class Target(_Data):
    """What kernels can be compiled for."""

    def __str__(self):
        return self.name


@tvm_ffi.register_object("tilec.Param")
class Param(_Data):
    """A parameter of a kernel."""


@tvm_ffi.register_object("tilec.Layout")
class Layout(_Data):
    """Where the elements of a tile are. Made by tilec.layout.parse, make and fit."""

    def __call__(self, *index, copy=0):
        """(thread, slot, offset) of an element, or of its copy of that number."""
        return tuple(self.find(index, copy))

    def inverse(self, thread=0, slot=0, offset=0):
        """The index of the element that is there."""
        return tuple(self.element(thread, slot, offset))

    def __str__(self):
        return self.text

    def __repr__(self):
        return "tilec.layout.parse(%r)" % self.text


@tvm_ffi.register_object("tilec.Config")
class Config(_Data):
    """Options of the compiler, over those of the environment. Made by config()."""


@tvm_ffi.register_object("tilec.Module")
class Module(tvm_ffi.Object):
    """A kernel file, not compiled yet. Made by module()."""


@tvm_ffi.register_object("tilec.Kernel")
class Kernel(tvm_ffi.Object):
    """A compiled function. `function` is what to call; calling the kernel is the same, slower."""

    def __call__(self, *args):
        return self.function(*args)


@tvm_ffi.register_object("tilec.History")
class History(tvm_ffi.Object):
    """Answers of Python that the evaluations of one function share. Made by history()."""


@tvm_ffi.register_object("tilec.Trace")
class Trace(tvm_ffi.Object):
    """A kernel that is being evaluated."""


_configs = {}
_configs_lock = threading.Lock()


def config(options=None):
    """The Config of a dict of options (names and texts); equal dicts give the same object, so that
    their kernels share worker threads."""
    key = tuple(sorted((str(k), str(v)) for k, v in (options or {}).items()))
    with _configs_lock:
        found = _configs.get(key)
        if found is None:
            found = _configs[key] = _new_config([text for pair in key for text in pair])
        return found


def options():
    """Rows of the table of options: name, variable, values, default, help."""
    flat = list(_options())
    return [tuple(flat[i:i + 5]) for i in range(0, len(flat), 5)]
