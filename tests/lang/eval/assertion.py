import tilec
import tilec.language as T


@tilec.jit
def factory(block=48):
    assert block % 32 == 0, f"{block} threads are no whole warps"

    @T.prim_func
    def main(A: T.Tensor((64,), T.float32)):
        with T.Kernel(4) as bx:
            A[bx] = 1.0

    return main
