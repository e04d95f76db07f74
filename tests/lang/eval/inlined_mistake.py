import tilec
import tilec.language as T


def scale(x, by):
    return x * by


def twice(x):
    return scale(x, None)


@T.prim_func
def main(A: T.Tensor((64,), T.float32)):
    with T.Kernel(4) as bx:
        A[bx] = twice(3)
