"""Reductions of a tile along one of its dimensions: sums, extrema, magnitudes and bits.
`clear=False` folds the result into the old contents, which is how long rows are reduced."""

import tilec
import tilec.language as T

REDUCERS = {
    "sum": T.reduce_sum,
    "max": T.reduce_max,
    "min": T.reduce_min,
    "absmax": T.reduce_absmax,
    "abssum": T.reduce_abssum,
    "bitand": T.reduce_bitand,
    "bitor": T.reduce_bitor,
    "bitxor": T.reduce_bitxor,
}


@tilec.jit(out_idx=[-1])
def reduce_rows(M, N, op="sum", dtype=T.float32, block_M=4, threads=128):
    """One value per row, from whole rows in a fragment."""
    reduce = REDUCERS[op]

    @T.prim_func
    def main(X: T.Tensor((M, N), dtype), Y: T.Tensor((M,), dtype)):
        with T.Kernel(T.ceildiv(M, block_M), threads=threads) as bx:
            x = T.alloc_fragment((block_M, N), dtype)
            y = T.alloc_fragment((block_M,), dtype)
            T.copy(X[bx * block_M, 0], x)
            reduce(x, y, dim=1)
            T.copy(y, Y[bx * block_M])

    return main


@tilec.jit(out_idx=[-1])
def reduce_columns(M, N, op="sum", dtype=T.float32, block_N=32, threads=128):
    """One value per column, from shared memory; the reduced dimension is kept with length 1."""
    reduce = REDUCERS[op]

    @T.prim_func
    def main(X: T.Tensor((M, N), dtype), Y: T.Tensor((1, N), dtype)):
        with T.Kernel(T.ceildiv(N, block_N), threads=threads) as bx:
            x = T.alloc_shared((M, block_N), dtype)
            y = T.alloc_fragment((1, block_N), dtype)
            T.copy(X[0, bx * block_N], x)
            reduce(x, y, dim=0)
            T.copy(y, Y[0, bx * block_N])

    return main


@tilec.jit
def row_range(X, block_M: int = 8, block_N: int = 64):
    """Smallest and largest value of each row, which is read tile by tile."""
    M, N = T.const("M, N")
    X: T.Tensor((M, N), T.float32)
    low = T.empty((M,), T.float32)
    high = T.empty((M,), T.float32)

    with T.Kernel(T.ceildiv(M, block_M), threads=128) as bx:
        x = T.alloc_fragment((block_M, block_N), T.float32)
        low_local = T.alloc_fragment((block_M,), T.float32)
        high_local = T.alloc_fragment((block_M,), T.float32)

        T.fill(low_local, T.infinity(T.float32))
        T.fill(high_local, -T.infinity(T.float32))
        for k in T.serial(T.ceildiv(N, block_N)):
            # A short last tile repeats the last column, which changes no extremum.
            for i, j in T.Parallel(block_M, block_N):
                x[i, j] = X[bx * block_M + i, T.min(k * block_N + j, N - 1)]
            T.reduce_min(x, low_local, dim=1, clear=False)
            T.reduce_max(x, high_local, dim=1, clear=False)
        T.copy(low_local, low[bx * block_M])
        T.copy(high_local, high[bx * block_M])

    return low, high


@tilec.jit(out_idx=[-1])
def total(block=256):
    """The sum of a vector of any length: every lane of a tile sums a part, then the tile is."""
    N = T.dynamic("N")

    @T.prim_func
    def main(X: T.Tensor((N,), T.float32), Y: T.Tensor((1,), T.float32)):
        with T.Kernel(1, threads=128):
            lanes = T.alloc_fragment((block,), T.float32)
            result = T.alloc_fragment((1,), T.float32)
            T.clear(lanes)
            for k in T.serial(T.ceildiv(N, block)):
                for i in T.Parallel(block):
                    lanes[i] += X[k * block + i]
            T.reduce_sum(lanes, result)
            T.copy(result, Y)

    return main
