"""Matrix multiplication C = op(A) @ op(B), where op is the identity or the transpose.
float32, float16 and bfloat16 accumulate in float32; int8 accumulates in int32."""

import tilec
import tilec.language as T


@tilec.jit(out_idx=[-1])
def gemm(
    M,
    N,
    K,
    trans_A=False,
    trans_B=False,
    dtype=T.float16,
    out_dtype=None,
    block_M=128,
    block_N=128,
    block_K=32,
    num_stages=2,
    threads=128,
    panel_size=8,
):
    accum_dtype = T.int32 if dtype == "int8" else T.float32
    if out_dtype is None:
        out_dtype = T.int32 if dtype == "int8" else dtype

    A_shape = (K, M) if trans_A else (M, K)
    B_shape = (N, K) if trans_B else (K, N)
    A_tile = (block_K, block_M) if trans_A else (block_M, block_K)
    B_tile = (block_N, block_K) if trans_B else (block_K, block_N)

    @T.prim_func
    def main(
        A: T.Tensor(A_shape, dtype),
        B: T.Tensor(B_shape, dtype),
        C: T.Tensor((M, N), out_dtype),
    ):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=threads) as (bx, by):
            A_shared = T.alloc_shared(A_tile, dtype)
            B_shared = T.alloc_shared(B_tile, dtype)
            C_local = T.alloc_fragment((block_M, block_N), accum_dtype)

            if panel_size > 0:  # else the compiler chooses the order of the tiles
                T.use_swizzle(panel_size=panel_size)
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


@tilec.jit
def matmul(A, B, dtype=T.float16, block_M: int = 64, block_N: int = 64, block_K: int = 32):
    """The plain C = A @ B, eagerly: the shapes come from the arguments."""
    M, N, K = T.const("M, N, K")
    A: T.Tensor((M, K), dtype)
    B: T.Tensor((K, N), dtype)
    C = T.empty((M, N), T.float32)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M)) as (bx, by):
        A_shared = T.alloc_shared((block_M, block_K), dtype)
        B_shared = T.alloc_shared((block_K, block_N), dtype)
        C_local = T.alloc_fragment((block_M, block_N), T.float32)

        for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=3):
            T.copy(A[by * block_M, ko * block_K], A_shared)
            T.copy(B[ko * block_K, bx * block_N], B_shared)
            # The first step overwrites the accumulator, so no T.clear is needed.
            T.gemm(A_shared, B_shared, C_local, clear_accum=ko == 0)

        T.copy(C_local, C[by * block_M, bx * block_N])

    return C


@tilec.jit(out_idx=[-1])
def gemm_persistent(
    M,
    N,
    K,
    dtype=T.float16,
    block_M=128,
    block_N=128,
    block_K=32,
    workers=108,
    num_stages=2,
    threads=128,
):
    """A fixed number of blocks shares all output tiles; each tile is visited exactly once."""

    @T.prim_func
    def main(
        A: T.Tensor((M, K), dtype),
        B: T.Tensor((K, N), dtype),
        C: T.Tensor((M, N), dtype),
    ):
        with T.Kernel(workers, threads=threads) as worker:
            A_shared = T.alloc_shared((block_M, block_K), dtype)
            B_shared = T.alloc_shared((block_K, block_N), dtype)
            C_local = T.alloc_fragment((block_M, block_N), T.float32)

            for by, bx in T.Persistent(
                [T.ceildiv(M, block_M), T.ceildiv(N, block_N)], workers, worker
            ):
                T.clear(C_local)
                for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=num_stages):
                    T.copy(A[by * block_M, ko * block_K], A_shared)
                    T.copy(B[ko * block_K, bx * block_N], B_shared)
                    T.gemm(A_shared, B_shared, C_local)
                T.copy(C_local, C[by * block_M, bx * block_N])

    return main
