"""Configurations of a compilation."""

from tilec import PassConfigKey
from tilec._values import Name as _Name

__all__ = ["PassConfigKey", "simplify_prim_func"]

simplify_prim_func = _Name("tilelang.transform.simplify_prim_func")
