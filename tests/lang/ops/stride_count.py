import tilec.language as T


@T.prim_func
def main(A: T.StridedTensor((4, 4), (1,), "float32")):
    with T.Kernel(1) as bx:
        A[0, 0] = 1.0
