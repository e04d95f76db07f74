"""Split-K matrix multiplication C += A @ B: several blocks share one output tile.
Each block sums its share of K and adds the partial tile to C with atomic additions."""

import tilec
import tilec.language as T


@tilec.jit
def splitk_gemm(
    M,
    N,
    K,
    split=4,
    dtype=T.float16,
    block_M=64,
    block_N=64,
    block_K=32,
    num_stages=2,
    threads=128,
):
    """One scalar atomic addition per element, straight from the accumulator."""
    steps = T.ceildiv(T.ceildiv(K, block_K), split)

    @T.prim_func
    def main(
        A: T.Tensor((M, K), dtype),
        B: T.Tensor((K, N), dtype),
        C: T.Tensor((M, N), T.float32),
    ):
        with T.Kernel(
            T.ceildiv(N, block_N), T.ceildiv(M, block_M), split, threads=threads
        ) as (bx, by, bz):
            A_shared = T.alloc_shared((block_M, block_K), dtype)
            B_shared = T.alloc_shared((block_K, block_N), dtype)
            C_local = T.alloc_fragment((block_M, block_N), T.float32)

            T.clear(C_local)
            for s in T.Pipelined(steps, num_stages=num_stages):
                k = (bz * steps + s) * block_K
                T.copy(A[by * block_M, k], A_shared)
                T.copy(B[k, bx * block_N], B_shared)
                T.gemm(A_shared, B_shared, C_local)

            for i, j in T.Parallel(block_M, block_N):
                T.atomic_add(C[by * block_M + i, bx * block_N + j], C_local[i, j])

    return main


@tilec.jit
def splitk_gemm_tile(
    A,
    B,
    C,
    split: int = 4,
    dtype=T.float16,
    block_M: int = 64,
    block_N: int = 64,
    block_K: int = 32,
):
    """One tile-wide atomic addition per block, staged through shared memory."""
    M, N, K = T.const("M, N, K")
    A: T.Tensor((M, K), dtype)
    B: T.Tensor((K, N), dtype)
    C: T.Tensor((M, N), T.float32)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), split, threads=128) as (bx, by, bz):
        A_shared = T.alloc_shared((block_M, block_K), dtype)
        B_shared = T.alloc_shared((block_K, block_N), dtype)
        C_shared = T.alloc_shared((block_M, block_N), T.float32)
        C_local = T.alloc_fragment((block_M, block_N), T.float32)
        steps = T.ceildiv(T.ceildiv(K, block_K), split)

        T.clear(C_local)
        for s in T.Pipelined(steps, num_stages=2):
            k = (bz * steps + s) * block_K
            T.copy(A[by * block_M, k], A_shared)
            T.copy(B[k, bx * block_N], B_shared)
            T.gemm(A_shared, B_shared, C_local)

        T.copy(C_local, C_shared)
        T.atomic_add(C[by * block_M, bx * block_N], C_shared)
