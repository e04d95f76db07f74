import tilec.language as T


@T.prim_func
def main(A: T.Tensor((4, 64), "float32"), B: T.Tensor((4, 64), "float32")):
    with T.Kernel(1, threads=128) as bx:
        s = T.alloc_shared((64,), "float32")
        for k in T.Pipelined(4, num_stages=2, order=[-1, 1, 1], stage=[-1, 0, 1]):
            T.copy(A[k, :], s)
            T.copy(s, B[k, :])
