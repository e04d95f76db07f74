import tilec.language as T


@T.prim_func
def main(A: T.Tensor((1024,), T.float32)):
    with T.Kernel(8, threads=128) as bx:
        S = T.alloc_shared((128,), T.float32)
        T.copy(A[bx * 128], S)
        for i in T.Parallel(127):
            S[i] = S[i + 1] + 1.0
        for i in T.Parallel(64):
            S[i] = S[i + 64] + 1.0
        for i in T.Parallel(128):
            S[i] = S[i] + 1.0
        T.copy(S, A[bx * 128])
