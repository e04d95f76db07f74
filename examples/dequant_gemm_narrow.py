"""Products with weights of 8 and of 2 bits. `dequant_gemm_int8` keeps the product in integers and
scales it afterwards; `dequant_gemm_int2` unpacks four weights from a byte."""

import tilec
import tilec.language as T


@tilec.jit
def dequant_gemm_int8(
    A,
    W,
    scale_A,
    scale_W,
    out_dtype=T.float16,
    block_M: int = 64,
    block_N: int = 64,
    block_K: int = 64,
):
    """A is quantised too: C = diag(scale_A) (A W^T) diag(scale_W), exact up to the scales."""
    M, N, K = T.const("M, N, K")
    A: T.Tensor((M, K), T.int8)
    W: T.Tensor((N, K), T.int8)
    scale_A: T.Tensor((M,), T.float32)
    scale_W: T.Tensor((N,), T.float32)
    C = T.empty((M, N), out_dtype)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
        A_shared = T.alloc_shared((block_M, block_K), T.int8)
        W_shared = T.alloc_shared((block_N, block_K), T.int8)
        sums = T.alloc_fragment((block_M, block_N), T.int32)
        T.clear(sums)
        for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=2):
            T.copy(A[by * block_M, ko * block_K], A_shared)
            T.copy(W[bx * block_N, ko * block_K], W_shared)
            T.gemm(A_shared, W_shared, sums, transpose_B=True)
        for i, j in T.Parallel(block_M, block_N):
            row = by * block_M + i
            col = bx * block_N + j
            C[row, col] = T.cast(sums[i, j], T.float32) * scale_A[row] * scale_W[col]

    return C


@tilec.jit
def dequant_gemm_int2(
    A,
    W,
    scales,
    group: int = 64,
    dtype=T.float16,
    block_M: int = 32,
    block_N: int = 32,
    block_K: int = 64,
):
    """Weights -2 .. 1, stored with an offset of 2, the first in the lowest bits of its byte."""
    M, N, K = T.const("M, N, K")
    assert K % 4 == 0 and group % 4 == 0, "a byte holds four weights of one group"
    A: T.Tensor((M, K), dtype)
    W: T.Tensor((N, K // 4), T.uint8)
    scales: T.Tensor((N, T.ceildiv(K, group)), dtype)
    C = T.empty((M, N), dtype)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
        A_shared = T.alloc_shared((block_M, block_K), dtype)
        W_shared = T.alloc_shared((block_N, block_K // 4), T.uint8)
        B_shared = T.alloc_shared((block_N, block_K), dtype)
        C_local = T.alloc_fragment((block_M, block_N), T.float32)
        T.clear(C_local)
        for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=2):
            T.copy(A[by * block_M, ko * block_K], A_shared)
            T.copy(W[bx * block_N, ko * block_K // 4], W_shared)
            for i, j in T.Parallel(block_N, block_K):
                code = T.cast(W_shared[i, j // 4], T.int32) >> (j % 4 * 2) & 3
                scale = scales[bx * block_N + i, (ko * block_K + j) // group]
                B_shared[i, j] = T.cast(code - 2, T.float32) * T.cast(scale, T.float32)
            T.gemm(A_shared, B_shared, C_local, transpose_B=True)
        T.copy(C_local, C[by * block_M, bx * block_N])

    return C
