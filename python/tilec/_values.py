"""Values of kernels as Python sees them.

A Name stands for something of the compiler (T.copy). What is done with it means something now when
a kernel is being evaluated around the call (a helper that runs in Python), or when the compiler can
say the result without a kernel (T.ceildiv(100, 7)). Otherwise it is put off: a Record holds the
operation, and the compiler performs it in the kernel that uses it (T.Tensor((M, N), dtype)).
"""

import threading

from . import _ops as ops
from ._native import native

LANGUAGE = "tilelang.language."


class _Current(threading.local):
    """The evaluations whose callbacks run on this thread, innermost last."""

    def __init__(self):
        self.worlds = []


current = _Current()


def perform(op, *args):
    """An operation of the compiler on values at least one of which is its own."""
    if current.worlds:
        return current.worlds[-1].perform(op, args)
    if _holds_record(args):
        return Record(op, args)
    from ._world import evaluate
    return evaluate(op, args)


def _holds_record(value):
    if isinstance(value, Record):
        return True
    if isinstance(value, (tuple, list)):
        return any(_holds_record(item) for item in value)
    if isinstance(value, dict):
        return any(_holds_record(item) for item in value.values())
    return isinstance(value, slice) and _holds_record((value.start, value.stop, value.step))


def call(callee, args, kwargs):
    named = [field for pair in kwargs.items() for field in pair]
    return perform(ops.CALL, callee, len(kwargs), *args, *named)


class _Operators:
    """Operators that the compiler performs. What Python must know at once, it may not."""

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        found = perform(ops.GETATTR, self, name)
        if found is UNBOUND:
            raise AttributeError("%s has no attribute %r" % (self, name))
        return found

    def __call__(self, *args, **kwargs):
        return call(self, args, kwargs)

    def __getitem__(self, index):
        return perform(ops.GETITEM, self, index)

    def __eq__(self, other):
        return perform(ops.COMPARE, "==", self, other)

    def __ne__(self, other):
        return perform(ops.COMPARE, "!=", self, other)

    def __hash__(self):
        return id(self)


def _binary(text):
    def left(self, other):
        return perform(ops.BINARY, text, self, other) if _is_operand(other) else NotImplemented

    def right(self, other):
        return perform(ops.BINARY, text, other, self) if _is_operand(other) else NotImplemented

    return left, right


def _compare(text):
    def method(self, other):
        return perform(ops.COMPARE, text, self, other) if _is_operand(other) else NotImplemented

    return method


def _unary(text):
    def method(self):
        return perform(ops.UNARY, text, self)

    return method


def _is_operand(value):
    """Other objects may know themselves how to combine with a value of a kernel."""
    return isinstance(value, (int, float, str, _Operators)) or hasattr(value, "__index__")


for _name, _text in {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//",
                     "mod": "%", "pow": "**", "and": "&", "or": "|", "xor": "^", "lshift": "<<",
                     "rshift": ">>"}.items():
    _left, _right = _binary(_text)
    setattr(_Operators, "__%s__" % _name, _left)
    setattr(_Operators, "__r%s__" % _name, _right)
for _name, _text in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    setattr(_Operators, "__%s__" % _name, _compare(_text))
for _name, _text in {"neg": "-", "pos": "+", "invert": "~"}.items():
    setattr(_Operators, "__%s__" % _name, _unary(_text))


class _Unbound:
    """No value."""

    def __repr__(self):
        return "<nothing>"


UNBOUND = _Unbound()


class Name(_Operators):
    """Something that the compiler knows by this path."""

    def __init__(self, path, doc=None):
        self.__dict__.update(path=path, __doc__=doc)

    @property
    def __name__(self):
        return self.path.rpartition(".")[2]

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        from ._world import member
        return member(self.path, name)

    def __setattr__(self, name, value):
        raise AttributeError("%r cannot be changed" % self)

    def __eq__(self, other):
        return isinstance(other, Name) and other.path == self.path

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash(self.path)

    def __reduce__(self):
        return Name, (self.path,)

    def __repr__(self):
        return "T." + self.path[len(LANGUAGE):] if self.path.startswith(LANGUAGE) else self.path


class dtype(str):
    """A type of elements: equal to its name, callable as a cast, with `bits`, `bytes`, `lanes`."""

    __slots__ = ()

    def __new__(cls, value):
        return value if isinstance(value, cls) else str.__new__(cls, _dtype_name(value))

    @property
    def bits(self):
        return perform(ops.GETATTR, self, "bits")

    @property
    def bytes(self):
        return perform(ops.GETATTR, self, "bytes")

    @property
    def itemsize(self):
        return self.bytes

    @property
    def lanes(self):
        return perform(ops.GETATTR, self, "lanes")

    def as_torch(self):
        """The type of torch with this name."""
        import torch
        return getattr(torch, str(self))

    def __call__(self, *values):
        return call(self, values, {})

    def __repr__(self):
        return "T." + self

    def __reduce__(self):
        return dtype, (str(self),)


def _dtype_name(value):
    """The name of a type in whatever way Python spells it."""
    if value in (int, float, bool):
        return {int: "int32", float: "float32", bool: "bool"}[value]
    if isinstance(value, str):
        return value
    text = str(getattr(value, "name", None) or getattr(value, "__name__", None) or value)
    return text.rpartition(".")[2]


class Record(_Operators):
    """An operation that was put off until a kernel uses it."""

    def __init__(self, op, args):
        self.__dict__.update(_op=op, _args=tuple(args))

    def __setattr__(self, name, value):
        raise AttributeError("%r is not a value yet" % self)

    def __bool__(self):
        raise TypeError("whether %r holds is not known before a kernel runs" % self)

    def __index__(self):
        raise TypeError("%r has no value before a kernel runs" % self)

    __int__ = __float__ = __len__ = __index__

    def __iter__(self):
        """T.dynamic("M, N") names several dimensions."""
        if self._op == ops.CALL and self._args[2:] and isinstance(self._args[2], str):
            names = self._args[2].replace(",", " ").split()
            if len(names) > 1:
                return iter([Record(ops.GETITEM, (self, i)) for i in range(len(names))])
        raise TypeError("%r cannot be iterated over" % self)

    def __repr__(self):
        if self._op == ops.CALL:
            return "%r(%s)" % (self._args[0], ", ".join(map(repr, self._args[2:])))
        if self._op in (ops.BINARY, ops.COMPARE):
            return "(%r %s %r)" % (self._args[1], self._args[0], self._args[2])
        return "<put off: %s>" % ", ".join(map(repr, self._args))


class Staged(_Operators):
    """A value of a kernel that is being evaluated; of no use afterwards."""

    def __init__(self, world, number, kind):
        self.__dict__.update(_world=world, _number=number, _kind=kind)

    def __setattr__(self, name, value):
        perform(ops.SETATTR, self, name, value)

    def __setitem__(self, index, value):
        perform(ops.SETITEM, self, index, value)

    def __bool__(self):
        return bool(perform(ops.TRUTH, self))

    def __len__(self):
        return perform(ops.LEN, self)

    def __iter__(self):
        items = perform(ops.ITERATE, self)
        if items is UNBOUND:
            raise TypeError("%s cannot be iterated over" % self._kind)
        return iter(items)

    def __contains__(self, item):
        return bool(perform(ops.CONTAINS, self, item))

    def __index__(self):
        raise TypeError("%s has no value while a kernel is compiled" % self._kind)

    __int__ = __float__ = __index__

    def __str__(self):
        return perform(ops.STR, self) if self._world.is_open else repr(self)

    def __repr__(self):
        if self._world.is_open and current.worlds:
            return perform(ops.REPR, self)
        return "<%s of a kernel that was compiled>" % self._kind

    def __enter__(self):
        raise TypeError("'with' on a frame of a kernel needs the text of the function it stands in: "
                        "define it in a file")

    def __exit__(self, *ignored):
        return False
