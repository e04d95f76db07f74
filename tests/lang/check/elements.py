import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), T.float32), B: T.Tensor((64,), T.float32)):
    with T.Kernel(1, threads=64) as bx:
        S = T.alloc_shared((64,), T.float32)
        T.copy(A, S)
        for i in T.Parallel(64):
            B[i] = S[i + 1] * 2.0
        for i in T.Parallel(64):
            B[i] = T.if_then_else(i < 63, S[i + 1], 0.0)
        for i in T.serial(64):
            if i >= 4:
                S[i - 4] = 1.0
                S[i - 5] = 2.0
