import tilec
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), T.int32)):
    with T.Kernel(1, threads=64) as bx:
        for i in T.Parallel(64):
            A[i] = 100 // (i - 7)
