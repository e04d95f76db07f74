import tilec.language as T


@T.prim_func
def main(A: T.Tensor((1024,), T.float32), B: T.Tensor((4,), T.float32)):
    with T.Kernel(1, threads=128) as bx:
        total = T.alloc_var(T.float32)
        last = T.alloc_var(T.float32)
        count = T.alloc_var(T.float32)
        for i in T.Parallel(1024):
            total = total + A[i]
        for i in T.Parallel(1024):
            last = A[i]
            last = last * last
            A[i] = last
        B[0] = last
        for i in T.serial(1024):
            count = count + A[i]
        B[1] = count
