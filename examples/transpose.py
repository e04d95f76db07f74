"""Matrix transpose: tiles are read by rows and written by rows, and turned on chip in between.
`transpose_swizzled` also chooses the layout of the shared tile, which never changes results."""

import tilec
import tilec.language as T


@tilec.jit
def transpose(A, dtype=T.float32, block: int = 32):
    M, N = T.const("M, N")
    A: T.Tensor((M, N), dtype)
    B = T.empty((N, M), dtype)

    with T.Kernel(T.ceildiv(N, block), T.ceildiv(M, block), threads=128) as (bx, by):
        tile = T.alloc_shared((block, block), dtype)
        turned = T.alloc_fragment((block, block), dtype)

        T.copy(A[by * block, bx * block], tile)
        for i, j in T.Parallel(block, block):
            turned[i, j] = tile[j, i]
        T.copy(turned, B[bx * block, by * block])

    return B


@tilec.jit(out_idx=[-1])
def transpose_swizzled(M, N, dtype=T.float16, block=32, threads=128):
    @T.prim_func
    def main(A: T.Tensor((M, N), dtype), B: T.Tensor((N, M), dtype)):
        with T.Kernel(T.ceildiv(N, block), T.ceildiv(M, block), threads=threads) as (bx, by):
            tile = T.alloc_shared((block, block), dtype)
            # Rotate row i by i columns, so that a column of the tile touches every bank.
            T.annotate_layout(
                {tile: T.Layout((block, block), lambda i, j: [i, T.floormod(i + j, block)])}
            )

            T.copy(A[by * block, bx * block], tile)
            for i, j in T.Parallel(block, block):
                B[bx * block + i, by * block + j] = tile[j, i]

    return main
