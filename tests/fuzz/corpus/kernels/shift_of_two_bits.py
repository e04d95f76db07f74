# The number of bits, 2, is no int2: checked code must not compare a shift amount with it.
# arg A int2 wild 1 exact 16
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((16,), "int2")):
    with T.Kernel(1, threads=32):
        for i in T.Parallel(16):
            A[i] = A[i] >> T.cast(1, "int2")
