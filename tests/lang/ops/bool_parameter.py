import tilec
import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4,), "float32"), flag: T.bool):
    with T.Kernel(1, threads=4) as bx:
        A[0] = T.if_then_else(flag, 1.0, 2.0)
