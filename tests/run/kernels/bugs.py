"""One small kernel for each bug that was found; tests/run/bugs.py says what it must compute."""

import tilec.language as T

N = 64


@T.prim_func
def negated_fma(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "int32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            B[i] = T.reinterpret(-T.fma(A[i], -2.25, A[i]), "int32")  # the sign of a zero shows


@T.prim_func
def product_with_minus_one(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "int32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            B[i] = T.reinterpret(T.fma(A[i], -2.25, A[i]) * -1.0, "int32")


@T.prim_func
def folded_is_no_literal(A: T.Tensor((N,), "int16"), B: T.Tensor((N,), "uint16")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            B[i] = A[i] * 0 - 14  # wraps like any computed value


@T.prim_func
def literal_saturates(A: T.Tensor((N,), "int32"), B: T.Tensor((2, N), "uint8")):
    with T.Kernel(1) as bx:
        tile = T.alloc_shared((N,), "float8_e5m2")
        for i in T.Parallel(N):
            tile[i] = 1e9
            B[0, i] = T.reinterpret(T.cast(1e9, "float8_e5m2"), "uint8")
            B[1, i] = T.reinterpret(tile[i], "uint8")
