import tilec.language as T


import tilec


@tilec.jit(out_idx=[5])
def factory():
    @T.prim_func
    def main(A: T.Tensor((4,), "float32")):
        with T.Kernel(1) as bx:
            A[0] = 1.0

    return main
