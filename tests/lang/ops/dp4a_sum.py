import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4,), "int8"), B: T.Tensor((4,), "int8"), C: T.Tensor((1,), "float32")):
    with T.Kernel(1) as bx:
        T.dp4a(A[0], B[0:4], C[0])
