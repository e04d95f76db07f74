import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32")):
    with T.Kernel(1, threads=1, prelude="#include <x>") as bx:
        A[0] = 1.0
