"""Tensors whose rows are not packed: T.StridedTensor declares the strides, in elements.
Strides may be constants, run-time values, or dimensions of the tensor itself."""

import tilec
import tilec.language as T


@tilec.jit
def strided_copy(dtype=T.float32, block_M=32, block_N=32):
    """B[...] = A, where either side may be a window of a wider matrix; B is updated in place."""
    M, N = T.dynamic("M, N")
    A_row = T.dynamic("A_row")
    B_row = T.dynamic("B_row")

    @T.prim_func
    def main(
        A: T.StridedTensor((M, N), (A_row, 1), dtype),
        B: T.StridedTensor((M, N), (B_row, 1), dtype),
    ):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
            tile = T.alloc_fragment((block_M, block_N), dtype)
            T.copy(A[by * block_M, bx * block_N], tile)
            T.copy(tile, B[by * block_M, bx * block_N])

    return main


@tilec.jit(out_idx=[-1])
def from_column_major(dtype=T.float32, block_M=32, block_N=32):
    """A packed copy of a matrix stored by columns (Fortran order)."""
    M, N = T.dynamic("M, N")

    @T.prim_func
    def main(A: T.StridedTensor((M, N), (1, M), dtype), B: T.Tensor((M, N), dtype)):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
            tile = T.alloc_shared((block_M, block_N), dtype)
            T.copy(A[by * block_M, bx * block_N], tile)
            T.copy(tile, B[by * block_M, bx * block_N])

    return main


@tilec.jit(out_idx=[-1])
def every_nth(M, N, row_step, col_step, dtype=T.float32, block_M=16, block_N=32):
    """B[i, j] is element i * row_step + j * col_step of the memory that A points to."""

    @T.prim_func
    def main(A: T.ptr, B: T.Tensor((M, N), dtype)):
        with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
            window = T.make_tensor(A, (M, N), dtype, strides=(row_step, col_step))
            T.copy(
                window[by * block_M : (by + 1) * block_M, bx * block_N : (bx + 1) * block_N],
                B[by * block_M : (by + 1) * block_M, bx * block_N : (bx + 1) * block_N],
            )

    return main
