import tilec
import tilec.language as T

HARMLESS = "\N{RIGHTWARDS ARROW}"


@tilec.jit
def factory():
    @T.prim_func
    def main(A: T.Tensor((64,), T.float32)):
        with T.Kernel(4) as bx:
            A[bx] = len(f"{bx}\N{RIGHTWARDS ARROW}")

    return main
