"""Layouts of tiles: make_swizzled_layout and the like."""

from ._values import Name


def __getattr__(name):
    from ._world import words
    if name.startswith("_") or name not in words():
        raise AttributeError("module 'tilec.layout' has no name %r" % name)
    return Name("tilelang.layout." + name)
