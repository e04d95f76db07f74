import tilec.language as T

n = T.dynamic("n")


@T.prim_func
def main(A: T.Tensor((n, 4), "float32")):
    with T.Kernel(n, threads=32) as bx:
        flat = T.view(A, (n * 4 + 1,))
        flat[bx] = 1.0
