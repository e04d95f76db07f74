import tilec.language as T


@T.prim_func
def main(A: T.Tensor((64,), "float32")):
    with T.Kernel(1, threads=128) as bx:
        s = T.BaseTileScheduler()
        s.init(bx)
        A[0] = 1.0
