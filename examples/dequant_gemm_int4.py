"""Matrix multiplication with 4-bit weights, C = A @ dequantise(W)^T, one scale per group of K.
Weights are decoded into shared memory tile by tile, so the product runs at full precision."""

import tilec
import tilec.language as T


def decode_uint4(packed, k):
    """The weight in the low half of a byte for even k, in the high half for odd k; 8 means zero."""
    return (T.cast(packed, T.int32) >> (k % 2 * 4)) % 16 - 8


@tilec.jit(out_idx=[-1])
def dequant_gemm_int4(
    M,
    N,
    K,
    group=32,
    dtype=T.float16,
    block_M=64,
    block_N=64,
    block_K=32,
    num_stages=2,
    threads=128,
):
    """Weights packed by hand, two in each uint8, stored with an offset of 8."""
    assert K % group == 0, f"groups of {group} do not divide K = {K}"
    assert group % 2 == 0, "a byte must not belong to two groups"

    @T.prim_func
    def main(
        A: T.Tensor((M, K), dtype),
        W: T.Tensor((N, K // 2), T.uint8),
        scales: T.Tensor((N, K // group), dtype),
        C: T.Tensor((M, N), dtype),
    ):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=threads) as (bx, by):
            A_shared = T.alloc_shared((block_M, block_K), dtype)
            W_shared = T.alloc_shared((block_N, block_K // 2), T.uint8)
            B_shared = T.alloc_shared((block_N, block_K), dtype)
            C_local = T.alloc_fragment((block_M, block_N), T.float32)

            T.clear(C_local)
            for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=num_stages):
                T.copy(A[by * block_M, ko * block_K], A_shared)
                T.copy(W[bx * block_N, ko * block_K // 2], W_shared)
                for i, j in T.Parallel(block_N, block_K):
                    weight = decode_uint4(W_shared[i, j // 2], j)
                    scale = scales[bx * block_N + i, (ko * block_K + j) // group]
                    B_shared[i, j] = T.cast(weight, T.float32) * T.cast(scale, T.float32)
                T.gemm(A_shared, B_shared, C_local, transpose_B=True)

            T.copy(C_local, C[by * block_M, bx * block_N])

    return main


@tilec.jit
def dequant_gemm(
    A,
    W,
    scales,
    group: int = 32,
    weight_dtype=T.int4,
    dtype=T.float16,
    block_M: int = 64,
    block_N: int = 64,
    block_K: int = 32,
):
    """Weights of a native 4-bit type, int4 or float4_e2m1fn: loads unpack, casts decode."""
    M, N, K = T.const("M, N, K")
    A: T.Tensor((M, K), dtype)
    W: T.Tensor((N, K), weight_dtype)
    scales: T.Tensor((N, T.ceildiv(K, group)), dtype)
    C = T.empty((M, N), dtype)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
        A_shared = T.alloc_shared((block_M, block_K), dtype)
        B_shared = T.alloc_shared((block_N, block_K), dtype)
        C_local = T.alloc_fragment((block_M, block_N), T.float32)

        T.clear(C_local)
        for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=2):
            T.copy(A[by * block_M, ko * block_K], A_shared)
            for i, j in T.Parallel(block_N, block_K):
                row = bx * block_N + i
                col = ko * block_K + j
                weight = T.cast(W[row, col], T.float32)
                B_shared[i, j] = weight * T.cast(scales[row, col // group], T.float32)
            T.gemm(A_shared, B_shared, C_local, transpose_B=True)

        T.copy(C_local, C[by * block_M, bx * block_N])

    return C
