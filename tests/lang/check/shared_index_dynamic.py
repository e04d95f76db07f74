import tilec
import tilec.language as T


M = T.dynamic("M")


@T.prim_func
def main(A: T.Tensor((M,), T.float32), B: T.Tensor((64,), T.float32)):
    with T.Kernel(1, threads=64) as bx:
        S = T.alloc_shared((64,), T.float32)
        T.clear(S)
        for i in T.serial(M):
            S[i] = A[i]
        T.copy(S, B)
