# Extents that are computed are shown as they would be written.
import tilec.language as T

n = T.dynamic("n")


@T.prim_func
def main(A: T.Tensor((n, 64), "float32"), I: T.Tensor((8,), "int32")):
    with T.Kernel(8, threads=32) as bx:
        tile = T.alloc_shared((2, 32, 64), "float32")
        T.copy(A[2 : T.max(I[bx], 4) // 2 - n, 0:64], tile)
