import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4,), "int8"), C: T.Tensor((1,), "bool")):
    with T.Kernel(1) as bx:
        C[0] = T.any_of(A[0])
