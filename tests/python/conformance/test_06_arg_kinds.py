"""Which values serve as which parameters."""

import ctypes
import re

import numpy as np
import pytest
from conftest import ffi_version, refused

KINDS = """
import tilec, tilec.language as T
@T.prim_func
def kinds(Y: T.Tensor((4,), "float32"), i: T.int32, f: T.float32, b: T.bool, u: T.uint64):
    with T.Kernel(1, threads=32) as bx:
        for k in T.Parallel(4):
            Y[k] = T.if_then_else(k == 0, T.cast(i, "float32"), T.if_then_else(k == 1, f,
                T.if_then_else(k == 2, T.cast(b, "float32"), T.cast(u >> T.uint64(60), "float32"))))
"""


@pytest.fixture(scope="module")
def kinds(compiled):
    return compiled(KINDS).function


def run(kinds, i=1, f=2.0, b=True, u=3):
    y = np.zeros(4, np.float32)
    kinds(y, i, f, b, u)
    return y.tolist()


@pytest.mark.parametrize("change, at, value", [
    ({}, 0, 1.0), ({"i": -7}, 0, -7.0), ({"i": True}, 0, 1.0), ({"f": 3}, 1, 3.0),
    ({"f": True}, 1, 1.0), ({"b": 0}, 2, 0.0), ({"b": False}, 2, 0.0), ({"u": 2 ** 63 - 1}, 3, 7.0)])
def test_accepted(kinds, change, at, value):
    assert run(kinds, **change)[at] == value


@pytest.mark.parametrize("change, kind, words", [
    ({"i": 1.0}, TypeError, ["'i' is a float", "an integer"]),
    ({"b": 1.0}, TypeError, ["'b' is a float"]),
    ({"i": None}, TypeError, ["None (type index 0)"]),
    ({"i": "7"}, TypeError, ["a str (type index 11)"]),
    ({"f": "longer than seven"}, TypeError, ["a str (type index 65)"]),
    ({"f": [1.0]}, TypeError, ["a list (type index 71)"]),
    ({"i": np.zeros(1, np.int32)}, TypeError, ["a tensor (type index"]),
    ({"i": 2 ** 31}, ValueError, ["int32 does not hold"]),
    ({"b": 2}, ValueError, ["bool does not hold"]),
    ({"u": -1}, ValueError, ["'u' is -1, which uint64 does not hold"]),
    ({"u": -2 ** 63}, ValueError, ["uint64 does not hold"]),
    ({"i": ctypes.c_void_p(8)}, TypeError, ["a bare pointer (type index 4)"])])
def test_refused(kinds, change, kind, words):
    text = str(refused(kind, lambda: run(kinds, **change), *words))
    assert text.startswith("kinds(Y: float32[4], i: int32, f: float32, b: bool, u: uint64): ")


@pytest.mark.parametrize("value, word", [(1, "an int (type index 1)"), (2.0, "a float (type index 3)"),
                                         (True, "a bool (type index 2)"), ("a", "a str"),
                                         (ctypes.c_void_p(8), "a bare pointer")])
def test_no_tensor(kinds, value, word):
    refused(TypeError, lambda: kinds(value, 1, 1.0, True, 1), "argument 0 ('Y') is " + word,
            "expected a tensor")


def python_values():
    """(value, the number of its kind, what it serves as): the table of tvm-ffi's own conversions."""
    import tvm_ffi
    from tilec import _ffi

    class Stream:
        def __cuda_stream__(self):
            return 0, 8
    return [
        (None, 0, ""), (1, 1, "ifb"), (np.int64(1), 1, "ifb"), (np.uint8(1), 1, "ifb"),
        (True, 2, "ifb"), (1.5, 3, "f"), (np.float32(1.5), 3, "f"), (np.float64(1.5), 3, "f"),
        (ctypes.c_void_p(8), 4, ""), (Stream(), 4, ""), (np.dtype("float32"), 5, ""),
        (tvm_ffi.dtype("float32"), 5, ""), (tvm_ffi.device("cpu:0"), 6, ""), ("short", 11, ""),
        ("longer than seven", 65, ""), (b"x", 12, ""), (b"longer than seven", 66, ""),
        (bytearray(b"longer than seven"), 66, ""), (ValueError("x"), 67, ""), (len, 68, ""),
        (lambda: 0, 68, ""), (tvm_ffi.Shape((1, 2)), 69, ""), (np.zeros(4, np.float32), 70, "t"),
        (tvm_ffi.from_dlpack(np.zeros(4, np.float32)), 70, "t"), ((1, 2), 71, ""), ([1], 71, ""),
        ({"a": 1}, 72, ""), (tvm_ffi.system_lib(), 73, ""), (np.bool_(True), 74, ""),
        (1j, 74, ""), (object(), 74, ""), (memoryview(b"x"), 74, ""),
        (list(_ffi.targets(None))[0], -1, ""), (_ffi.config({}), -1, "")]


@pytest.mark.real
def test_every_value_for_every_parameter(kinds):
    """A value serves, or there is a TypeError that names the parameter and what was found."""
    for value, index, serves in python_values():
        for at, kind, name in ((0, "t", "Y"), (1, "i", "i"), (2, "f", "f"), (3, "b", "b")):
            args = [np.zeros(4, np.float32), 1, 1.0, True, 1]
            args[at] = value
            if kind in serves:
                kinds(*args)
                continue
            error = refused(TypeError, lambda: kinds(*args), "'%s'" % name)
            shown = re.search(r"type index (\d+)", str(error))
            numbered = shown and int(shown.group(1))
            if "[E" not in str(error):  # the kind alone: nothing more was looked at
                assert numbered == index or (index < 0 and numbered >= 128), str(error)


@pytest.mark.real
def test_python_only(kinds):
    assert run(kinds, i=np.int64(5))[0] == 5.0
    assert run(kinds, f=np.float32(5))[1] == 5.0
    refused(TypeError, lambda: run(kinds, b=np.bool_(True)), "type index 74", "numpy.bool_")
    refused(TypeError, lambda: run(kinds, f=1j), "type index 74")
    refused(OverflowError, lambda: run(kinds, u=2 ** 64))
    refused(OverflowError, lambda: run(kinds, i=-2 ** 70))


@pytest.mark.real
@pytest.mark.skipif(ffi_version() < (0, 1, 15), reason="tvm-ffi has integers over 64 bits from 0.1.15 on")
def test_large_unsigned(kinds):
    assert run(kinds, u=2 ** 64 - 1)[3] == 15.0


POINTER = """
import tilec, tilec.language as T
@T.prim_func
def filled(p: T.ptr, value: T.float32):
    with T.Kernel(1, threads=32) as bx:
        A = T.make_tensor(p, (32,), "float32")
        for i in T.Parallel(32):
            A[i] = value
"""


def test_addresses(compiled):
    filled = compiled(POINTER).function
    y = np.zeros(32, np.float32)
    for n, place in enumerate((y.ctypes.data, ctypes.c_void_p(y.ctypes.data), y)):
        filled(place, float(n + 1))
        assert (y == n + 1).all()
    for value in (1.0, True, "a"):
        refused(TypeError, lambda: filled(value, 1.0), "argument 0 ('p')",
                "expected a tensor, a pointer or an address")
    for nothing in (0, None, ctypes.c_void_p(0)):
        refused(TypeError, lambda: filled(nothing, 1.0), "argument 'p' is nothing", "E0631")
