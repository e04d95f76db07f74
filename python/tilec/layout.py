"""Layouts of tiles: make_swizzled_layout and the like for kernels, and layouts as objects.

The objects (parse, make, fit) say where each element of a tile is; they need the adapter to
tvm-ffi, and no kernel."""

import itertools

from ._values import Name
from ._values import dtype as _dtype


def parse(text):
    """The Layout of a text, as it prints itself and as `tilec emit` shows it."""
    from . import _ffi
    return _ffi.layout(text)


def make(name, shape=(), dtype=None, n_threads=1):
    """The Layout of a name that kernels use (make_swizzled_layout), or of an instruction's fragment
    (mma_c, wgmma_d: no shape is its own tile). Swizzles depend on the dtype, replicated fragments on
    the number of threads."""
    from . import _ffi
    bits = 0 if dtype is None else _dtype(dtype).bits
    return _ffi.layout_make(name, list(shape), bits, n_threads)


def fit(shape, place, n_copies=1):
    """The Layout in which element `index` is at place(*index): an offset of memory, or thread and
    slot. With copies the number of the copy is the last argument."""
    from . import _ffi
    flat = []
    ranges = [range(n) for n in shape] + ([range(n_copies)] if n_copies != 1 else [])
    for point in itertools.product(*ranges):
        at = place(*point)
        flat += (*at, 0) if isinstance(at, tuple) else (0, 0, at)
    return _ffi.layout_fit(list(shape), n_copies, flat)


def __getattr__(name):
    from ._world import words
    if name.startswith("_") or name not in words():
        raise AttributeError("module 'tilec.layout' has no name %r" % name)
    return Name("tilelang.layout." + name)
