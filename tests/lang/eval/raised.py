import tilec
import tilec.language as T


@tilec.jit
def factory(dtype="int8"):
    if dtype not in ("float16", "float32"):
        raise ValueError(f"no tile for {dtype!r}")

    @T.prim_func
    def main(A: T.Tensor((64,), T.float32)):
        with T.Kernel(4) as bx:
            A[bx] = 1.0

    return main
