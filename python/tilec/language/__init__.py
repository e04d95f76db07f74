"""The language of kernels: `import tilec.language as T`.

Every name of the vocabulary is here. In the text of a kernel the compiler reads them itself; what
they do when Python calls them stands in tilec._values.
"""

import sys

from .._values import LANGUAGE, Name, dtype
from .._world import Macro, evaluate, member, words
from .. import _ops as _ops
from ..function import PrimFunc, prim_func

__all__ = ["dtype", "macro", "prim_func", "PrimFunc"]

_DTYPES = tuple(
    scalar + lanes
    for scalar in ("bool", "int2", "int4", "int8", "int16", "int32", "int64", "uint2", "uint4",
                   "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32",
                   "tfloat32", "float64", "float8_e4m3fn", "float8_e4m3fnuz",
                   "float8_e4m3b11fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e3m4",
                   "float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn")
    for lanes in ("", "x2", "x4", "x8", "x16", "x32", "x64"))

# Names that have no row of their own in the table of words.
_SPECIAL = ("While", "loop_break", "break_loop", "continue_loop", "inline", "meta_class",
            "BaseTileScheduler", "PersistentTileScheduler", "GemmWarpPolicy")


def macro(func=None, /):
    """A function that is expanded at each call in a kernel. Parameters are by value, unless
    annotated T.Ref."""
    return macro if func is None else Macro(func)


def inline(func):
    """Methods are expanded where they are called anyway."""
    return func


def meta_class(cls):
    """Classes live at compile time anyway."""
    return cls


def __getattr__(name):
    if name.startswith("__") and name.endswith("__"):
        raise AttributeError(name)
    word = words().get(name)
    if word:  # the compiler says itself that a name is not implemented yet, where it is used
        found = Name(LANGUAGE + name, word[1])
    else:
        try:
            found = member("tilelang.language", name)
        except AttributeError:
            raise
        except Exception as error:
            raise AttributeError("module 'tilec.language' has no name %r: %s"
                                 % (name, error)) from None
    setattr(sys.modules[__name__], name, found)
    return found


def __dir__():
    return sorted(set(globals()) | set(__all__))


def _fill_all():
    __all__[:] = dict.fromkeys((*__all__, *words(), *_SPECIAL, *_DTYPES))


_fill_all()
