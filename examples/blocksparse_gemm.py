"""A product in which only some blocks of A count: `mask` has an entry per block of A, and blocks
marked False are taken as zero without being read."""

import tilec
import tilec.language as T


@tilec.jit
def blocksparse_gemm(
    A, B, mask, dtype=T.float16, block_M: int = 32, block_N: int = 32, block_K: int = 32
):
    M, N, K = T.const("M, N, K")
    A: T.Tensor((M, K), dtype)
    B: T.Tensor((K, N), dtype)
    mask: T.Tensor((T.ceildiv(M, block_M), T.ceildiv(K, block_K)), T.bool)
    C = T.empty((M, N), dtype)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
        A_shared = T.alloc_shared((block_M, block_K), dtype)
        B_shared = T.alloc_shared((block_K, block_N), dtype)
        C_local = T.alloc_fragment((block_M, block_N), T.float32)
        T.clear(C_local)
        for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=2):
            if mask[by, ko]:
                T.copy(A[by * block_M, ko * block_K], A_shared)
                T.copy(B[ko * block_K, bx * block_N], B_shared)
                T.gemm(A_shared, B_shared, C_local)
        T.copy(C_local, C[by * block_M, bx * block_N])

    return C
