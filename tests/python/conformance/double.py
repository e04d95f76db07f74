"""A small binding, by ctypes, to the double of libtvm_ffi (tests/ffi/double): enough of Python's
side that one test runs against the real package and against the double."""

import builtins
import ctypes
import sys

import numpy as np

DTYPES = {"b": 6, "i": 0, "u": 1, "f": 2}  # kinds of numpy: DLPack's codes


class Any(ctypes.Structure):
    _fields_ = [("index", ctypes.c_int32), ("n", ctypes.c_uint32), ("bits", ctypes.c_uint64)]


class Bytes(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("n", ctypes.c_size_t)]

    def text(self):
        return ctypes.string_at(self.data, self.n).decode() if self.n else ""


class Seq(ctypes.Structure):
    _fields_ = [("at", ctypes.POINTER(Any)), ("n", ctypes.c_int64)]


class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32),
                ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8),
                ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


class ErrorCell(ctypes.Structure):
    _fields_ = [("kind", Bytes), ("message", Bytes), ("backtrace", Bytes),
                ("update", ctypes.c_void_p), ("cause", ctypes.c_void_p), ("extra", ctypes.c_void_p)]


SAFE_CALL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Any), ctypes.c_int32,
                             ctypes.POINTER(Any))
HEADER_B = 24
NONE, INT, BOOL, FLOAT, POINTER, DLTENSOR, SMALL_STR = 0, 1, 2, 3, 4, 7, 11
OBJECT, STR, FUNCTION, TENSOR, ARRAY = 64, 65, 68, 70, 71


class CompileError(ValueError):
    pass


class CheckError(CompileError):
    pass


class LaunchError(RuntimeError):
    pass


class TargetError(RuntimeError):
    pass


class EnvironmentError(RuntimeError):  # pylint: disable=redefined-builtin
    pass


class BudgetError(RuntimeError):
    pass


class InternalError(RuntimeError):
    pass


class RaisedError(RuntimeError):
    pass


class Owned:
    """An object, of which this is one reference."""

    def __init__(self, world, handle):
        self._world, self.handle = world, handle

    def __del__(self):
        self._world.lib.TVMFFIObjectDecRef(ctypes.c_void_p(self.handle))

    def any(self):
        index = ctypes.cast(self.handle, ctypes.POINTER(ctypes.c_int32))[2]
        return Any(index, 0, self.handle)


class Function(Owned):
    def __call__(self, *args):
        return self._world.call(self.handle, args)


class Object(Owned):
    def __getattr__(self, name):
        out = Any()
        if self._world.lib.double_get_field(ctypes.c_void_p(self.handle), name.encode(),
                                            ctypes.byref(out)) == 0:
            return self._world.take(out)
        index = ctypes.cast(self.handle, ctypes.POINTER(ctypes.c_int32))[2]
        method = self._world.lib.double_method(index, name.encode())
        if not method:
            raise AttributeError(name)
        return lambda *args: self._world.call(method, (self,) + args)


class Tensor(Owned):
    def numpy(self):
        t = ctypes.cast(self.handle + HEADER_B, ctypes.POINTER(DLTensor))[0]
        kind = {v: k for k, v in DTYPES.items()}[t.code]
        shape = tuple(t.shape[i] for i in range(t.ndim))
        size_b = int(np.prod(shape)) * t.bits // 8
        raw = ctypes.string_at(t.data, size_b) if size_b else b""
        return np.frombuffer(raw, "%s%d" % (kind, t.bits // 8)).reshape(shape).copy()


class OnDevice:
    """An array of NumPy that says it lies on another device (GPU 0, for drivers that keep device
    memory in the host's), or that tells something else of itself that NumPy would not."""

    def __init__(self, array, device=(2, 0), offset_b=0, null=False):
        self.array, self.device, self.offset_b, self.null = array, device, offset_b, null


class World:
    """The double with the adapter attached to it."""

    name = "double"
    CompileError, CheckError, LaunchError = CompileError, CheckError, LaunchError
    TargetError, BudgetError, InternalError = TargetError, BudgetError, InternalError
    EnvironmentError, RaisedError = EnvironmentError, RaisedError

    def __init__(self, double, adapter):
        self.lib = ctypes.CDLL(str(double))
        self.lib.double_method.restype = ctypes.c_void_p
        self.lib.double_live.restype = ctypes.c_int64
        self.lib.double_fail_at.argtypes = [ctypes.c_int64]
        self.adapter = ctypes.CDLL(str(adapter))
        text = ctypes.create_string_buffer(1024)
        if self.adapter.tilec_ffi_attach(str(double).encode(), text, ctypes.c_size_t(len(text))):
            raise ImportError(text.value.decode())
        self._callbacks = []
        self.make_array = self._global("ffi.Array")
        for name in ("version", "targets", "module", "explain", "live", "layout", "layout_make",
                     "layout_fit", "cache", "options", "words", "value", "value_do", "history",
                     "trace_do", "evaluate", "on_signals"):
            setattr(self, name, self._global("tilec." + name))
        self.new_config = self._global("tilec.config")

    def _global(self, name):
        out, data = ctypes.c_void_p(), name.encode()
        key = Bytes(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data))
        self.lib.TVMFFIFunctionGetGlobal(ctypes.byref(key), ctypes.byref(out))
        return Function(self, out.value) if out.value else None

    def config(self, options):
        return self.new_config([str(x) for pair in sorted(options.items()) for x in pair])

    # ---- values ----

    def give(self, value, keep):
        """A borrowed value; what it borrows from goes to `keep`."""
        if value is None:
            return Any()
        if isinstance(value, bool):
            return Any(BOOL, 0, value)
        if isinstance(value, int):
            return Any(INT, 0, value & (2 ** 64 - 1))
        if isinstance(value, float):
            return Any(FLOAT, 0, int(np.float64(value).view(np.uint64)))
        if isinstance(value, ctypes.c_void_p):
            return Any(POINTER, 0, value.value or 0)
        if isinstance(value, Owned):
            keep.append(value)
            return value.any()
        if isinstance(value, str):
            return self._give_text(value, keep)
        if isinstance(value, np.ndarray):
            return self._give_array(OnDevice(value, (1, 0)), keep)
        if isinstance(value, OnDevice):
            return self._give_array(value, keep)
        if isinstance(value, (list, tuple)):
            out = self.call_any(self.make_array.handle, value)
            keep.append(Owned(self, out.bits))
            return out
        raise TypeError("the double has no form for %r" % type(value))

    def _give_text(self, value, keep):
        data, out = value.encode(), Any()
        key = Bytes(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data))
        if self.lib.TVMFFIStringFromByteArray(ctypes.byref(key), ctypes.byref(out)):
            self.fail()
        if out.index >= OBJECT:
            keep.append(Owned(self, out.bits))
        return out

    def _give_array(self, value, keep):
        a = value.array
        shape = (ctypes.c_int64 * max(a.ndim, 1))(*a.shape)
        strides = (ctypes.c_int64 * max(a.ndim, 1))(*[s // a.itemsize for s in a.strides])
        t = DLTensor(0 if value.null else a.ctypes.data - value.offset_b, *value.device, a.ndim,
                     DTYPES[a.dtype.kind], a.itemsize * 8, 1, shape, strides, value.offset_b)
        keep += [a, shape, strides, t]
        return Any(DLTENSOR, 0, ctypes.addressof(t))

    def take(self, value):
        """An owned value as Python has it."""
        if value.index == NONE:
            return None
        if value.index in (INT, BOOL):
            x = ctypes.c_int64(value.bits).value
            return bool(x) if value.index == BOOL else x
        if value.index == FLOAT:
            return float(np.uint64(value.bits).view(np.float64))
        if value.index == SMALL_STR:
            return value.bits.to_bytes(8, sys.byteorder)[:value.n].decode()
        return self._take_object(value)

    def _take_object(self, value):
        body = value.bits + HEADER_B
        if value.index == STR:
            text = ctypes.cast(body, ctypes.POINTER(Bytes))[0].text()
            self.lib.TVMFFIObjectDecRef(ctypes.c_void_p(value.bits))
            return text
        if value.index == ARRAY:
            seq, items = ctypes.cast(body, ctypes.POINTER(Seq))[0], []
            for i in range(seq.n):
                item = seq.at[i]
                if item.index >= OBJECT:
                    self.lib.TVMFFIObjectIncRef(ctypes.c_void_p(item.bits))
                items.append(self.take(Any(item.index, item.n, item.bits)))
            self.lib.TVMFFIObjectDecRef(ctypes.c_void_p(value.bits))
            return items
        kinds = {FUNCTION: Function, TENSOR: Tensor}
        return kinds.get(value.index, Object)(self, value.bits)

    def numpy(self, tensor):
        return tensor.numpy()

    def function(self, callback):
        """A function of the double that calls Python."""
        def run(_, args, n, result):
            try:
                keep, values = [], []
                for value in args[:n]:
                    if value.index >= OBJECT:
                        self.lib.TVMFFIObjectIncRef(ctypes.c_void_p(value.bits))
                    values.append(self.take(Any(value.index, value.n, value.bits)))
                answer = self.give(callback(*values), keep)
                if answer.index >= OBJECT:
                    self.lib.TVMFFIObjectIncRef(ctypes.c_void_p(answer.bits))
                result[0] = answer
                return 0
            except Exception as error:  # pylint: disable=broad-except
                self.lib.TVMFFIErrorSetRaisedFromCStr(type(error).__name__.encode(),
                                                      str(error).encode())
                return -1
        call = SAFE_CALL(run)
        self._callbacks.append(call)  # the library keeps the address
        out = ctypes.c_void_p()
        if self.lib.TVMFFIFunctionCreate(None, call, None, ctypes.byref(out)):
            self.fail()
        return Function(self, out.value)

    # ---- calls ----

    def call_any(self, function, args):
        keep, result = [], Any()
        values = (Any * max(len(args), 1))()
        for i, arg in enumerate(args):
            values[i] = self.give(arg, keep)
        if self.lib.TVMFFIFunctionCall(ctypes.c_void_p(function), values, len(args),
                                       ctypes.byref(result)):
            self.fail()
        return result

    def call(self, function, args):
        return self.take(self.call_any(function, args))

    def fail(self):
        """Raises what is set; that something is set is part of every test."""
        error = ctypes.c_void_p()
        self.lib.TVMFFIErrorMoveFromRaised(ctypes.byref(error))
        assert error.value, "-1 without an error"
        cell = ctypes.cast(error.value + HEADER_B, ctypes.POINTER(ErrorCell))[0]
        kind, message = cell.kind.text(), cell.message.text()
        raised = self.class_of(kind)(message)
        raised.kind, raised.backtrace, raised.found = kind, cell.backtrace.text(), []
        if cell.extra:
            self.lib.TVMFFIObjectIncRef(ctypes.c_void_p(cell.extra))
            raised.found = self.take(Any(ARRAY, 0, cell.extra))
        self.lib.TVMFFIObjectDecRef(error)
        raise raised

    @staticmethod
    def class_of(kind):
        if kind.startswith("tilec."):
            return globals()[kind[6:]]
        return getattr(builtins, kind)

    @staticmethod
    def diagnostics(error):
        return error.found

    @staticmethod
    def frames(error):
        """(file, line) of the frames that came with an error, innermost last."""
        lines = [line.split('"') for line in error.backtrace.splitlines()]
        return [(parts[1], int(parts[2].split()[2].rstrip(","))) for parts in lines][::-1]
