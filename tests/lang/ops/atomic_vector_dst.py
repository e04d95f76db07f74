import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4, 8), "float32")):
    with T.Kernel(1, threads=128):
        T.atomic_addx4(A[0, 0:8], 1.0)
