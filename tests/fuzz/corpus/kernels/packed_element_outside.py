# Whether an element of four bits lies inside is asked of the whole index, not of its last byte.
# arg A int4 plain 1 exact 40 2
# arg I int32 plain 2 exact 1
# arg B int4 plain 3 exact 2
# arg C int4 plain 4 exact 2
import tilec.language as T

N = T.dynamic("N")


@T.prim_func
def main(
    A: T.Tensor((N, 2), "int4"),
    I: T.Tensor((1,), "int32"),
    B: T.Tensor((2,), "int4"),
    C: T.Tensor((2,), "int4"),
):
    with T.Kernel(1, threads=128):
        s = T.alloc_shared((1, 2), "int4")
        for k in T.serial(8):
            o = (I[0] % 2 + 1) * 256 * k * 1000000 + k - 2
            T.transpose(A[o : o + 2, 1:2], s)
        T.copy(s, B)
        p = (I[0] % 2 + 1) * 256
        T.transpose(A[p : p + 2, 0:1], s)
        T.copy(s, C)
