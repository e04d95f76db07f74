import tilec
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((1 << 33,), T.int8)):
    with T.Kernel(1 << 18, threads=128) as bx:
        for i in T.Parallel(128):
            A[bx * 32768 + i] = 1
