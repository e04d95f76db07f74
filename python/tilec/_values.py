"""Values of kernels as Python sees them.

A Name stands for something of the compiler (T.copy). What is done with it means something now when
a kernel is being evaluated around the call (a helper that runs in Python), or when the compiler can
say the result without a kernel (T.ceildiv(100, 7)). Otherwise it is put off: a Value holds the
operation, and the compiler performs it in the kernel that uses it (T.Tensor((M, N), dtype)). Values
of a kernel that is being evaluated are such objects as well. They are objects of tvm-ffi: what they
are made of stands in src/ffi/objects.def.
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
    from ._world import evaluate
    if not _holds_value(args):
        return evaluate(op, args)
    if op not in (ops.CALL, ops.GETATTR, ops.GETITEM):
        return put_off(ops.EXPR, op, args)
    callee = args[0].path if op == ops.CALL and type(args[0]) is Name else None
    if callee in _kinds:
        return put_off(_kinds[callee], op, args)
    try:
        found = evaluate(op, args)
    except Exception:  # what it needs is there in a kernel only
        return put_off(ops.STAGED, op, args)
    if callee and isinstance(found, Value):
        _kinds[callee] = KINDS[type(found)]
    return found


_kinds = {}  # of what calls of words give; found out once, as evaluating takes its time


def _holds_value(x):
    if isinstance(x, Value):
        return True
    if isinstance(x, (tuple, list)):
        return any(_holds_value(item) for item in x)
    if isinstance(x, dict):
        return any(_holds_value(item) for item in x.values())
    return isinstance(x, slice) and _holds_value((x.start, x.stop, x.step))


def call(callee, args, kwargs):
    named = [field for pair in kwargs.items() for field in pair]
    return perform(ops.CALL, callee, len(kwargs), *args, *named)


class _Operators:
    """Operators that the compiler performs."""

    __slots__ = ()

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

    def __instancecheck__(self, value):
        """isinstance(M, T.Var): whether M is a dimension that a launch decides."""
        kind = CLASSES.get(self.path.rpartition(".")[2])
        if kind is None:
            raise TypeError("%r is not a class: no value can be an instance of it" % self)
        return isinstance(value, kind)

    def __reduce__(self):
        return Name, (self.path,)

    def __repr__(self):
        return "T." + self.path[len(LANGUAGE):] if self.path.startswith(LANGUAGE) else self.path


# What each of these stands for is the compiler's matter.
_OTHER_SPELLINGS = ("boolean", "short", "int", "long", "uint", "half", "float", "double", "float8_e4m3")
_TORCH_STORAGE = dict.fromkeys(("float4_e2m1fn", "float4_e2m1fnx2"), "float4_e2m1fn_x2")


class dtype(str):
    """A type of elements: equal to its name, callable as a cast, with `bits`, `bytes`, `lanes`."""

    __slots__ = ()

    def __new__(cls, value):
        if isinstance(value, cls):
            return value
        name = _dtype_name(value)
        if name in _OTHER_SPELLINGS:
            from ._world import member
            return member(LANGUAGE.rstrip("."), name)
        return str.__new__(cls, name)

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
        """The type of torch with this name, or that stores such values."""
        import torch
        return getattr(torch, _TORCH_STORAGE.get(str(self), str(self)))

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


# ---- values ----

_SYMBOLS = (ops.BINARY, ops.COMPARE)
_NEEDS_KERNEL = "%r has no value before a kernel runs"


@native.value_class("Value")
class Value(_Operators, native.Object):
    """An operation that is put off until a kernel uses it, or a value of the kernel that is being
    evaluated, which is of no use afterwards. `op` and `args` say what it is."""

    __slots__ = ()
    _what = "a value"

    __hash__ = native.Object.__hash__

    def __setattr__(self, name, value):
        self._in_kernel(ops.SETATTR, name, value)

    def __setitem__(self, index, value):
        self._in_kernel(ops.SETITEM, index, value)

    def __bool__(self):
        return bool(self._in_kernel(ops.TRUTH))

    def __len__(self):
        return self._in_kernel(ops.LEN)

    def __contains__(self, item):
        return bool(self._in_kernel(ops.CONTAINS, item))

    def __iter__(self):
        """T.dynamic("M, N") names several dimensions."""
        if not self.evaluation and not current.worlds:
            return iter(self._dimensions())
        items = perform(ops.ITERATE, self)
        if items is UNBOUND:
            raise TypeError("%s cannot be iterated over" % self._what)
        return iter(items)

    def _dimensions(self):
        args = operands(self) if self.op == "call" else []
        names = args[2].replace(",", " ").split() if args[2:] and isinstance(args[2], str) else []
        if len(names) < 2:
            raise TypeError("%r cannot be iterated over" % self)
        return [put_off(ops.VAR, ops.GETITEM, (self, i)) for i in range(len(names))]

    def _in_kernel(self, op, *args):
        """What means something in a kernel alone."""
        if self.evaluation or current.worlds:
            return perform(op, self, *args)
        raise TypeError(_NEEDS_KERNEL % self)

    def __index__(self):
        if self.evaluation:
            raise TypeError("%s has no value while a kernel is compiled" % self._what)
        raise TypeError(_NEEDS_KERNEL % self)

    __int__ = __float__ = __index__

    def __str__(self):
        return perform(ops.STR, self) if self.evaluation and current.worlds else repr(self)

    def __repr__(self):
        if not self.evaluation:
            return _text_of(self)
        if current.worlds and current.worlds[-1].owns(self):
            return perform(ops.REPR, self)
        return "<%s of a kernel that was compiled>" % self._what

    def __enter__(self):
        raise TypeError("'with' on a frame of a kernel needs the text of the function it stands in: "
                        "define it in a file")

    def __exit__(self, *ignored):
        return False


@native.value_class("Expr")
class Expr(Value):
    """A number or a truth value of run time."""

    __slots__ = ()
    _what = "an expression"


@native.value_class("Var")
class Var(Expr):
    """A variable: of a loop, a dimension, T.alloc_var."""

    __slots__ = ()
    _what = "a variable"


@native.value_class("Buffer")
class Buffer(Value):
    """A buffer, or the tensor type of a parameter."""

    __slots__ = ()
    _what = "a buffer"


CLASSES = {"Var": Var, "PrimExpr": Expr, "Buffer": Buffer}  # by their names in the language
KINDS = {Value: ops.STAGED, Var: ops.VAR, Expr: ops.EXPR, Buffer: ops.BUFFER}


def put_off(kind, op, args):
    """An operation that a kernel performs, and what its result will be."""
    return native.value(kind, ops.NAMES[op], *map(_held, args))


class _Object:
    """Something that only Python knows: tvm-ffi leaves it as it is."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


def _held(x):
    """A value among the fields of another; _told gives it back."""
    kind = type(x)
    if x is None or kind in (int, float, bool, str):
        return x
    if isinstance(x, Value):
        if x.evaluation:
            raise RuntimeError("%r is used outside of its kernel" % x)
        return x
    if kind is Name:
        return native.value(ops.STAGED, "name", x.path)
    if kind is dtype:
        return native.value(ops.STAGED, "name", LANGUAGE + x)
    if kind is tuple:
        return tuple(map(_held, x))
    if kind is slice:
        return native.value(ops.STAGED, "slice", *map(_held, (x.start, x.stop, x.step)))
    if kind in (list, set, frozenset):
        return native.value(ops.STAGED, "list" if kind is list else "set", *map(_held, x))
    if kind is dict:
        flat = [_held(field) for pair in x.items() for field in pair]
        return native.value(ops.STAGED, "dict", *flat)
    return _Object(x)


def _named(path):
    from ._world import named
    return named(path)


_CONTAINERS = {"list": list, "set": set, "slice": lambda items: slice(*items),
               "dict": lambda items: dict(zip(items[::2], items[1::2])),
               "name": lambda items: _named(items[0])}


def _told(x):
    if isinstance(x, _Object):
        return x.value
    if isinstance(x, str):
        return str(x)
    if isinstance(x, (tuple, native.List)):
        return tuple(map(_told, x))
    make = _CONTAINERS.get(x.op) if isinstance(x, Value) else None
    return make(operands(x)) if make else x


def operands(value):
    """The arguments of an operation that was put off, as they were given."""
    return [_told(item) for item in value.args]


def _text_of(value):
    items = operands(value)
    if value.op == "call":
        n = len(items) - 2 * items[1]
        named = ["%s=%r" % pair for pair in zip(items[n::2], items[n + 1::2])]
        return "%r(%s)" % (items[0], ", ".join([*map(repr, items[2:n]), *named]))
    if value.op in [ops.NAMES[op] for op in _SYMBOLS]:
        return "(%r %s %r)" % (items[1], items[0], items[2])
    if value.op == "unary":
        return "(%s%r)" % (items[0], items[1])
    if value.op == "getattr":
        return "%r.%s" % (items[0], items[1])
    if value.op == "getitem":
        return "%r[%r]" % (items[0], items[1])
    return "<%s(%s)>" % (value.op, ", ".join(map(repr, items)))
