"""Many products of one size in a launch, and many of different sizes: `batched_gemm` puts the batch
on the grid, `grouped_gemm` multiplies rows sorted by group, each with its group's weight."""

import tilec
import tilec.language as T


@tilec.jit
def batched_gemm(A, B, dtype=T.float16, block_M: int = 64, block_N: int = 64, block_K: int = 32):
    """C[b] = A[b] @ B[b]^T."""
    batch, M, N, K = T.const("batch, M, N, K")
    A: T.Tensor((batch, M, K), dtype)
    B: T.Tensor((batch, N, K), dtype)
    C = T.empty((batch, M, N), dtype)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), batch, threads=128) as (bx, by, b):
        A_shared = T.alloc_shared((block_M, block_K), dtype)
        B_shared = T.alloc_shared((block_N, block_K), dtype)
        C_local = T.alloc_fragment((block_M, block_N), T.float32)
        T.clear(C_local)
        for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=2):
            T.copy(A[b, by * block_M, ko * block_K], A_shared)
            T.copy(B[b, bx * block_N, ko * block_K], B_shared)
            T.gemm(A_shared, B_shared, C_local, transpose_B=True)
        T.copy(C_local, C[b, by * block_M, bx * block_N])

    return C


@tilec.jit
def grouped_gemm(
    A, B, starts, dtype=T.float16, block_M: int = 32, block_N: int = 32, block_K: int = 32
):
    """C[r] = A[r] @ B[g] for the rows starts[g] <= r < starts[g + 1]. A group may be empty."""
    rows, groups, N, K = T.const("rows, groups, N, K")
    A: T.Tensor((rows, K), dtype)
    B: T.Tensor((groups, K, N), dtype)
    starts: T.Tensor((groups + 1,), T.int32)
    C = T.empty((rows, N), dtype)

    with T.Kernel(T.ceildiv(N, block_N), groups, threads=128) as (bx, g):
        A_shared = T.alloc_shared((block_M, block_K), dtype)
        B_shared = T.alloc_shared((block_K, block_N), dtype)
        C_local = T.alloc_fragment((block_M, block_N), T.float32)
        first = starts[g]
        count = starts[g + 1] - first

        for tile in T.serial(T.ceildiv(count, block_M)):
            row = first + tile * block_M
            T.clear(C_local)
            for ko in T.Pipelined(T.ceildiv(K, block_K), num_stages=2):
                # Rows behind the group's last are read, but their products are not stored.
                T.copy(A[row, ko * block_K], A_shared)
                T.copy(B[g, ko * block_K, bx * block_N], B_shared)
                T.gemm(A_shared, B_shared, C_local)
            for i, j in T.Parallel(block_M, block_N):
                if tile * block_M + i < count:
                    C[row + i, bx * block_N + j] = C_local[i, j]

    return C
