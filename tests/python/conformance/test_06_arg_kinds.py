"""Which values serve as which parameters."""

import ctypes

import numpy as np
import pytest
from conftest import refused

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


@pytest.mark.real
def test_python_only(kinds):
    assert run(kinds, i=np.int64(5))[0] == 5.0
    assert run(kinds, f=np.float32(5))[1] == 5.0
    refused(TypeError, lambda: run(kinds, b=np.bool_(True)), "type index 74", "numpy.bool_")
    refused(TypeError, lambda: run(kinds, f=1j), "type index 74")
    # These were OverflowErrors of the binding before it had large integers.
    assert run(kinds, u=2 ** 64 - 1)[3] == 15.0
    refused(OverflowError, lambda: run(kinds, u=2 ** 64))
    refused(OverflowError, lambda: run(kinds, i=-2 ** 70))


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
