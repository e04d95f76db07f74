"""The native functions of tilec over ctypes and libtilec.so, with arrays of NumPy: enough to test
the Python package without tvm-ffi. PYTILEC_NATIVE=ctypes_native selects it."""

import ctypes as C
import itertools
import os
import pathlib
import types

import numpy as np

_LIBRARY = os.environ.get("TILEC_LIBRARY") or str(
    pathlib.Path(__file__).resolve().parents[2] / "build" / "libtilec.so")
lib = C.CDLL(_LIBRARY)

TEXT_KINDS = (5, 6)
STAGED_KINDS = (16, 17, 18, 19)
INT_KINDS = (2, 3, 12)


class Payload(C.Union):
    _fields_ = [("i", C.c_int64), ("f", C.c_double), ("text", C.c_void_p)]


class Value(C.Structure):
    _fields_ = [("kind", C.c_uint32), ("n", C.c_uint32), ("as_", Payload), ("object", C.c_uint64)]


RUN = C.CFUNCTYPE(C.c_int, C.c_void_p, C.c_void_p, C.c_int, C.POINTER(Value), C.c_size_t,
                  C.POINTER(Value))


class Resolver(C.Structure):
    _fields_ = [("size", C.c_size_t), ("run", RUN), ("release", C.c_void_p), ("data", C.c_void_p),
                ("history", C.c_void_p)]


class Shape(C.Structure):
    _fields_ = [("name", C.c_char_p), ("rank", C.c_uint32), ("extent", C.POINTER(C.c_int64))]


class Define(C.Structure):
    _fields_ = [("name", C.c_char_p), ("text", C.c_char_p)]


class ProgramOptions(C.Structure):
    _fields_ = [("size", C.c_size_t), ("path", C.c_char_p), ("text", C.c_char_p),
                ("text_size", C.c_size_t), ("entry", C.c_char_p), ("defines", C.c_void_p),
                ("n_defines", C.c_size_t), ("shapes", C.POINTER(Shape)), ("n_shapes", C.c_size_t),
                ("resolver", C.POINTER(Resolver)), ("configs", C.POINTER(Define)),
                ("n_configs", C.c_size_t)]


class Tensor(C.Structure):
    _fields_ = [("size", C.c_size_t), ("data", C.c_void_p), ("shape", C.POINTER(C.c_int64)),
                ("strides", C.POINTER(C.c_int64)), ("byte_offset", C.c_uint64),
                ("rank", C.c_uint32), ("dtype", C.c_uint16), ("flags", C.c_uint16),
                ("device_type", C.c_int32), ("device_id", C.c_int32)]


class ArgValue(C.Union):
    _fields_ = [("tensor", C.POINTER(Tensor)), ("i", C.c_int64), ("f", C.c_double)]


class Arg(C.Structure):
    _fields_ = [("kind", C.c_uint32), ("reserved", C.c_uint32), ("as_", ArgValue)]


class Param(C.Structure):
    _fields_ = [("size", C.c_size_t), ("name", C.c_char_p), ("kind", C.c_uint32),
                ("flags", C.c_uint32), ("rank", C.c_uint32), ("dtype", C.c_uint16),
                ("rtol", C.c_double), ("atol", C.c_double), ("atol_scale", C.c_double)]


class Info(C.Structure):
    _fields_ = [("size", C.c_size_t), ("name", C.c_char_p), ("target", C.c_char_p),
                ("n_params", C.c_size_t), ("n_dims", C.c_size_t), ("cached", C.c_int),
                ("rest", C.c_uint64 * 8)]


class Word(C.Structure):
    _fields_ = [("size", C.c_size_t), ("name", C.c_char_p), ("signature", C.c_char_p),
                ("help", C.c_char_p), ("missing", C.c_int), ("anywhere", C.c_int)]


class Dim(C.Structure):
    _fields_ = [("name", C.c_char_p), ("value", C.c_int64)]


class ContextOptions(C.Structure):
    _fields_ = [("size", C.c_size_t), ("allocator", C.c_void_p), ("read_environment", C.c_int),
                ("print", C.c_void_p), ("warn", C.c_void_p), ("data", C.c_void_p),
                ("interrupted", C.c_void_p)]


for _name in ("tilec_version", "tilec_error_text", "tilec_error_code", "tilec_error_diagnostics",
              "tilec_text_data", "tilec_trace_text", "tilec_dtype_name", "tilec_kernel_dim"):
    getattr(lib, _name).restype = C.c_char_p
for _name in ("tilec_error_release", "tilec_program_release", "tilec_kernel_release",
              "tilec_text_release", "tilec_context_release"):
    getattr(lib, _name).argtypes = [C.c_void_p]
    getattr(lib, _name).restype = None
lib.tilec_history_new.restype = C.c_void_p
lib.tilec_history_release.restype = None
lib.tilec_word_count.restype = C.c_size_t
lib.tilec_dtype_find.argtypes = [C.c_char_p]


def version():
    return lib.tilec_version().decode()


class CompileError(ValueError):
    """A kernel is wrong; `text` holds the diagnostics."""


class CheckError(CompileError):
    pass


class LaunchError(RuntimeError):
    pass


class TargetError(RuntimeError):
    pass


class EnvironmentError(RuntimeError):
    pass


class BudgetError(RuntimeError):
    pass


class InternalError(RuntimeError):
    pass


class RaisedError(RuntimeError):
    pass


_ERRORS = {1: CompileError, 2: CompileError, 3: CheckError, 4: TargetError, 5: BudgetError,
           6: ValueError, 7: MemoryError, 8: EnvironmentError, 9: KeyboardInterrupt,
           10: RaisedError}


def diagnostics(error):
    return []


def calling(plain, otherwise):
    """What a kernel calls; here it is Python in any case."""
    return otherwise


trying = calling


def targets(config=None):
    return []


def _check(status, error):
    if not status:
        return
    text = lib.tilec_error_diagnostics(error, 0).decode()
    lib.tilec_error_release(error)
    raise _ERRORS.get(status, InternalError)(text)


# ---- values of kernels: what objects of tvm-ffi are otherwise ----

List = list
value_do = None  # all operations go by trace_do
_classes = {}    # by kind
_serials = {}    # of evaluations, by trace


class Object:
    __slots__ = ("op", "args", "evaluation", "number")

    __hash__ = object.__hash__


def value_class(name):
    kind = STAGED_KINDS[("Value", "Var", "Expr", "Buffer").index(name)]
    return lambda cls: _classes.setdefault(kind, cls)


def _make(kind, **fields):
    made = object.__new__(_classes[kind])
    for name, field in fields.items():
        object.__setattr__(made, name, field)
    return made


def value(kind, op, *args):
    return _make(kind, op=op, args=args, evaluation=0, number=0)


def identity(x):
    return id(x)


def evaluation_of(trace):
    return _serials[trace]


class history:  # pylint: disable=invalid-name
    def __init__(self):
        self.handle = C.c_void_p(lib.tilec_history_new())

    def __del__(self):
        lib.tilec_history_release(self.handle)


def _to_c(kind, n, payload, number, keep):
    v = Value(kind=kind, n=n, object=payload.number if kind in STAGED_KINDS else number)
    if kind in TEXT_KINDS and payload is not None:
        data = payload.encode("utf-8", "surrogatepass")
        keep.append(C.create_string_buffer(data, len(data) + 1))
        v.n, v.as_.text = len(data), C.addressof(keep[-1])
    elif kind in INT_KINDS:
        v.as_.i = payload
    elif kind == 4:
        v.as_.f = payload
    return v


def _from_c(v, trace):
    payload = None
    if v.kind in STAGED_KINDS:
        payload = _make(v.kind, op="staged", args=(), evaluation=_serials[trace], number=v.object)
    if v.kind in TEXT_KINDS:
        payload = C.string_at(v.as_.text, v.n).decode("utf-8", "surrogatepass") if v.n else ""
    elif v.kind in INT_KINDS:
        payload = v.as_.i
    elif v.kind == 4:
        payload = v.as_.f
    return v.kind, v.n, payload, v.object


def _values(args, keep):
    return (Value * max(len(args), 1))(*[_to_c(*arg, keep) for arg in args])


BEGIN = 0
_counter = itertools.count(1)


def _resolver(world, answers=None):
    keep = []  # the texts of the last answer

    def run(data, trace, op, args, n, result):
        if op == BEGIN:
            _serials[trace] = next(_counter)
        answer = world(trace, op, *[field for i in range(n) for field in _from_c(args[i], trace)])
        texts = []
        if answer[0] == "interrupted":
            return 9
        if answer[0] == "raised":
            result[0] = _to_c(5, 0, answer[1], 0, texts)
        else:
            result[0] = _to_c(*answer, texts)
        keep.append(texts)
        del keep[:-4]
        return 10 if answer[0] == "raised" else 0

    callback = RUN(run)
    history_of = answers.handle if answers else None
    return Resolver(C.sizeof(Resolver), callback, None, None, history_of), callback, keep, answers


def trace_do(trace, op, args):
    keep, result = [], Value()
    status = lib.tilec_trace_do(C.c_void_p(trace), op, _values(args, keep), C.c_size_t(len(args)),
                                C.byref(result))
    if status:
        text = lib.tilec_trace_text(C.c_void_p(trace)).decode()
        raise _ERRORS.get(status, InternalError)(text)
    return _from_c(result, trace)


def _context(options):
    context, error = C.c_void_p(), C.c_void_p()
    o = ContextOptions(size=C.sizeof(ContextOptions), read_environment=1)
    _check(lib.tilec_context_new(C.byref(o), C.byref(context), C.byref(error)), error)
    for name, value in (options or {}).items():
        _check(lib.tilec_context_set(context, name.encode(), value.encode(), C.byref(error)), error)
    return context


_contexts = {}


def _context_of(options):
    key = tuple(sorted((options or {}).items()))
    if key not in _contexts:
        _contexts[key] = _context(options)
    return _contexts[key]


def evaluate(world, op, args):
    error, keep = C.c_void_p(), []
    resolver, *alive = _resolver(world)
    _check(lib.tilec_evaluate(_context_of(None), C.byref(resolver), op, _values(args, keep),
                              C.c_size_t(len(args)), C.byref(error)), error)


def words():
    out = []
    for i in range(lib.tilec_word_count()):
        w = Word(size=C.sizeof(Word))
        lib.tilec_word_at(C.c_size_t(i), C.byref(w))
        out.append((w.name.decode(), w.signature.decode(), w.help.decode(), bool(w.missing),
                    bool(w.anywhere)))
    return out


def _text(text):
    data = lib.tilec_text_data(text).decode()
    lib.tilec_text_release(text)
    return data


class Module:
    def __init__(self, path, entry, shapes, options, world, configs=()):
        self._program, error = C.c_void_p(), C.c_void_p()
        self._resolver, *self._alive = _resolver(world, world.history.answers)
        extents = [(C.c_int64 * max(len(s), 1))(*s) for _, s in shapes]
        rows = (Shape * max(len(shapes), 1))(
            *[Shape(name.encode(), len(s), e) for (name, s), e in zip(shapes, extents)])
        pairs = (Define * max(len(configs), 1))(*[Define(k.encode(), v.encode())
                                                  for k, v in configs])
        self._context = _context_of(options)
        o = ProgramOptions(size=C.sizeof(ProgramOptions), path=path.encode(), entry=entry.encode(),
                           shapes=rows, n_shapes=len(shapes), resolver=C.pointer(self._resolver),
                           configs=pairs, n_configs=len(configs))
        _check(lib.tilec_program_new(self._context, C.byref(o), C.byref(self._program),
                                     C.byref(error)), error)

    def __del__(self):
        lib.tilec_program_release(self._program)

    def emit(self, form):
        text, error = C.c_void_p(), C.c_void_p()
        _check(lib.tilec_program_emit(self._program, form.encode(), C.byref(text),
                                      C.byref(error)), error)
        return _text(text)

    def compile(self, target):
        return Kernel(self, target)


def cache_run(verb, options):
    text, error = C.c_void_p(), C.c_void_p()
    _check(lib.tilec_cache_run(_context_of(options), verb.encode(), 2, C.byref(text),
                               C.byref(error)), error)
    return _text(text)


def shape_of(tensor):
    return np.from_dlpack(tensor).shape


def module(path, entry, shapes, options, world, configs=()):
    return Module(path, entry, shapes, options, world, configs)


class Kernel:
    def __init__(self, program, target):
        self._kernel, error = C.c_void_p(), C.c_void_p()
        _check(lib.tilec_kernel_new(program._program, target and target.encode(),
                                    C.byref(self._kernel), C.byref(error)), error)
        info = Info(size=C.sizeof(Info))
        lib.tilec_kernel_describe(self._kernel, C.byref(info))
        self.name, self.target = info.name.decode(), info.target.decode()
        lib.tilec_kernel_signature.restype = C.c_char_p
        self.signature = lib.tilec_kernel_signature(self._kernel).decode()
        self.params = [self._param(i) for i in range(info.n_params)]
        self.dims = [lib.tilec_kernel_dim(self._kernel, C.c_size_t(i)).decode()
                     for i in range(info.n_dims)]
        self._results = [i for i, p in enumerate(self.params) if p.flags & 4]

    def __del__(self):
        if self._kernel:
            lib.tilec_kernel_release(self._kernel)

    def _param(self, i):
        p = Param(size=C.sizeof(Param))
        lib.tilec_kernel_param(self._kernel, C.c_size_t(i), C.byref(p))
        return types.SimpleNamespace(name=p.name.decode(), kind="tensor" if p.kind == 1 else
                                     "scalar", flags=p.flags, rank=p.rank, code=p.dtype,
                                     dtype=lib.tilec_dtype_name(p.dtype).decode())

    def _args(self, args, keep):
        out = (Arg * max(len(args), 1))()
        for i, (value, p) in enumerate(zip(args, self.params)):
            if value is None:
                continue
            if p.kind == "scalar":
                is_float = "float" in p.dtype
                out[i].kind = 3 if is_float else 2
                setattr(out[i].as_, "f" if is_float else "i", value)
                continue
            code = lib.tilec_dtype_find(value.dtype.name.encode())
            shape = (C.c_int64 * max(value.ndim, 1))(*value.shape)
            strides = (C.c_int64 * max(value.ndim, 1))(*[s // value.itemsize
                                                         for s in value.strides])
            tensor = Tensor(C.sizeof(Tensor), value.ctypes.data, shape, strides, 0, value.ndim,
                            code, 0, 1, 0)
            keep.append((tensor, shape, strides))
            out[i].kind, out[i].as_.tensor = 1, C.pointer(tensor)
        return out

    def shape(self, i, *args, dims=()):
        keep, error, shape = [], C.c_void_p(), (C.c_int64 * 16)()
        rows = (Dim * max(len(dims), 1))(*[Dim(n.encode(), v) for n, v in dims])
        _check(lib.tilec_kernel_shape(self._kernel, self._args(args, keep),
                                      C.c_size_t(len(args)), rows, C.c_size_t(len(dims)),
                                      C.c_size_t(i), shape, C.byref(error)), error)
        return shape[:self.params[i].rank]

    def shape_with(self, i, flat):
        return self.shape(i, *[None] * len(self.params), dims=list(zip(flat[::2], flat[1::2])))

    @staticmethod
    def resources():
        return []

    def _launch(self, args):
        keep, error = [], C.c_void_p()
        if len(args) != len(self.params):
            raise TypeError("%s() takes %d arguments, got %d" % (self.name, len(self.params),
                                                                 len(args)))
        _check(lib.tilec_launch(self._kernel, self._args(args, keep), C.c_size_t(len(args)),
                                C.byref(error)), error)

    def _call(self, args, outs):
        if len(args) == len(self.params):
            return self._launch(args)
        rest = iter(args)
        full = [None if i in outs else next(rest) for i in range(len(self.params))]
        for i in outs:
            p = self.params[i]
            stored = {"bfloat16": "uint16"}.get(p.dtype, p.dtype)
            full[i] = np.empty(self.shape(i, *full), stored)
        self._launch(full)
        made = [full[i] for i in outs]
        return made[0] if len(made) == 1 else made

    def function(self, *args):
        return self._call(args, self._results)

    def bind(self, outs):
        return lambda *args: self._call(args, outs)
