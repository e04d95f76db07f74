"""Atomic updates of global memory, for results to which many blocks contribute.
Outputs are updated in place: the caller passes them in with their starting values."""

import tilec
import tilec.language as T


@tilec.jit
def column_sums(M, N, dtype=T.float32, block_M=32, block_N=64, threads=128):
    """sums += the sum of each column; a block adds its whole partial tile with one call."""

    @T.prim_func
    def main(X: T.Tensor((M, N), dtype), sums: T.Tensor((N,), T.float32)):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=threads) as (bx, by):
            x = T.alloc_fragment((block_M, block_N), T.float32)
            partial = T.alloc_fragment((block_N,), T.float32)
            T.copy(X[by * block_M, bx * block_N], x)
            T.reduce_sum(x, partial, dim=0)
            T.atomic_add(sums[bx * block_N : (bx + 1) * block_N], partial)

    return main


@tilec.jit
def extrema(X, low, high, dtype=T.int32, block: int = 128):
    """low[0] and high[0] become the extrema of their old values and all of X."""
    N = T.const("N")
    X: T.Tensor((N,), dtype)
    low: T.Tensor((1,), dtype)
    high: T.Tensor((1,), dtype)

    with T.Kernel(T.ceildiv(N, block), threads=128) as bx:
        for i in T.Parallel(block):
            if bx * block + i < N:
                T.atomic_min(low[0], X[bx * block + i])
                T.atomic_max(high[0], X[bx * block + i])


@tilec.jit
def compact(dtype=T.float32, block=128):
    """Moves the positive elements of X to the front of Y, in any order, and counts them."""
    N = T.dynamic("N")

    @T.prim_func
    def main(
        X: T.Tensor((N,), dtype),
        Y: T.Tensor((N,), dtype),
        count: T.Tensor((1,), T.int32),
    ):
        with T.Kernel(T.ceildiv(N, block), threads=128) as bx:
            for i in T.Parallel(block):
                # Past the end X reads as 0, which is not positive.
                if X[bx * block + i] > 0:
                    slot = T.atomic_add(count[0], 1, return_prev=True)
                    Y[slot] = X[bx * block + i]

    return main


@tilec.jit
def scatter_add(rows, M, N, block_M=16, threads=128):
    """Y[index[i], :] += X[i, :], four columns at a time; several i may name the same row."""
    assert N % 4 == 0, f"N = {N} is not a multiple of 4"

    @T.prim_func
    def main(
        X: T.Tensor((M, N), T.float32),
        index: T.Tensor((M,), T.int32),
        Y: T.Tensor((rows, N), T.float32),
    ):
        with T.Kernel(T.ceildiv(M, block_M), threads=threads) as bx:
            for i, j in T.Parallel(block_M, N // 4):
                if bx * block_M + i < M:
                    T.atomic_addx4(Y[index[bx * block_M + i], j * 4], X[bx * block_M + i, j * 4])

    return main
