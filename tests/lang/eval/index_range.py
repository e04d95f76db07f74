import tilec
import tilec.language as T


@tilec.jit
def factory(stages=5):
    tile = [32, 64, 128][stages]

    @T.prim_func
    def main(A: T.Tensor((64,), T.float32)):
        with T.Kernel(4) as bx:
            A[bx] = 1.0

    return main
