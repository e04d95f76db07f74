"""The product of examples/gemm.py with any of its three sizes known only at run time."""

import tilec
import tilec.language as T


@tilec.jit(out_idx=[-1])
def gemm(
    dynamic="",
    M=0,
    N=0,
    K=0,
    trans_A=False,
    trans_B=False,
    dtype=T.float16,
    out_dtype=T.float32,
    block_M=128,
    block_N=128,
    block_K=32,
    num_stages=2,
    threads=128,
):
    if "M" in dynamic:
        M = T.dynamic("M")
    if "N" in dynamic:
        N = T.dynamic("N")
    if "K" in dynamic:
        K = T.dynamic("K")
    accum_dtype = T.int32 if dtype == "int8" else T.float32

    A_tile = (block_K, block_M) if trans_A else (block_M, block_K)
    B_tile = (block_N, block_K) if trans_B else (block_K, block_N)

    @T.prim_func
    def main(
        A: T.Tensor((K, M) if trans_A else (M, K), dtype),
        B: T.Tensor((N, K) if trans_B else (K, N), dtype),
        C: T.Tensor((M, N), out_dtype),
    ):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=threads) as (bx, by):
            A_shared = T.alloc_shared(A_tile, dtype)
            B_shared = T.alloc_shared(B_tile, dtype)
            C_local = T.alloc_fragment((block_M, block_N), accum_dtype)

            T.clear(C_local)
            for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=num_stages):
                if trans_A:
                    T.copy(A[ko * block_K, by * block_M], A_shared)
                else:
                    T.copy(A[by * block_M, ko * block_K], A_shared)
                if trans_B:
                    T.copy(B[bx * block_N, ko * block_K], B_shared)
                else:
                    T.copy(B[ko * block_K, bx * block_N], B_shared)
                T.gemm(A_shared, B_shared, C_local, transpose_A=trans_A, transpose_B=trans_B)

            T.copy(C_local, C[by * block_M, bx * block_N])

    return main
