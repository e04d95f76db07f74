import tilec
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((1024,), T.float32), B: T.Tensor((1,), T.float32)):
    with T.Kernel(1, threads=128) as bx:
        total = T.alloc_var(T.float32)
        for i in T.Parallel(1024):
            total = total + A[i]
        B[0] = total
