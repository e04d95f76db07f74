"""The functions of the native library, in the shapes that this package uses.

A value that crosses is a tuple (kind, n, payload, object), as tilec.h describes it. PYTILEC_NATIVE
names another module to take them from; tests use it.
"""

import importlib
import os


class _Ffi:
    """Over tvm-ffi, whose functions take flat positional arguments."""

    def __init__(self, ffi):
        self._ffi = ffi
        self.Object, self.List = ffi.tvm_ffi.Object, ffi.tvm_ffi.Array
        for name in ("CompileError", "CheckError", "LaunchError", "TargetError", "InternalError",
                     "EnvironmentError", "BudgetError", "diagnostics", "version", "targets",
                     "value", "value_do", "history", "calling", "trying"):
            setattr(self, name, getattr(ffi, name))

    @staticmethod
    def _flat(args):
        return [field for arg in args for field in arg]

    def trace_do(self, trace, op, args):
        return tuple(self._ffi.trace_do(trace, op, *self._flat(args)))

    def value_class(self, name):
        """Decorates the class of tilec.<name>."""
        return self._ffi.tvm_ffi.register_object("tilec." + name)

    @staticmethod
    def identity(value):
        """A number that two Python objects of one value share."""
        return value.__chandle__()

    @staticmethod
    def evaluation_of(trace):
        return trace.evaluation

    def evaluate(self, world, op, args):
        self._ffi.evaluate(world, op, *self._flat(args))

    def words(self):
        rows = [line.split("\t") for line in str(self._ffi.words()).splitlines()]
        return [(name, signature, text, missing == "1", anywhere == "1")
                for name, signature, text, missing, anywhere in rows]

    def module(self, path, entry, shapes, options, world, configs=()):
        flat = [field for name, extents in shapes for field in (name, tuple(extents))]
        pairs = [text for pair in configs for text in pair]
        return self._ffi.module("", path, entry, [], flat, self._ffi.config(options), world, pairs,
                                world.history.answers)

    def file_module(self, path, entry, defines, options):
        flat = [text for pair in defines for text in pair]
        return self._ffi.module(None, path, entry, flat, [], self._ffi.config(options), None)

    def shape_of(self, tensor):
        return tuple(self._ffi.tvm_ffi.from_dlpack(tensor).shape)

    def cache_run(self, verb, options):
        return self._ffi.cache(verb, self._ffi.config(options))

    def copy(self, tensor, device_type=1, device_id=0):
        """A copy of a row-major tensor in memory of the host (1) or of a GPU (2), which needs no
        package with an allocator. Of streams it waits for the default one alone."""
        from .env import env
        return self._ffi.copy(tensor, device_type, device_id, self._ffi.config(env.options()))


def _load():
    name = os.environ.get("PYTILEC_NATIVE")
    if name:
        return importlib.import_module(name)
    return _Ffi(importlib.import_module("tilec._ffi"))


native = _load()
