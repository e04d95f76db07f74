import tilec
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), T.float32), n: T.int32):
    with T.Kernel(4, threads=32) as bx:
        for i in T.serial(4):
            last = A[i]
        A[bx] = last
