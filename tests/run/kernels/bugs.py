"""One small kernel for each bug that was found; tests/run/bugs.py says what it must compute."""

import tilec.language as T

N = 64


@T.prim_func
def negated_fma(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
    with T.Kernel(1) as bx:
        for i in T.Parallel(N):
            B[i] = 1.0 / -T.fma(A[i], -2.25, A[i])  # the sign of a zero shows in the quotient
