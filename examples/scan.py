"""Inclusive scans: running sums and running maxima, forwards and backwards.
A scan works on a tile in place or from one tile to another, along any dimension."""

import tilec
import tilec.language as T


@tilec.jit
def scan_rows(X, op="cumsum", reverse=False, dtype=T.float32, block_M: int = 4):
    """Along each row, in place in shared memory; `op` is "cumsum" or "cummax"."""
    M, N = T.const("M, N")
    X: T.Tensor((M, N), dtype)
    Y = T.empty((M, N), dtype)
    assert op in ("cumsum", "cummax"), f"unknown scan {op}"

    with T.Kernel(T.ceildiv(M, block_M), threads=128) as bx:
        rows = T.alloc_shared((block_M, N), dtype)
        T.copy(X[bx * block_M, 0], rows)
        if op == "cumsum":
            T.cumsum(rows, dim=1, reverse=reverse)
        else:
            T.cummax(rows, dim=1, reverse=reverse)
        T.copy(rows, Y[bx * block_M, 0])

    return Y


@tilec.jit(out_idx=[-1])
def scan_columns(M, N, reverse=False, dtype=T.float32, block_N=32, threads=128):
    """Running sums down each column, from one fragment to another."""

    @T.prim_func
    def main(X: T.Tensor((M, N), dtype), Y: T.Tensor((M, N), dtype)):
        with T.Kernel(T.ceildiv(N, block_N), threads=threads) as bx:
            x = T.alloc_fragment((M, block_N), dtype)
            y = T.alloc_fragment((M, block_N), dtype)
            T.copy(X[0, bx * block_N], x)
            T.cumsum(src=x, dst=y, dim=0, reverse=reverse)
            T.copy(y, Y[0, bx * block_N])

    return main


@tilec.jit(out_idx=[-1])
def scan_vector(dtype=T.int32, block=128):
    """Running sums of a vector of any length, by one block that carries the sum along."""
    N = T.dynamic("N")

    @T.prim_func
    def main(X: T.Tensor((N,), dtype), Y: T.Tensor((N,), dtype)):
        with T.Kernel(1, threads=128):
            chunk = T.alloc_shared((block,), dtype)
            carry = T.alloc_var(dtype, init=0)

            for k in T.serial(T.ceildiv(N, block)):
                T.copy(X[k * block], chunk)
                T.cumsum(chunk)
                for i in T.Parallel(block):
                    Y[k * block + i] = chunk[i] + carry
                carry += chunk[block - 1]

    return main
