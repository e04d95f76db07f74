"""Symbols follow from shapes, once; expressions are solved."""

import numpy as np
import pytest
from conftest import refused

CONCAT = """
import tilec, tilec.language as T
M, N = T.dynamic("M"), T.dynamic("N")
@T.prim_func
def concat(A: T.Tensor((M,), "float32"), B: T.Tensor((N,), "float32"),
           C: T.Tensor((M + N,), "float32")):
    with T.Kernel(T.ceildiv(M + N, 64), threads=32) as bx:
        for i in T.Parallel(64):
            if bx * 64 + i < M:
                C[bx * 64 + i] = A[bx * 64 + i]
            elif bx * 64 + i < M + N:
                C[bx * 64 + i] = B[bx * 64 + i - M]
"""

UNSOLVABLE = """
import tilec, tilec.language as T
M, N = T.dynamic("M"), T.dynamic("N")
@T.prim_func
def product(A: T.Tensor((M * N,), "float32")):
    with T.Kernel(1, threads=32) as bx:
        A[0] = 1.0
"""


def test_shared(axpy):
    for n in (1, 255, 1000):
        x, y = np.full(n, 2, np.float32), np.ones(n, np.float32)
        axpy.function(x, y, 3.0)
        assert (y == 7).all()
    refused(ValueError, lambda: axpy.function(np.zeros(3, np.float32), np.zeros(4, np.float32), 1.0),
            "argument 'Y': dimension 0 of shape [4] is 4, expected 3")


def test_expression(world, compiled):
    concat = compiled(CONCAT)
    assert list(concat.dims) == ["M", "N"]
    a, b, c = np.arange(5, dtype=np.float32), np.arange(70, dtype=np.float32), np.zeros(75, np.float32)
    concat.function(a, b, c)
    assert c.tolist() == a.tolist() + b.tolist()
    refused(ValueError, lambda: concat.function(a, b, c[:-1]), "'C'", "expected 75")
    assert list(concat.shape(2, a, b, None)) == [75]
    names = list(concat.dims)
    flat = [x for name in names for x in (name, 5)]
    assert list(concat.shape_with(2, flat)) == [10]
    refused(ValueError, lambda: concat.shape_with(2, ["", 1] + flat), "there is no dimension ''")
    refused(ValueError, lambda: concat.shape_with(2, flat + ["Q", 1]), "no dimension 'Q'")
    refused(ValueError, lambda: concat.shape_with(2, flat + names[:1]), "a name has no value")
    refused(TypeError, lambda: concat.shape_with(2, flat + [names[0], "5"]))
    assert world.numpy(concat.bind([2])(a, b)).tolist() == c.tolist()


def test_unsolvable(world):
    error = refused(world.CompileError,
                    lambda: world.module(UNSOLVABLE, "k.py", None).compile("cpu"), "k.py:3")
    assert {d.code for d in world.diagnostics(error)} == {"E0648"}


def test_name_in_signature(compiled):
    assert compiled(CONCAT).signature == \
        "concat(A: float32[M], B: float32[N], C: float32[M + N])"


ASSUMED = """
import tilec, tilec.language as T
N = T.dynamic("N")
@T.prim_func
def assumed(A: T.Tensor((N,), "float32")):
    with T.Kernel(T.ceildiv(N, 32), threads=32) as bx:
        T.assume(N % 4 == 0)
        T.assume(bx < 100)
        for i in T.Parallel(32):
            A[bx * 32 + i] += 1.0
"""


def test_what_a_kernel_assumes_of_symbols(compiled):
    assumed = compiled(ASSUMED).function
    a = np.zeros(36, np.float32)
    assumed(a)
    assert (a == 1).all()
    refused(ValueError, lambda: assumed(a[:34]), "kernel.py:7: assumption does not hold", "E0641")
    assert (a == 1).all()
