# What bounds i is a quotient of i, known only within a stripe of the loop.
# arg A int32 small 1 exact 4
# arg B int32 small 2 exact 4
# arg C int32 small 3 exact 40
# arg D int32 small 4 exact 40
import tilec.language as T


@T.prim_func
def main(
    A: T.Tensor((4,), "int32"),
    B: T.Tensor((4,), "int32"),
    C: T.Tensor((40,), "int32"),
    D: T.Tensor((40,), "int32"),
):
    with T.Kernel(1, threads=128):
        for i in T.Parallel(4):
            if (i >> 17) <= i - 2:
                B[i] = A[i]
        for i in T.Parallel(40):
            if i > A[i // 16]:
                D[i] = C[i]
