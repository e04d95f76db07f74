import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64, 64), "float32")):
    M = T.dynamic("M")
    N = T.dynamic("M", "int64")
    with T.Kernel(1) as bx:
        A[0, 0] = 1.0
