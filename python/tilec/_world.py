"""The resolver of kernels that are functions of this process (tilec.h).

A World answers what the compiler asks while it evaluates one function: what a name is bound to,
what an operation on a Python object gives. Python objects go to the compiler as numbers, places in
a table that lives as long as one evaluation. The operations are a table at the end.
"""

import builtins
import enum
import functools
import importlib
import importlib.util
import operator
import sys
import threading
import types

from . import _ops as ops
from . import _source
from ._native import native
from ._values import (KINDS, LANGUAGE, UNBOUND, Name, Value, current, dtype, operands, put_off)

_INT64 = range(-2**63, 2**63)
_KNOWN_MODULES = {
    "math": "math", "itertools": "itertools", "functools": "functools", "typing": "typing",
    "dataclasses": "dataclasses", "builtins": "builtins", "tilec": "tilelang",
    "tilec.language": "tilelang.language", "tilec.layout": "tilelang.layout",
    "tilec.math": "tilelang.math"}
_NAMED_OWNERS = ("builtins", "math", "itertools", "functools", "_functools")


class Function:
    """A Python function that kernels use by its text: a macro, a prim_func, an eager function."""

    flags = 0

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function

    def __reduce__(self):
        """Copied and pickled as functions are: by name."""
        return self.__qualname__


class Macro(Function):
    """A function that is expanded at each call in a kernel (T.macro)."""

    flags = ops.MACRO

    def __call__(self, *args, **kwargs):
        if current.worlds:
            from ._values import call
            return call(self, args, kwargs)
        raise TypeError("T.macro %r can only be called in a kernel" % self.__name__)

    def __get__(self, instance, owner=None):
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self):
        return "<T.macro %s>" % self.__qualname__


# ---- names ----

def _cells(function):
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # bound later, or never
            pass
    return found


def _global_names(code):
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)


class Scope:
    """What the free names of a function are bound to. What is there when the scope is made stays;
    annotations are evaluated in the frame around a function, whose names count behind its own."""

    def __init__(self, function, frame_locals=None):
        self.function = function
        self.names = dict(frame_locals or ())
        self.names.update(_cells(function))
        module = function.__globals__
        bound = self.names
        self.globals = {name: module[name] for name in _global_names(function.__code__)
                        if name in module and name not in bound}
        try:
            annotations = dict(function.__annotations__)
        except Exception:  # evaluated late, and names what is not there
            annotations = {}
        self.annotations = {name: value for name, value in annotations.items()
                            if not isinstance(value, str)}

    def look_up(self, name):
        for names in (self.names, self.globals):
            if name in names:
                return names[name]
        late = _cells(self.function)
        for names in (late, self.function.__globals__, vars(builtins)):
            if name in names:
                return names[name]
        return UNBOUND

    def default(self, name):
        code = self.function.__code__
        if name in (self.function.__kwdefaults__ or ()):
            return self.function.__kwdefaults__[name]
        positional = code.co_varnames[:code.co_argcount]
        defaults = self.function.__defaults__ or ()
        if name in positional:
            at = positional.index(name) - (len(positional) - len(defaults))
            if at >= 0:
                return defaults[at]
        return UNBOUND


# ---- values that go out ----

def _text(kind, text, number=0):
    return kind, len(text.encode("utf-8", "surrogatepass")), text, number


def _is_plain_function(value):
    return isinstance(value, types.FunctionType) and value.__code__.co_flags & 0x2A0 == 0


def _dtype_path(value):
    """The name of a type of torch or NumPy, or None."""
    kind = type(value)
    if kind.__module__ == "torch" and kind.__name__ == "dtype":
        return str(value)
    if kind.__module__.partition(".")[0] == "numpy" and hasattr(value, "newbyteorder") \
            and hasattr(value, "names"):  # in NumPy 1 numbers and arrays have a byte order, too
        return "numpy." + value.name if value.names is None else None
    if isinstance(value, type) and value.__module__ == "numpy" and hasattr(value, "dtype"):
        return "numpy." + value.__name__.rstrip("_")
    return None


def _is_numpy_number(value):
    return type(value).__module__ == "numpy" and hasattr(value, "item") \
        and getattr(value, "ndim", None) == 0 and hasattr(value, "dtype") \
        and not hasattr(value, "__setitem__")


class History:
    """What the evaluations of one function share: the answers they got, and the objects that these
    name."""

    def __init__(self):
        self.lock = threading.Lock()  # several threads may compile one function
        self.objects = []             # an object's number is its place + 1
        self._numbers = {}            # by identity; the table keeps it alive
        self._answers = None

    @property
    def answers(self):
        """For the compiler, which asks Python the first time only: later evaluations get the same
        answers, so that a kernel is what it was when it was defined, and code with effects runs
        once."""
        with self.lock:
            if self._answers is None:
                self._answers = native.history()
            return self._answers

    def number(self, value):
        key = native.identity(value) if isinstance(value, Value) else id(value)
        with self.lock:
            found = self._numbers.get(key)
            if found is None:
                self.objects.append(value)
                found = self._numbers[key] = len(self.objects)
            return found


class World:
    """The resolver of one function, or of one operation outside of kernels."""

    def __init__(self, entry=None, defines=None, history=None):
        self.entry = entry
        self.defines = defines or {}
        self.history = history or History()
        self.lock = threading.RLock()
        self.asked = {}     # of the defines, what the evaluation depended on
        self.raised = None  # the exception that ended it
        self.result = None
        self._trace = None
        self._evaluation = None
        self._scopes = {}
        self._flat = {}     # items of records, sets and dicts
        self.number = self.history.number

    def _object(self, number):
        return self.history.objects[number - 1]

    def owns(self, value):
        """Whether a value belongs to the evaluation that goes on."""
        return value.evaluation == self._evaluation

    # ---- Python's values for the compiler ----

    def encode(self, value):
        plain = _PLAIN.get(type(value))
        if plain:
            return plain(self, value)
        for kinds, encode in _KINDS:
            if isinstance(value, kinds):
                found = encode(self, value)
                if found is not None:
                    return found
        path = _dtype_path(value)
        if path:
            return _text(ops.NAME, path, self.number(value))
        if _is_numpy_number(value):
            return self.encode(value.item())
        return ops.OBJECT, 0, None, self.number(value)

    def _encode_int(self, value):
        if value not in _INT64:
            raise OverflowError("%d does not fit 64 bits" % value)
        return ops.INT, 0, value, 0

    def _encode_many(self, kind, n, value):
        return kind, n, None, self.number(value)

    def _encode_value(self, value):
        if not value.evaluation:
            return self._encode_many(ops.RECORD, 1 + len(value.args), value)
        if not self.owns(value):
            raise RuntimeError("%r belongs to another kernel" % value)
        return ops.STAGED, 0, value, 0

    def _encode_function(self, value):
        if not _is_plain_function(value) or _source.is_library(value.__code__.co_filename):
            return None
        flags = ops.LAMBDA if value.__code__.co_name == "<lambda>" else 0
        if not _source.knows_kernels(value):
            flags |= ops.ORDINARY
        return ops.FUNCTION, 0, flags, self.number(value)

    def _encode_module(self, value):
        known = _KNOWN_MODULES.get(value.__name__)
        return known and _text(ops.NAME, known, self.number(value))

    def _encode_builtin(self, value):
        owner = getattr(value, "__module__", None)
        if owner not in _NAMED_OWNERS or getattr(sys.modules[owner], value.__name__, 0) is not value:
            return None
        return _text(ops.NAME, "%s.%s" % (owner.lstrip("_"), value.__name__), self.number(value))

    def _encode_method(self, value):
        function = value.__func__
        readable = isinstance(function, Function) or (isinstance(function, types.FunctionType)
                                                      and self._encode_function(function))
        if not readable or not _source.find(_function_of(function)):
            return None
        return ops.METHOD, 2, None, self.number(value)

    def _encode_partial(self, value):
        if not isinstance(value.func, (types.FunctionType, Function, Name)):
            return None
        named = [field for pair in value.keywords.items() for field in pair]
        return self._encode_call(functools.partial, len(value.keywords), value.func, *value.args,
                                 *named)

    def _encode_range(self, value):
        return self._encode_call(range, 0, value.start, value.stop, value.step)

    def _encode_call(self, *args):
        record = _Record(args)
        return self._encode_many(ops.RECORD, 1 + len(args), record)

    # ---- the compiler's values for Python ----

    def decode(self, value):
        kind, n, payload, number = value
        if kind in (ops.INT, ops.FLOAT):
            return payload
        if kind == ops.TEXT:
            return str(payload)
        if kind == ops.UNBOUND:
            return UNBOUND
        if kind == ops.NONE:
            return None
        if kind == ops.BOOL:
            return bool(payload)
        if kind in (ops.OBJECT, ops.FUNCTION):
            return self._object(number)
        if kind == ops.NAME:
            return named(payload)
        if kind >= ops.STAGED:
            return payload
        items = [self.decode(self._do(ops.ITEM, [(kind, n, None, number), (ops.INT, 0, i, 0)]))
                 for i in range(n)]
        return _MANY[kind](items)

    # ---- both ways ----

    def _do(self, op, args):
        return native.trace_do(self._trace, op, args)

    def perform(self, op, args):
        """An operation on the compiler's values, while a callback runs."""
        if not _is_plain(args):
            return self.decode(self._do(op, [self.encode(arg) for arg in args]))
        result = native.value_do(op, *args)
        if isinstance(result, native.List):
            return self.decode(tuple(result))
        return str(result) if isinstance(result, str) else result

    def start(self):
        """The compiler is about to evaluate the function, perhaps several times."""
        self.raised = None

    def __call__(self, trace, op, *flat):
        """The callback: the fields of its arguments stand one after another."""
        if trace is not self._trace:
            self._trace, self._evaluation = trace, native.evaluation_of(trace)
        if op == ops.ENCODE:
            return self.encode(flat[0])
        if op in (ops.BEGIN, ops.END):
            return _DO[op](self, ())
        current.worlds.append(self)
        try:
            return _DO[op](self, [flat[i:i + 4] for i in range(0, len(flat), 4)])
        except KeyboardInterrupt as error:
            self.raised = error
            return ("interrupted",)
        except BaseException as error:  # the compiler ends, and then it is raised again
            if self.raised is None:
                self.raised = error
            return ("raised", "%s: %s" % (type(error).__name__, error))
        finally:
            current.worlds.pop()

    def scope_of(self, value):
        if value is self.entry:
            return value.scope
        found = self._scopes.get(id(value))
        if found is None:
            found = self._scopes[id(value)] = Scope(_function_of(value))
        return found

    # ---- operations ----

    def _begin(self, args):
        self._scopes, self._flat = {}, {}
        return _NOTHING

    def _end(self, args):
        self._trace = self._evaluation = None
        return self._begin(args)

    def _entry(self, args):
        return self.encode(self.entry)

    def _result(self, args):
        self.result = self.decode(args[0])
        return _NOTHING

    def _define(self, args):
        name = args[0][2]
        if name not in self.defines:
            return _UNBOUND
        self.asked[name] = self.defines[name]
        return self.encode(self.defines[name])

    def _source(self, args):
        source = _source.find(_function_of(self._object(args[0][3])))
        return _UNBOUND if source is None else (ops.TUPLE, len(source), None,
                                                self.number(source))

    def _look_up(self, args):
        function = self._object(args[0][3])
        return self._or_unbound(self.scope_of(function).look_up(args[1][2]))

    def _default(self, args):
        return self._or_unbound(self.scope_of(self._object(args[0][3])).default(args[1][2]))

    def _annotation(self, args):
        annotations = self.scope_of(self._object(args[0][3])).annotations
        return self._or_unbound(annotations.get(args[1][2], UNBOUND))

    def _or_unbound(self, value):
        return _UNBOUND if value is UNBOUND else self.encode(value)

    def _import(self, args):
        path = args[1][2]
        module = _function_of(self._object(args[0][3])).__globals__
        if path.startswith("tilelang") and not _has_module(path):
            path = "tilec" + path[len("tilelang"):]
        return self.encode(importlib.import_module(path, module.get("__package__") or None))

    def _item(self, args):
        number, at = args[0][3], args[1][2]
        value = self._object(number)
        if isinstance(value, types.MethodType):
            return self.encode(value.__func__ if at else value.__self__)
        if isinstance(value, slice):
            return self.encode((value.start, value.stop, value.step)[at])
        if isinstance(value, (Value, dict, set, frozenset)):
            if number not in self._flat:
                self._flat[number] = _items_of(value)
            value = self._flat[number]
        return self.encode(value[at])

    def _decoded(self, args):
        return [self.decode(arg) for arg in args]

    def _getattr(self, args):
        value, name = self._decoded(args)
        try:
            return self.encode(getattr(value, name))
        except AttributeError:
            if isinstance(value, types.ModuleType) and _has_module(value.__name__ + "." + name):
                return self.encode(importlib.import_module(value.__name__ + "." + name))
            if hasattr(type(value), name):
                raise  # out of a property: not a missing name
            return _UNBOUND

    def _setattr(self, args):
        setattr(*self._decoded(args))
        return _NOTHING

    def _setitem(self, args):
        operator.setitem(*self._decoded(args))
        return _NOTHING

    def _call(self, args):
        callee, n_names, *rest = self._decoded(args)
        return self.encode(call_python(callee, n_names, rest))

    def _iterate(self, args):
        value = self.decode(args[0])
        if not hasattr(value, "__iter__") and not hasattr(value, "__getitem__"):
            return _UNBOUND
        return ops.OBJECT, 0, None, self.number(_Iterator(iter(value)))

    def _next(self, args):
        return self._or_unbound(next(self._object(args[0][3]).of, UNBOUND))


class _Record(tuple):
    """A call that the compiler performs."""

    def __new__(cls, args):
        return tuple.__new__(cls, (ops.CALL, *args))


_PLAIN_TYPES = frozenset((int, float, bool, str, type(None), *KINDS))


def _is_plain(args):
    """Whether values go to the compiler as they are: one at least is of the kernel."""
    staged = False
    for arg in args:
        kind = type(arg)
        if kind not in _PLAIN_TYPES:
            return False
        if kind in KINDS:
            if not arg.evaluation:
                return False
            staged = True
    return staged and native.value_do is not None


def _items_of(value):
    if isinstance(value, Value):
        return [ops.NAMES.index(value.op), *operands(value)]
    if isinstance(value, dict):
        return [field for pair in value.items() for field in pair]
    return list(value)


class _Iterator:
    """Wrapped, so that it is an object and no sequence, whatever it iterates over."""

    def __init__(self, of):
        self.of = of


def call_python(callee, n_names, rest):
    n = len(rest) - 2 * n_names
    return callee(*rest[:n], **dict(zip(rest[n::2], rest[n + 1::2])))


def _function_of(value):
    return value.function if isinstance(value, Function) else value


def _has_module(path):
    try:
        return path in sys.modules or importlib.util.find_spec(path) is not None
    except (ImportError, ValueError):
        return False


def _perform_record(items):
    op, *args = items
    if op == ops.CALL:
        return call_python(args[0], args[1], args[2:])
    raise TypeError("operation %r was put off" % op)


_MANY = {ops.TUPLE: tuple, ops.LIST: list, ops.SET: set, ops.SLICE: lambda items: slice(*items),
         ops.DICT: lambda items: dict(zip(items[::2], items[1::2])), ops.RECORD: _perform_record}

_NOTHING = (ops.NONE, 0, None, 0)
_UNBOUND = (ops.UNBOUND, 0, None, 0)


def _many(kind):
    return lambda world, value: world._encode_many(kind, len(value), value)


_PLAIN = {
    type(None): lambda world, value: _NOTHING,
    bool: lambda world, value: (ops.BOOL, 0, int(value), 0),
    int: World._encode_int,
    float: lambda world, value: (ops.FLOAT, 0, value, 0),
    str: lambda world, value: _text(ops.TEXT, value),
    tuple: _many(ops.TUPLE),
    list: _many(ops.LIST),
    set: _many(ops.SET),
    frozenset: _many(ops.SET),
    dict: lambda world, value: world._encode_many(ops.DICT, 2 * len(value), value),
    slice: lambda world, value: world._encode_many(ops.SLICE, 3, value),
    range: World._encode_range,
    **dict.fromkeys(KINDS, World._encode_value),
    dtype: lambda world, value: _text(ops.NAME, LANGUAGE + value),
    Name: lambda world, value: _text(ops.NAME, value.path, world.number(value)),
    _source.Source: _many(ops.TUPLE),
    functools.partial: World._encode_partial,
}
_KINDS = (
    (Function, lambda world, value: (ops.FUNCTION, 0, value.flags, world.number(value))),
    (types.FunctionType, World._encode_function),
    (types.MethodType, World._encode_method),
    (types.ModuleType, World._encode_module),
    ((types.BuiltinFunctionType, type), World._encode_builtin),
    (enum.Enum, lambda world, value: (ops.OBJECT, 0, None, world.number(value))),
    (str, lambda world, value: _text(ops.TEXT, str.__str__(value))),  # tvm_ffi's own kind of text
)

_BINARY = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
           "//": operator.floordiv, "%": operator.mod, "**": operator.pow, "@": operator.matmul,
           "&": operator.and_, "|": operator.or_, "^": operator.xor, "<<": operator.lshift,
           ">>": operator.rshift}
_UNARY = {"-": operator.neg, "+": operator.pos, "~": operator.invert}
_COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
            ">": operator.gt, ">=": operator.ge, "in": lambda a, b: a in b,
            "not in": lambda a, b: a not in b}


def _operation(function):
    return lambda world, args: world.encode(function(*world._decoded(args)))


_DO = {
    ops.BEGIN: World._begin, ops.END: World._end, ops.ENTRY: World._entry,
    ops.RESULT: World._result, ops.DEFINE: World._define, ops.SOURCE: World._source,
    ops.LOOKUP: World._look_up, ops.DEFAULT: World._default, ops.ANNOTATION: World._annotation,
    ops.IMPORT: World._import, ops.ITEM: World._item, ops.GETATTR: World._getattr,
    ops.SETATTR: World._setattr, ops.GETITEM: _operation(operator.getitem),
    ops.SETITEM: World._setitem, ops.CALL: World._call, ops.ITERATE: World._iterate,
    ops.NEXT: World._next, ops.LEN: _operation(len), ops.TRUTH: _operation(bool),
    ops.CONTAINS: _operation(operator.contains),
    ops.BINARY: _operation(lambda op, a, b: _BINARY[op](a, b)),
    ops.UNARY: _operation(lambda op, a: _UNARY[op](a)),
    ops.COMPARE: _operation(lambda op, a, b: _COMPARE[op](a, b)),
    ops.STR: _operation(str), ops.REPR: _operation(repr),
}


# ---- without a kernel ----

def evaluate(op, args):
    """The result of one operation of the compiler, or a Value where only a kernel has one."""
    world = World()
    try:
        encoded = [world.encode(arg) for arg in args]
        native.evaluate(_Once(world), op, encoded)
    except BaseException:
        if world.raised is not None:
            raise world.raised from None
        raise
    result = world.result
    return put_off(KINDS.get(type(result), ops.STAGED), op, args) if _needs_kernel(result) else result


class _Once:
    """A World whose table was filled before the evaluation began."""

    def __init__(self, world):
        self.world = world

    def __call__(self, trace, op, *flat):
        if op in (ops.BEGIN, ops.END):
            return _NOTHING
        return self.world(trace, op, *flat)


def _needs_kernel(value):
    if isinstance(value, (tuple, list)):
        return any(_needs_kernel(item) for item in value)
    return isinstance(value, Value)


_members = {}
_members_lock = threading.Lock()


def member(path, name):
    """What the compiler knows as path.name."""
    whole = "%s.%s" % (path, name)
    found = _members.get(whole)
    if found is None:
        result = evaluate(ops.GETATTR, (Name(path), name))
        if result is UNBOUND:
            raise AttributeError("%s has no name %r" % (path, name))
        found = Name(whole) if isinstance(result, Value) else result
        with _members_lock:
            found = _members.setdefault(whole, found)
    return found


def named(path):
    owner, _, name = path.rpartition(".")
    if path.startswith(LANGUAGE):
        if path.count(".") == 2 and is_dtype(name):
            return dtype(name)
        return Name(path)
    if owner in ("builtins", "math", "itertools", "functools"):
        return getattr(importlib.import_module(owner), name)
    for real, known in _KNOWN_MODULES.items():
        if known == path:
            return importlib.import_module(real)
    return Name(path)


@functools.lru_cache(maxsize=None)
def _words():
    return {name: (signature, text, missing, anywhere)
            for name, signature, text, missing, anywhere in native.words()}


def words():
    """The T vocabulary: name -> (signature, help, missing, anywhere)."""
    return _words()


def is_dtype(name):
    """Names that are no words, and begin as a type does."""
    return name not in _words() and name.rstrip("0123456789x_").startswith(
        ("bool", "int", "uint", "float", "bfloat", "tfloat", "handle", "half", "double", "short",
         "long", "void"))
