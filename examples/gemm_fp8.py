"""Products of 8-bit floats. `gemm_fp8` scales the operands by one factor per row and per column;
`gemm_fp8_blockwise` has a factor per 1 x group block of A and per group x group block of B, and
adds each group's partial product to the sum in float32, as DeepSeek-V3 does."""

import tilec
import tilec.language as T


@tilec.jit
def gemm_fp8(
    A,
    B,
    scale_A,
    scale_B,
    dtype=T.float8_e4m3fn,
    out_dtype=T.bfloat16,
    block_M: int = 64,
    block_N: int = 64,
    block_K: int = 64,
):
    """C = diag(scale_A) A B^T diag(scale_B)."""
    M, N, K = T.const("M, N, K")
    A: T.Tensor((M, K), dtype)
    B: T.Tensor((N, K), dtype)
    scale_A: T.Tensor((M,), T.float32)
    scale_B: T.Tensor((N,), T.float32)
    C = T.empty((M, N), out_dtype)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
        A_shared = T.alloc_shared((block_M, block_K), dtype)
        B_shared = T.alloc_shared((block_N, block_K), dtype)
        C_local = T.alloc_fragment((block_M, block_N), T.float32)
        T.clear(C_local)
        for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=3):
            T.copy(A[by * block_M, ko * block_K], A_shared)
            T.copy(B[bx * block_N, ko * block_K], B_shared)
            T.gemm(A_shared, B_shared, C_local, transpose_B=True)
        for i, j in T.Parallel(block_M, block_N):
            C_local[i, j] *= scale_A[by * block_M + i] * scale_B[bx * block_N + j]
        T.copy(C_local, C[by * block_M, bx * block_N])

    return C


@tilec.jit
def gemm_fp8_blockwise(
    A,
    B,
    scale_A,
    scale_B,
    dtype=T.float8_e4m3fn,
    out_dtype=T.bfloat16,
    group: int = 128,
    block_M: int = 64,
    block_N: int = 64,
):
    """A step of the loop is one group along K, so that a scale covers a whole partial product."""
    M, N, K = T.const("M, N, K")
    A: T.Tensor((M, K), dtype)
    B: T.Tensor((N, K), dtype)
    scale_A: T.Tensor((M, T.ceildiv(K, group)), T.float32)
    scale_B: T.Tensor((T.ceildiv(N, group), T.ceildiv(K, group)), T.float32)
    C = T.empty((M, N), out_dtype)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
        A_shared = T.alloc_shared((block_M, group), dtype)
        B_shared = T.alloc_shared((block_N, group), dtype)
        part = T.alloc_fragment((block_M, block_N), T.float32)
        C_local = T.alloc_fragment((block_M, block_N), T.float32)
        T.clear(C_local)
        for ko in T.Pipelined(T.ceildiv(K, group), num_stages=2):
            T.copy(A[by * block_M, ko * group], A_shared)
            T.copy(B[bx * block_N, ko * group], B_shared)
            T.gemm(A_shared, B_shared, part, transpose_B=True, clear_accum=True)
            for i, j in T.Parallel(block_M, block_N):
                row = by * block_M + i
                col = bx * block_N + j
                C_local[i, j] += part[i, j] * (scale_A[row, ko] * scale_B[col // group, ko])
        T.copy(C_local, C[by * block_M, bx * block_N])

    return C
