"""Kernels that take raw addresses: T.ptr declares them, T.make_tensor gives them a shape.
`grouped_gemm` multiplies many pairs of separately allocated matrices in a single launch."""

import tilec
import tilec.language as T


@tilec.jit
def pointer_gemm(dtype=T.float32, block_M=32, block_N=32, block_K=32):
    """C = A @ B with the interface of a C library: three pointers and three sizes."""

    @T.prim_func
    def main(A_ptr: T.ptr, B_ptr: T.ptr, C_ptr: T.ptr, M: T.int32, N: T.int32, K: T.int32):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
            A = T.make_tensor(A_ptr, (M, K), dtype)
            B = T.make_tensor(B_ptr, (K, N), dtype)
            C = T.make_tensor(C_ptr, (M, N), dtype)

            A_shared = T.alloc_shared((block_M, block_K), dtype)
            B_shared = T.alloc_shared((block_K, block_N), dtype)
            C_local = T.alloc_fragment((block_M, block_N), T.float32)

            T.clear(C_local)
            for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=1):
                T.copy(A[by * block_M, ko * block_K], A_shared)
                T.copy(B[ko * block_K, bx * block_N], B_shared)
                T.gemm(A_shared, B_shared, C_local)
            T.copy(C_local, C[by * block_M, bx * block_N])

    return main


@tilec.jit
def grouped_gemm(groups, max_M, N, K, dtype=T.float32, block_M=32, block_N=32, block_K=32):
    """C[g] = A[g] @ B[g] for all g; rows[g] <= max_M says how many rows A[g] and C[g] have."""

    @T.prim_func
    def main(
        A_ptrs: T.Tensor((groups,), T.ptr),
        B_ptrs: T.Tensor((groups,), T.ptr),
        C_ptrs: T.Tensor((groups,), T.ptr),
        rows: T.Tensor((groups,), T.int32),
    ):
        with T.Kernel(
            T.ceildiv(N, block_N), T.ceildiv(max_M, block_M), groups, threads=128
        ) as (bx, by, g):
            A_shared = T.alloc_shared((block_M, block_K), dtype)
            B_shared = T.alloc_shared((block_K, block_N), dtype)
            C_local = T.alloc_fragment((block_M, block_N), T.float32)

            M = rows[g]
            if by * block_M < M:
                A = T.make_tensor(A_ptrs[g], (M, K), dtype)
                B = T.make_tensor(B_ptrs[g], (K, N), dtype)
                C = T.make_tensor(C_ptrs[g], (M, N), dtype)

                T.clear(C_local)
                for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=1):
                    T.copy(A[by * block_M, ko * block_K], A_shared)
                    T.copy(B[ko * block_K, bx * block_N], B_shared)
                    T.gemm(A_shared, B_shared, C_local)
                T.copy(C_local, C[by * block_M, bx * block_N])

    return main
