"""Loops and products of a form that the CPU target has text of its own for; tests/run/nests.py says
what each computes."""

import tilec
import tilec.language as T


@tilec.jit
def powers(N, name="exp2"):
    """The function of a long row and of pieces too short for vectors: the same bits."""
    function = T.exp2 if name == "exp2" else T.exp

    @T.prim_func
    def main(
        X: T.Tensor((N,), "float32"),
        Y: T.Tensor((N,), "float32"),
        Z: T.Tensor((N,), "float32"),
        same: T.Tensor((N,), "int32"),
    ):
        with T.Kernel(1) as bx:
            for i in T.Parallel(N):
                Y[i] = function(X[i])
            for k in T.serial(T.ceildiv(N, 8)):
                for i in T.Parallel(8):
                    if k * 8 + i < N:
                        Z[k * 8 + i] = function(X[k * 8 + i])
            for i in T.Parallel(N):
                bits = T.reinterpret(Y[i], "int32") == T.reinterpret(Z[i], "int32")
                same[i] = T.if_then_else(Y[i] != Y[i], Z[i] != Z[i], bits)

    return main


@tilec.jit
def softmax_like(M, N):
    """A number of rows that is not known, so that accesses are guarded; the result lies where the
    argument was."""
    rows = T.dynamic("rows")

    @T.prim_func
    def main(S: T.Tensor((rows, N), "float32"), high: T.Tensor((rows,), "float32")):
        with T.Kernel(T.ceildiv(rows, M)) as bx:
            for i, j in T.Parallel(M, N):
                row = bx * M + i
                S[row, j] = T.exp2(S[row, j] * 0.5 - high[row])

    return main


@T.prim_func
def calls(
    A: T.Tensor((3, 200), "float32"),
    B: T.Tensor((3, 200), "float32"),
    I: T.Tensor((200,), "int32"),
):
    """Several calls; one of a call; one of what the body stored itself; one at a loaded place."""
    with T.Kernel(1) as bx:
        for i in T.Parallel(200):
            B[0, i] = T.exp(A[0, i]) + T.exp2(A[1, i] - 1.0) * T.exp2(T.exp(A[0, i]))
        for i in T.Parallel(200):
            B[1, i] = A[1, i] + 1.0
            B[1, i] = T.exp(B[1, i]) - T.exp(A[2, i])
        for i in T.Parallel(200):
            if A[0, i] > 0:
                B[2, i] = T.exp2(A[0, I[i]])
            else:
                B[2, i] = T.exp(A[1, 0]) + T.exp2(-A[2, i])


@tilec.jit
def strips(M, N, K, dtype=T.float32, trans_B=False, clear=False):
    """A product whose B is copied strip by strip."""

    @T.prim_func
    def main(
        A: T.Tensor((M, K), dtype),
        B: T.Tensor((N, K) if trans_B else (K, N), dtype),
        C: T.Tensor((M, N), dtype),
    ):
        with T.Kernel(1) as bx:
            T.gemm(A, B, C, transpose_B=trans_B, clear_accum=clear)

    return main
