import tilec.language as T


@T.prim_func
def main(A: T.Tensor((512, 64), T.float32), B: T.Tensor((512, 64), T.float32)):
    with T.Kernel(1, threads=64) as bx:
        S = T.alloc_shared((2, 128, 64), T.float32)
        for k in T.serial(4):
            T.copy(A[k * 128, 0], S[k % 2, :, :])
            T.copy(S[k, :, :], B[k * 128, 0])
