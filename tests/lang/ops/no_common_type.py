import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "bfloat16"), B: T.Tensor((64,), "float8_e4m3fn")):
    with T.Kernel(1, threads=128) as bx:
        A[0] = A[1] + B[1]
