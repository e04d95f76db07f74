"""Softmax over the last dimension, with exp2 because hardware has it and exp is derived from it.
`softmax` holds whole rows on chip; `online_softmax` streams rows of any length in two passes."""

import tilec
import tilec.language as T

LOG2_E = 1.4426950408889634


@tilec.jit
def softmax(X, dtype=T.float32, block_M: int = 4):
    M, N = T.const("M, N")
    X: T.Tensor((M, N), dtype)
    Y = T.empty((M, N), dtype)

    with T.Kernel(T.ceildiv(M, block_M), threads=128) as bx:
        x = T.alloc_fragment((block_M, N), T.float32)
        row_max = T.alloc_fragment((block_M,), T.float32)
        row_sum = T.alloc_fragment((block_M,), T.float32)

        T.copy(X[bx * block_M, 0], x)
        T.reduce_max(x, row_max, dim=1)
        for i, j in T.Parallel(block_M, N):
            x[i, j] = T.exp2((x[i, j] - row_max[i]) * LOG2_E)
        T.reduce_sum(x, row_sum, dim=1)
        for i, j in T.Parallel(block_M, N):
            x[i, j] /= row_sum[i]
        T.copy(x, Y[bx * block_M, 0])

    return Y


@tilec.jit(out_idx=[-1])
def online_softmax(dtype=T.float16, block_M=8, block_N=128, threads=128):
    M, N = T.dynamic("M, N")

    @T.prim_func
    def main(X: T.Tensor((M, N), dtype), Y: T.Tensor((M, N), dtype)):
        with T.Kernel(T.ceildiv(M, block_M), threads=threads) as bx:
            x = T.alloc_fragment((block_M, block_N), T.float32)
            tile_sum = T.alloc_fragment((block_M,), T.float32)
            old_max = T.alloc_fragment((block_M,), T.float32)
            row_max = T.alloc_fragment((block_M,), T.float32)
            row_sum = T.alloc_fragment((block_M,), T.float32)

            T.fill(row_max, -T.infinity(T.float32))
            T.clear(row_sum)
            for k in T.Pipelined(T.ceildiv(N, block_N), num_stages=2):
                # Columns past the end must not count, so they read as -inf and not as 0.
                for i, j in T.Parallel(block_M, block_N):
                    x[i, j] = T.if_then_else(
                        k * block_N + j < N,
                        X[bx * block_M + i, k * block_N + j],
                        -T.infinity(T.float32),
                    )
                T.copy(row_max, old_max)
                T.reduce_max(x, row_max, dim=1, clear=False)
                for i, j in T.Parallel(block_M, block_N):
                    x[i, j] = T.exp2((x[i, j] - row_max[i]) * LOG2_E)
                T.reduce_sum(x, tile_sum, dim=1)
                for i in T.Parallel(block_M):
                    rescale = T.exp2((old_max[i] - row_max[i]) * LOG2_E)
                    row_sum[i] = row_sum[i] * rescale + tile_sum[i]

            for k in T.serial(T.ceildiv(N, block_N)):
                T.copy(X[bx * block_M, k * block_N], x)
                for i, j in T.Parallel(block_M, block_N):
                    x[i, j] = T.exp2((x[i, j] - row_max[i]) * LOG2_E) / row_sum[i]
                T.copy(x, Y[bx * block_M, k * block_N])

    return main
