"""The part of tvm that kernel scripts name."""

import importlib

from tilec._values import Name as _Name
from tilec.compat._reach import Absent as _Absent

DataType = _Name("tvm.DataType")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError("module 'tvm' has no attribute %r" % name)
    try:
        return importlib.import_module("tvm." + name)
    except ModuleNotFoundError as error:
        if error.name != "tvm." + name:
            raise
    return _Absent("tvm." + name, "of tvm only targets, element types and words of kernels exist")
