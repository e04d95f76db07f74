"""Two launches in one function, with a workspace between them that only they can see.
The second T.Kernel starts after the first has finished, so it reads complete results."""

import tilec
import tilec.language as T


@tilec.jit(out_idx=[-1])
def mlp(
    M,
    inner,
    hidden,
    outer,
    dtype=T.float16,
    block_M=64,
    block_N=64,
    block_K=32,
    num_stages=2,
    threads=128,
):
    """Y = silu(X @ W1) @ W2."""

    @T.prim_func
    def main(
        X: T.Tensor((M, inner), dtype),
        W1: T.Tensor((inner, hidden), dtype),
        W2: T.Tensor((hidden, outer), dtype),
        Y: T.Tensor((M, outer), dtype),
    ):
        H = T.alloc_global((M, hidden), dtype)

        with T.Kernel(
            T.ceildiv(hidden, block_N), T.ceildiv(M, block_M), threads=threads
        ) as (bx, by):
            X_shared = T.alloc_shared((block_M, block_K), dtype)
            W_shared = T.alloc_shared((block_K, block_N), dtype)
            H_local = T.alloc_fragment((block_M, block_N), T.float32)

            T.clear(H_local)
            for ko in T.Pipelined(T.ceildiv(inner, block_K), num_stages=num_stages):
                T.copy(X[by * block_M, ko * block_K], X_shared)
                T.copy(W1[ko * block_K, bx * block_N], W_shared)
                T.gemm(X_shared, W_shared, H_local)
            for i, j in T.Parallel(block_M, block_N):
                H_local[i, j] = H_local[i, j] * T.sigmoid(H_local[i, j])
            T.copy(H_local, H[by * block_M, bx * block_N])

        with T.Kernel(
            T.ceildiv(outer, block_N), T.ceildiv(M, block_M), threads=threads
        ) as (bx, by):
            H_shared = T.alloc_shared((block_M, block_K), dtype)
            W_shared = T.alloc_shared((block_K, block_N), dtype)
            Y_local = T.alloc_fragment((block_M, block_N), T.float32)

            T.clear(Y_local)
            for ko in T.Pipelined(T.ceildiv(hidden, block_K), num_stages=num_stages):
                T.copy(H[by * block_M, ko * block_K], H_shared)
                T.copy(W2[ko * block_K, bx * block_N], W_shared)
                T.gemm(H_shared, W_shared, Y_local)
            T.copy(Y_local, Y[by * block_M, bx * block_N])

    return main


@tilec.jit
def normalize_columns(X, dtype=T.float32, block_M: int = 32, block_N: int = 64):
    """Every column of X divided by the sum of its magnitudes."""
    M, N = T.const("M, N")
    X: T.Tensor((M, N), dtype)
    Y = T.empty((M, N), dtype)
    partial = T.alloc_global((T.ceildiv(M, block_M), N), T.float32)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
        x = T.alloc_fragment((block_M, block_N), T.float32)
        tile_sum = T.alloc_fragment((block_N,), T.float32)

        T.copy(X[by * block_M, bx * block_N], x)
        T.reduce_abssum(x, tile_sum, dim=0)
        T.copy(tile_sum, partial[by, bx * block_N])

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
        total = T.alloc_fragment((block_N,), T.float32)

        T.clear(total)
        for tile in T.serial(T.ceildiv(M, block_M)):
            for j in T.Parallel(block_N):
                total[j] += partial[tile, bx * block_N + j]
        for i, j in T.Parallel(block_M, block_N):
            row = by * block_M + i
            col = bx * block_N + j
            Y[row, col] = X[row, col] / total[j]

    return Y
