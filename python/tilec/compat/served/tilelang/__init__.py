"""What `import tilelang` means in compatibility mode: tilec, under that name."""

import importlib
import sys
import types

import tilec
from tilec._values import Name as _Name

__version__ = tilec.__version__
DataType = _Name("tilelang.DataType")


def __getattr__(name):
    """A name of tilec, or a submodule."""
    if name.startswith("__"):
        raise AttributeError("module 'tilelang' has no attribute %r" % name)
    try:
        return getattr(tilec, name)
    except AttributeError:
        pass
    try:
        return importlib.import_module("tilelang." + name)
    except ModuleNotFoundError as error:
        if error.name != "tilelang." + name:
            raise
        raise AttributeError("module 'tilelang' has no attribute %r" % name) from None


def __dir__():
    return sorted(set(dir(tilec)) | set(globals()))


class _Module(types.ModuleType):
    """tilelang.jit is a function and a module: importing the module keeps the function."""

    def __setattr__(self, name, value):
        own = getattr(tilec, name, value)
        if not isinstance(value, types.ModuleType) or isinstance(own, types.ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Module
