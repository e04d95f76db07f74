import tilec.language as T


@T.prim_func
def main(A: T.Tensor((128,), "float32"), B: T.Tensor((128,), "float32")):
    with T.Kernel(1, threads=128) as bx:
        tx = T.get_thread_binding()
        B[tx] = T.shfl_xor(A[tx], 1) if tx < 64 else 0.0
