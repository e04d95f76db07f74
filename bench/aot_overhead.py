"""A kernel that does next to nothing, in one block: a call of it costs what a call costs."""

import tilec
import tilec.language as T


@tilec.jit
def tiny():
    M, N, K = T.dynamic("M, N, K")

    @T.prim_func
    def main(
        A: T.Tensor((M, K), T.float32), B: T.Tensor((K, N), T.float32), C: T.Tensor((M, N), T.float32)
    ):
        with T.Kernel(1, threads=1) as bx:
            C[0, 0] = A[0, 0] + B[0, 0]

    return main
