# The tile is read where it came from, whose address takes a line of its own.
# arg A bfloat16 wild 3 exact 3 3
# arg B bfloat16 small 2 exact 3
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((3, 3), "bfloat16"), B: T.Tensor((3,), "bfloat16")):
    with T.Kernel(3, threads=128) as bx:
        tile = T.alloc_shared((3,), "bfloat16")
        top = T.alloc_fragment((1,), "bfloat16")
        T.copy(A[bx, 0], tile)
        T.reduce_absmax(tile, top, dim=0)
        T.copy(top, B[bx])
