import tilec
import tilec.language as T


@tilec.jit
def main(A):
    A: T.Tensor((4,), "float32")
    A: T.Tensor((8,), "float32")
    with T.Kernel(1) as bx:
        A[0] = 1.0
