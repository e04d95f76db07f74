import tilec.language as T


@T.prim_func
def main(A):
    with T.Kernel(1) as bx:
        A[0] = 1.0
