"""Kernel functions, and their way to the compiler."""

import sys

from . import _ops as ops
from ._native import native
from ._world import Function, History, Scope, World


def guarded(world, function):
    """Calls the compiler. When Python raised in the course of it, that exception goes on."""
    try:
        with world.lock:
            world.start()
            return function()
    except BaseException as error:
        raised = world.raised
        if raised is None or raised is error:
            raise
        if hasattr(raised, "add_note"):
            raised.add_note("while a kernel was compiled: %s" % str(error).strip())
        raise raised from None


def module_of(entry, world, shapes=(), options=None, configs=()):
    """The program that `entry` is, in the terms of the compiler."""
    path = entry.function.__code__.co_filename
    return native.module(path, entry.__name__, list(shapes), options or {}, world,
                         list(configs))


class Program(Function):
    """A kernel function and the arguments it is made with, as tilec.compile and lower take it."""

    out_idx = None
    shapes = ()   # of tensors that are arguments: (name, extents)

    def __init__(self, function, frame_locals=None, defines=None):
        super().__init__(function)
        self.scope = Scope(function, frame_locals)
        self.history = History()
        self.defines = defines
        self.attrs = {"global_symbol": function.__name__}

    def module(self, options=None, configs=()):
        """(World, program) for these options and pass_configs."""
        world = World(self, self.defines, self.history)
        return world, guarded(world, lambda: module_of(self, world, self.shapes, options, configs))

    def emit(self, form, options=None, configs=()):
        world, module = self.module(options, configs)
        return guarded(world, lambda: module.emit(form))

    def script(self, **ignored):
        """The IR as evaluated."""
        return self.emit("ir")

    def with_attr(self, key, value=None):
        self.attrs.update(key if isinstance(key, dict) else {key: value})
        return self


class PrimFunc(Program):
    """A kernel function: its body is evaluated when it is defined, with the names it then sees."""

    flags = ops.KERNEL

    def __init__(self, function, frame_locals=None, out_idx=None):
        super().__init__(function, frame_locals)
        self.out_idx = out_idx
        self._ir = self.emit("ir")

    def script(self, **ignored):
        """The IR as evaluated."""
        return self._ir

    def __call__(self, *args, **kwargs):
        raise TypeError("T.prim_func %r is compiled first: tilec.compile(%s)(...)"
                        % (self.__name__, self.__name__))

    def __str__(self):
        return self._ir

    def __repr__(self):
        return "<T.prim_func %s>" % self.__qualname__


def prim_func(func=None, /, *, out_idx=None, **ignored):
    """A kernel function: its body is evaluated at once, with the names around it. Annotations may
    use the names of the function it stands in."""
    if func is None:
        return lambda f: PrimFunc(f, _locals_around(2), out_idx)
    return PrimFunc(func, _locals_around(2), out_idx)


def _locals_around(depth):
    frame = sys._getframe(depth)
    module_level = frame.f_locals is frame.f_globals
    return None if module_level else dict(frame.f_locals)
