import tilec.language as T

n = T.dynamic("n")


@T.prim_func
def main(A: T.Tensor((4, n - 1), "int8")):
    with T.Kernel(n, threads=32) as bx:
        wide = T.view(A, dtype="int32")
        wide[0, bx] = 1
