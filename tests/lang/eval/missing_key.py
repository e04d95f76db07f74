import tilec
import tilec.language as T


@tilec.jit
def factory(arch="sm_75"):
    tile = {"sm_80": 64, "sm_90": 128}[arch]

    @T.prim_func
    def main(A: T.Tensor((64,), T.float32)):
        with T.Kernel(4) as bx:
            A[bx] = 1.0

    return main
