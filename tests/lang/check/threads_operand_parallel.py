import tilec.language as T


@T.prim_func
def main(A: T.Tensor((128,), "float32"), B: T.Tensor((128,), "float32")):
    with T.Kernel(1, threads=128) as bx:
        tx = T.get_thread_binding()
        x = T.alloc_local((1,), "float32")
        x[0] = A[tx]
        for i in T.Parallel(128):
            B[i] = x[0]
