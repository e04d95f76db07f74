"""From a function to text."""

from tilec.compat._reach import Absent as _Absent

from .lower import lower

__all__ = ["lower"]


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError("module 'tilelang.engine' has no attribute %r" % name)
    return _Absent("tilelang.engine." + name, "what tilec emits cannot be changed before it is compiled")
