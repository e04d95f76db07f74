"""Layer normalisation of rows: Y = (X - mean) / sqrt(variance + eps) * weight + bias.
Mean and reciprocal standard deviation are outputs too, as a backward pass needs them."""

import tilec
import tilec.language as T


@tilec.jit(out_idx=[3, 4, 5])
def layer_norm(M, N, eps=1e-5, dtype=T.float32, block_M=4, threads=128):
    @T.prim_func
    def main(
        X: T.Tensor((M, N), dtype),
        weight: T.Tensor((N,), dtype),
        bias: T.Tensor((N,), dtype),
        Y: T.Tensor((M, N), dtype),
        mean: T.Tensor((M,), T.float32),
        rstd: T.Tensor((M,), T.float32),
    ):
        with T.Kernel(T.ceildiv(M, block_M), threads=threads) as bx:
            x = T.alloc_fragment((block_M, N), T.float32)
            square = T.alloc_fragment((block_M, N), T.float32)
            row_mean = T.alloc_fragment((block_M,), T.float32)
            row_rstd = T.alloc_fragment((block_M,), T.float32)

            T.copy(X[bx * block_M, 0], x)
            T.reduce_sum(x, row_mean, dim=1)
            for i in T.Parallel(block_M):
                row_mean[i] = row_mean[i] / N

            # Two passes over data that is on chip: no cancellation as in E[x^2] - E[x]^2.
            for i, j in T.Parallel(block_M, N):
                x[i, j] -= row_mean[i]
                square[i, j] = x[i, j] * x[i, j]
            T.reduce_sum(square, row_rstd, dim=1)
            for i in T.Parallel(block_M):
                row_rstd[i] = T.rsqrt(row_rstd[i] / N + eps)

            for i, j in T.Parallel(block_M, N):
                x[i, j] = x[i, j] * row_rstd[i] * weight[j] + bias[j]
            T.copy(x, Y[bx * block_M, 0])
            T.copy(row_mean, mean[bx * block_M])
            T.copy(row_rstd, rstd[bx * block_M])

    return main
