"""What a kernel touches may not be left out; a tensor that it only names as a parameter may."""

import numpy as np
from conftest import refused

UNTOUCHED = """
import tilec, tilec.language as T
n, m = T.dynamic("n"), T.dynamic("m")
BIAS = False
@T.prim_func
def untouched(A: T.Tensor((n,), "float32"), B: T.Tensor((n,), "float32"),
              C: T.Tensor((m,), "float32"), D: T.Tensor((2 * m,), "float32")):
    with T.Kernel(T.ceildiv(n, 64), threads=64) as bx:
        for i in T.Parallel(64):
            A[bx * 64 + i] += 1.0
            if BIAS:
                A[bx * 64 + i] += C[0]
"""

NEEDED = """
import tilec, tilec.language as T
m = T.dynamic("m")
@T.prim_func
def needed(A: T.Tensor((m,), "float32"), B: T.Tensor((2 * m,), "float32"),
           out: T.Tensor((1,), "int32")):
    with T.Kernel(1, threads=1) as bx:
        out[0] = m
"""


def test_touched(axpy):
    a = np.zeros(4, np.float32)
    refused(TypeError, lambda: axpy.function(a, None, 1.0), "argument 'Y' is nothing", "E0631")
    refused(TypeError, lambda: axpy.function(None, a, 1.0), "argument 'X' is nothing", "E0631")
    assert not any(p.flags & 8 for p in axpy.params)


def test_untouched(compiled):
    kernel = compiled(UNTOUCHED)
    a, b, three, six = (np.zeros(n, np.float32) for n in (100, 100, 3, 6))
    assert [bool(p.flags & 8) for p in kernel.params] == [False, True, True, True]
    for rest in ((None, None, None), (b, three, six), (None, None, six), (b, three, None)):
        kernel.function(a, *rest)
    assert (a == 4).all()
    refused(TypeError, lambda: kernel.function(None, a, three, six), "argument 'A' is nothing", "E0631")
    refused(ValueError, lambda: kernel.function(a, three, three, six), "argument 'B'", "expected 100")
    refused(ValueError, lambda: kernel.function(a, b, three, three), "argument 'D'", "E0634")


def test_symbol_of_tensors_that_may_be_left_out(compiled):
    kernel = compiled(NEEDED)
    a, b, out = np.zeros(3, np.float32), np.zeros(10, np.float32), np.zeros(1, np.int32)
    for args, m in (((a, None), 3), ((None, b), 5), ((a, b[:6]), 3)):
        kernel.function(*args, out)
        assert out[0] == m
    refused(ValueError, lambda: kernel.function(a, b, out), "argument 'B'", "expected 6")
    refused(ValueError, lambda: kernel.function(None, None, out), "left out", "E0643")


UNUSED = """
import tilec, tilec.language as T
M, N = T.dynamic("M"), T.dynamic("N")
@T.prim_func
def unused(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32"),
           C: T.Tensor((M,), "float32"), D: T.Tensor((M,), "float32")):
    with T.Kernel(1, threads=32) as bx:
        A[0] = A[0] + %s
"""


def vector(n):
    return np.zeros(n, np.float32)


def test_none_of_them(compiled):
    kernel = compiled(UNUSED % "1")
    assert [bool(p.flags & 8) for p in kernel.params] == [False, True, True, True]
    for b, c, d in ((None, None, None), (vector(4), None, None), (None, vector(7), None),
                    (None, vector(7), vector(7))):
        a = vector(4)
        kernel.function(a, b, c, d)
        assert a[0] == 1
    refused(TypeError, lambda: kernel.function(None, None, None, None), "'A'", "E0631")


def test_the_first_that_is_there_says_a_dimension(compiled):
    """Also one that the kernel does not need: what is given fits together."""
    expressions = compiled((UNUSED % "1").replace("C: T.Tensor((M,)", "C: T.Tensor((2 * M + 1,)"))
    for c, d in ((None, vector(7)), (vector(15), None), (vector(15), vector(7))):
        expressions.function(vector(4), None, c, d)
    refused(ValueError, lambda: expressions.function(vector(4), None, vector(15), vector(8)),
            "expected 17")
    refused(ValueError, lambda: expressions.function(vector(4), None, vector(14), None), "'C'")


def test_what_is_given_is_checked(compiled):
    kernel = compiled(UNUSED % "1")
    refused(ValueError, lambda: kernel.function(vector(4), vector(5), None, None), "'B'", "expected 4")
    refused(ValueError, lambda: kernel.function(vector(4), None, vector(7), vector(8)), "'D'")
    refused(TypeError, lambda: kernel.function(vector(4), None, np.zeros(7), None), "'C'")


def test_symbol_that_only_absent_tensors_carry(compiled):
    """The first that is there says it; when none is, the kernel cannot know it."""
    kernel = compiled(UNUSED % "M")
    for c, d in ((vector(7), None), (None, vector(7)), (vector(7), vector(7))):
        a = vector(4)
        kernel.function(a, None, c, d)
        assert a[0] == 7
    refused(ValueError, lambda: kernel.function(vector(4), None, None, None), "left out")
