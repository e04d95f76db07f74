import tilec
import tilec.language as T


@tilec.jit
def factory(n=3):
    x = sorted([1, 2], revers=True)

    @T.prim_func
    def main(A: T.Tensor((64,), T.float32)):
        with T.Kernel(4) as bx:
            A[bx] = 1.0

    return main
