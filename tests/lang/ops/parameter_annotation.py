import tilec.language as T


@T.prim_func
def main(A, B: T.Tensor((4,), "float32")):
    with T.Kernel(1) as bx:
        B[0] = 1.0
