import tilec.language as T

M = T.dynamic("M")


@T.prim_func
def main(A: T.Tensor((M,), T.float32), B: T.Tensor((1024,), T.float32)):
    with T.Kernel(1, threads=128) as bx:
        f = T.alloc_fragment((1024,), T.float32)
        s = T.alloc_shared((1024,), T.float32)
        T.clear(f)
        T.clear(s)
        for i in T.Parallel(T.min(M, 1024)):
            f[i] = A[i]
        for i in T.Parallel(T.min(M, 1024)):
            s[i] = A[i]
        for i in T.Parallel(1024):
            if i < M:
                f[i] = A[i]
        T.copy(f, B)
