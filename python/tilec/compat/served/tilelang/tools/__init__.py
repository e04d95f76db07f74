"""Tools around kernels; tilec's own are commands, see `tilec --help`."""

from tilec.compat._reach import Absent as _Absent


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError("module 'tilelang.tools' has no attribute %r" % name)
    return _Absent("tilelang.tools." + name, "tilec has tools of its own, see `tilec --help`")
