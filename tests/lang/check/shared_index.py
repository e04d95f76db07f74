import tilec
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), T.float32), B: T.Tensor((64,), T.float32)):
    with T.Kernel(1, threads=64) as bx:
        S = T.alloc_shared((64,), T.float32)
        T.copy(A, S)
        for i in T.Parallel(64):
            B[i] = S[i + 1]
