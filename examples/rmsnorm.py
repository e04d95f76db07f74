"""Root-mean-square normalisation of rows: Y = X * rsqrt(mean(X * X) + eps) * weight.
`rms_norm` keeps whole rows on chip; `rms_norm_split` reads long rows tile by tile, twice."""

import tilec
import tilec.language as T


@tilec.jit
def rms_norm(X, weight, eps: float = 1e-6, dtype=T.float32, block_M: int = 4):
    M, N = T.const("M, N")
    X: T.Tensor((M, N), dtype)
    weight: T.Tensor((N,), dtype)
    Y = T.empty((M, N), dtype)

    with T.Kernel(T.ceildiv(M, block_M), threads=128) as bx:
        x = T.alloc_fragment((block_M, N), T.float32)
        square = T.alloc_fragment((block_M, N), T.float32)
        scale = T.alloc_fragment((block_M,), T.float32)

        T.copy(X[bx * block_M, 0], x)
        for i, j in T.Parallel(block_M, N):
            square[i, j] = x[i, j] * x[i, j]
        T.reduce_sum(square, scale, dim=1)
        for i in T.Parallel(block_M):
            scale[i] = T.rsqrt(scale[i] / N + eps)
        for i, j in T.Parallel(block_M, N):
            x[i, j] = x[i, j] * scale[i] * weight[j]
        T.copy(x, Y[bx * block_M, 0])

    return Y


@tilec.jit(out_idx=[-1])
def rms_norm_split(M, N, eps=1e-6, dtype=T.float16, block_M=4, block_N=128, threads=128):
    @T.prim_func
    def main(
        X: T.Tensor((M, N), dtype),
        weight: T.Tensor((N,), dtype),
        Y: T.Tensor((M, N), dtype),
    ):
        with T.Kernel(T.ceildiv(M, block_M), threads=threads) as bx:
            X_shared = T.alloc_shared((block_M, block_N), dtype)
            x = T.alloc_fragment((block_M, block_N), T.float32)
            square = T.alloc_fragment((block_M, block_N), T.float32)
            scale = T.alloc_fragment((block_M,), T.float32)

            T.clear(square)
            for k in T.Pipelined(T.ceildiv(N, block_N), num_stages=2):
                T.copy(X[bx * block_M, k * block_N], X_shared)
                T.copy(X_shared, x)
                for i, j in T.Parallel(block_M, block_N):
                    square[i, j] += x[i, j] * x[i, j]
            T.reduce_sum(square, scale, dim=1)
            for i in T.Parallel(block_M):
                scale[i] = T.rsqrt(scale[i] / N + eps)

            for k in T.Serial(T.ceildiv(N, block_N)):
                T.copy(X[bx * block_M, k * block_N], x)
                for i, j in T.Parallel(block_M, block_N):
                    x[i, j] = x[i, j] * scale[i] * weight[k * block_N + j]
                T.copy(x, Y[bx * block_M, k * block_N])

    return main
