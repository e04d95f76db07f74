# The right side of the condition is written in the loop, so it bounds nothing.
# arg A int32 plain 1 exact 4
# arg B int32 small 2 exact 4
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4,), "int32"), B: T.Tensor((4,), "int32")):
    with T.Kernel(1, threads=128):
        tile = T.alloc_shared((4,), "int32")
        T.fill(tile, 2)
        for i in T.Parallel(4):
            if i >= tile[i]:
                tile[i] += i + A[i]
        T.copy(tile, B)
