import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4,), "float32")):
    with T.Kernel(1, threads=128):
        A[0] = T.atomic_load(A[1], "release")
