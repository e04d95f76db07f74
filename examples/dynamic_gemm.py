"""Kernels compiled once and run at any size: the dimensions are run-time values.
Tails of every tile are handled by the implicit guards on global tensors."""

import tilec
import tilec.language as T


@tilec.jit(out_idx=[-1])
def dynamic_gemm(dtype=T.float16, block_M=64, block_N=64, block_K=32, num_stages=2, threads=128):
    """All of M, N and K are dynamic."""
    M, N, K = T.dynamic("M, N, K")

    @T.prim_func
    def main(
        A: T.Tensor((M, K), dtype),
        B: T.Tensor((K, N), dtype),
        C: T.Tensor((M, N), T.float32),
    ):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=threads) as (bx, by):
            A_shared = T.alloc_shared((block_M, block_K), dtype)
            B_shared = T.alloc_shared((block_K, block_N), dtype)
            C_local = T.alloc_fragment((block_M, block_N), T.float32)

            T.clear(C_local)
            for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=num_stages):
                T.copy(A[by * block_M, ko * block_K], A_shared)
                T.copy(B[ko * block_K, bx * block_N], B_shared)
                T.gemm(A_shared, B_shared, C_local)
            T.copy(C_local, C[by * block_M, bx * block_N])

    return main


@tilec.jit
def linear(X, W, dtype=T.float16, block_M: int = 64, block_N: int = 64, block_K: int = 32):
    """Y = X @ W^T: the size of the batch is dynamic, that of the weights is compiled in."""
    rows = T.dynamic("rows")
    N, K = T.const("N, K")
    X: T.Tensor((rows, K), dtype)
    W: T.Tensor((N, K), dtype)
    Y = T.empty((rows, N), dtype=dtype)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(rows, block_M), threads=128) as (bx, by):
        X_shared = T.alloc_shared((block_M, block_K), dtype)
        W_shared = T.alloc_shared((block_N, block_K), dtype)
        Y_local = T.alloc_fragment((block_M, block_N), T.float32)

        T.clear(Y_local)
        for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=2):
            T.copy(X[by * block_M, ko * block_K], X_shared)
            T.copy(W[bx * block_N, ko * block_K], W_shared)
            T.gemm(X_shared, W_shared, Y_local, transpose_B=True)
        T.copy(Y_local, Y[by * block_M, bx * block_N])

    return Y


@tilec.jit(out_idx=[-1])
def outer_sum(block=128):
    """Shapes may be expressions: X has n elements, Y has n + m, and m follows from both."""
    n = T.symbolic("n")
    m = T.symbolic("m")

    @T.prim_func
    def main(
        X: T.Tensor((n,), T.int32),
        Y: T.Tensor((n + m,), T.int32),
        Z: T.Tensor((n, n + m), T.int32),
    ):
        with T.Kernel(T.ceildiv(n + m, block), n, threads=128) as (bx, row):
            for j in T.Parallel(block):
                Z[row, bx * block + j] = X[row] + Y[bx * block + j]

    return main
