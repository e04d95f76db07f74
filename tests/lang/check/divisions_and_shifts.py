import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), T.int32), n: T.int32):
    with T.Kernel(1, threads=64) as bx:
        for i in T.Parallel(64):
            A[i] = 100 // (i - 7)
        for i in T.Parallel(64):
            A[i] = 1 << i
        for i in T.Parallel(64):
            A[i] = 0 if i == 7 else 100 // (i - 7)
        for i in T.Parallel(64):
            A[i] = 1 << (i % 32)
        for i in T.Parallel(64):
            A[i] = A[i] // n
