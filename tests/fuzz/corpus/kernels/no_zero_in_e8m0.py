# Outside the tensor float8_e8m0fnu reads as its least value: it has no 0.
# arg A float8_e8m0fnu wild 1 exact 4
# arg B bfloat16 small 2 exact 8
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4,), "float8_e8m0fnu"), B: T.Tensor((8,), "bfloat16")):
    with T.Kernel(1, threads=128):
        for i in T.Parallel(8):
            B[i] = T.if_then_else(i != 2, T.cast(A[i], "bfloat16"), T.cast(1.0, "bfloat16"))
