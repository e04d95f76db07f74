"""The part of tvm that kernel scripts name."""

import importlib

from tilec._values import Name as _Name
from tilec.compat._finder import INSIDE_TVM as _INSIDE_TVM, is_module as _is_module
from tilec.compat._reach import Absent as _Absent

DataType = _Name("tvm.DataType")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError("module 'tvm' has no attribute %r" % name)
    if _is_module("tvm." + name):
        return importlib.import_module("tvm." + name)
    return _Absent("tvm." + name, _INSIDE_TVM)
