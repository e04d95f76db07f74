import tilec
import tilec.language as T

import numba


@numba.njit
def helper(n):
    return n + 1


@tilec.jit
def factory(n=3):
    n = helper(n)

    @T.prim_func
    def main(A: T.Tensor((64,), T.float32)):
        with T.Kernel(4) as bx:
            A[bx] = 1.0

    return main
