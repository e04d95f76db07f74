import tilec
import tilec.language as T

HARMLESS = 1 + 2j


@tilec.jit
def factory():
    @T.prim_func
    def main(A: T.Tensor((64,), T.float32)):
        with T.Kernel(4) as bx:
            A[bx] = 3 + 4j

    return main
