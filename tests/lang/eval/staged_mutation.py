import tilec
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), T.float32), n: T.int32):
    with T.Kernel(4, threads=32) as bx:
        seen = []
        for i in T.serial(4):
            seen.append(i)
        A[bx] = 1.0
