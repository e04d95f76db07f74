"""Elementwise kernels: one T.Parallel loop over a tile, one block per tile.
Tiles that hang over the edge need no user code: accesses to global tensors are guarded."""

import tilec
import tilec.language as T


@tilec.jit
def add(A, B, dtype=T.float32, block_M: int = 32, block_N: int = 64):
    """C = A + B. Eager: M and N are read from the shapes of A and B."""
    M, N = T.const("M, N")
    A: T.Tensor((M, N), dtype)
    B: T.Tensor((M, N), dtype)
    C = T.empty((M, N), dtype)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
        for i, j in T.Parallel(block_M, block_N):
            row = by * block_M + i
            col = bx * block_N + j
            C[row, col] = A[row, col] + B[row, col]

    return C


@tilec.jit(out_idx=[-1])
def add_staged(M, N, dtype=T.float32, block_M=32, block_N=64, threads=128):
    """The same sum, lazily: M and N are factory arguments and tiles pass through on-chip memory."""

    @T.prim_func
    def main(
        A: T.Tensor((M, N), dtype),
        B: T.Tensor((M, N), dtype),
        C: T.Tensor((M, N), dtype),
    ):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=threads) as (bx, by):
            A_shared = T.alloc_shared((block_M, block_N), dtype)
            B_shared = T.alloc_shared((block_M, block_N), dtype)
            C_local = T.alloc_fragment((block_M, block_N), dtype)

            T.copy(A[by * block_M, bx * block_N], A_shared)
            T.copy(B[by * block_M, bx * block_N], B_shared)
            for i, j in T.Parallel(block_M, block_N):
                C_local[i, j] = A_shared[i, j] + B_shared[i, j]
            T.copy(C_local, C[by * block_M, bx * block_N])

    return main


@tilec.jit
def axpy(dtype=T.float32, block_N=256):
    """Y = alpha * X + Y in place, for any length: N and alpha are known only at run time."""
    N = T.dynamic("N")

    @T.prim_func
    def main(X: T.Tensor((N,), dtype), Y: T.Tensor((N,), dtype), alpha: T.float32):
        with T.Kernel(T.ceildiv(N, block_N), threads=128) as bx:
            for i in T.Parallel(block_N):
                Y[bx * block_N + i] += alpha * X[bx * block_N + i]

    return main
