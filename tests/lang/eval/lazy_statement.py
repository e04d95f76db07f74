import tilec
import tilec.language as T


@T.macro
def advance(A):
    A[0] = A[0] + 1.0
    return A[0]


@T.prim_func
def main(A: T.Tensor((64,), T.float32), n: T.int32):
    with T.Kernel(4) as bx:
        if n > 1 and advance(A) > 2.0:
            A[bx] = 1.0
