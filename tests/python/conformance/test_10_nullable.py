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
