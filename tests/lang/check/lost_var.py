import tilec
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((1024,), T.float32), B: T.Tensor((1,), T.float32)):
    with T.Kernel(1, threads=128) as bx:
        last = T.alloc_var(T.float32)
        for i in T.Parallel(1024):
            last = A[i]
            A[i] = last * 2.0
        B[0] = last
