"""Quantisation to float8_e4m3fn: each group of values in a row gets one float32 scale.
The scale maps the largest magnitude of the group to 448, the largest finite fp8 value."""

import tilec
import tilec.language as T

FP8_MAX = 448.0


@tilec.jit
def cast_to_fp8(X, group: int = 128, dtype=T.float32, block_M: int = 8):
    M, N = T.const("M, N")
    X: T.Tensor((M, N), dtype)
    X_fp8 = T.empty((M, N), T.float8_e4m3fn)
    X_scale = T.empty((M, T.ceildiv(N, group)), T.float32)

    with T.Kernel(T.ceildiv(M, block_M), T.ceildiv(N, group), threads=128) as (bx, by):
        x = T.alloc_fragment((block_M, group), T.float32)
        scale = T.alloc_fragment((block_M,), T.float32)

        T.copy(X[bx * block_M, by * group], x)
        T.reduce_absmax(x, scale, dim=1)
        for i in T.Parallel(block_M):
            # The lower bound keeps a group of zeros from dividing by zero.
            scale[i] = T.max(scale[i], 1e-4) / FP8_MAX
            X_scale[bx * block_M + i, by] = scale[i]
        for i, j in T.Parallel(block_M, group):
            x[i, j] = T.clamp(x[i, j] / scale[i], -FP8_MAX, FP8_MAX)
        T.copy(x, X_fp8[bx * block_M, by * group])

    return X_fp8, X_scale


@tilec.jit(out_idx=[-1])
def cast_from_fp8(M, N, group=128, dtype=T.float32, block_M=8, threads=128):
    """The way back: X = X_fp8 * X_scale."""

    @T.prim_func
    def main(
        X_fp8: T.Tensor((M, N), T.float8_e4m3fn),
        X_scale: T.Tensor((M, T.ceildiv(N, group)), T.float32),
        X: T.Tensor((M, N), dtype),
    ):
        with T.Kernel(T.ceildiv(M, block_M), T.ceildiv(N, group), threads=threads) as (bx, by):
            for i, j in T.Parallel(block_M, group):
                row = bx * block_M + i
                col = by * group + j
                X[row, col] = T.cast(X_fp8[row, col], T.float32) * X_scale[row, by]

    return main
