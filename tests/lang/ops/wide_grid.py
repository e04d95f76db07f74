import tilelang.language as T

# The index of a block has the type of the extent.
n = T.dynamic("n", "int64")


@T.prim_func
def main(A: T.Tensor((n, 8), "uint8")):
    with T.Kernel(T.ceildiv(n, 512), 8, threads=128) as (bx, by):
        for i in T.Parallel(512):
            A[bx * 512 + i, by] = 1
