"""Other ways to look at the same memory: T.reshape, T.view and T.reinterpret.
None of them copies; what is written through one name is read through the other."""

import tilec
import tilec.language as T


@tilec.jit
def absolute(X, block_M: int = 16, block_N: int = 32):
    """|X| by clearing the sign bits, through a view of the tile as integers."""
    M, N = T.const("M, N")
    X: T.Tensor((M, N), T.float32)
    Y = T.empty((M, N), T.float32)

    with T.Kernel(T.ceildiv(N, block_N), T.ceildiv(M, block_M), threads=128) as (bx, by):
        tile = T.alloc_shared((block_M, block_N), T.float32)
        bits = T.view(tile, dtype=T.uint32)

        T.copy(X[by * block_M, bx * block_N], tile)
        for i, j in T.Parallel(block_M, block_N):
            bits[i, j] = bits[i, j] & 0x7FFFFFFF
        T.copy(tile, Y[by * block_M, bx * block_N])

    return Y


@tilec.jit(out_idx=[-1])
def group_sums(N, group=8, dtype=T.float32, block=256, threads=128):
    """Sums of `group` neighbours of a vector, by looking at a piece of it as a matrix."""
    assert block % group == 0, f"groups of {group} do not fill a block of {block}"
    groups = block // group

    @T.prim_func
    def main(X: T.Tensor((N,), dtype), Y: T.Tensor((T.ceildiv(N, group),), dtype)):
        with T.Kernel(T.ceildiv(N, block), threads=threads) as bx:
            x = T.alloc_shared((block,), dtype)
            y = T.alloc_fragment((groups,), dtype)
            T.copy(X[bx * block], x)
            T.reduce_sum(T.reshape(x, (groups, group)), y, dim=1)
            T.copy(y, Y[bx * groups])

    return main


@tilec.jit(out_idx=[-1])
def split_bytes(N, block=64, threads=128):
    """The four bytes of each integer, the lowest first: a view with a narrower type."""

    @T.prim_func
    def main(X: T.Tensor((N,), T.uint32), Y: T.Tensor((N, 4), T.uint8)):
        with T.Kernel(T.ceildiv(N, block), threads=threads) as bx:
            words = T.alloc_shared((block,), T.uint32)
            T.copy(X[bx * block], words)
            T.copy(T.view(words, (block, 4), T.uint8), Y[bx * block, 0])

    return main


@tilec.jit(out_idx=[-1])
def sort_key(block=128):
    """Integers that compare like the floats they come from, one T.reinterpret per element."""
    N = T.dynamic("N")

    @T.prim_func
    def main(X: T.Tensor((N,), T.float32), Y: T.Tensor((N,), T.int32)):
        with T.Kernel(T.ceildiv(N, block), threads=128) as bx:
            for i in T.Parallel(block):
                bits = T.reinterpret(X[bx * block + i], T.int32)
                # Negative floats grow downwards: turn their magnitude over.
                Y[bx * block + i] = bits ^ ((bits >> 31) & 0x7FFFFFFF)

    return main
